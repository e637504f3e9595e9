"""POST /v1/conversions and /v1/refunds: what a shop reports, checked at the door.

1. Who has no valid token learns nothing: the body is not even read.
2. A body is accepted whole or refused whole, each bad field named (422).
3. A click id that we did not sign, or whose secret is no longer valid, is refused; what it says is trusted.
4. 202 means that Kafka has it. The same order or refund reported twice counts once, whatever arrives first.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import orjson
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct

from tracker.codec import inbox
from tracker.domain import click as clicks
from tracker.domain.currencies import CURRENCIES
from tracker.domain.events import Count, Id
from tracker.ingest.bodies import BadBody, read_struct
from tracker.ingest.health import Metrics
from tracker.ingest.http import AnyRequest, FieldFault, Refused, header, read_body
from tracker.ingest.publisher import KafkaUnreachable, Publisher
from tracker.ingest.statements import ConversionStatement, RefundStatement, Statement, statement

BODY_LIMIT = 64 * 1024
PUBLISH_WITHIN = 0.9
RETRY_AFTER_SECONDS = 2
_DAY_MS = 86_400_000

Currency = Annotated[str, Meta(min_length=3, max_length=3, description="ISO 4217 code, e.g. EUR")]
Time = Annotated[datetime, Meta(tz=True, description="RFC 3339 with offset")]


class Conversion(Struct, frozen=True, kw_only=True):
    """An order. `amount` in minor units of `currency`; `code` a promo code; `click` the id from `click_id`."""

    order: Id
    amount: Count
    currency: Currency
    code: Id | None = None
    click: str | None = None
    occurred_at: Time | None = None


class Refund(Struct, frozen=True, kw_only=True):
    """Money of an order given back. `refund` is the shop's own id of this refund."""

    order: Id
    refund: Id
    amount: Count
    currency: Currency
    occurred_at: Time | None = None


def conversion_routes(
    publisher: Publisher,
    metrics: Metrics,
    tokens: Sequence[str],
    click_secrets: Sequence[str],
    now: Callable[[], int],
) -> list[HTTPRouteHandler]:
    """The two routes of a shop's back end."""

    async def accept(
        request: AnyRequest, kind: str, read: Callable[[bytes, int], tuple[Statement, Mapping[str, str]]]
    ) -> Response[bytes]:
        try:
            authorise(header(request, "authorization"), tokens)
            media_type = (header(request, "content-type") or "").partition(";")[0].strip().lower()
            if media_type != "application/json":
                raise Refused(415, "media_type", "the body must be application/json")
            body = await read_body(request, BODY_LIMIT)
            at = now()
            said, ids = _valid(read, body, at)
            key, value, headers = inbox.encode(statement(kind, said, at))
            await publisher.publish("inbox", key, value, headers, within=PUBLISH_WITHIN)
        except KafkaUnreachable as error:
            metrics.conversions.labels(kind, "unreachable").inc()
            raise unreachable() from error
        except Refused as refused:
            metrics.conversions.labels(kind, refused.outcome).inc()
            raise
        metrics.conversions.labels(kind, "accepted").inc()
        answer = orjson.dumps({"status": "accepted", **ids})
        return Response(answer, status_code=202, media_type="application/json", headers={"Cache-Control": "no-store"})

    @post("/v1/conversions", include_in_schema=False)
    async def conversions(request: AnyRequest) -> Response[bytes]:
        return await accept(request, "conversions", lambda body, at: _conversion(body, at, click_secrets))

    @post("/v1/refunds", include_in_schema=False)
    async def refunds(request: AnyRequest) -> Response[bytes]:
        return await accept(request, "refunds", _refund)

    return [conversions, refunds]


def unreachable() -> Refused:
    """What is answered while Kafka does not acknowledge."""
    return Refused(
        503,
        "unreachable",
        "not stored; send it again",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def authorise(authorization: str | None, tokens: Sequence[str]) -> None:
    """Check a bearer token (RFC 6750) against all valid ones, in constant time. Raises Refused (401)."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(
            401, "no_token", "a bearer token is needed", headers={"WWW-Authenticate": 'Bearer realm="tracker"'}
        )
    offered = token.strip().encode("latin-1")
    matches = [hmac.compare_digest(offered, valid.encode()) for valid in tokens if valid]
    if not any(matches):
        raise Refused(
            401,
            "bad_token",
            "this token is not valid (receiver.api_tokens)",
            headers={"WWW-Authenticate": 'Bearer realm="tracker", error="invalid_token"'},
        )


def _valid(
    read: Callable[[bytes, int], tuple[Statement, Mapping[str, str]]], body: bytes, at: int
) -> tuple[Statement, Mapping[str, str]]:
    try:
        return read(body, at)
    except BadBody as error:
        raise Refused(422, "bad_body", "nothing was accepted", faults=error.faults) from error


def _conversion(body: bytes, at: int, click_secrets: Sequence[str]) -> tuple[Statement, Mapping[str, str]]:
    found = read_struct(body, Conversion)
    faults = _money_and_time(found.currency, found.occurred_at, at)
    click = None
    if found.click is not None:
        try:
            click = clicks.read(found.click, click_secrets)
        except clicks.BadClick as error:
            faults.append(FieldFault("click", error.reason))
    if faults:
        raise BadBody(faults)
    said = ConversionStatement(
        order=found.order,
        amount=found.amount,
        currency=found.currency,
        observed_at=at,
        occurred_at=_instant(found.occurred_at),
        code=found.code,
        click=found.click,
        link=None if click is None else click.link,
        clicked_at=None if click is None else click.at,
    )
    return said, {"order": found.order}


def _refund(body: bytes, at: int) -> tuple[Statement, Mapping[str, str]]:
    found = read_struct(body, Refund)
    faults = _money_and_time(found.currency, found.occurred_at, at)
    if faults:
        raise BadBody(faults)
    said = RefundStatement(
        order=found.order,
        refund=found.refund,
        amount=found.amount,
        currency=found.currency,
        observed_at=at,
        occurred_at=_instant(found.occurred_at),
    )
    return said, {"order": found.order, "refund": found.refund}


def _money_and_time(currency: str, occurred_at: datetime | None, at: int) -> list[FieldFault]:
    faults = []
    if currency not in CURRENCIES:
        faults.append(FieldFault("currency", "no active ISO 4217 code (three capitals, e.g. EUR)"))
    instant = _instant(occurred_at)
    if instant is not None and not 0 <= instant <= at + _DAY_MS:
        faults.append(FieldFault("occurred_at", "before 1970, or more than a day ahead of our clock"))
    return faults


def _instant(moment: datetime | None) -> Any:
    return None if moment is None else int(moment.timestamp() * 1000)
