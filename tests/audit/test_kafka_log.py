"""The log as Kafka holds it. All data is synthetic."""

from __future__ import annotations

import pytest
from kafka import KafkaProducer

from tests.audit.logs import MemoryLog, count, merge
from tests.harness.brokers import Broker
from tracker.audit import AuditImpossible, KafkaLog, LogUnreadable, audit
from tracker.codec.events import encode
from tracker.domain import events as ev
from tracker.kafka_admin import ensure_topics
from tracker.store.base import Partition
from tracker.store.memory import MemoryStore
from tracker.topics import Topics

MONEY = Partition("commerce", 1)


@pytest.fixture
def topics(kafka: Broker, topic_prefix: str) -> Topics:
    made = Topics(prefix=topic_prefix, partitions=2)
    ensure_topics(kafka.bootstrap, made)
    return made


@pytest.fixture
def values(kafka: Broker, topics: Topics) -> list[bytes]:
    """Two thousand five hundred clicks, written to commerce[1]."""
    facts = [ev.LinkClicked(platform="direct", observed_at=at, click=f"c{at}", link="l") for at in range(2_500)]
    written = [encode(ev.wrap(fact, id=f"e{fact.observed_at}", source="webhook")) for fact in facts]
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")
    for value in written:
        producer.send(topics.name("commerce"), value, partition=1)
    producer.flush()
    producer.close()
    return written


def test_a_span_is_read_whole_in_order_and_no_further(kafka: Broker, topics: Topics, values: list[bytes]) -> None:
    log = KafkaLog(kafka.bootstrap, topics)
    span = log.span(MONEY)
    assert (span.begin, span.end) == (0, 2_500)
    assert list(log.read(MONEY, 0, span.end)) == list(enumerate(values))
    assert list(log.read(MONEY, 10, 12)) == [(10, values[10]), (11, values[11])]
    assert list(log.read(MONEY, 12, 12)) == []
    assert log.span(Partition("commerce", 0)).end == 0


def test_the_two_topics_are_two_logs(kafka: Broker, topics: Topics) -> None:
    log = KafkaLog(kafka.bootstrap, topics)
    assert log.span(MONEY).log == log.span(Partition("commerce", 0)).log
    assert log.span(MONEY).log != log.span(Partition("activity", 0)).log


def test_a_topic_that_is_not_there_is_named(kafka: Broker, topic_prefix: str) -> None:
    with pytest.raises(LogUnreadable, match=f"{topic_prefix}.commerce does not exist"):
        KafkaLog(kafka.bootstrap, Topics(prefix=topic_prefix, partitions=2)).span(MONEY)


async def test_an_audit_over_kafka_confirms_and_refutes(kafka: Broker, topics: Topics, values: list[bytes]) -> None:
    log = KafkaLog(kafka.bootstrap, topics)
    store = MemoryStore()
    same = MemoryLog({MONEY: values}, log=log.span(MONEY).log)
    await count(store, same)
    await merge(store)
    report = await audit(store, log, topics)
    assert report.differences == ()
    assert [each.next_offset for each in report.partitions] == [0, 0, 0, 2_500]
    other = MemoryStore()
    await count(other, MemoryLog({MONEY: values}, log="another"))
    with pytest.raises(AuditImpossible, match="made from log another"):
        await audit(other, log, topics)
