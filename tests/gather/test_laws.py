"""The laws of gathered facts, over whole histories of all partitions."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from hypothesis import given, settings

from tests.gather.told import PARTITIONS, Told, tell
from tests.strategies import histories
from tracker.domain import events as ev
from tracker.domain.counters import WORD_OF_MOUTH
from tracker.domain.events import METRICS
from tracker.domain.facts import CampaignFacts, PostFacts
from tracker.domain.partition import PartitionState
from tracker.gather import Gatherer
from tracker.store.base import Partition
from tracker.store.memory import MemoryStore

STANDING = ("posts", "posts.live", "posts.removed", "posts.edited", "comment.visible", "followers")
FIELDS = frozenset({*STANDING, *METRICS, *(f"{metric}.known" for metric in METRICS)})


async def gathered_after(history: list[ev.AnyEvent]) -> list[CampaignFacts]:
    store = MemoryStore()
    await tell(store, *history)
    head = await store.open(Partition("activity", 0))
    book = Told(PartitionState(stage="activity", definitions=head.definitions).rules)
    gatherer = Gatherer(store, PARTITIONS, book)
    found = [await gatherer.campaign(campaign) for campaign in sorted(book.rules.campaigns)]
    return [facts for facts in found if facts is not None]


def scopes(post: PostFacts) -> Iterable[str]:
    if post.how == "word_of_mouth":
        return (WORD_OF_MOUTH,)
    return ("", post.creator) if post.creator else ("",)


def summed(posts: Iterable[PostFacts]) -> Counter[tuple[str, str]]:
    """(scope, field) → what the posts given come to; what is zero is absent."""
    sums: Counter[tuple[str, str]] = Counter()
    for post in posts:
        amounts: dict[str, int | None] = dict(zip(METRICS, post.totals, strict=True))
        amounts |= {f"{metric}.known": int(post.total(metric) is not None) for metric in METRICS}
        amounts |= {"posts": 1, "posts.live": int(post.live), "posts.removed": int(not post.live)}
        amounts |= {"posts.edited": int(post.edited), "comment.visible": post.comments[0], "followers": post.followers}
        for scope in scopes(post):
            for field, amount in amounts.items():
                sums[scope, field] += amount or 0
    return +sums


@settings(deadline=None)
@given(histories("activity"))
def test_the_posts_given_add_up_to_every_total(history: list[ev.AnyEvent]) -> None:
    for facts in asyncio.run(gathered_after(history)):
        counted = {
            (scope, field): amount
            for scope, row in facts.totals.items()
            for field, amount in row.items()
            if field in FIELDS
        }
        assert dict(summed(facts.posts())) == counted


@settings(deadline=None)
@given(histories("activity"))
def test_a_post_stands_in_one_list_and_a_normal_one_counts_for_nothing(history: list[ev.AnyEvent]) -> None:
    for facts in asyncio.run(gathered_after(history)):
        places = Counter((post.platform, post.account, post.post) for post in facts.posts())
        assert set(places.values()) <= {1}
        assert all(facts.campaign.id in post.campaigns and post.how for post in facts.posts())
        for creator in facts.creators:
            mine = {(one.platform, one.account) for one in creator.creator.accounts}
            assert all((post.platform, post.account) in mine for post in (*creator.posts, *creator.normal))
            assert {post.creator for post in (*creator.posts, *creator.normal)} <= {creator.creator.id}
            assert all((post.campaigns, post.how) == ((), None) for post in creator.normal)
            normal = Counter((post.platform, post.account, post.post) for post in creator.normal)
            assert set(normal.values()) <= {1}
