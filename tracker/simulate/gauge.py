"""Reading the tracker from outside, as anybody could: totals and partials in Redis, cursors beside Kafka's ends."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from tracker.store.base import Partition, Scope
from tracker.store.redis import RedisStore
from tracker.topics import Stage, Topics

LOOK_S = 0.2
COUNTED: tuple[Stage, ...] = ("inbox", "activity", "commerce")


class Reading(Struct, frozen=True):
    """One look. `counted`, `lag`: records behind and ahead of the cursors. `ends`: records ever written, by stage."""

    totals: dict[Scope, dict[str, int]]
    counted: int
    lag: int
    ends: dict[Stage, int]


class Counted:
    """Whether all that stood in the inbox when this was made is counted. Once it is so, it stays so."""

    def __init__(self, gauge: Gauge, inbox: Mapping[Partition, int]) -> None:
        self._gauge, self._ends, self._is_adapted = gauge, inbox, False

    @classmethod
    async def mark(cls, gauge: Gauge) -> Counted:
        return cls(gauge, await gauge.ends("inbox"))

    async def __call__(self) -> bool:
        if not await self._gauge.have_passed(self._ends):
            return False
        if self._is_adapted:
            return True
        # What the inbox became stands in the canonical topics by now: their ends hold it.
        self._is_adapted, self._ends = True, await self._gauge.ends("activity", "commerce")
        return await self._gauge.have_passed(self._ends)


class FirstMove:
    """When the first counter of any campaign moved: `after` so many seconds of the demo; None: none has yet."""

    def __init__(self, gauge: Gauge, began: float, tell: Callable[[str], None]) -> None:
        self._gauge, self._began, self._tell = gauge, began, tell
        self.after: float | None = None

    async def watch(self) -> None:
        """Look until it is so."""
        while not await self._has_moved():  # noqa: ASYNC110 - Redis sends no event
            await asyncio.sleep(LOOK_S)
        self.after = time.monotonic() - self._began
        self._tell(f"The first counter moved {self.after:.1f} s after the start.")

    async def _has_moved(self) -> bool:
        return any(value > 0 for fields in (await self._gauge.totals()).values() for value in fields.values())


class Gauge:
    """Reads until it is closed. `campaigns` are those whose totals are wanted."""

    def __init__(self, store: RedisStore, consumer: AIOKafkaConsumer, topics: Topics, campaigns: Sequence[str]) -> None:
        self._store, self._consumer, self._topics, self._campaigns = store, consumer, topics, campaigns

    @property
    def store(self) -> RedisStore:
        """What is read."""
        return self._store

    @classmethod
    async def open(cls, url: str, bootstrap: str, topics: Topics, campaigns: Sequence[str]) -> Gauge:
        """Connect to both."""
        store = await RedisStore.connect(url)
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
        await consumer.start()
        return cls(store, consumer, topics, campaigns)

    async def close(self) -> None:
        await self._consumer.stop()
        await self._store.close()

    async def read(self) -> Reading:
        """Totals, lag and ends now."""
        ends = await self._ends((*COUNTED, "dead"))
        counted = lag = 0
        for partition, end in ends.items():
            if partition.stage in COUNTED:
                head = await self._store.open(partition)
                counted += head.cursor.next_offset
                lag += max(0, end - head.cursor.next_offset)
        return Reading(totals=await self.totals(), counted=counted, lag=lag, ends=_by_stage(ends))

    async def have_passed(self, ends: Mapping[Partition, int]) -> bool:
        """Whether the cursors have passed these ends of logs."""
        for partition, end in ends.items():
            if (await self._store.open(partition)).cursor.next_offset < end:
                return False
        return True

    async def ends(self, *stages: Stage) -> dict[Partition, int]:
        """Where the logs of these stages end now."""
        return await self._ends(stages)

    async def totals(self) -> dict[Scope, dict[str, int]]:
        """The totals as the view has them."""
        found: dict[Scope, dict[str, int]] = {}
        for campaign in self._campaigns:
            for scope, fields in (await self._store.totals(campaign)).items():
                found[scope] = dict(fields)
        return found

    async def partial_sums(self) -> dict[Scope, Counter[str]]:
        """What the totals must be: the sum of all partials."""
        sums: dict[Scope, Counter[str]] = {}
        for stage in ("activity", "commerce"):
            for number in range(self._topics.partitions):
                for scope, fields in (await self._store.partials(Partition(stage, number))).items():
                    sums.setdefault(scope, Counter()).update(fields)
        return sums

    async def _ends(self, stages: Sequence[Stage]) -> dict[Partition, int]:
        numbered = {
            TopicPartition(self._topics.name(stage), number): Partition(stage, number)
            for stage in stages
            for number in range(self._topics.partitions)
        }
        ends = await self._consumer.end_offsets(list(numbered))
        return {numbered[at]: end for at, end in ends.items()}


def _by_stage(ends: dict[Partition, int]) -> dict[Stage, int]:
    sums: Counter[Stage] = Counter()
    for partition, end in ends.items():
        sums[partition.stage] += end  # type: ignore[index]
    return dict(sums)
