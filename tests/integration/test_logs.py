"""A topic that is another one than the one that was counted: the worker stops, says so, and has applied nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import closing

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.harness.brokers import wants_real_kafka
from tests.integration.harness import Installation, Load
from tests.integration.harness.load import T
from tracker.domain.counters import Scope
from tracker.embedded.process import Child
from tracker.kafka_admin import UnfitTopics, ensure_topics
from tracker.sending import Sender
from tracker.store.base import Cursor, Partition

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

Stored = dict[Partition, tuple[Cursor, Mapping[Scope, Mapping[str, int]]]]


@pytest.mark.skipif(not wants_real_kafka(), reason="the embedded broker gives topics no ids: it cannot tell them apart")
async def test_a_topic_that_was_created_anew_stops_a_running_worker_and_the_next_one(
    installation: Installation,
) -> None:
    load = Load(10, installation.topics)
    await installation.apply(load.definitions(), at=T)
    worker = installation.start("worker", "worker")
    try:
        await produce(installation, load)
        await installation.drained(said=worker.tail)
        before = await stored(installation)
        await asyncio.to_thread(recreate, installation, installation.topics.name("activity"))
        # More than was there: an offset alone would not show that these are other records.
        for _ in range(4):
            await produce(installation, load)
        assert await ended(worker) != 0
        again = installation.start("again", "worker")
        assert await ended(again) != 0
        assert "it was deleted and created anew" in again.tail(40)
        assert "Nothing was applied" in again.tail(40)
    finally:
        worker.stop()
    after = await stored(installation)
    for number in range(installation.topics.partitions):
        assert after[Partition("activity", number)] == before[Partition("activity", number)]


async def produce(installation: Installation, load: Load) -> None:
    async with Sender(installation.settings.kafka.bootstrap) as sender:
        await sender.send(load.chunk(400, 0))


async def ended(worker: Child) -> int:
    return await asyncio.to_thread(worker.wait, 90)


async def stored(installation: Installation) -> Stored:
    async with installation.store() as store:
        return {
            partition: ((await store.open(partition)).cursor, await store.partials(partition))
            for partition in await installation.cursors(store)
        }


def recreate(installation: Installation, topic: str) -> None:
    bootstrap = installation.settings.kafka.bootstrap
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.delete_topics([topic])
    for _ in range(100):
        try:
            ensure_topics(bootstrap, installation.topics)
        except (UnfitTopics, KafkaError):
            continue  # the deletion is still under way
        return
    raise AssertionError(f"{topic} could not be created again")
