"""What every door has in common: reading a body that has a limit, and saying no (RFC 9457)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from litestar import Request, Response
from litestar.datastructures import State
from litestar.types import Receive
from msgspec import Struct

AnyRequest = Request[Any, Any, State]

BODY_SECONDS = 10.0
_DRAIN_BYTES = 8 * 1024 * 1024
_DRAIN_SECONDS = 0.5


class FieldFault(Struct, frozen=True):
    """One field of a body and what is wrong with it."""

    field: str
    detail: str


class Refused(Exception):
    """A request that gets an error answer. `outcome` is what the metrics call it."""

    def __init__(
        self,
        status: int,
        outcome: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        faults: Sequence[FieldFault] = (),
    ) -> None:
        super().__init__(f"{status} {outcome}: {detail}")
        self.status = status
        self.outcome = outcome
        self.detail = detail
        self.headers = dict(headers or {})
        self.faults = tuple(faults)


TITLES = {
    400: "Bad request",
    401: "Not authorised",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    413: "Too large",
    415: "Unsupported media type",
    422: "Fields that cannot be accepted",
    500: "A fault of ours",
    503: "Try again",
}


def problem(refused: Refused) -> Response[bytes]:
    """The answer to a refused request: application/problem+json, each bad field by name."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(refused.status, "Refused"),
        "status": refused.status,
        "detail": refused.detail,
    }
    if refused.faults:
        body["errors"] = [{"field": fault.field, "detail": fault.detail} for fault in refused.faults]
    return Response(
        orjson.dumps(body),
        status_code=refused.status,
        media_type="application/problem+json",
        headers={"Cache-Control": "no-store", **refused.headers},
    )


def header(request: AnyRequest, name: str) -> str | None:
    """A request's header; one that came several times is joined as RFC 9110 §5.3 says, and so fits no signature."""
    values = [value.decode("latin-1") for key, value in request.scope["headers"] if key == name.encode()]
    return ", ".join(values) if values else None


async def read_body(request: AnyRequest, limit: int) -> bytes:
    """The raw bytes of a body of at most `limit` bytes, however it is sent. Raises Refused (400, 408, 413, 415)."""
    encoding = (header(request, "content-encoding") or "identity").strip().lower()
    if encoding != "identity":
        raise Refused(
            415, "encoded", f"content-encoding {encoding[:40]!r} is not accepted: send the body as it is",
            headers={"Accept-Encoding": "identity"},
        )  # fmt: skip
    announced = header(request, "content-length")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            if announced is not None and announced.isdecimal() and int(announced[:20]) > limit:
                raise await _too_large(request.receive, limit)
            return await _collect(request.receive, limit)
    except TimeoutError as error:
        raise Refused(
            408, "slow", f"the body did not arrive within {BODY_SECONDS:g} s", headers={"Connection": "close"}
        ) from error


async def _collect(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused(400, "cut_off", "the body ended before it was complete")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise await _too_large(receive, limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


async def _too_large(receive: Receive, limit: int) -> Refused:
    # A sender that is still writing reads no answer: swallow a bounded rest, then hang up.
    rest = 0
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while rest < _DRAIN_BYTES:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    break
                rest += len(message.get("body", b""))
    except TimeoutError:
        pass  # the answer follows all the same
    return Refused(
        413, "too_large", f"the body has more than {limit} bytes (receiver.body_limit)", headers={"Connection": "close"}
    )
