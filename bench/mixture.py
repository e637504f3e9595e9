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

from tracker.domain import events as ev
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition
from tracker.domain.events import AnyEvent, Fact, Origin, wrap
from tracker.stream.sender import partition_of
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
    window = {"starts_at": START - HOUR, "ends_at": START + 30 * 24 * HOUR}
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
        placed = ev.structs_replace(fact, Origin(LOG, number, offset, 0))
        yield wrap(placed, id=f"{LOG[:8]}-{number}-{offset}-0", source=source)


def _partition_of(owner: int, of: int) -> int:
    stage, key = place(ev.AudienceObserved(platform="tiktok", account=account(owner), observed_at=START))
    assert stage == "activity"
    return partition_of(key.encode(), of)
