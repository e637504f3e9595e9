"""An installation looked at from outside: cursors beside the ends of the logs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.harness.brokers import Broker
from tracker.ingest.publisher import Publisher
from tracker.kafka_admin import ensure_topics
from tracker.status import READ, PartitionStatus, Status, look
from tracker.store.base import Change, Cursor, Partition
from tracker.store.memory import MemoryStore
from tracker.topics import Stage, Topics


@pytest.fixture
def topics(topic_prefix: str) -> Topics:
    return Topics(prefix=topic_prefix, partitions=2)


@pytest.fixture
def logs(kafka: Broker, topics: Topics) -> dict[Stage, str]:
    return {stage: identity.log for stage, identity in ensure_topics(kafka.bootstrap, topics).items()}


@pytest.fixture
async def publisher(kafka: Broker, topics: Topics, logs: dict[Stage, str]) -> AsyncIterator[Publisher]:
    publisher = Publisher(kafka.bootstrap, topics)
    await publisher.start()
    yield publisher
    await publisher.stop()


async def seen(kafka: Broker, topics: Topics, logs: dict[Stage, str], store: MemoryStore) -> Status:
    return await look(store, kafka.bootstrap, topics, logs, over_seconds=0.0)


def of(status: Status, partition: Partition) -> PartitionStatus:
    (found,) = [each for each in status.partitions if each.partition == partition]
    return found


async def test_a_new_installation_is_not_behind(kafka: Broker, topics: Topics, logs: dict[Stage, str]) -> None:
    status = await seen(kafka, topics, logs, MemoryStore())
    assert {each.partition for each in status.partitions} == {Partition(stage, n) for stage in READ for n in (0, 1)}
    assert (status.lag, status.dead, list(status.foreign)) == (0, 0, [])
    assert {each.observed_at for each in status.partitions} == {None}


async def test_lag_is_what_the_log_holds_beyond_the_cursor(
    kafka: Broker, topics: Topics, logs: dict[Stage, str], publisher: Publisher
) -> None:
    for _ in range(3):
        await publisher.publish("activity", b"key", b"value", partition=1)
    await publisher.publish("dead", b"key", b"value", partition=0)
    store, partition = MemoryStore(), Partition("activity", 1)
    start = (await store.open(partition)).cursor
    counted = Cursor(next_offset=1, log=logs["activity"])
    await store.apply(partition, Change(expected=start, next=counted, marks={"observed": 1_234}))
    status = await seen(kafka, topics, logs, store)
    assert (of(status, partition).lag, of(status, partition).end, status.lag, status.dead) == (2, 3, 2, 1)
    assert of(status, partition).observed_at == 1_234
    assert list(status.foreign) == []


async def test_a_cursor_of_another_log_is_named(kafka: Broker, topics: Topics, logs: dict[Stage, str]) -> None:
    store, partition = MemoryStore(), Partition("commerce", 0)
    start = (await store.open(partition)).cursor
    await store.apply(partition, Change(expected=start, next=Cursor(next_offset=9, log="another")))
    status = await seen(kafka, topics, logs, store)
    assert list(status.foreign) == [partition]
    assert of(status, partition).lag == 0
