"""What a watcher knows of the pipeline, on a real broker and a real Redis."""

from __future__ import annotations

import asyncio
import time

import pytest
from kafka import KafkaProducer

from tests.harness.brokers import Broker
from tracker.definitions.following import Definitions
from tracker.gather import Gatherer
from tracker.kafka_admin import ensure_topics
from tracker.store.held import Hold, Holds
from tracker.store.redis import RedisStore
from tracker.topics import Topics
from tracker.watch.pipeline import Pipeline

PATIENCE_S = 20.0


@pytest.fixture
def topics(kafka: Broker, topic_prefix: str) -> Topics:
    made = Topics(prefix=topic_prefix, partitions=2)
    ensure_topics(kafka.bootstrap, made)
    return made


async def test_lag_dead_letters_and_holds_are_told(kafka: Broker, redis_url: str, topics: Topics) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for stage, count in (("activity", 3), ("dead", 2)):
        for _ in range(count):
            producer.send(topics.name(stage), b"{}", partition=1)  # type: ignore[arg-type]
    producer.flush()
    store = await RedisStore.connect(redis_url, prefix=topics.prefix)
    holds = Holds(store.client, store.address, topics.prefix)
    await holds.tell("youtube", Hold(until=99, reason="quota", at=5))
    await holds.tell("tiktok", Hold(until=7, reason="token", at=6))
    now = int(time.time() * 1000)
    try:
        async with Pipeline(kafka.bootstrap, topics, Gatherer(store, 2, Definitions()), holds) as pipeline:
            async with asyncio.timeout(PATIENCE_S):
                while len((facts := await pipeline.facts((), now)).letters) < 2:  # noqa: ASYNC110 - nothing tells of a letter read
                    await asyncio.sleep(0.05)
            lags = {(each.stage, each.number): each.lag for each in facts.partitions}
            assert lags["activity", 1] is not None
            assert lags["activity", 1] > 0
            assert lags["activity", 0] == lags["commerce", 1] == 0
            assert [(q.platform, q.blocked_until, q.reason) for q in facts.quotas] == [
                ("tiktok", 7, "token"),
                ("youtube", 99, "quota"),
            ]
            producer.send(topics.name("dead"), b"{}", partition=0)
            producer.flush()
            async with asyncio.timeout(PATIENCE_S):
                while len((await pipeline.facts((), now + 60_000)).letters) < 3:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.05)
            assert (await pipeline.facts((), now + 2 * 86_400_000)).letters == (), "those of the last day only"
    finally:
        producer.close()
        await store.close()
