"""Where a log ends, on the broker of the tests and on the embedded one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.harness.brokers import Broker
from tracker.embedded.broker import start_broker
from tracker.kafka_admin import ensure_topics
from tracker.kafka_ends import log_ends
from tracker.topics import Topics


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[str]:
    with start_broker(tmp_path) as broker:
        yield broker.bootstrap


async def ends_after_one_batch_of(records: int, bootstrap: str, prefix: str) -> tuple[int, int]:
    """The end as ListOffsets has it, and as we do."""
    topics = Topics(prefix=prefix, partitions=1)
    ensure_topics(bootstrap, topics)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        batch = producer.create_batch()
        for _ in range(records):
            batch.append(key=None, value=b"x", timestamp=None)
        await (await producer.send_batch(batch, topics.name("inbox"), partition=0))
    partition = TopicPartition(topics.name("inbox"), 0)
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False) as consumer:
        told = (await consumer.end_offsets([partition]))[partition]
        return told, (await log_ends(consumer, [partition]))[partition]


async def test_the_end_of_a_log_is_right_on_the_embedded_broker(embedded: str, topic_prefix: str) -> None:
    told, found = await ends_after_one_batch_of(1000, embedded, topic_prefix)
    assert found == 1000
    assert told != 1000, "the broker tells it right now: tracker.kafka_ends is no longer needed"


async def test_the_end_of_a_log_is_right_on_the_broker_of_the_tests(kafka: Broker, topic_prefix: str) -> None:
    assert (await ends_after_one_batch_of(1000, kafka.bootstrap, topic_prefix))[1] == 1000
