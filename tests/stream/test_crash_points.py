"""Any schedule of batches, crashes, two owners and broken connections gives the recount's numbers.

A crash is an exception at an await of the journey: before or after the store was asked, before or after a letter or an
event was sent, before or after an apply. What was in memory then is gone; another worker goes on from the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tests.strategies import histories
from tests.stream.builders import TOPICS, Logs, Outbox, T, Touched, parts
from tests.stream.orders import like, payload
from tracker.codec import events as codec
from tracker.domain.events import AnyEvent
from tracker.recount import Counters
from tracker.sending import Outgoing, Place
from tracker.store.base import ApplyUnknown, Change, Head, Loaded, Partition
from tracker.store.memory import MemoryStore
from tracker.stream.adapt import Adapter
from tracker.stream.processor import Following, Processor
from tracker.stream.transport import Batch
from tracker_direct.adapter import Direct

Stage = Literal["activity", "commerce"]
Where = Literal[
    "before open",
    "after open",
    "before load",
    "after load",
    "before send",
    "after send",
    "before apply",
    "after apply",
    "apply: unknown, applied",
    "apply: unknown, lost",
]
WHERE: tuple[Where, ...] = Where.__args__  # type: ignore[attr-defined]


class Crash(BaseException):
    """The process is gone."""


class Fate(Struct, frozen=True):
    """What befalls a worker: at the `skip`-th time that it comes to this point."""

    where: Where
    skip: int


class Step(Struct, frozen=True):
    """One worker takes so many records; perhaps it does not get through."""

    worker: Literal[0, 1]
    size: int
    fate: Fate | None = None


class Dooms:
    """Whether a point that is come to is the last one."""

    def __init__(self) -> None:
        self.fate: Fate | None = None
        self._left = 0

    def expect(self, fate: Fate | None) -> None:
        self.fate, self._left = fate, fate.skip if fate else 0

    def at(self, where: Where) -> bool:
        if self.fate is None or self.fate.where != where:
            return False
        self._left -= 1
        if self._left >= 0:
            return False
        self.fate = None
        return True

    def point(self, where: Where) -> None:
        if self.at(where):
            raise Crash(where)


class DoomedStore(MemoryStore):
    """The store as a worker sees it that may die at any time. `shared` is the store itself."""

    def __init__(self, shared: MemoryStore, dooms: Dooms) -> None:
        super().__init__()
        self._rooms = shared._rooms
        self._dooms = dooms

    async def open(self, partition: Partition) -> Head:
        self._dooms.point("before open")
        head = await super().open(partition)
        await asyncio.sleep(0)
        self._dooms.point("after open")
        return head

    async def load(self, partition: Partition, pieces: Collection[str], terms: Collection[str]) -> Loaded:
        self._dooms.point("before load")
        loaded = await super().load(partition, pieces, terms)
        await asyncio.sleep(0)
        self._dooms.point("after load")
        return loaded

    async def apply(self, partition: Partition, change: Change) -> None:
        self._dooms.point("before apply")
        await asyncio.sleep(0)
        if self._dooms.at("apply: unknown, lost"):
            raise ApplyUnknown(partition, change.expected, change.next, "memory", "a test")
        await super().apply(partition, change)
        if self._dooms.at("apply: unknown, applied"):
            raise ApplyUnknown(partition, change.expected, change.next, "memory", "a test")
        self._dooms.point("after apply")


class DoomedOutbox(Outbox):
    """Sends, and may die before or after any record."""

    def __init__(self, logs: Logs, dooms: Dooms) -> None:
        super().__init__(logs)
        self._dooms = dooms

    async def send(self, records: Mapping[Place, Sequence[Outgoing]]) -> None:
        for place, each in records.items():
            for record in each:
                self._dooms.point("before send")
                await super().send({place: [record]})
                await asyncio.sleep(0)
                self._dooms.point("after send")


Stages = Processor | Adapter
Make = Callable[[MemoryStore, Outbox, Callable[[str, int, int], Awaitable[None]]], Stages]


class Worker:
    """One process: it reads from where it was told to, and starts anew when it died."""

    def __init__(self, partition: Partition, logs: Logs, store: MemoryStore, make: Make) -> None:
        self.partition, self.logs = partition, logs
        self.dooms = Dooms()
        self._shared, self._make = store, make
        self._stage: Stages | None = None
        self._at = 0
        self._next: Batch | None = None

    async def step(self, size: int, fate: Fate | None) -> None:
        """Read one batch from where it stands, and die where fate has it. The next one is often there already."""
        self.dooms.expect(fate)
        try:
            stage = self._stage or await self._start()
            batch = self._next if self._next is not None and self._next.first_offset == self._at else self._batch(size)
            if batch is None:
                return
            self._at = batch.next_offset
            self._next = self._batch(size) if size % 3 else None
            if isinstance(stage, Processor):
                following: Following = asyncio.get_running_loop().create_future()
                following.set_result(self._next)
                await stage.process(batch, following)
            else:
                await stage.process(batch)
        except Crash:
            self._stage = None

    def _batch(self, size: int) -> Batch | None:
        """The next records of the log; None at its end."""
        end = min(self._at + size, self.logs.end(self.partition.stage, self.partition.number))  # type: ignore[arg-type]
        if end == self._at:
            return None
        return self.logs.batch(self.partition.stage, self.partition.number, self._at, end)  # type: ignore[arg-type]

    async def finish(self) -> None:
        """Go on undisturbed until the end is counted."""
        end = self.logs.end(self.partition.stage, self.partition.number)  # type: ignore[arg-type]
        for _ in range(10_000):
            if self._stage is not None and isinstance(self._stage, Processor):
                try:
                    await self._stage.settle()
                except Crash:
                    self._stage = None
            if (await self._shared.open(self.partition)).cursor.next_offset >= end:
                return
            if self._at >= end:
                self._stage = None
            await self.step(50, None)
        raise AssertionError("it never comes to the end")

    async def _start(self) -> Stages:
        made = self._make(DoomedStore(self._shared, self.dooms), DoomedOutbox(self.logs, self.dooms), self._rewind)
        self._at = (await made.assign([self.partition]))[self.partition].next_offset
        self._stage = made
        return made

    async def _rewind(self, _topic: str, _partition: int, offset: int) -> None:
        self._at = offset


fates = st.builds(Fate, st.sampled_from(WHERE), st.integers(0, 3))
steps = st.lists(
    st.builds(Step, st.sampled_from((0, 0, 0, 1)), st.integers(1, 12), st.one_of(st.none(), fates)), max_size=25
)


async def lived(partition: Partition, logs: Logs, make: Make, schedule: Sequence[Step]) -> MemoryStore:
    """The store after two workers went through the schedule, and one came to the end."""
    store = MemoryStore()
    workers = [Worker(partition, logs, store, make) for _ in range(2)]
    for step in schedule:
        await workers[step.worker].step(step.size, step.fate)
    await workers[0].finish()
    return store


async def stored(store: MemoryStore, partition: Partition) -> Counters:
    scopes = await store.scopes(partition)
    found = Counters(
        partial={scope: dict(fields) for scope, fields in (await store.partials(partition)).items()},
        minutes={scope: dict(await store.series(partition, scope, unit="minute")) for scope in scopes},
        hours={scope: dict(await store.series(partition, scope, unit="hour")) for scope in scopes},
        fresh={scope: dict(await store.freshness(partition, scope)) for scope in scopes},
    )
    for table in (found.partial, found.minutes, found.hours, found.fresh):
        for scope in [scope for scope, fields in table.items() if not fields]:
            del table[scope]
    return found


async def counts_exactly(stage: Stage, values: Sequence[bytes], schedule: Sequence[Step]) -> None:
    partition, logs = Partition(stage, 0), Logs()
    logs.put(stage, 0, *values)

    def make(store: MemoryStore, outbox: Outbox, rewind: Callable[[str, int, int], Awaitable[None]]) -> Processor:
        return Processor(parts(store, logs, sender=outbox), rewind, Touched())

    found = await stored(await lived(partition, logs, make, schedule), partition)
    expected = logs.recount(stage, 0)
    assert (found.partial, found.minutes) == (expected.partial, expected.minutes)
    assert (found.hours, found.fresh) == (expected.hours, expected.fresh)
    unreadable = {offset for offset, value in enumerate(values) if value == JUNK}
    assert {letter.origin.offset for letter in logs.letters()} == unreadable | {
        each.offset for each in expected.refused
    }


JUNK = b"no event"


@st.composite
def logged(draw: st.DrawFn, stage: Stage) -> list[bytes]:
    """A partition's log as bytes; some records are no events."""
    history: list[AnyEvent] = draw(histories(stage))
    junk = draw(st.sets(st.integers(0, max(0, len(history) - 1)), max_size=3))
    return [JUNK if number in junk else codec.checked(event) for number, event in enumerate(history)]


@settings(deadline=None)
@given(logged("activity"), steps)
def test_any_crash_point_of_the_count_gives_the_recounts_numbers(values: list[bytes], schedule: list[Step]) -> None:
    asyncio.run(counts_exactly("activity", values, schedule))


@settings(deadline=None)
@given(logged("commerce"), steps)
def test_any_crash_point_of_the_count_gives_the_recounts_money(values: list[bytes], schedule: list[Step]) -> None:
    asyncio.run(counts_exactly("commerce", values, schedule))


# One name, so one inbox partition; the accounts go to both partitions of the topic.
payloads = st.lists(
    st.one_of(
        st.lists(
            st.builds(
                like,
                st.integers(0, 50),
                account=st.sampled_from(("a1", "a2", "a3")),
                at=st.integers(0, 500).map(lambda seconds: T + seconds * 1000),
            ),
            max_size=4,
        ).map(lambda facts: payload(*facts)),
        st.just(Outgoing(None, JUNK)),
    ),
    max_size=15,
)


@settings(deadline=None)
@given(payloads, steps)
def test_any_crash_point_of_adapting_gives_the_same_events_once(records: list[Outgoing], schedule: list[Step]) -> None:
    asyncio.run(adapts_exactly(records, schedule))


async def adapts_exactly(records: Sequence[Outgoing], schedule: Sequence[Step]) -> None:
    inbox, logs, calm = (TOPICS.name("inbox"), 0), Logs(), Logs()
    for record in records:
        logs.append(inbox, record)
        calm.append(inbox, record)

    def adapter(into: Logs) -> Make:
        def make(store: MemoryStore, outbox: Outbox, rewind: Callable[[str, int, int], Awaitable[None]]) -> Adapter:
            return Adapter(parts(store, into, sender=outbox), {"direct": Direct()}, rewind)

        return make

    await lived(Partition("inbox", 0), logs, adapter(logs), schedule)
    await lived(Partition("inbox", 0), calm, adapter(calm), [])
    for number in range(TOPICS.partitions):
        # As the count sees them: what is not beyond the highest origin is a duplicate of ours.
        assert once(logs, number) == once(calm, number)
    assert {letter.id for letter in logs.letters()} == {letter.id for letter in calm.letters()}


def once(logs: Logs, number: int) -> list[AnyEvent]:
    found: list[AnyEvent] = []
    highest = (-1, -1)
    for record in logs.records.get((TOPICS.name("activity"), number), []):
        event = codec.decode(record.value or b"")
        mark = (event.data.origin.offset, event.data.origin.index)
        if mark > highest:
            highest = mark
            found.append(event)
    return found
