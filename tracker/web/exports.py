"""Tables to take away: a campaign's posts, creators and series, alerts, and orders, as CSV, JSON Lines or XLSX.

1. Rows are what the API's own lists show, with the same filters and for the same eyes; a table is not cut into pages.
2. Unknown is an empty cell. Beside each number that rests on posts stand how many of them are known and unknown.
3. Money is in minor units, with its currency and the digits behind the point (`exponent`).
4. What fails before the first piece is an answer like any other (503, Retry-After); later the connection breaks off, so
   that half a table is not taken for a whole one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from litestar.response import Stream
from msgspec import Meta, Struct
from msgspec import field as declared
from msgspec.structs import replace

from tracker.domain.counters import CAMPAIGN_SCOPE, HOUR, MINUTE, WORD_OF_MOUTH, Scope
from tracker.domain.events import Instant
from tracker.domain.facts import PostFacts
from tracker.domain.verdicts import Category, Severity
from tracker.ingest.http import FieldFault
from tracker.store.base import Partition
from tracker.web import alerts, campaigns, commerce
from tracker.web import export_rows as made
from tracker.web.campaigns import Point
from tracker.web.export_cells import Column, Row
from tracker.web.export_encoders import MEDIA_TYPES, Format, Portions, encoded, portions_of
from tracker.web.numbers import COUNTED, summed
from tracker.web.problems import bad_request
from tracker.web.query import Search, Slug
from tracker.web.routes import Call, Route

_PAGE = 200
_CURRENCY = 3


class Formatted(Struct, frozen=True, kw_only=True):
    """In which form a table is wanted."""

    format: Format = "csv"
    bom: Annotated[bool, Meta(description="CSV begins with a byte order mark, as Excel wants it.")] = False


class PostsTable(Formatted, frozen=True, kw_only=True):
    creator: Slug | None = None
    platform: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")] | None = None
    how: Literal["submitted", "agreement", "word_of_mouth"] | None = None
    live: bool | None = None


class CreatorsTable(Formatted, frozen=True, kw_only=True):
    search: Search = None


class SeriesTable(Formatted, frozen=True, kw_only=True):
    field: (
        Annotated[
            str,
            Meta(
                pattern=r"^(likes|comments|shares|saves|views|reach|impressions|clicks|conversions|(revenue|refunds)\.[A-Z]{3})$",
                description="A counter; left out: all that have a history.",
            ),
        ]
        | None
    ) = None
    unit: Literal["minute", "hour"] = "hour"
    since: Instant | None = declared(name="from", default=None)
    to: Instant | None = None
    who: Annotated[str, Meta(pattern=r"^(~wom|[A-Za-z0-9][A-Za-z0-9_.-]{0,63})$")] | None = None


class AlertsTable(Formatted, frozen=True, kw_only=True):
    state: Literal["open", "pending", "firing", "acknowledged", "silenced", "resolved"] | None = None
    category: Category | None = None
    rule: Annotated[str, Meta(pattern=r"^[a-z]+\.[a-z][a-z0-9_]*$", max_length=100)] | None = None
    campaign: Slug | None = None
    severity: Severity | None = None


class ConversionsTable(Formatted, frozen=True, kw_only=True):
    code: Annotated[str, Meta(min_length=1, max_length=512, description="A promo code, in any case.")] | None = None
    link: Annotated[str, Meta(min_length=1, max_length=512, description="A link's id.")] | None = None


async def posts(call: Call) -> Stream:
    query: PostsTable = call.query
    facts = await call.parts.gatherer.campaign(call.path["campaign"])
    found = sorted(
        (
            post
            for post in (() if facts is None else facts.posts())
            if (query.creator is None or post.creator == query.creator)
            and (query.platform is None or post.platform == query.platform)
            and (query.how is None or post.how == query.how)
            and (query.live is None or post.live == query.live)
        ),
        key=lambda post: (post.at, post.platform, post.account, post.post),
    )

    def row(post: PostFacts) -> Row:
        return made.post_row(post, call.who.sees)

    return await _table(call, f"{call.path['campaign']}-posts", made.POSTS, _each(portions_of(found, row)))


async def creators(call: Call) -> Stream:
    campaign = call.path["campaign"]
    totals = await call.parts.store.totals(campaign)
    currencies = {
        currency
        for total in totals.values()
        for kind, _, currency in (field.partition(".") for field in total)
        if kind in ("revenue", "refunds") and len(currency) == _CURRENCY
    }
    columns = made.creator_columns(currencies)
    query: CreatorsTable = call.query

    async def rows() -> Portions:
        wanted = campaigns.CreatorsQuery(search=query.search, limit=_PAGE)
        async for items in _pages(call, campaigns.creators, wanted):
            yield [made.creator_row(item, columns) for item in items]

    return await _table(call, f"{campaign}-creators", columns, rows())


async def series(call: Call) -> Stream:
    query: SeriesTable = call.query
    campaign, who = call.path["campaign"], query.who or CAMPAIGN_SCOPE
    if query.unit == "minute" and who not in (CAMPAIGN_SCOPE, WORD_OF_MOUTH):
        fault = FieldFault("unit", "a creator's history is kept by the hour: ask with unit=hour")
        raise bad_request("bad_parameter", "there is no such series", fault)
    if query.since is not None and query.to is not None and query.to <= query.since:
        raise bad_request("bad_parameter", "the span is empty", FieldFault("to", "must come after `from`"))
    store, count = call.parts.store, call.parts.topics.partitions
    places = [Partition(stage, number) for stage in COUNTED for number in range(count)]
    parts = await asyncio.gather(*(store.series(place, Scope(campaign, who), unit=query.unit) for place in places))
    by_field = _by_field(summed(parts))
    length = MINUTE if query.unit == "minute" else HOUR

    async def rows() -> Portions:
        for field in sorted(by_field) if query.field is None else [query.field]:
            points = _points(by_field.get(field, {}), length, query.since, query.to)
            yield made.series_rows(campaign, who, field, query.unit, points)

    return await _table(call, f"{campaign}-series", made.SERIES, rows())


def _by_field(changes: Mapping[str, int]) -> dict[str, dict[int, int]]:
    """Field → unit of time → change."""
    found: dict[str, dict[int, int]] = {}
    for name, change in changes.items():
        field, _, unit = name.partition("@")
        if change:
            found.setdefault(field, {})[int(unit)] = change
    return found


def _points(changes: Mapping[int, int], length: int, since: Instant | None, to: Instant | None) -> list[Point]:
    """The changes whose unit of time begins in a span; their totals count from the very beginning."""
    points = []
    total = 0
    for unit, change in sorted(changes.items()):
        total += change
        at = unit * length
        if (since is None or at >= since // length * length) and (to is None or at < to):
            points.append(Point(at=at, change=change, total=total))
    return points


async def alert_table(call: Call) -> Stream:
    query: AlertsTable = call.query
    wanted = alerts.AlertsQuery(
        state=query.state,
        category=query.category,
        rule=query.rule,
        campaign=query.campaign,
        severity=query.severity,
        limit=_PAGE,
    )
    return await _table(call, "alerts", made.ALERTS, _rows(call, alerts.alerts, wanted, made.alert_row))


async def conversions(call: Call) -> Stream:
    query: ConversionsTable = call.query
    wanted = commerce.ConversionsQuery(code=query.code, link=query.link, limit=_PAGE)
    rows = _rows(call, commerce.conversions, wanted, made.conversion_row)
    return await _table(call, "conversions", made.CONVERSIONS, rows)


async def _rows(
    call: Call, list_: Callable[[Call], Awaitable[Any]], query: Struct, row: Callable[[Any], Row]
) -> Portions:
    async for items in _pages(call, list_, query):
        yield [row(item) for item in items]


async def _pages(call: Call, list_: Callable[[Call], Awaitable[Any]], query: Any) -> AsyncIterator[Sequence[Any]]:
    """The pages of one of the API's own lists, to the last."""
    while True:
        page = await list_(replace(call, query=query))
        yield page.items
        if page.next is None:
            return
        query = replace(query, cursor=page.next)


async def _each(portions: Iterable[Sequence[Row]]) -> Portions:
    for portion in portions:
        yield portion


async def _table(call: Call, name: str, columns: Sequence[Column], portions: Portions) -> Stream:
    """The answer, once its first piece is there."""
    query: Formatted = call.query
    pieces = encoded(query.format, columns, await _begun(portions), bom=query.bom)
    moment = datetime.fromtimestamp(call.now / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    return Stream(
        pieces,
        media_type=MEDIA_TYPES[query.format],
        headers={
            "Content-Disposition": f'attachment; filename="{name}-{moment}.{query.format}"',
            "Cache-Control": "private, no-store",
        },
    )


async def _begun(portions: Portions) -> Portions:
    """Portions of which the first was made already: what it raises is raised here."""
    first = await anext(portions, None)

    async def all_of_them() -> Portions:
        if first is not None:
            yield first
            async for portion in portions:
                yield portion

    return all_of_them()


_FORMATS = (
    "`format` is csv, jsonl or xlsx. Unknown is an empty cell (JSON Lines: null). In CSV and XLSX a text that a "
    "spreadsheet might take for a formula begins with an apostrophe."
)

ROUTES = (
    Route(
        method="GET",
        path="/v1/campaigns/{campaign}/posts/export",
        role="viewer",
        reach="campaign",
        tag="exports",
        summary="The posts that count for a campaign, with all their numbers, as a table",
        description=f"{_FORMATS} `<number>.known` is 1 or 0.",
        query=PostsTable,
        answer=None,
        media=MEDIA_TYPES["csv"],
        medias=(MEDIA_TYPES["jsonl"], MEDIA_TYPES["xlsx"]),
        handler=posts,
    ),
    Route(
        method="GET",
        path="/v1/campaigns/{campaign}/creators/export",
        role="viewer",
        reach="campaign",
        tag="exports",
        summary="The creators of a campaign with all their figures, as a table",
        description=f"{_FORMATS} Money is in minor units, a column for each currency, with its `exponent`.",
        query=CreatorsTable,
        answer=None,
        media=MEDIA_TYPES["csv"],
        medias=(MEDIA_TYPES["jsonl"], MEDIA_TYPES["xlsx"]),
        handler=creators,
    ),
    Route(
        method="GET",
        path="/v1/campaigns/{campaign}/series/export",
        role="viewer",
        reach="campaign",
        tag="exports",
        summary="The histories of counters, as a table",
        description=f"{_FORMATS} Units of time without a change are left out.",
        query=SeriesTable,
        answer=None,
        media=MEDIA_TYPES["csv"],
        medias=(MEDIA_TYPES["jsonl"], MEDIA_TYPES["xlsx"]),
        handler=series,
    ),
    Route(
        method="GET",
        path="/v1/alerts/export",
        role="viewer",
        reach="filtered",
        tag="exports",
        summary="Alerts, the last changed first, as a table",
        description=_FORMATS,
        query=AlertsTable,
        answer=None,
        media=MEDIA_TYPES["csv"],
        medias=(MEDIA_TYPES["jsonl"], MEDIA_TYPES["xlsx"]),
        errors=(404,),
        handler=alert_table,
    ),
    Route(
        method="GET",
        path="/v1/conversions/export",
        role="viewer",
        reach="filtered",
        tag="exports",
        summary="Orders that carry a promo code, or came by a link, as a table",
        description=f"{_FORMATS} One of `code` and `link` is required: orders are not listed otherwise.",
        query=ConversionsTable,
        answer=None,
        media=MEDIA_TYPES["csv"],
        medias=(MEDIA_TYPES["jsonl"], MEDIA_TYPES["xlsx"]),
        handler=conversions,
    ),
)
