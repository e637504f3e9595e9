"""The view: a campaign's totals are the sums of its partials, whoever touched what and how often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from tests.stream.builders import TOPICS, Kept, Logs, Outbox
from tracker.domain.counters import Scope
from tracker.sending import partition_of
from tracker.store.base import Change, Cursor, Partition
from tracker.store.memory import MemoryStore
from tracker.stream.transport import Batch
from tracker.stream.view import Touches, View

GLOW, MIO = Scope("glow", ""), Scope("glow", "mio")
A0, A1, C0 = Partition("activity", 0), Partition("activity", 1), Partition("commerce", 0)
MINE = partition_of(b"glow", TOPICS.partitions)


class SlowStore(MemoryStore):
    """Waits before each total is written until `go`, and remembers every writing."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.go.set()
        self.reached = asyncio.Event()
        self.written: list[str] = []

    async def write_totals(self, campaign: str, totals: Mapping[Scope, Mapping[str, int]]) -> None:
        self.reached.set()
        await self.go.wait()
        await super().write_totals(campaign, totals)
        self.written.append(campaign)


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


async def add(store: MemoryStore, partition: Partition, scope: Scope, **amounts: int) -> None:
    cursor = (await store.open(partition)).cursor
    after = Cursor(cursor.next_offset + 1, "log")
    await store.apply(partition, Change(expected=cursor, next=after, increments={scope: dict(amounts)}))


def view(store: MemoryStore, *, debounce_ms: int = 0) -> View:
    return View(store, TOPICS, debounce_ms=debounce_ms)


async def test_a_total_is_the_sum_of_all_partials_scope_by_scope(store: SlowStore) -> None:
    await add(store, A0, GLOW, likes=5, posts=1)
    await add(store, A1, GLOW, likes=2)
    await add(store, C0, GLOW, clicks=3)
    await add(store, A1, MIO, likes=2)
    await view(store).merge({"glow"})
    assert await store.totals("glow") == {GLOW: {"likes": 7, "posts": 1, "clicks": 3}, MIO: {"likes": 2}}


async def test_merging_again_overwrites_and_adds_nothing(store: SlowStore) -> None:
    await add(store, A0, GLOW, likes=5)
    for _ in range(3):
        await view(store).merge({"glow"})
    await add(store, A0, GLOW, likes=-2)
    await view(store).merge({"glow"})
    assert await store.totals("glow") == {GLOW: {"likes": 3}}


async def test_an_assignment_merges_the_campaigns_whose_touches_come_here_and_no_others(store: SlowStore) -> None:
    await add(store, A0, GLOW, likes=5)
    for touched, merged in (([1 - MINE], []), ([MINE], ["glow"])):
        made = view(store)
        await made.assign(touched)
        await settled(made)
        assert store.written == merged


async def settled(made: View) -> None:
    """Run it until nothing waits to be merged."""
    running = asyncio.create_task(made.run())
    async with asyncio.timeout(5):
        while made._waiting:  # noqa: ASYNC110
            await asyncio.sleep(0)
        async with made._turn:
            running.cancel()


async def test_many_touches_are_one_merge(store: SlowStore) -> None:
    await add(store, A0, GLOW, likes=5)
    made = view(store, debounce_ms=10)
    await made.read(touches(b"glow", b"glow", b"glow"))
    await settled(made)
    assert store.written == ["glow"]


async def test_what_is_touched_while_it_waits_is_merged_once_more(store: SlowStore) -> None:
    await add(store, A0, GLOW, likes=5)
    made = view(store, debounce_ms=10)
    running = asyncio.create_task(made.run())
    await made.read(touches(b"glow"))
    await until(lambda: store.written == ["glow"])
    await add(store, A0, GLOW, likes=1)
    await made.read(touches(b"glow"))
    await until(lambda: store.written == ["glow", "glow"])
    running.cancel()
    assert await store.totals("glow") == {GLOW: {"likes": 6}}


async def test_a_touch_that_names_no_campaign_is_passed_over(store: SlowStore) -> None:
    await add(store, A0, GLOW, likes=5)
    made = view(store)
    await made.read(touches(b"\xff\xfe", b"no such", b"", b"glow"))
    await settled(made)
    assert store.written == ["glow"]


async def test_a_merge_begun_before_an_assignment_is_over_when_it_returns(store: SlowStore) -> None:
    await add(store, A0, GLOW, likes=5)
    made = view(store)
    running = asyncio.create_task(made.run())
    store.go.clear()
    await made.read(touches(b"glow"))
    await store.reached.wait()
    assigning = asyncio.create_task(made.assign([1 - MINE]))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not assigning.done()
    store.go.set()
    await assigning
    assert store.written == ["glow"]
    running.cancel()


async def test_touches_are_gathered_and_announced_by_campaign() -> None:
    logs = Logs()
    made = Touches(TOPICS, Outbox(logs))
    made.add(A0, {"glow", "aqua"})
    made.add(A1, {"glow"})
    made.add(A1, set())
    running = asyncio.create_task(made.run())
    await until(lambda: bool(logs.records))
    running.cancel()
    told = {record.key: record.value for records in logs.records.values() for record in records}
    assert told == {b"glow": b'{"partition":"activity[1]"}', b"aqua": b'{"partition":"activity[0]"}'}


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not happened():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def touches(*keys: bytes) -> AsyncIterator[Batch]:
    topic = TOPICS.name("touched")
    records = [Kept(topic, 0, number, b"{}", key) for number, key in enumerate(keys)]
    yield Batch(topic=topic, partition=0, first_offset=0, next_offset=len(records), records=records)
