"""The next batch is prepared while this one is on its way; what is counted does not change by it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from tests.stream.builders import GLOW, Logs, Rewinds, T, Touched, defined, liked, parts
from tracker.codec import events as codec
from tracker.domain import events as ev
from tracker.domain.counters import Scope
from tracker.store.base import Partition
from tracker.store.memory import MemoryStore
from tracker.stream.processor import Processor
from tracker.stream.transport import Batch

P = Partition("activity", 0)


def added(reaction: str, at: int) -> bytes:
    fact = ev.ReactionAdded(
        platform="instagram", account="a1", post="p1", observed_at=at, reaction=reaction, metric="shares"
    )
    return codec.checked(ev.wrap(fact, id=f"{reaction}-{at}", source="webhook"))


async def counted(values: Sequence[bytes], cuts: Sequence[int]) -> tuple[MemoryStore, Logs]:
    """The store after all batches, cut at `cuts`, went through `run`, each ready before the one before is done."""
    logs, store = Logs(), MemoryStore()
    logs.put("activity", 0, *values)
    edges = [0, *cuts, len(values)]

    async def batches() -> AsyncIterator[Batch]:
        for start, end in zip(edges, edges[1:], strict=False):
            yield logs.batch("activity", 0, start, end)

    processor = Processor(parts(store, logs), Rewinds(), Touched())
    await processor.assign([P])
    await processor.run(batches())
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
