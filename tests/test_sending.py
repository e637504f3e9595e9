"""Sending to a real broker: whole lists, in order, acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.harness.brokers import Broker
from tracker.kafka_admin import ensure_topics
from tracker.sending import NotSent, Outgoing, Sender, partition_of
from tracker.topics import MAX_RECORD_BYTES, Topics


@pytest.fixture
async def topics(kafka: Broker, topic_prefix: str) -> Topics:
    made = Topics(prefix=topic_prefix, partitions=2)
    await asyncio.to_thread(ensure_topics, kafka.bootstrap, made)
    return made


@pytest.fixture
async def sender(kafka: Broker) -> AsyncIterator[Sender]:
    async with Sender(kafka.bootstrap) as made:
        yield made


async def read(kafka: Broker, place: tuple[str, int], count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", max_partition_fetch_bytes=MAX_RECORD_BYTES
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(*place)])
        async with asyncio.timeout(30):
            return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_what_is_sent_in_one_list_stands_in_its_order_over_many_batches(
    kafka: Broker, topics: Topics, sender: Sender
) -> None:
    first, second = (topics.name("activity"), 0), (topics.name("activity"), 1)
    # More than two batches for one partition; records of another go beside them.
    large = [Outgoing(b"k", b"%06d" % number + b"x" * 400_000) for number in range(45)]
    await sender.send({first: large, second: [Outgoing(None, b"one")]})
    await sender.send({first: [Outgoing(b"k", b"last")]})
    values = await read(kafka, first, 46)
    assert [value[:6] for value in values] == [*(b"%06d" % number for number in range(45)), b"last"]
    assert await read(kafka, second, 1) == [b"one"]


async def test_a_record_as_large_as_any_payload_goes_through_and_a_larger_one_is_refused_by_name(
    kafka: Broker, topics: Topics, sender: Sender
) -> None:
    place = (topics.name("dead"), 1)
    await sender.send({place: [Outgoing(None, b"x" * (MAX_RECORD_BYTES - 1_024), [("dead", b"y" * 600)])]})
    assert len((await read(kafka, place, 1))[0]) == MAX_RECORD_BYTES - 1_024
    with pytest.raises(NotSent) as refused:
        await sender.send({place: [Outgoing(None, b"x" * (MAX_RECORD_BYTES + 1))]})
    assert (refused.value.place, refused.value.records) == (place, 1)


async def test_nothing_to_send_is_sent_at_once(sender: Sender) -> None:
    await sender.send({})


def test_keys_go_where_kafkas_own_clients_put_them() -> None:
    """From the vectors of Kafka's own UtilsTest.testMurmur2, made non-negative, as its default partitioner does."""
    murmur2 = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    for key, hash_ in murmur2.items():
        assert partition_of(key, 7) == (hash_ & 0x7FFFFFFF) % 7
