"""The example subscribers handle each alert event once, whatever is sent twice and whenever they are killed."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from msgspec.structs import replace

from tests.examples.subscribers import EXAMPLES, Language, Subscriber, until, why_no_java
from tests.harness.brokers import Broker
from tests.harness.kafka import KafkaBroker
from tracker.codec.alert_examples import examples
from tracker.codec.alerts import AlertEvent, encode, event_of
from tracker.kafka_admin import ensure_topics
from tracker.topics import ALERTS, Topics

LANGUAGES: tuple[Language, ...] = get_args(Language)
STOPPED = {"python": 0, "java": 143}
"""The exit code after SIGTERM. Java's own is 128 + 15 also where it has shut down in order."""
LONG = "a sentence that fills the pipe " * 60
SHOWN = [event for events in examples().values() for event in events]
COPIES = 8


def events() -> list[AlertEvent]:
    """The examples many times over, each copy an alert of its own, with a summary that is long."""
    alerts = [replace(event.data, id=f"{event.data.id}{number}") for number in range(COPIES) for event in SHOWN]
    return [event_of(replace(alert, summary={"en": LONG, "ja": "長い文"})) for alert in alerts]


@pytest.fixture
def topics(kafka: Broker, topic_prefix: str) -> Topics:
    if not isinstance(kafka, KafkaBroker):
        pytest.skip("needs Apache Kafka: the embedded broker knows no groups that outlive a member killed with -9")
    made = Topics(prefix=topic_prefix, partitions=2)
    ensure_topics(kafka.bootstrap, made)
    return made


@pytest.fixture
def producer(kafka: Broker) -> Iterator[KafkaProducer]:
    with closing(KafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all")) as made:
        yield made


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Language:
    asked: Language = request.param
    if asked == "java" and (reason := why_no_java()) is not None:
        pytest.skip(reason)
    return asked


def publish(producer: KafkaProducer, topics: Topics, told: Sequence[AlertEvent]) -> None:
    for event in told:
        topic = topics.name(ALERTS[event.data.category])
        producer.send(topic, key=event.subject.encode(), value=encode(event))
    producer.flush()


def is_read_to_the_end(bootstrap: str, topics: Topics, group: str) -> bool:
    places = [TopicPartition(topics.name(s), p) for s in ALERTS.values() for p in range(topics.partitions)]
    with closing(KafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)) as consumer:
        ends = consumer.end_offsets(places)
        return all((consumer.committed(place) or 0) == ends[place] for place in places)


@pytest.mark.slow
def test_each_event_is_handled_once_though_it_is_sent_often_and_the_subscriber_is_killed(
    kafka: Broker, topics: Topics, producer: KafkaProducer, language: Language, tmp_path: Path
) -> None:
    told = events()
    publish(producer, topics, [event for event in told for _ in range(2)])
    producer.send(topics.name("alerts.system"), value=b"not an alert")
    producer.send(topics.name("alerts.system"), key=b"pipeline", value=None)
    subscriber = Subscriber(language, tmp_path, kafka.bootstrap, topics.prefix)

    with subscriber.start() as first:
        # Nobody reads what it prints, so it is held up while it handles an event, and killed there.
        until(first.is_held_up, "the pipe to be full", subscriber.said)
        first.kill()
        before = first.printed()
    handled_before = subscriber.handled()
    assert 0 < len(handled_before) < len(told)

    publish(producer, topics, told)
    with subscriber.start() as second:
        second.listen()
        until(lambda: is_read_to_the_end(kafka.bootstrap, topics, subscriber.group), "its last commit", subscriber.said)
        assert second.stop() == STOPPED[language]
        after = second.printed()

    ids = sorted(event.id for event in told)
    assert sorted(subscriber.handled()) == ids
    assert subscriber.handled()[: len(handled_before)] == handled_before
    # A line is printed before its event is handled, so the one in hand when it was killed is printed again.
    assert sorted({*before, *after}) == ids
    assert len(before) + len(after) <= len(ids) + 1
    assert subscriber.said().count("no alert event, left out") >= 2
    assert subscriber.said().rstrip().endswith("stopped")


@pytest.mark.slow
def test_an_event_of_a_version_that_it_does_not_know_stops_it_and_is_not_lost(
    kafka: Broker, topics: Topics, producer: KafkaProducer, language: Language, tmp_path: Path
) -> None:
    known, unknown = SHOWN[0], {**json.loads(encode(SHOWN[1])), "schemaversion": 2}
    topic = topics.name(ALERTS[known.data.category])
    producer.send(topic, value=encode(known), partition=0)
    producer.send(topic, value=json.dumps(unknown).encode(), partition=0)
    producer.flush()
    subscriber = Subscriber(language, tmp_path, kafka.bootstrap, topics.prefix)
    for _ in range(2):
        with subscriber.start() as running:
            running.listen()
            assert running.wait() == 1
    assert subscriber.handled() == [known.id]
    assert subscriber.said().count("schemaversion 2, known is 1") == 2


@pytest.mark.slow
def test_both_go_on_after_kafka_was_away(own_kafka: KafkaBroker, topic_prefix: str, tmp_path: Path) -> None:
    topics = Topics(prefix=topic_prefix, partitions=2)
    ensure_topics(own_kafka.bootstrap, topics)
    there = [language for language in LANGUAGES if language == "python" or why_no_java() is None]
    subscribers = [Subscriber(language, tmp_path, own_kafka.bootstrap, topics.prefix) for language in there]

    def tell(told: Sequence[AlertEvent]) -> None:
        with closing(KafkaProducer(bootstrap_servers=own_kafka.bootstrap, acks="all")) as producer:
            publish(producer, topics, told)

    def have(count: int) -> bool:
        return all(len(each.handled()) == count for each in subscribers)

    with ExitStack() as stack:
        running = [stack.enter_context(each.start()) for each in subscribers]
        for each in running:
            each.listen()
        tell(SHOWN[:1])
        until(lambda: have(1), "the first event", lambda: "\n".join(each.said() for each in subscribers))
        own_kafka.restart()
        tell(SHOWN[:2])
        until(lambda: have(2), "the second event", lambda: "\n".join(each.said() for each in subscribers))
        assert [each.stop() for each in running] == [STOPPED[language] for language in there]


def test_without_kafka_it_says_so_and_stops_when_it_is_told_to(tmp_path: Path) -> None:
    subscriber = Subscriber("python", tmp_path, "127.0.0.1:1", "nobody")
    with subscriber.start() as running:
        until(lambda: "Trying again" in subscriber.said(), "its complaint", subscriber.said)
        assert running.stop() == 0


def python_subscriber() -> ModuleType:
    spec = importlib.util.spec_from_file_location("example_subscriber", EXAMPLES / "python" / "subscriber.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("event", SHOWN, ids=lambda event: f"{event.data.category}-{event.type}")
def test_it_reads_every_example_and_more_than_it_knows(event: AlertEvent, monkeypatch: pytest.MonkeyPatch) -> None:
    read = python_subscriber().read
    plain = json.loads(encode(event))
    told = read(json.dumps(plain).encode())
    assert (told.id, told.type) == (event.id, event.type)
    assert event.data.summary["en"] in told.line
    more = {**plain, "new": 1, "type": "alert.new", "data": {**plain["data"], "state": "new", "new": [None]}}
    assert read(json.dumps(more).encode()).id == event.id
    monkeypatch.setenv("ALERT_LANGUAGE", "ja")
    assert event.data.summary["ja"] in read(encode(event)).line


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[]", b"7", b"{}", b'{"schemaversion":1,"id":"x","type":"y"}'])
def test_what_is_no_alert_event_is_told_apart(value: bytes | None) -> None:
    assert python_subscriber().read(value) is None


def test_the_subscribers_know_nothing_of_the_program() -> None:
    tree = ast.parse((EXAMPLES / "python" / "subscriber.py").read_text(encoding="utf-8"))
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in named if name.split(".")[0].startswith("tracker")} == set()
    assert "kafka" in named
    java = (EXAMPLES / "java" / "Main.java").read_text(encoding="utf-8")
    packages = {name.rsplit(".", 1)[0] for name in re.findall(r"^import ([\w.]+);", java, re.MULTILINE)}
    assert {name for name in packages if not name.startswith(("java.", "org.apache.kafka", "com.fasterxml"))} == set()
