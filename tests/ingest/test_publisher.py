"""The publisher on a real broker, and the topics it publishes to."""

import asyncio
import time

import pytest
from kafka import KafkaAdminClient

from tests.harness.brokers import Broker
from tests.ingest.doors import publishing
from tracker.ingest.publisher import LARGEST, KafkaUnreachable, Publisher, RecordTooLarge
from tracker.kafka_admin import (
    KafkaDown,
    UnfitTopics,
    check_topics,
    ensure_topics,
    log_id,
    log_ids,
    topic_configs,
    wait_for_kafka,
)
from tracker.topics import STAGES, Topics


async def test_one_key_meets_in_one_partition_in_order(kafka: Broker, topic_prefix: str) -> None:
    async with publishing(kafka.bootstrap, topic_prefix, partitions=4) as publisher:
        placed = [await publisher.publish("inbox", b"same", b"%d" % number, within=5) for number in range(5)]
        assert {at.partition for at in placed} == {placed[0].partition}
        assert [at.offset for at in placed] == [0, 1, 2, 3, 4]
        assert (await publisher.publish("activity", None, b"x", partition=3)).partition == 3


async def test_a_record_at_the_ceiling_is_taken_and_a_larger_one_refused(kafka: Broker, topic_prefix: str) -> None:
    async with publishing(kafka.bootstrap, topic_prefix) as publisher:
        assert (await publisher.publish("inbox", b"k", bytes(LARGEST - 1))).offset == 0
        with pytest.raises(RecordTooLarge) as refused:
            await publisher.publish("inbox", b"k", bytes(LARGEST))
        assert (refused.value.size, refused.value.limit) == (LARGEST + 1, LARGEST)


@pytest.mark.slow
async def test_a_publisher_refuses_at_once_what_would_go_beyond_its_memory() -> None:
    publisher = Publisher("127.0.0.1:1", Topics(), pending_limit=1_000)
    first = asyncio.create_task(publisher.publish("inbox", b"k", bytes(900)))
    await asyncio.sleep(0)
    began = time.monotonic()
    with pytest.raises(KafkaUnreachable, match="901 bytes wait"):
        await publisher.publish("inbox", b"k", bytes(200))
    assert time.monotonic() - began < 0.1
    with pytest.raises(KafkaUnreachable):
        await first
    await publisher.stop()


async def test_a_topic_that_is_gone_is_unreachable_and_no_crash(kafka: Broker, topic_prefix: str) -> None:
    if "Tansu" in kafka.kind:
        pytest.skip("the embedded broker creates every topic that it is asked about")
    async with publishing(kafka.bootstrap, topic_prefix) as publisher:
        publisher.topics = Topics(prefix=f"{topic_prefix}-gone")
        with pytest.raises(KafkaUnreachable):
            await publisher.publish("inbox", b"k", b"v", within=5)


def test_topics_are_created_once_and_keep_their_log_ids(kafka: Broker, topic_prefix: str) -> None:
    topics = Topics(prefix=topic_prefix, partitions=3)
    with pytest.raises(UnfitTopics) as missing:
        check_topics(kafka.bootstrap, topics)
    assert set(missing.value.faults) == {topics.name(stage) for stage in STAGES}
    made = ensure_topics(kafka.bootstrap, topics)
    assert {identity.partitions for identity in made.values()} == {3}
    assert len({identity.log for identity in made.values()}) == len(STAGES)
    assert ensure_topics(kafka.bootstrap, topics) == made == check_topics(kafka.bootstrap, topics)
    inbox = topics.name("inbox")
    assert log_ids(kafka.bootstrap, [inbox, "nosuch"]) == {inbox: made["inbox"].log}


def test_a_recreated_topic_is_another_log(kafka: Broker, topic_prefix: str) -> None:
    topics = Topics(prefix=topic_prefix, partitions=1)
    before = ensure_topics(kafka.bootstrap, topics)
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.delete_topics([topics.name("inbox")])
    until = time.monotonic() + 10
    while topics.name("inbox") in admin.list_topics() and time.monotonic() < until:
        time.sleep(0.05)
    admin.close()
    after = ensure_topics(kafka.bootstrap, topics)
    assert after["inbox"].log != before["inbox"].log
    assert after["activity"].log == before["activity"].log


def test_a_wrong_partition_count_is_refused_with_what_to_do(kafka: Broker, topic_prefix: str) -> None:
    ensure_topics(kafka.bootstrap, Topics(prefix=topic_prefix, partitions=2))
    with pytest.raises(UnfitTopics, match=r"Set topics.partitions to 2") as refused:
        ensure_topics(kafka.bootstrap, Topics(prefix=topic_prefix, partitions=3))
    assert set(refused.value.faults) == {f"{topic_prefix}.{stage}" for stage in STAGES}


@pytest.mark.slow
def test_a_broker_that_is_down_is_waited_for_with_a_countdown() -> None:
    left: list[float] = []
    with pytest.raises(KafkaDown, match=r"TRACKER_KAFKA__BOOTSTRAP") as down:
        wait_for_kafka("127.0.0.1:1", 3, lambda seconds, _: left.append(seconds))
    assert down.value.waited >= 3
    assert left
    assert left == sorted(left, reverse=True)


def test_the_book_is_kept_for_ever_and_the_registry_compacted() -> None:
    for stage in ("inbox", "activity", "commerce", "dead"):
        assert topic_configs(stage)["retention.ms"] == "-1"
    assert topic_configs("registry")["cleanup.policy"] == "compact"
    assert int(topic_configs("touched")["retention.ms"]) > 0


def test_a_broker_without_topic_ids_still_gives_each_topic_a_log_id() -> None:
    zero = "00000000-0000-0000-0000-000000000000"
    assert log_id("a", None, "c") == log_id("a", zero, "c")
    assert len({log_id("a", None, "c"), log_id("b", None, "c"), log_id("a", None, "d")}) == 3
    assert log_id("a", "3639375d-c8f9-4f13-b3a6-2459c0f8ea77", "c") == "Njk3Xcj5TxOzpiRZwPjqdw"
