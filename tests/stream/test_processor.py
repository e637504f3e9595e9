"""Counting: what a batch does to its partition, and what is done when the store does not agree."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Literal

import pytest

from tests.stream.builders import GLOW, LOGS, TOPICS, Logs, Rewinds, T, Touched, defined, liked, parts
from tracker.domain.counters import Scope
from tracker.store.base import ApplyUnknown, Change, Cursor, Loaded, Partition, StoreUnreachable
from tracker.store.memory import MemoryStore
from tracker.stream.cursors import LogChanged
from tracker.stream.letters import TooManyDeadLetters
from tracker.stream.processor import Processor, trim

P = Partition("activity", 0)
TOPIC = TOPICS.name("activity")
CAMPAIGN = Scope("glow", "")
Fate = Literal["well", "applied, unknown", "lost, unknown", "down"]


class FickleStore(MemoryStore):
    """A store whose connection breaks at the next applies, as `fates` say."""

    def __init__(self) -> None:
        super().__init__()
        self.fates: list[Fate] = []
        self.loads = 0

    async def load(self, partition: Partition, pieces: Collection[str], terms: Collection[str]) -> Loaded:
        self.loads += 1
        return await super().load(partition, pieces, terms)

    async def apply(self, partition: Partition, change: Change) -> None:
        fate = self.fates.pop(0) if self.fates else "well"
        if fate == "down":
            raise StoreUnreachable("memory", "a test")
        if fate in ("well", "applied, unknown"):
            await super().apply(partition, change)
        if fate != "well":
            raise ApplyUnknown(partition, change.expected, change.next, "memory", "a test")


class Bench:
    """A processor over a store in memory, with everything that it says."""

    def __init__(self, *, dead_limit: int = 1_000) -> None:
        self.store = FickleStore()
        self.logs = Logs()
        self.rewinds, self.touched = Rewinds(), Touched()
        self.processor = Processor(parts(self.store, self.logs, dead_limit=dead_limit), self.rewinds, self.touched)

    async def take_over(self) -> Cursor:
        return (await self.processor.assign([P]))[P]

    async def count(self, start: int, end: int | None = None) -> None:
        end = self.logs.end("activity", 0) if end is None else end
        await self.processor.process(self.logs.batch("activity", 0, start, end))

    async def likes(self) -> int | None:
        await self.processor.settle()
        return (await self.store.partial(P, CAMPAIGN)).get("likes")

    async def cursor(self) -> int:
        return (await self.store.open(P)).cursor.next_offset


@pytest.fixture
async def bench() -> Bench:
    made = Bench()
    made.logs.put("activity", 0, *defined(*GLOW), liked(5), liked(7, at=T + 1))
    await made.take_over()
    return made


async def test_a_batch_moves_the_cursor_and_the_counters_together(bench: Bench) -> None:
    await bench.count(0)
    assert await bench.likes() == 7
    assert (await bench.store.open(P)).cursor == Cursor(5, LOGS["activity"])
    assert bench.touched.told[-1] == (P, {"glow"})


async def test_what_is_before_the_cursor_is_not_counted_again(bench: Bench) -> None:
    bench.logs.put("activity", 0, liked(2, post="p2"))
    await bench.count(0, 5)
    await bench.count(3, 6)
    assert await bench.likes() == 9
    assert bench.processor.counted == 6


async def test_a_batch_wholly_before_the_cursor_changes_nothing(bench: Bench) -> None:
    await bench.count(0)
    await bench.count(0)
    assert await bench.likes() == 7
    assert bench.processor.counted == 5
    assert bench.rewinds.asked == []


async def test_a_gap_is_read_again_from_the_cursor_and_asked_for_once(bench: Bench) -> None:
    await bench.count(0, 3)
    await bench.count(4, 5)
    await bench.count(4, 5)
    assert bench.rewinds.asked == [(TOPIC, 0, 3)]
    await bench.count(3, 5)
    assert await bench.likes() == 7


async def test_a_hole_of_the_log_is_stepped_over(bench: Bench) -> None:
    """The transport says from where to where a batch stands for; the records may be fewer."""
    await bench.count(0, 9)
    await bench.processor.settle()
    assert await bench.cursor() == 9


async def test_a_batch_of_a_partition_that_is_not_ours_is_left_alone(bench: Bench) -> None:
    await bench.processor.assign([Partition("activity", 1)])
    await bench.count(0)
    assert await bench.likes() is None
    assert await bench.cursor() == 0


async def test_a_stale_cursor_makes_it_start_over_from_the_stores(bench: Bench) -> None:
    """Another worker has the partition too and was faster."""
    other = Processor(parts(bench.store, bench.logs), Rewinds(), Touched())
    await other.assign([P])
    await other.process(bench.logs.batch("activity", 0, 0, 4))
    await other.settle()
    await bench.count(0)
    bench.logs.put("activity", 0, liked(1, post="p2"))
    await bench.count(5, 6)
    assert bench.rewinds.asked == [(TOPIC, 0, 4)]
    assert await bench.likes() == 5
    await bench.count(4, 6)
    assert await bench.likes() == 8


@pytest.mark.parametrize("fate", ["applied, unknown", "lost, unknown"])
async def test_after_an_apply_of_unknown_outcome_the_stores_cursor_tells(bench: Bench, fate: Fate) -> None:
    bench.store.fates = [fate]
    await bench.count(0, 4)
    await bench.count(4, 5)
    at = 4 if fate == "applied, unknown" else 0
    assert bench.rewinds.asked == [(TOPIC, 0, at)]
    await bench.count(at, 5)
    assert await bench.likes() == 7


async def test_an_apply_that_fails_while_nothing_more_comes_is_noticed(bench: Bench) -> None:
    watching = asyncio.create_task(bench.processor.watch())
    bench.store.fates = ["lost, unknown"]
    await bench.count(0)
    async with asyncio.timeout(5):
        while not bench.rewinds.asked:  # noqa: ASYNC110
            await asyncio.sleep(0)
    watching.cancel()
    assert bench.rewinds.asked == [(TOPIC, 0, 0)]
    await bench.count(0)
    assert await bench.likes() == 7


async def test_a_store_that_went_away_while_idle_ends_the_watch(bench: Bench) -> None:
    watching = asyncio.create_task(bench.processor.watch())
    bench.store.fates = ["down"]
    await bench.count(0)
    with pytest.raises(StoreUnreachable):
        async with asyncio.timeout(5):
            await watching


async def test_a_store_that_lost_its_last_writes_is_noticed_while_all_is_idle(bench: Bench) -> None:
    await bench.count(0, 4)
    async with asyncio.timeout(5):
        while await bench.cursor() != 4:  # noqa: ASYNC110
            await asyncio.sleep(0)
    bench.store._rooms = {}
    await bench.processor.check()
    assert bench.rewinds.asked == [(TOPIC, 0, 0)]
    await bench.count(0)
    assert await bench.likes() == 7


async def test_a_check_of_what_is_in_order_changes_nothing(bench: Bench) -> None:
    await bench.count(0)
    await bench.processor.settle()
    await bench.processor.check()
    assert bench.rewinds.asked == []
    assert await bench.likes() == 7


async def test_a_record_that_is_no_event_becomes_a_letter_and_the_rest_is_counted(bench: Bench) -> None:
    bench.logs.put("activity", 0, b"no event", liked(3, post="p2"))
    await bench.count(0)
    assert await bench.likes() == 10
    (letter,) = bench.logs.letters()
    assert (letter.origin.topic, letter.origin.partition, letter.origin.offset) == (TOPIC, 0, 5)
    assert (letter.origin.log, letter.origin.refused_by, letter.value) == (LOGS["activity"], "count", b"no event")


async def test_an_event_that_the_count_refuses_becomes_a_letter(bench: Bench) -> None:
    """An order reported again with another amount cannot be the same order."""
    from tests.stream.orders import order

    commerce = Partition("commerce", 0)
    await bench.processor.assign([commerce])
    bench.logs.put("commerce", 0, order(100), order(100), order(250))
    await bench.processor.process(bench.logs.batch("commerce", 0, 0, 3))
    await bench.processor.settle()
    (letter,) = bench.logs.letters()
    assert (letter.origin.stage, letter.origin.offset) == ("commerce", 2)
    assert "100" in letter.origin.reason


async def test_a_burst_of_bad_records_stops_it_with_nothing_applied_and_nothing_written() -> None:
    bench = Bench(dead_limit=3)
    bench.logs.put("activity", 0, *defined(*GLOW), liked(5), *[b"bad"] * 4)
    await bench.take_over()
    with pytest.raises(TooManyDeadLetters) as stopped:
        await bench.count(0)
    assert (stopped.value.count, stopped.value.example.origin.offset) == (4, 7)
    assert bench.logs.letters() == []
    assert await bench.likes() is None
    assert await bench.cursor() == 0


async def test_a_log_that_is_another_one_is_refused_before_anything_is_read(bench: Bench) -> None:
    await bench.store.apply(P, Change(expected=Cursor(), next=Cursor(4, "the log before")))
    with pytest.raises(LogChanged) as stopped:
        await bench.take_over()
    assert (stopped.value.partition, stopped.value.log) == (P, LOGS["activity"])


async def test_what_is_in_memory_stays_over_a_rebalance_that_gives_the_partition_back(bench: Bench) -> None:
    await bench.count(0, 4)
    loads = bench.store.loads
    assert (await bench.take_over()).next_offset == 4
    await bench.count(4)
    assert await bench.likes() == 7
    assert bench.store.loads == loads


async def test_what_another_worker_counted_meanwhile_replaces_what_is_in_memory(bench: Bench) -> None:
    await bench.count(0, 4)
    await bench.processor.assign([])
    other = Processor(parts(bench.store, bench.logs), Rewinds(), Touched())
    at = (await other.assign([P]))[P].next_offset
    await other.process(bench.logs.batch("activity", 0, at, 5))
    await other.settle()
    assert (await bench.take_over()).next_offset == 5
    bench.logs.put("activity", 0, liked(1, at=T + 2))
    await bench.count(5)
    assert await bench.likes() == 1


async def test_an_assignment_announces_every_campaign_it_takes_over(bench: Bench) -> None:
    await bench.count(0)
    await bench.processor.settle()
    touched = Touched()
    await Processor(parts(bench.store, bench.logs), Rewinds(), touched).assign([P])
    assert touched.told == [(P, {"glow"})]


async def test_an_assignment_waits_for_the_apply_under_way(bench: Bench) -> None:
    await bench.count(0)
    assert await bench.take_over() == Cursor(5, LOGS["activity"])


def test_trimming_leaves_what_is_not_counted_yet() -> None:
    logs = Logs()
    logs.put("activity", 0, b"0", b"1", b"2")
    batch = logs.batch("activity", 0, 0, 3)
    assert [record.offset for record in trim(batch, Cursor(2))] == [2]
    assert [record.offset for record in trim(batch, Cursor(0))] == [0, 1, 2]
    assert trim(batch, Cursor(3)) == []


async def test_a_partition_whose_last_apply_was_lost_is_forgotten_when_the_worker_settles(bench: Bench) -> None:
    bench.store.fates = ["lost, unknown"]
    await bench.count(0)
    await bench.processor.settle()
    assert bench.processor.cursors() == {}
    assert (await bench.take_over()).next_offset == 0
    await bench.count(0)
    assert await bench.likes() == 7
