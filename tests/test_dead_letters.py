"""Dead letters on a real broker: each read once, and put back untouched where it came from."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from kafka import KafkaConsumer, TopicPartition

from tests.harness.brokers import Broker
from tracker.codec import dead, events
from tracker.dead_letters import LettersCutShort, read_letters, replay_letters
from tracker.domain.events import UNPLACED, Origin, ReactionAdded, wrap
from tracker.ingest.publisher import Publisher
from tracker.kafka_admin import ensure_topics
from tracker.topics import Stage, Topics

HEADERS = (("tracker", b'{"platform":"instagram"}'), ("raw", b"\xff\x00"))


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


def letter(topics: Topics, *, stage: Stage, partition: int, offset: int, at: int, value: bytes) -> dead.DeadLetter:
    origin = dead.Origin(
        reason="$: not JSON",
        stage=stage,
        topic=topics.name(stage),
        partition=partition,
        offset=offset,
        log="synthetic-log",
        refused_by="instagram",
        at=at,
    )
    return dead.DeadLetter(origin, b"instagram:main", value, HEADERS)


async def written(publisher: Publisher, letters: list[dead.DeadLetter]) -> None:
    for each in letters:
        key, value, headers = dead.encode(each)
        await publisher.publish("dead", key, value, headers)


def records(
    bootstrap: str, topics: Topics, stage: Stage
) -> list[tuple[int, bytes, bytes, tuple[tuple[str, bytes], ...]]]:
    """Partition, key, value and headers of everything in a topic."""
    places = [TopicPartition(topics.name(stage), number) for number in range(topics.partitions)]
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest")
    try:
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        found = []
        while any(consumer.position(place) < ends[place] for place in places):
            for batch in consumer.poll(timeout_ms=10_000).values():
                found += [(each.partition, each.key, each.value, tuple(each.headers)) for each in batch]
        return found
    finally:
        consumer.close()


async def test_a_letter_that_a_restarted_worker_wrote_twice_is_one_and_the_oldest_comes_first(
    kafka: Broker, topics: Topics, publisher: Publisher
) -> None:
    late = letter(topics, stage="inbox", partition=1, offset=7, at=2_000, value=b"late")
    early = letter(topics, stage="inbox", partition=2, offset=9, at=1_000, value=b"early")
    await written(publisher, [late, early, late])
    assert await read_letters(kafka.bootstrap, topics) == [early, late]


async def test_no_letters_are_an_empty_list(kafka: Broker, topics: Topics) -> None:
    assert await read_letters(kafka.bootstrap, topics) == []


async def test_a_foreign_record_among_the_letters_is_named_with_its_place(
    kafka: Broker, topics: Topics, publisher: Publisher
) -> None:
    await publisher.publish("dead", b"key", b"nobody's", partition=1)
    with pytest.raises(LettersCutShort, match=rf"{topics.name('dead')}\[1\]@0"):
        await read_letters(kafka.bootstrap, topics)


async def test_a_payload_goes_back_to_the_inbox_as_it_came(kafka: Broker, topics: Topics, publisher: Publisher) -> None:
    await replay_letters(
        publisher, [letter(topics, stage="inbox", partition=0, offset=7, at=1, value=b"\x00raw \xff bytes")]
    )
    [(_, key, value, headers)] = records(kafka.bootstrap, topics, "inbox")
    assert (key, value, headers) == (b"instagram:main", b"\x00raw \xff bytes", HEADERS)


async def test_a_refused_event_goes_back_to_its_partition_without_its_origin(
    kafka: Broker, topics: Topics, publisher: Publisher
) -> None:
    fact = ReactionAdded(
        platform="instagram",
        account="1",
        post="2",
        observed_at=1_000,
        metric="likes",
        reaction="r1",
        origin=Origin("log", 0, 5, 0),
    )
    value = events.encode(wrap(fact, id="e1", source="webhook"))
    await replay_letters(publisher, [letter(topics, stage="activity", partition=2, offset=5, at=1, value=value)])
    [(partition, _, sent, _)] = records(kafka.bootstrap, topics, "activity")
    event = events.decode(sent)
    assert partition == 2
    assert event.id == "e1"
    assert event.data.origin == UNPLACED
