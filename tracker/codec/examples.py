"""Synthetic events of every type, for people and for tests. No account, post or order in them exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from tracker.domain import events as ev
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition, DefinitionKind, Link

AT = 1_780_000_000_000
"""2026-05-28T20:26:40Z"""
_MINUTE, _DAY = 60_000, 86_400_000


def examples() -> Mapping[str, Sequence[ev.AnyEvent]]:
    """Event type → examples: of each the least that must be said, and what else can be."""
    found: dict[str, list[ev.AnyEvent]] = {}
    for number, (source, fact) in enumerate([*_posts(), *_reactions(), *_comments(), *_money(), *_definitions()]):
        offset = 1_200 + number
        origin = ev.Origin("bm9fc3VjaF90b3BpY19pZA", 3, offset, 0)
        # Definitions come from no inbox.
        placed = fact if isinstance(fact, ev.DefinitionChanged) else replace(fact, origin=origin)
        event = ev.wrap(placed, id=f"bm9fc3Vj-3-{offset}-0", source=source)
        found.setdefault(str(event.__struct_config__.tag), []).append(event)
    return found


_Said = list[tuple[ev.Source, ev.Fact]]


def _about(kind: type[ev.PostFact], /, **said: Any) -> ev.Fact:
    """A statement about one post."""
    post = {"platform": "instagram", "account": "17841400000000001", "post": "18000000000000001"}
    return kind(**{"observed_at": AT, **post, **said})


def _posts() -> _Said:
    seen = partial(_about, ev.PostPublished)
    return [
        (
            "webhook",
            ev.PostPublished(platform="tiktok", account="synthetic", post="7300000000000000001", observed_at=AT),
        ),
        (
            "poll",
            seen(
                occurred_at=AT - 5 * _MINUTE,
                permalink="https://www.instagram.com/reel/Synthetic01/",
                author="17841400000000001",
                title="Glow week",
                text="広告 #glow2026 @glow.official",
                medium="reel",
                paid_label=True,
            ),
        ),
        ("webhook", _about(ev.PostEdited)),
        (
            "poll",
            _about(
                ev.PostEdited,
                occurred_at=AT - _MINUTE,
                permalink="https://www.instagram.com/reel/Synthetic01/",
                title="Glow week 2",
                text="without the tag",
                paid_label=False,
            ),
        ),
        ("webhook", _about(ev.PostRemoved)),
        ("poll", _about(ev.PostRemoved, occurred_at=AT - _MINUTE, reason="absent")),
        ("webhook", _about(ev.PostRestored)),
        ("poll", _about(ev.PostRestored, occurred_at=AT - _MINUTE)),
    ]


def _reactions() -> _Said:
    seen = partial(_about, ev.ReactionObserved)
    return [
        ("import", seen()),
        ("poll", seen(published_at=AT - 65 * _MINUTE, comments=12, views=20_481)),  # hidden likes: unknown, not zero
        (
            "poll",
            seen(
                occurred_at=AT,
                published_at=AT - 65 * _MINUTE,
                likes=1_204,
                comments=12,
                shares=0,
                saves=88,
                views=20_481,
                reach=15_002,
                impressions=23_777,
                metric_definition="2025-04",
            ),
        ),
        ("webhook", _about(ev.ReactionAdded, reaction="r-1", metric="likes")),
        ("webhook", _about(ev.ReactionAdded, occurred_at=AT, reaction="r-2", metric="shares", flavour="quote")),
        ("webhook", _about(ev.ReactionRemoved, reaction="r-3", metric="likes")),
        ("webhook", _about(ev.ReactionRemoved, occurred_at=AT, reaction="r-4", metric="saves", flavour="bookmark")),
        ("webhook", ev.AudienceObserved(platform="youtube", account="UCsynthetic", observed_at=AT)),
        (
            "poll",
            ev.AudienceObserved(
                platform="youtube",
                account="UCsynthetic",
                observed_at=AT,
                occurred_at=AT,
                followers=12_300,
                posts=141,
                rounded=True,
                metric_definition="2019-09",
            ),
        ),
    ]


def _comments() -> _Said:
    of = partial(_about, comment="18100000000000001")
    return [
        ("webhook", of(ev.CommentCreated)),
        ("poll", of(ev.CommentCreated, occurred_at=AT - _MINUTE, parent="18100000000000000", text="素敵です")),
        ("webhook", of(ev.CommentEdited)),
        ("webhook", of(ev.CommentEdited, occurred_at=AT, text="素敵ですね")),
        ("webhook", of(ev.CommentRemoved)),
        ("webhook", of(ev.CommentRemoved, occurred_at=AT)),
        ("webhook", of(ev.CommentHidden)),
        ("webhook", of(ev.CommentHidden, occurred_at=AT)),
    ]


def _money() -> _Said:
    clicked = partial(ev.LinkClicked, platform="direct", observed_at=AT, link="g1")
    sold = partial(ev.ConversionRecorded, platform="direct", observed_at=AT)
    refunded = partial(ev.ConversionRefunded, platform="direct", observed_at=AT, order="S-1001", currency="JPY")
    return [
        ("webhook", clicked(click="c-synthetic-1")),
        ("simulate", clicked(click="c-synthetic-2", occurred_at=AT)),
        ("webhook", sold(order="S-1000", amount=0, currency="USD")),
        (
            "webhook",
            sold(
                order="S-1001",
                amount=5_400,
                currency="JPY",
                occurred_at=AT,
                code="MIO10",
                click="c-synthetic-1",
                link="g1",
                clicked_at=AT - 3 * _DAY,
            ),
        ),
        ("webhook", refunded(refund="R-1", amount=5_400)),
        ("import", refunded(refund="R-2", amount=1, occurred_at=AT)),
    ]


def _definitions() -> _Said:
    campaign = Campaign(
        id="glow-2026",
        name="Glow 2026 (synthetic)",
        starts_at=AT,
        ends_at=AT + 30 * _DAY,
        client="Synthetic Cosmetics",
        hashtags=("glow2026",),
        attribution_days=14,
    )
    creator = Creator(
        id="mio",
        name="Mio (synthetic)",
        accounts=(AccountRef(platform="instagram", account="17841400000000001", handle="synthetic.mio"),),
    )
    agreement = Agreement(
        id="glow-mio",
        campaign="glow-2026",
        creator="mio",
        starts_at=AT,
        ends_at=AT + 14 * _DAY,
        platforms=("instagram", "tiktok"),
        hashtags=("glow2026",),
        mentions=("glow.official",),
        links=("https://shop.example/glow",),
        submitted=("https://www.instagram.com/reel/Synthetic01/",),
        codes=("MIO10",),
        posts=3,
    )
    link = Link(id="g1", campaign="glow-2026", destination="https://shop.example/glow", creator="mio")
    return [
        ("import", _defined("campaign", campaign.id, campaign)),
        ("import", _defined("creator", creator.id, creator)),
        ("import", _defined("agreement", agreement.id, agreement)),
        ("import", _defined("link", link.id, link)),
        ("import", _defined("link", link.id, None, version=2)),
    ]


def _defined(kind: DefinitionKind, id: str, definition: Definition | None, version: int = 1) -> ev.Fact:
    return ev.DefinitionChanged(
        platform="direct", observed_at=AT, kind=kind, id=id, version=version, definition=definition
    )
