"""How an installation does, from outside: cursors beside the ends of the logs, rates, dead letters, ages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from tracker.kafka_ends import log_ends
from tracker.store.base import Cursor, Partition, Store
from tracker.topics import Stage, Topics

READ: tuple[Stage, ...] = ("inbox", "activity", "commerce")


class PartitionStatus(Struct, frozen=True, kw_only=True):
    """One partition: where it is counted up to, where its log ends, and what it has seen last.

    `observed_at`: the newest statement counted (ms), None where there was none. `per_second`: records counted, over
    the time between two looks.
    """

    partition: Partition
    cursor: Cursor
    end: int
    observed_at: int | None
    per_second: float

    @property
    def lag(self) -> int:
        return max(0, self.end - self.cursor.next_offset)


class Status(Struct, frozen=True, kw_only=True):
    """One look at everything. `foreign`: partitions whose cursor belongs to another log."""

    view: str
    partitions: Sequence[PartitionStatus]
    dead: int
    foreign: Sequence[Partition]

    @property
    def lag(self) -> int:
        return sum(each.lag for each in self.partitions)


async def look(
    store: Store, bootstrap: str, topics: Topics, logs: Mapping[Stage, str], *, over_seconds: float = 1.0
) -> Status:
    """Look twice, `over_seconds` apart, for the rates."""
    partitions = [Partition(stage, number) for stage in READ for number in range(topics.partitions)]
    before = {partition: (await store.open(partition)).cursor for partition in partitions}
    began = time.monotonic()
    await asyncio.sleep(over_seconds)
    heads = {partition: await store.open(partition) for partition in partitions}
    passed = time.monotonic() - began
    ends, dead = await _ends(bootstrap, topics)
    return Status(
        view=store.view,
        partitions=[
            PartitionStatus(
                partition=partition,
                cursor=head.cursor,
                end=ends[partition],
                observed_at=head.marks.get("observed"),
                per_second=max(0, head.cursor.next_offset - before[partition].next_offset) / passed,
            )
            for partition, head in heads.items()
        ],
        dead=dead,
        foreign=[
            partition for partition, head in heads.items() if head.cursor.log not in ("", _log(logs, partition.stage))
        ],
    )


async def _ends(bootstrap: str, topics: Topics) -> tuple[dict[Partition, int], int]:
    stages: tuple[Stage, ...] = (*READ, "dead")
    asked = {
        TopicPartition(topics.name(stage), number): Partition(stage, number)
        for stage in stages
        for number in range(topics.partitions)
    }
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False) as consumer:
        found = await log_ends(consumer, asked)
    ends = {asked[at]: end for at, end in found.items()}
    return ends, sum(end for partition, end in ends.items() if partition.stage == "dead")


def _log(logs: Mapping[Stage, str], stage: str) -> str | None:
    return next((log for name, log in logs.items() if name == stage), None)
