"""The registry on a real broker: written once, in the book, and in every canonical partition."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest
from kafka import KafkaConsumer, TopicPartition

from tests.harness.brokers import Broker
from tracker.codec import events as codec
from tracker.definitions import book, registry
from tracker.domain.definitions import Campaign
from tracker.domain.events import DefinitionChangedEvent
from tracker.ingest.publisher import Publisher
from tracker.kafka_admin import ensure_topics
from tracker.topics import Topics

SPRING = Campaign(id="spring", name="Spring", starts_at=0, ends_at=10)


@pytest.fixture
def topics(kafka: Broker, topic_prefix: str) -> Topics:
    topics = Topics(prefix=topic_prefix, partitions=3)
    ensure_topics(kafka.bootstrap, topics)
    return topics


@pytest.fixture
async def publisher(kafka: Broker, topics: Topics) -> AsyncIterator[Publisher]:
    publisher = Publisher(kafka.bootstrap, topics)
    await publisher.start()
    yield publisher
    await publisher.stop()


def everything_in(bootstrap: str, topic: str, partitions: int) -> Counter[tuple[int, str]]:
    places = [TopicPartition(topic, number) for number in range(partitions)]
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, group_id=None)
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    ends = consumer.end_offsets(places)
    found: Counter[tuple[int, str]] = Counter()
    while any(consumer.position(place) < ends[place] for place in places):
        for place, records in consumer.poll(timeout_ms=1000).items():
            for record in records:
                event = codec.decode(record.value)
                assert isinstance(event, DefinitionChangedEvent)
                found[place.partition, f"{event.data.id}@{event.data.version}"] += 1
    consumer.close()
    return found


async def test_what_is_applied_is_in_the_book_and_in_every_canonical_partition(
    kafka: Broker, topics: Topics, publisher: Publisher
) -> None:
    assert registry.read_book(kafka.bootstrap, topics) == {}
    told: list[str] = []
    steps = book.plan({}, [SPRING])
    (written,) = await registry.write(publisher, topics, steps, at=7, told=lambda step: told.append(step.key[1]))
    assert told == ["spring"]
    standing = registry.read_book(kafka.bootstrap, topics)
    assert standing == {("campaign", "spring"): written}
    assert [step.action for step in book.plan(standing, [SPRING])] == ["same"]
    for stage in registry.CANONICAL:
        found = everything_in(kafka.bootstrap, topics.name(stage), 3)
        assert found == {(number, f"spring@{written.version}"): 1 for number in range(3)}


async def test_a_broadcast_that_was_cut_off_is_completed_from_the_book(
    kafka: Broker, topics: Topics, publisher: Publisher
) -> None:
    change = book.changed(("campaign", "spring"), SPRING, at=7)
    await publisher.publish("registry", b"campaign:spring", codec.checked(book.event(change)))
    standing = registry.read_book(kafka.bootstrap, topics)
    lacking = book.missing(standing, registry.versions([]))
    await registry.complete(publisher, "commerce", 2, lacking)
    found = everything_in(kafka.bootstrap, topics.name("commerce"), 3)
    assert found == {(2, f"spring@{lacking[0].version}"): 1}


async def test_a_record_that_is_no_definition_is_named_with_its_place(
    kafka: Broker, topics: Topics, publisher: Publisher
) -> None:
    placed = await publisher.publish("registry", b"campaign:spring", b"{}")
    with pytest.raises(registry.RegistryUnreadable, match=rf"registry\[{placed.partition}\]@{placed.offset}"):
        registry.read_book(kafka.bootstrap, topics)
