"""The next batch is prepared while this one is on its way; what is counted does not change by it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from tests.stream.builders import GLOW, Logs, Rewinds, T, Touched, defined, liked, parts
from tracker.codec import events as codec
from tracker.domain import events as ev
from tracker.domain.counters import Scope
from tracker.store.base import Partition
from tracker.store.memory import MemoryStore
from tracker.stream.processor import Following, Processor

P = Partition("activity", 0)


def added(reaction: str, at: int) -> bytes:
    fact = ev.ReactionAdded(
        platform="instagram", account="a1", post="p1", observed_at=at, reaction=reaction, metric="shares"
    )
    return codec.checked(ev.wrap(fact, id=f"{reaction}-{at}", source="webhook"))


async def counted(values: Sequence[bytes], cuts: Sequence[int]) -> tuple[MemoryStore, Logs]:
    """The store after all batches, cut at `cuts`, were counted, each there before the one before it is."""
    logs, store = Logs(), MemoryStore()
    logs.put("activity", 0, *values)
    edges = [0, *cuts, len(values)]

    batches = [logs.batch("activity", 0, start, end) for start, end in pairwise(edges)]
    processor = Processor(parts(store, logs), Rewinds(), Touched())
    await processor.assign([P])
    for batch, after in zip(batches, [*batches[1:], None], strict=True):
        following: Following = asyncio.get_running_loop().create_future()
        following.set_result(after)
        await processor.process(batch, following)
    await processor.settle()
    return store, logs


async def test_an_increment_that_comes_again_in_the_very_next_batch_counts_once() -> None:
    first, again = added("r1", T), added("r1", T + 1)
    store, _ = await counted([*defined(*GLOW), liked(5), first, again], [4, 5])
    assert (await store.partial(P, Scope("glow")))["shares"] == 1


async def test_a_post_first_seen_in_one_batch_is_known_in_the_next() -> None:
    store, logs = await counted([*defined(*GLOW), liked(5), liked(9, at=T + 1), b"no event", added("r2", T)], [3, 4, 5])
    assert (await store.partial(P, Scope("glow")))["likes"] == 9
    assert (await store.partial(P, Scope("glow")))["posts"] == 1
    assert [letter.origin.offset for letter in logs.letters()] == [5]
    assert (await store.open(P)).cursor.next_offset == 7
