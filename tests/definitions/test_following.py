"""A reader of the book keeps up with it."""

from __future__ import annotations

import asyncio

import pytest
from kafka import KafkaProducer

from tests.harness.brokers import Broker
from tracker.codec import events as codec
from tracker.definitions import book as books
from tracker.definitions.following import Definitions, Following
from tracker.definitions.registry import RegistryUnreadable
from tracker.domain.definitions import (
    AccountRef,
    Campaign,
    Creator,
    Definition,
    DefinitionKind,
    NotifierDefinition,
    RuleDefinition,
    TokenDefinition,
)
from tracker.domain.events import DefinitionChanged
from tracker.embedded.process import free_port
from tracker.following import CannotFollow
from tracker.kafka_admin import ensure_topics
from tracker.topics import Topics

SPRING = Campaign(id="spring", name="Spring", starts_at=1, ends_at=2)
ANA = Creator(id="ana", name="Ana", accounts=(AccountRef(platform="tiktok", account="_1"),))
RULE = RuleDefinition(id="strict", rule="engagement.below_target", campaign="spring")
NOTIFIER = NotifierDefinition(id="ops", type="slack", to="https://chat.example/hook")
TOKEN = TokenDefinition(id="t1", hash="0" * 64, role="viewer", created_at=0, expires_at=9)


def change(definition: Definition, version: int, *, deleted: bool = False) -> DefinitionChanged:
    kind: DefinitionKind = type(definition).__struct_config__.tag  # type: ignore[assignment]
    return books.changed((kind, definition.id), None if deleted else definition, at=0, version=version)


def test_each_kind_stands_where_it_is_looked_up() -> None:
    known = Definitions()
    everything: list[Definition] = [SPRING, ANA, RULE, NOTIFIER, TOKEN]
    for version, definition in enumerate(everything, 1):
        known.take(change(definition, version))
    assert known.rules.campaigns == {"spring": SPRING}
    assert known.rules.creators_by_account == {"tiktok:_1": frozenset({"ana"})}
    assert (known.alert_rules, known.notifiers, known.tokens) == ({"strict": RULE}, {"ops": NOTIFIER}, {"t1": TOKEN})
    assert known.version == 5


@pytest.mark.parametrize("definition", [SPRING, RULE, NOTIFIER, TOKEN])
def test_what_was_deleted_is_gone_and_an_older_version_does_not_bring_it_back(definition: Definition) -> None:
    known = Definitions()
    known.take(change(definition, 1))
    known.take(change(definition, 3, deleted=True))
    known.take(change(definition, 2))
    assert not any((known.rules.campaigns, known.alert_rules, known.notifiers, known.tokens))
    assert known.version == 2


class Registry:
    """A registry topic of a test's own, written to as `tracker apply` does."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap, self.topics = bootstrap, Topics(prefix=prefix, partitions=2)
        ensure_topics(bootstrap, self.topics)

    def write(self, *definitions: Definition) -> None:
        producer = KafkaProducer(bootstrap_servers=self.bootstrap)
        for definition in definitions:
            fact = change(definition, 1)
            key = books.record_key((fact.kind, fact.id)).encode()
            producer.send(self.topics.name("registry"), codec.encode(books.event(fact)), key)
        producer.close()


@pytest.fixture
def registry(kafka: Broker, topic_prefix: str) -> Registry:
    return Registry(kafka.bootstrap, topic_prefix)


async def test_what_stands_is_there_when_started_and_what_comes_later_is_told(registry: Registry) -> None:
    registry.write(SPRING, ANA)
    following = Following(registry.bootstrap, registry.topics)
    told: asyncio.Queue[str] = asyncio.Queue()
    following.add_listener(lambda change: told.put_nowait(f"{change.kind}:{change.id}"))
    await following.start()
    try:
        assert following.definitions.rules.campaigns == {"spring": SPRING}
        assert {told.get_nowait(), told.get_nowait()} == {"campaign:spring", "creator:ana"}
        registry.write(RULE)
        assert await asyncio.wait_for(told.get(), 20) == "rule:strict"
        assert following.definitions.alert_rules == {"strict": RULE}
    finally:
        await following.stop()


async def test_an_empty_book_is_read_too(registry: Registry) -> None:
    following = Following(registry.bootstrap, registry.topics)
    await following.start()
    await following.stop()
    assert following.definitions.version == 0


async def test_a_record_that_is_no_definition_ends_the_following_with_its_place(registry: Registry) -> None:
    following = Following(registry.bootstrap, registry.topics)
    await following.start()
    producer = KafkaProducer(bootstrap_servers=registry.bootstrap)
    producer.send(registry.topics.name("registry"), b"{}", b"campaign:x", partition=1)
    producer.close()
    try:
        with pytest.raises(RegistryUnreadable, match=r"registry\[1\]@0"):
            await asyncio.wait_for(following.wait(), 20)
    finally:
        await following.stop()


async def test_a_kafka_that_is_away_is_said_so(topic_prefix: str) -> None:
    following = Following(f"127.0.0.1:{free_port()}", Topics(prefix=topic_prefix, partitions=1))
    with pytest.raises(CannotFollow, match="registry: cannot be followed"):
        await following.start()
