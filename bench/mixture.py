"""What the benchmark counts: a seeded mixture of canonical events, as adapters make it of running campaigns.

200 accounts with ten posts each, six campaigns, an agreement for every account. A post is looked at as the poller does
(every minute in its first hour, every five minutes after that); between the looks come comments, single reactions,
edits, removals, follower counts. Four of five events are running totals of four or five metrics, some 330 bytes long.
All of it is synthetic.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from tracker.domain import events as ev
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition
from tracker.domain.events import AnyEvent, Fact, Origin, wrap
from tracker.sending import partition_of
from tracker.topics import place

START = 1_780_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
ACCOUNTS, POSTS_OF_ONE, CAMPAIGNS = 200, 10, 6
POSTS = ACCOUNTS * POSTS_OF_ONE
PUBLISHED_WITHIN = 24 * HOUR
LOG = "bm9fc3VjaF90b3BpY19pZA"

SHARES: tuple[tuple[str, float], ...] = (
    ("observed", 0.80),
    ("comment", 0.07),
    ("shown", 0.06),
    ("increment", 0.03),
    ("audience", 0.03),
    ("edited", 0.006),
    ("gone", 0.004),
)
"""Of what a post's events are, besides its publication. `shown`: a poll that shows the post as it is."""

Timed = tuple[int, Fact, ev.Source]


def definitions() -> list[Definition]:
    """Six campaigns, 200 creators with an account each, and an agreement for each of them."""
    window: dict[str, Any] = {"starts_at": START - HOUR, "ends_at": START + 30 * 24 * HOUR}
    made: list[Definition] = [
        Campaign(id=f"spring-{number}", name=f"Spring {number}", hashtags=(f"spring{number}",), **window)
        for number in range(CAMPAIGNS)
    ]
    for number in range(ACCOUNTS):
        accounts = (AccountRef(platform="tiktok", account=account(number)),)
        made.append(Creator(id=f"creator-{number}", name=f"Creator {number}", accounts=accounts))
        campaign = f"spring-{number % CAMPAIGNS}"
        made.append(
            Agreement(
                id=f"agreement-{number}", campaign=campaign, creator=f"creator-{number}", hashtags=("ad",), posts=10
            )
        )
    return made


def defined() -> list[AnyEvent]:
    """The definitions as every partition gets them."""
    events: list[AnyEvent] = []
    for definition in definitions():
        kind = type(definition).__name__.lower()
        fact = ev.DefinitionChanged(
            platform="tracker",
            observed_at=START - HOUR,
            kind=kind,  # type: ignore[arg-type]
            id=definition.id,
            version=1,
            definition=definition,
        )
        events.append(wrap(fact, id=f"{kind}-{definition.id}-1", source="import"))
    return events


def account(number: int) -> str:
    return f"_000{number:04}aBcDeFgHiJkLmNoP"


def partition(number: int, of: int, events: int, seed: int = 7) -> Iterator[AnyEvent]:
    """One partition's events in the order of time: the definitions, then what its accounts give of `events` in all."""
    yield from defined()
    timed: list[Timed] = []
    for owner in range(ACCOUNTS):
        if _partition_of(owner, of) == number:
            for post in range(POSTS_OF_ONE):
                which = owner * POSTS_OF_ONE + post
                many = events * (which + 1) // POSTS - events * which // POSTS
                timed += _post(random.Random(seed * 1_000_003 + which), owner, which, many)
    timed.sort(key=lambda each: each[0])
    for offset, (_, fact, source) in enumerate(timed):
        placed = replace(fact, origin=Origin(LOG, number, offset, 0))
        yield wrap(placed, id=f"{LOG[:8]}-{number}-{offset}-0", source=source)


def _partition_of(owner: int, of: int) -> int:
    stage, key = place(ev.AudienceObserved(platform="tiktok", account=account(owner), observed_at=START))
    assert stage == "activity"
    return partition_of(key.encode(), of)


def _post(luck: random.Random, owner: int, which: int, many: int) -> Iterator[Timed]:
    """One post's `many` events, in no order."""
    who: dict[str, Any] = {"platform": "tiktok", "account": account(owner), "post": f"7{which:018}"}
    born = START + luck.randrange(PUBLISHED_WITHIN)
    shown = _shown(luck, owner, which, born, who)
    yield born + 2_000, replace(shown, observed_at=born + 2_000), "webhook"
    kinds = luck.choices([kind for kind, _ in SHARES], [share for _, share in SHARES], k=many - 1)
    looks = kinds.count("observed") + 1
    until = born + _age(looks)
    crowd = _Crowd(luck, owner)
    look = 0
    for serial, kind in enumerate(kinds):
        if kind == "observed":
            look += 1
            at = born + _age(look) + luck.randrange(5_000)
            yield at, crowd.seen_at(at, born, who), "poll"
        else:
            at = born + 5_000 + int((until - born) * luck.random() ** 2)
            yield _other(luck, kind, at, f"{which}-{serial}", who, shown)


def _age(look: int) -> int:
    """How old a post is at its n-th look, by the poller's cadence."""
    return look * MINUTE if look <= 60 else HOUR + (look - 60) * 5 * MINUTE


def _shown(luck: random.Random, owner: int, which: int, born: int, who: dict[str, Any]) -> ev.PostPublished:
    tag = "#ad" if luck.random() < 0.85 else "#everyday"
    words = f"{tag} A quiet morning with the new collection, part {which}: first impressions, honest ones. "
    words += f"#spring{owner % CAMPAIGNS} " if luck.random() < 0.5 else "@friend "
    return ev.PostPublished(
        observed_at=born,
        occurred_at=born,
        permalink=f"https://www.tiktok.com/@creator{owner}/video/7{which:018}",
        text=words + "What would you wear with it? Tell me below. #ootd #quiet",
        medium="video",
        **who,
    )


class _Crowd:
    """How one post's audience grows: fast at first, then ever slower. Some posts hide how often they were saved."""

    def __init__(self, luck: random.Random, owner: int) -> None:
        self._luck = luck
        self._likes = int(luck.lognormvariate(6.5, 1.0)) + 20
        self._slowness = luck.uniform(1.0, 8.0) * HOUR
        self._five = owner % 2 == 0

    def seen_at(self, at: int, born: int, who: dict[str, Any]) -> ev.ReactionObserved:
        likes = int(self._likes * (1 - math.exp(-(at - born) / self._slowness)))
        likes = max(0, likes - (self._luck.random() < 0.02))
        return ev.ReactionObserved(
            observed_at=at,
            published_at=born,
            likes=likes,
            comments=likes // 21,
            shares=likes // 34,
            saves=likes // 13 if self._five else None,
            views=likes * 19,
            **who,
        )


def _other(luck: random.Random, kind: str, at: int, serial: str, who: dict[str, Any], shown: ev.PostPublished) -> Timed:
    """What happens to a post between two looks."""
    match kind:
        case "comment":
            text = "Where is it from? It looks lovely on you" if luck.random() < 0.5 else "Beautiful!"
            return at, ev.CommentCreated(observed_at=at, comment=f"c-{serial}", text=text, **who), "webhook"
        case "shown":
            return at, replace(shown, observed_at=at), "poll"
        case "increment":
            step = ev.ReactionAdded if luck.random() < 0.8 else ev.ReactionRemoved
            return at, step(observed_at=at, occurred_at=at, reaction=f"r-{serial}", metric="likes", **who), "webhook"
        case "audience":
            owner = {name: who[name] for name in ("platform", "account")}
            followers = 4_000 + (at - START) // MINUTE
            return at, ev.AudienceObserved(observed_at=at, followers=followers, **owner), "poll"
        case "edited":
            return at, ev.PostEdited(observed_at=at, title=f"Sizes below ({serial})", **who), "webhook"
        case _:
            gone = ev.PostRemoved(observed_at=at, reason="private", **who)
            return at, gone if luck.random() < 0.5 else ev.PostRestored(observed_at=at, **who), "webhook"
