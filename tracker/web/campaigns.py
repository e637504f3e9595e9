"""Campaigns: the list, one campaign's numbers, its history, its creators, its posts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from tracker.domain.counters import CAMPAIGN_SCOPE, HOUR, MINUTE, WORD_OF_MOUTH, Scope
from tracker.domain.definitions import Agreement, Campaign
from tracker.domain.events import Instant
from tracker.domain.figures import Figure, velocity
from tracker.ingest.http import FieldFault
from tracker.store.base import Partition
from tracker.web import examples
from tracker.web.index import CampaignSort
from tracker.web.lists import chosen, holds
from tracker.web.numbers import COUNTED, MAIN, Number, Speed, freshness, number, numbers, speed, summed
from tracker.web.problems import bad_request
from tracker.web.query import Paged, Search
from tracker.web.routes import Call, Route

State = Literal["planned", "running", "ended"]
SPED = ("likes", "comments", "views", "clicks")
MOST_UNITS = 50_000
_FUNNEL = frozenset({"clicks", "conversions", "cvr", "revenue", "refunds", "revenue.net"})


class CampaignQuery(Paged, frozen=True, kw_only=True):
    search: Search = None
    state: State | None = None
    client: Annotated[str, Meta(min_length=1, max_length=200, description="The client's name, exactly.")] | None = None
    sort: CampaignSort = "-starts_at"


class CampaignSummary(Struct, frozen=True, kw_only=True):
    """A campaign in a list, with its main figures; `word_of_mouth` is not in them."""

    id: str
    name: str
    client: str | None
    state: State
    starts_at: Instant
    ends_at: Instant
    creators: int
    numbers: tuple[Number, ...]


class CampaignPage(Struct, frozen=True, kw_only=True):
    items: tuple[CampaignSummary, ...]
    next: str | None


class CampaignQueryOne(Struct, frozen=True, kw_only=True):
    velocity: Annotated[
        bool, Meta(description="Also how fast counters grow (reads the minute series: slower for long campaigns).")
    ] = False


class Funnel(Struct, frozen=True, kw_only=True):
    """Clicks → orders → money, the latter for each currency by itself."""

    clicks: Number
    conversions: Number
    by_click: Number
    by_code: Number
    rate: Number
    revenue: tuple[Number, ...]
    refunds: tuple[Number, ...]
    net: tuple[Number, ...]


class CampaignDetail(Struct, frozen=True, kw_only=True):
    """One campaign: what was agreed, and all that is counted of it.

    `numbers` are of the agreed posts, `word_of_mouth` of everybody else's that carry its hashtag; the two are never
    added. `counted` false: nothing was counted yet, so every number is unknown, or zero for want of posts.
    """

    definition: Campaign
    state: State
    creators: int
    links: int
    counted: bool
    numbers: tuple[Number, ...]
    word_of_mouth: tuple[Number, ...]
    funnel: Funnel
    speed: Speed


class SeriesQuery(Struct, frozen=True, kw_only=True):
    field: Annotated[
        str,
        Meta(
            pattern=r"^(likes|comments|shares|saves|views|reach|impressions|clicks|conversions|(revenue|refunds)\.[A-Z]{3})$",
            description="A counter: a metric, clicks, conversions, revenue.<currency> or refunds.<currency>.",
        ),
    ]
    unit: Literal["minute", "hour"] = "hour"
    since: Instant | None = msgspec.field(name="from", default=None)
    to: Instant | None = None
    who: (
        Annotated[
            str,
            Meta(
                pattern=r"^(~wom|[A-Za-z0-9][A-Za-z0-9_.-]{0,63})$",
                description="A creator's id (by the hour only), or ~wom; left out: the campaign's agreed posts.",
            ),
        ]
        | None
    ) = None


class Point(Struct, frozen=True, kw_only=True):
    """What a unit of time that begins `at` changed, and the counter after it."""

    at: Instant
    change: int
    total: int


class Series(Struct, frozen=True, kw_only=True):
    """The history of one counter, `from` ≤ t < `to`, by when its events were observed.

    Units of time without a change are left out. `before` is the counter at `from`.
    """

    campaign: str
    who: str
    field: str
    unit: Literal["minute", "hour"]
    since: Instant = msgspec.field(name="from")
    to: Instant
    before: int
    points: tuple[Point, ...]
    basis: str
    sources: tuple[str, ...]
    at: Instant | None
    age_ms: int | None


class CreatorsQuery(Paged, frozen=True, kw_only=True):
    search: Search = None


class CampaignCreator(Struct, frozen=True, kw_only=True):
    """A creator with an agreement in a campaign. `name` null: the creator is not defined (any more)."""

    id: str
    name: str | None
    agreements: tuple[Agreement, ...]
    numbers: tuple[Number, ...]


class CampaignCreatorPage(Struct, frozen=True, kw_only=True):
    items: tuple[CampaignCreator, ...]
    next: str | None


def state_of(campaign: Campaign, now: Instant) -> State:
    if now < campaign.starts_at:
        return "planned"
    return "running" if now < campaign.ends_at else "ended"


async def campaigns(call: Call) -> CampaignPage:
    query: CampaignQuery = call.query
    rows = [
        (key, one)
        for key, one in call.index.campaigns(query.sort)
        if call.who.sees(one.id)
        and (query.state is None or state_of(one, call.now) == query.state)
        and (query.client is None or one.client == query.client)
        and holds(query.search, one.id, one.name, one.client)
    ]
    found, following = chosen(call, rows)
    return CampaignPage(
        items=tuple(await asyncio.gather(*(_summary(call, campaign) for campaign in found))), next=following
    )


async def _summary(call: Call, campaign: Campaign) -> CampaignSummary:
    totals, fresh = await _scope(call, campaign.id)
    return CampaignSummary(
        id=campaign.id,
        name=campaign.name,
        client=campaign.client,
        state=state_of(campaign, call.now),
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        creators=len({agreement.creator for agreement in call.index.agreements(campaign.id)}),
        numbers=numbers(totals.get(Scope(campaign.id), {}), fresh, call.now, MAIN),
    )


async def campaign(call: Call) -> CampaignDetail:
    id = call.path["campaign"]
    definition = call.parts.definitions.rules.campaigns[id]
    (totals, fresh), by_mouth = await asyncio.gather(_scope(call, id), _fresh(call, Scope(id, WORD_OF_MOUTH)))
    total = totals.get(Scope(id), {})
    made = numbers(total, fresh, call.now)
    if call.query.velocity:
        made += await _velocities(call, id, total, fresh)
    return CampaignDetail(
        definition=definition,
        state=state_of(definition, call.now),
        creators=len({agreement.creator for agreement in call.index.agreements(id)}),
        links=len(call.parts.definitions.rules.links_by_campaign.get(id, ())),
        counted=bool(totals),
        numbers=made,
        word_of_mouth=numbers(totals.get(Scope(id, WORD_OF_MOUTH), {}), by_mouth, call.now),
        funnel=_funnel(total, fresh, call.now),
        speed=speed(total),
    )


def _funnel(total: Mapping[str, int], fresh: Mapping[str, int], now: Instant) -> Funnel:
    made = numbers(total, fresh, now, _FUNNEL)
    at = max(fresh.values(), default=None)

    def named(name: str) -> tuple[Number, ...]:
        return tuple(each for each in made if each.name == name)

    def counted(how: str, basis: str) -> Number:
        name = f"conversions.by.{how}"
        figure = Figure(
            name=name, value=total.get(name, 0), unit="count", basis=basis, sources=tuple(sorted(fresh)),
            age_ms=None if at is None else max(0, now - at),
        )  # fmt: skip
        return number(figure, at)

    return Funnel(
        clicks=named("clicks")[0],
        conversions=named("conversions")[0],
        by_click=counted("click", "orders attributed by the click that led to them"),
        by_code=counted("code", "orders attributed by a creator's promo code"),
        rate=named("cvr")[0],
        revenue=named("revenue"),
        refunds=named("refunds"),
        net=named("revenue.net"),
    )


async def _velocities(
    call: Call, campaign: str, total: Mapping[str, int], fresh: Mapping[str, int]
) -> tuple[Number, ...]:
    minutes = await _series(call, Scope(campaign), "minute")
    at = max(fresh.values(), default=None)
    made = []
    for field in SPED:
        figure = velocity(minutes, field, call.now)
        is_known = field == "clicks" or total.get(f"{field}.known", 0) > 0
        figure = msgspec.structs.replace(
            figure,
            value=figure.value if is_known else None,
            sources=tuple(sorted(fresh)),
            age_ms=None if at is None else max(0, call.now - at),
        )
        made.append(number(figure, at))
    return tuple(made)


async def series(call: Call) -> Series:
    query: SeriesQuery = call.query
    id = call.path["campaign"]
    definition = call.parts.definitions.rules.campaigns[id]
    who = query.who or CAMPAIGN_SCOPE
    if query.unit == "minute" and who not in (CAMPAIGN_SCOPE, WORD_OF_MOUTH):
        fault = FieldFault("unit", "a creator's history is kept by the hour: ask with unit=hour")
        raise bad_request("bad_parameter", "there is no such series", fault)
    length = MINUTE if query.unit == "minute" else HOUR
    start = (definition.starts_at if query.since is None else query.since) // length
    end = -(-(max(call.now, definition.starts_at) if query.to is None else query.to) // length)
    if end <= start and (query.since is not None or query.to is not None):
        raise bad_request("bad_parameter", "the span is empty", FieldFault("to", "must come after `from`"))
    end = max(end, start)
    if end - start > MOST_UNITS:
        fault = FieldFault(
            "from", f"at most {MOST_UNITS} units of time at once: ask by the hour, or for a shorter span"
        )
        raise bad_request("bad_parameter", "the span is too long", fault)
    scope = Scope(id, who)
    changes, fresh = await asyncio.gather(_series(call, scope, query.unit), _fresh(call, scope))
    before, points = _points(changes, query.field, start, end, length)
    at = max(fresh.values(), default=None)
    return Series(
        campaign=id,
        who=who,
        field=query.field,
        unit=query.unit,
        since=start * length,
        to=end * length,
        before=before,
        points=points,
        basis=f"changes of {query.field} by the {query.unit} in which they were observed; a fall is negative",
        sources=tuple(sorted(fresh)),
        at=at,
        age_ms=None if at is None else max(0, call.now - at),
    )


def _points(changes: Mapping[str, int], field: str, start: int, end: int, length: int) -> tuple[int, tuple[Point, ...]]:
    """The counter before the unit `start`, and its changes up to, without, the unit `end`."""
    prefix = f"{field}@"
    units = sorted((int(name[len(prefix) :]), n) for name, n in changes.items() if name.startswith(prefix) and n)
    before = sum(change for unit, change in units if unit < start)
    total = before
    points = []
    for unit, change in units:
        if start <= unit < end:
            total += change
            points.append(Point(at=unit * length, change=change, total=total))
    return before, tuple(points)


async def creators(call: Call) -> CampaignCreatorPage:
    id = call.path["campaign"]
    known = call.parts.definitions.rules.creators
    by_creator: dict[str, list[Agreement]] = {}
    for agreement in call.index.agreements(id):
        by_creator.setdefault(agreement.creator, []).append(agreement)
    names = {creator: known[creator].name if creator in known else None for creator in by_creator}
    rows = [
        ((creator,), creator) for creator in sorted(by_creator) if holds(call.query.search, creator, names[creator])
    ]
    found, following = chosen(call, rows)
    totals = await call.parts.store.totals(id) if found else {}
    fresh = await asyncio.gather(*(_fresh(call, Scope(id, creator)) for creator in found))
    return CampaignCreatorPage(
        items=tuple(
            CampaignCreator(
                id=creator,
                name=names[creator],
                agreements=tuple(by_creator[creator]),
                numbers=numbers(totals.get(Scope(id, creator), {}), newest, call.now),
            )
            for creator, newest in zip(found, fresh, strict=True)
        ),
        next=following,
    )


async def _scope(call: Call, campaign: str) -> tuple[Mapping[Scope, Mapping[str, int]], dict[str, int]]:
    """A campaign's totals by scope, and how fresh the campaign's own are."""
    totals, fresh = await asyncio.gather(call.parts.store.totals(campaign), _fresh(call, Scope(campaign)))
    return totals, fresh


async def _fresh(call: Call, scope: Scope) -> dict[str, int]:
    return await freshness(call.parts.store, call.parts.topics.partitions, scope)


async def _series(call: Call, scope: Scope, unit: str) -> dict[str, int]:
    places = [Partition(stage, number) for stage in COUNTED for number in range(call.parts.topics.partitions)]
    return summed(await asyncio.gather(*(call.parts.store.series(place, scope, unit=unit) for place in places)))


ROUTES = (
    Route(
        method="GET",
        path="/v1/campaigns",
        role="viewer",
        reach="filtered",
        tag="campaigns",
        summary="List campaigns with their main figures",
        query=CampaignQuery,
        answer=CampaignPage,
        example=examples.CAMPAIGNS,
        handler=campaigns,
    ),
    Route(
        method="GET",
        path="/v1/campaigns/{campaign}",
        role="viewer",
        reach="campaign",
        tag="campaigns",
        summary="One campaign: its definition, every figure, funnel and reaction speed",
        query=CampaignQueryOne,
        answer=CampaignDetail,
        handler=campaign,
    ),
    Route(
        method="GET",
        path="/v1/campaigns/{campaign}/series",
        role="viewer",
        reach="campaign",
        tag="campaigns",
        summary="The history of one counter",
        description="By the minute for the campaign and for word of mouth, by the hour for each creator as well. "
        "`from` defaults to the campaign's start, `to` to now.",
        query=SeriesQuery,
        answer=Series,
        example=examples.SERIES,
        handler=series,
    ),
    Route(
        method="GET",
        path="/v1/campaigns/{campaign}/creators",
        role="viewer",
        reach="campaign",
        tag="campaigns",
        summary="The creators of a campaign, with their agreements and figures",
        query=CreatorsQuery,
        answer=CampaignCreatorPage,
        handler=creators,
    ),
)
