# ruff: noqa: RUF001  texts are written in full-width letters too
"""Hypothesis strategies for whole histories of one partition: small worlds, so that everything meets everything.

Few accounts, posts, ids, tags and instants, chosen at the edges of what docs/explanation/counting.md says: borders of
minutes, days and ages, ties, repeats, late and early statements, contradictions, definitions that change and go.
"""

from __future__ import annotations

from typing import Any, Literal

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tracker.domain import events as ev
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition, DefinitionKind, Link

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
T = 20_000 * DAY
"""Where the histories begin: a midnight UTC."""

_EDGES = (
    0,
    1,
    29_999,
    59_999,
    60_000,
    60_001,
    119_999,
    120_000,
    300_000,
    HOUR - 1,
    HOUR,
    2 * HOUR,
    12 * HOUR,
    DAY - 1,
    DAY,
)
_FAR = (-DAY, -1, 2 * DAY, 7 * DAY - 1, 7 * DAY, 8 * DAY, 9 * DAY, 31 * DAY, 45 * DAY)
_near = st.one_of(st.sampled_from(_EDGES), st.integers(0, 60).map(lambda tens: tens * 10_000))
instants: SearchStrategy[int] = st.one_of(_near, _near, _near, st.sampled_from(_FAR)).map(lambda at: T + at)
"""Mostly the first hours after T, often the same ones; sometimes days off."""

_ACCOUNTS = (("instagram", "a1"), ("instagram", "a1"), ("instagram", "a2"), ("tiktok", "a1"))
_TEXTS = (
    "#glow",
    "new #Glow!",
    "",
    "#glow",
    "＃ＧＬＯＷ wow",
    "#aqua and #glow",
    "thanks @brand.official",
    "see shop.com/x/y",
    "nothing",
    "#glowing",
)
_ADDRESSES = ("https://www.instagram.com/p/1/", "http://instagram.com/p/1?utm_source=x", "https://tiktok.com/v/2")
_CAMPAIGNS = ("glow", "aqua")
_CREATORS = ("ken", "mio")
_LINKS = ("l1", "l2")
_CODES = ("CODE1", "code2 ", "Code1")

counts: SearchStrategy[int | None] = st.sampled_from((None, None, 0, 1, 2, 3, 5, 8, 13, 99, 100, 1_000_003))
sources: SearchStrategy[ev.Source] = st.sampled_from(("webhook", "poll", "import", "simulate"))
_placed = st.builds(
    ev.Origin, st.sampled_from(("log", "new")), st.integers(0, 1), st.integers(0, 12), st.integers(0, 1)
)
origins: SearchStrategy[ev.Origin] = st.one_of(*[st.just(ev.UNPLACED)] * 4, _placed)
births: SearchStrategy[int | None] = st.one_of(st.just(T), st.just(T), st.none(), instants)
"""When a post was published: mostly at T, so that ages meet the ages of interest."""


def _maybe(of: SearchStrategy[Any]) -> SearchStrategy[Any]:
    return st.one_of(st.none(), of)


@st.composite
def _accounted(draw: st.DrawFn, /, kind: type[ev.AccountFact], **fields: SearchStrategy[Any]) -> ev.Fact:
    platform, account = draw(st.sampled_from(_ACCOUNTS))
    said = {name: draw(value) for name, value in {**_WHEN, **fields}.items()}
    return kind(platform=platform, account=account, **said)


_WHEN: dict[str, SearchStrategy[Any]] = {"observed_at": instants, "occurred_at": _maybe(instants), "origin": origins}
_POST: dict[str, SearchStrategy[Any]] = {"post": st.sampled_from(("p1", "p1", "p2"))}
_SHOWN: dict[str, SearchStrategy[Any]] = {
    **_POST,
    "permalink": _maybe(st.sampled_from(_ADDRESSES)),
    "title": _maybe(st.sampled_from(_TEXTS)),
    "text": _maybe(st.sampled_from(_TEXTS)),
    "paid_label": _maybe(st.booleans()),
}
_STEP: dict[str, SearchStrategy[Any]] = {
    **_POST,
    "reaction": st.sampled_from(("r1", "r2", "r3", "r4")),
    "metric": st.sampled_from(("likes", "likes", "shares", "saves")),
}
_COMMENT: dict[str, SearchStrategy[Any]] = {**_POST, "comment": st.sampled_from(("c1", "c2"))}
_MEASURED: dict[str, SearchStrategy[Any]] = {
    **_POST,
    "published_at": births,
    "metric_definition": st.sampled_from(("1", "1", "2")),
    **dict.fromkeys(ev.METRICS, counts),
}

activity_facts: SearchStrategy[ev.Fact] = st.one_of(
    _accounted(ev.PostPublished, medium=_maybe(st.sampled_from(("feed", "reel"))), **{**_SHOWN, "occurred_at": births}),
    *[_accounted(ev.ReactionObserved, **_MEASURED)] * 4,
    _accounted(ev.PostEdited, **_SHOWN),
    _accounted(ev.PostRemoved, **_POST),
    _accounted(ev.PostRestored, **_POST),
    _accounted(ev.ReactionAdded, **_STEP),
    _accounted(ev.ReactionAdded, **_STEP),
    _accounted(ev.ReactionRemoved, **_STEP),
    _accounted(ev.CommentCreated, **_COMMENT),
    _accounted(ev.CommentEdited, **_COMMENT),
    _accounted(ev.CommentHidden, **_COMMENT),
    _accounted(ev.CommentRemoved, **_COMMENT),
    _accounted(ev.AudienceObserved, followers=counts),
)

_MONEY: dict[str, SearchStrategy[Any]] = {
    "platform": st.just("direct"),
    **_WHEN,
    "order": st.sampled_from(("o1", "o2", "o3")),
    "amount": st.sampled_from((0, 100, 100, 250)),
    "currency": st.sampled_from(("JPY", "JPY", "USD")),
}
commerce_facts: SearchStrategy[ev.Fact] = st.one_of(
    st.builds(
        ev.LinkClicked,
        platform=st.just("direct"),
        click=st.sampled_from(("k1", "k2", "k3")),
        link=st.sampled_from(_LINKS),
        **_WHEN,
    ),
    st.builds(
        ev.ConversionRecorded,
        code=_maybe(st.sampled_from((*_CODES, " code1", "none"))),
        link=_maybe(st.sampled_from(_LINKS)),
        clicked_at=_maybe(instants),
        **_MONEY,
    ),
    st.builds(ev.ConversionRefunded, refund=st.sampled_from(("f1", "f2")), **_MONEY),
)

_windows = st.sampled_from(
    ((T - 40 * DAY, T + 60 * DAY), (T - 40 * DAY, T + 60 * DAY), (T, T + HOUR), (T + MINUTE, T + DAY))
)
_chosen_tags = st.sampled_from(((), ("glow",), ("#Glow", "aqua"), ("aqua",)))


def _some(*of: str) -> SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(of), max_size=2).map(tuple)


@st.composite
def campaigns(draw: st.DrawFn) -> Campaign:
    starts_at, ends_at = draw(_windows)
    return Campaign(
        id=draw(st.sampled_from(_CAMPAIGNS)),
        name="Synthetic",
        starts_at=starts_at,
        ends_at=ends_at,
        hashtags=draw(_chosen_tags),
        attribution_days=draw(st.sampled_from((0, 1, 30))),
    )


creators: SearchStrategy[Creator] = st.builds(
    Creator,
    id=st.sampled_from(_CREATORS),
    name=st.just("Synthetic"),
    accounts=st.lists(
        st.sampled_from(_ACCOUNTS).map(lambda at: AccountRef(platform=at[0], account=at[1])), max_size=2
    ).map(tuple),
)
agreements: SearchStrategy[Agreement] = st.builds(
    Agreement,
    id=st.sampled_from(("g1", "g2", "g3")),
    campaign=st.sampled_from(_CAMPAIGNS),
    creator=st.sampled_from(_CREATORS),
    starts_at=_maybe(instants),
    ends_at=_maybe(instants),
    platforms=_some("instagram", "tiktok"),
    hashtags=_chosen_tags,
    mentions=_some("@Brand.Official", "other"),
    links=_some("https://shop.com/x", "shop.com/x/y/z"),
    submitted=_some(*_ADDRESSES),
    codes=_some(*_CODES),
)
links: SearchStrategy[Link] = st.builds(
    Link,
    id=st.sampled_from(_LINKS),
    campaign=st.sampled_from(_CAMPAIGNS),
    destination=st.just("https://shop.com/x"),
    creator=_maybe(st.sampled_from(_CREATORS)),
)
_KIND: dict[type[Definition], DefinitionKind] = {
    Campaign: "campaign",
    Creator: "creator",
    Agreement: "agreement",
    Link: "link",
}


@st.composite
def definition_changes(draw: st.DrawFn) -> ev.DefinitionChanged:
    """A definition put, changed or deleted; the version may be one already known, or one that overtakes others."""
    definition = draw(st.one_of(campaigns(), creators, agreements, agreements, links))
    misnamed = draw(st.integers(0, 15)) == 0
    return ev.DefinitionChanged(
        platform="direct",
        observed_at=draw(instants),
        kind=_KIND[type(definition)],
        id="g1" if misnamed else definition.id,
        version=draw(st.integers(1, 4)),
        definition=None if draw(st.integers(0, 5)) == 0 else definition,
    )


_WORLD: tuple[Definition, ...] = (
    Campaign(id="glow", name="Synthetic", starts_at=T - 40 * DAY, ends_at=T + 60 * DAY, hashtags=("glow",)),
    Campaign(id="aqua", name="Synthetic", starts_at=T, ends_at=T + DAY, hashtags=("aqua",), attribution_days=1),
    Creator(
        id="mio",
        name="Synthetic",
        accounts=(AccountRef(platform="instagram", account="a1"), AccountRef(platform="tiktok", account="a1")),
    ),
    Agreement(id="g1", campaign="glow", creator="mio", codes=("CODE1",)),
    Agreement(id="g2", campaign="aqua", creator="mio", hashtags=("aqua",), submitted=_ADDRESSES[:1]),
    Link(id="l1", campaign="glow", creator="mio", destination="https://shop.com/x"),
)
"""What most histories begin with, in part or whole, so that what happens also counts."""


def _first_version(definition: Definition) -> ev.DefinitionChanged:
    return ev.DefinitionChanged(
        platform="direct",
        observed_at=T - DAY,
        kind=_KIND[type(definition)],
        id=definition.id,
        version=1,
        definition=definition,
    )


@st.composite
def histories(draw: st.DrawFn, stage: Literal["activity", "commerce"], *, max_size: int = 30) -> list[ev.AnyEvent]:
    """The whole log of one partition of a topic."""
    happens = activity_facts if stage == "activity" else commerce_facts
    left_out = draw(st.sets(st.integers(0, len(_WORLD) - 1), max_size=2))
    defined = [_first_version(one) for number, one in enumerate(_WORLD) if number not in left_out]
    something: SearchStrategy[ev.Fact] = st.one_of(*[happens] * 8, definition_changes())
    facts: list[ev.Fact] = list(defined) if draw(st.integers(0, 9)) else []
    facts += draw(st.lists(something, min_size=draw(st.integers(0, 12)), max_size=max_size))
    repeats = draw(st.booleans())
    if facts and repeats:
        facts += draw(st.lists(st.sampled_from(facts), max_size=5))
    return [ev.wrap(fact, id=f"e{number}", source=draw(sources)) for number, fact in enumerate(facts)]


@st.composite
def cuts(draw: st.DrawFn, length: int) -> list[int]:
    """Where a log of that length is cut into batches: ascending, from 0 to its length."""
    inner = draw(st.lists(st.integers(0, length), max_size=6))
    return sorted({0, *inner, length})
