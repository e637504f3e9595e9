"""How a request is told no: RFC 9457 problem details, each bad field by its name.

1. Every answer that is no success is one of these; its `type` names the kind, its `detail` says what to do.
2. What went wrong with Kafka or Redis is 503 with Retry-After; a fault of ours is 500 and says where its trace is.
3. Nothing of an exception that we did not foresee is told outside.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiokafka.errors import KafkaError
from kafka.errors import KafkaError as PublishingError
from litestar import Response
from msgspec import Meta, Struct

from tracker.dead_letters import LettersCutShort
from tracker.definitions.registry import RegistryUnreadable
from tracker.following import CannotFollow
from tracker.ingest.http import FieldFault, Refused
from tracker.ingest.publisher import KafkaUnreachable
from tracker.kafka_admin import KafkaDown
from tracker.store.base import StoreUnreachable, UnfitStore

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
TITLES = {
    400: "Bad request",
    401: "Not authorised",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "In conflict with what stands",
    413: "Too large",
    415: "Unsupported media type",
    422: "Fields that cannot be accepted",
    429: "Too many requests",
    500: "A fault of ours",
    503: "Try again",
}


class PlacedFault(FieldFault, frozen=True):
    """A fault in a text: of which line and column (both from 1), under which name the text was given."""

    file: str
    line: int
    column: int


class FieldProblem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field that cannot be accepted. `file`, `line` and `column` (from 1) where it stands in a text."""

    field: str
    detail: str
    file: str | None = None
    line: int | None = None
    column: int | None = None


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details (RFC 9457). `request` is the request's id, also found in the log."""

    type: Annotated[str, Meta(description="urn:tracker:problem:<kind>")]
    title: str
    status: int
    detail: str
    request: str
    errors: tuple[FieldProblem, ...] = ()


def answer(refused: Refused, request: str) -> Response[bytes]:
    """The answer to a request that is refused."""
    problem = Problem(
        type=f"urn:tracker:problem:{refused.outcome.replace('_', '-')}",
        title=TITLES.get(refused.status, "Refused"),
        status=refused.status,
        detail=_writable(refused.detail),
        request=request,
        errors=tuple(map(_field, refused.faults)),
    )
    return Response(
        msgspec.json.encode(problem),
        status_code=refused.status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **refused.headers},
    )


def bad_request(kind: str, detail: str, *faults: FieldFault) -> Refused:
    return Refused(400, kind, detail, faults=faults)


def not_found(detail: str) -> Refused:
    return Refused(404, "not_found", detail)


def from_servers(error: Exception) -> Refused | None:
    """What is answered when Kafka or Redis did not do their part; None: it was not that."""
    match error:
        case StoreUnreachable():
            return unavailable("redis", f"Redis does not answer ({error.reason}). No number was changed")
        case UnfitStore():
            return unavailable("redis", "Redis refuses what is asked of it; the log says why. No number was changed")
        case KafkaUnreachable() | KafkaDown():
            return unavailable(
                "kafka",
                f"Kafka does not answer ({error.cause}). It may or may not be stored: what is sent again counts once",
            )
        case LettersCutShort() | RegistryUnreadable() | CannotFollow():
            return unavailable("kafka", f"{error}")
        case KafkaError() | PublishingError():
            return unavailable("kafka", f"Kafka does not answer ({type(error).__name__})")
        case _:
            return None


def unavailable(part: str, detail: str) -> Refused:
    return Refused(503, f"{part}_away", f"{detail.rstrip('.')}. Send the request again.", headers=_retry())


def _retry() -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER_SECONDS)}


def _field(fault: FieldFault) -> FieldProblem:
    field, detail = _writable(fault.field), _writable(fault.detail)
    if isinstance(fault, PlacedFault):
        return FieldProblem(field=field, detail=detail, file=fault.file, line=fault.line, column=fault.column)
    return FieldProblem(field=field, detail=detail)


def _writable(text: str) -> str:
    """What was sent, told back: half a character, which JSON can escape and UTF-8 cannot hold, as its escape."""
    return text.encode("utf-8", "backslashreplace").decode()
