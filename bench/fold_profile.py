"""How fast the pure core is, and where its time goes: python bench/fold_profile.py [--profile]

One partition: 200 accounts with 10 posts each, batches of 4,000 decoded events, 80 % of them running totals with four
or five metrics; what each batch changes is encoded as for the store. Decoding and I/O are not in it.
"""

from __future__ import annotations

import cProfile
import gc
import pstats
import random
import sys
from collections.abc import Iterator
from time import process_time

from tracker.domain import events as ev
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition, DefinitionKind, Link
from tracker.domain.events import AnyEvent, Fact, wrap
from tracker.domain.fold import Folded, Located, Missing, PartitionState, commit, fold

START = 1_700_000_000_000
MINUTE = 60_000
ACCOUNTS, POSTS, BATCH = 200, 10, 4_000
CAMPAIGNS = 4
_KINDS: dict[type[Definition], DefinitionKind] = {
    Campaign: "campaign",
    Creator: "creator",
    Agreement: "agreement",
    Link: "link",
}


def definitions() -> Iterator[AnyEvent]:
    """Four campaigns, 200 creators with an account and an agreement each, and a link each."""
    made: list[Definition] = [
        Campaign(id=f"c{n}", name=f"Campaign {n}", starts_at=START - 1, ends_at=START + 10**11, hashtags=(f"c{n}",))
        for n in range(CAMPAIGNS)
    ]
    for n in range(ACCOUNTS):
        accounts = (AccountRef(platform="tiktok", account=f"account-{n}"),)
        made.append(Creator(id=f"creator-{n}", name=f"Creator {n}", accounts=accounts))
        campaign = f"c{n % CAMPAIGNS}"
        made.append(
            Agreement(id=f"a{n}", campaign=campaign, creator=f"creator-{n}", hashtags=("ad",), codes=(f"C{n}",))
        )
        made.append(Link(id=f"l{n}", campaign=campaign, creator=f"creator-{n}", destination="https://shop.example/"))
    for one in made:
        kind = _KINDS[type(one)]
        fact = ev.DefinitionChanged(
            platform="direct", observed_at=START, kind=kind, id=one.id, version=1, definition=one
        )
        yield wrap(fact, id=f"{kind}-{one.id}", source="import")


def publications() -> Iterator[AnyEvent]:
    """Every account's followers, and its posts with some text."""
    for n in range(ACCOUNTS):
        account = f"account-{n}"
        audience = ev.AudienceObserved(platform="tiktok", account=account, observed_at=START, followers=1_000 + n)
        yield wrap(audience, id=f"f-{n}", source="poll")
        for post in range(POSTS):
            published = START + post * MINUTE
            shown = ev.PostPublished(
                platform="tiktok",
                account=account,
                post=f"post-{n}-{post}",
                observed_at=published + 1_000,
                occurred_at=published,
                permalink=f"https://www.tiktok.com/@creator{n}/video/{post}",
                text=f"Spring morning number {post}, with #ad and #spring and a friend. " * 4,
            )
            yield wrap(shown, id=f"p-{n}-{post}", source="poll")


def reactions(count: int, seed: int = 1) -> Iterator[AnyEvent]:
    """A mixture in the order of time: every post is seen about once a minute and half."""
    luck = random.Random(seed)
    for number in range(count):
        at = START + POSTS * MINUTE + number * 40
        n, post = luck.randrange(ACCOUNTS), luck.randrange(POSTS)
        fact, source = _fact(luck, number, at, n, f"post-{n}-{post}")
        wrapped = wrap(fact, id=f"e-{number}", source=source)
        yield wrapped


def _fact(luck: random.Random, number: int, at: int, n: int, post: str) -> tuple[Fact, ev.Source]:
    place = {"platform": "tiktok", "account": f"account-{n}", "post": post, "observed_at": at}
    origin = ev.Origin("log", 0, number, 0)
    kind = luck.random()
    if kind < 0.8:
        growth = number // 100 + luck.randrange(20)
        impressions = growth * 60 if n % 2 else None
        return ev.ReactionObserved(
            **place,  # type: ignore[arg-type]
            origin=origin,
            likes=growth * 3,
            comments=growth,
            shares=growth // 2,
            views=growth * 50,
            impressions=impressions,
        ), "poll"
    if kind < 0.88:
        return ev.CommentCreated(**place, origin=origin, comment=f"comment-{number}"), "webhook"  # type: ignore[arg-type]
    if kind < 0.92:
        return ev.ReactionAdded(**place, origin=origin, reaction=f"r-{number}", metric="saves"), "webhook"  # type: ignore[arg-type]
    if kind < 0.97:
        return ev.LinkClicked(
            platform="direct", observed_at=at, origin=origin, click=f"click-{number}", link=f"l{n}"
        ), "webhook"
    return ev.ConversionRecorded(
        platform="direct",
        observed_at=at,
        origin=origin,
        order=f"order-{number}",
        amount=1_999,
        currency="EUR",
        code=f"c{n}",
    ), "webhook"


class Result:
    """Times of a run: seconds in the fold, in encoding the states, and what was written."""

    def __init__(self) -> None:
        self.fold = 0.0
        self.encode = 0.0
        self.events = 0
        self.bytes = 0


def run(
    partition: PartitionState, events: list[AnyEvent], result: Result, profile: cProfile.Profile | None = None
) -> None:
    """Fold in batches, as a worker does whose store answers at once that it has never seen what is asked for."""
    located = [Located(offset, event) for offset, event in enumerate(events)]
    for start in range(0, len(located), BATCH):
        batch = located[start : start + BATCH]
        _answer(partition, batch)
        if profile is not None:
            profile.enable()
        began = process_time()
        folded = fold(partition, batch)
        result.fold += process_time() - began
        assert isinstance(folded, Folded), folded
        began = process_time()
        pieces = folded.pieces()
        result.encode += process_time() - began
        began = process_time()
        commit(partition, folded)
        result.fold += process_time() - began
        if profile is not None:
            profile.disable()
        result.events += len(batch)
        result.bytes += sum(len(piece or b"") for piece in pieces.values())


def _answer(partition: PartitionState, batch: list[Located]) -> None:
    while isinstance(missing := fold(partition, batch), Missing):
        partition.learn(missing, {}, {}, ())


def main() -> None:
    partition = PartitionState(stage="activity", polls={"tiktok": frozenset({"post", "account"})})
    run(partition, [*definitions(), *publications()], Result())
    run(partition, list(reactions(40_000, seed=7)), Result())
    events = list(reactions(120_000))[40_000:]
    gc.collect()
    result = Result()
    profile = cProfile.Profile() if "--profile" in sys.argv else None
    run(partition, events, result, profile)
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    fold_us, encode_us = (seconds / result.events * 1e6 for seconds in (result.fold, result.encode))
    print(
        f"{result.events:,} events: {1e6 / (fold_us + encode_us):,.0f} events/s (fold {fold_us:.2f} us, "
        f"encode {encode_us:.2f} us, {result.bytes / result.events:,.0f} bytes of state an event)"
    )


if __name__ == "__main__":
    main()
