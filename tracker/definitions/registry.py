"""The registry topic: the book read, written, and broadcast to every canonical partition.

1. A definition is first in the book, then broadcast: what a partition lacks after a crash in between can be completed
   from the book by anybody, and is.
2. Reading takes the whole topic up to its end at the time of the call; compaction keeps it small.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Final, Protocol

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from tracker.codec import events as codec
from tracker.definitions import book as books
from tracker.definitions.references import Key
from tracker.domain.definitions import COUNTED_KINDS
from tracker.domain.events import DefinitionChanged, Instant
from tracker.topics import Stage, Topics

CANONICAL: Final[tuple[Stage, ...]] = ("activity", "commerce")
_STALLED_MS: Final = 10_000
_stored = msgspec.json.Decoder(DefinitionChanged)


class RegistryUnreadable(Exception):
    """The book could not be read to its end. Nothing was changed."""


class Placement(Protocol):
    """Where a record came to stand."""

    @property
    def offset(self) -> int: ...


class Publishes(Protocol):
    """What is needed of a publisher: `tracker.ingest.publisher.Publisher` has it."""

    def publish(
        self, stage: Stage, key: bytes | None, value: bytes, *, partition: int | None = None
    ) -> Awaitable[Placement]: ...


def read_book(bootstrap: str, topics: Topics) -> dict[Key, DefinitionChanged]:
    """The book as it stands now; blocks. Raises RegistryUnreadable with place and cause."""
    topic = topics.name("registry")
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=bootstrap.split(","),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            group_id=None,
        )
        with closing(consumer):
            return _read(consumer, topic, topics.partitions)
    except KafkaError as error:
        raise RegistryUnreadable(f"{topic}: cannot be read from {bootstrap}: {error}. Is Kafka up?") from error


def _read(consumer: KafkaConsumer, topic: str, partitions: int) -> dict[Key, DefinitionChanged]:
    places = [TopicPartition(topic, number) for number in range(partitions)]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    ends: dict[TopicPartition, int] = consumer.end_offsets(places)
    book: dict[Key, DefinitionChanged] = {}
    while any(consumer.position(place) < ends[place] for place in places):
        records = consumer.poll(timeout_ms=_STALLED_MS)
        if not records:
            raise RegistryUnreadable(
                f"{topic}: no answer for {_STALLED_MS // 1000} s before the end was reached. Try again."
            )
        for place, batch in records.items():
            for record in batch:
                try:
                    change = books.entry(record.value, record.offset)
                except codec.UnreadableEvent as error:
                    where = f"{topic}[{place.partition}]@{record.offset}"
                    raise RegistryUnreadable(
                        f"{where}: {error}. The book is not used in part: apply this definition again, "
                        "or remove the record."
                    ) from error
                book[change.kind, change.id] = change
    return book


async def write(
    publisher: Publishes, topics: Topics, steps: Sequence[books.Step], at: Instant, told: Callable[[books.Step], None]
) -> list[DefinitionChanged]:
    """Write what changes into the book and broadcast it; `told` after each. Gives what was written, with versions."""
    written: list[DefinitionChanged] = []
    for step in steps:
        if step.action == "same":
            continue
        change = books.changed(step.key, step.after, at=at)
        value = codec.checked(books.event(change))
        placed = await publisher.publish("registry", books.record_key(step.key).encode(), value)
        written.append(msgspec.structs.replace(change, version=placed.offset + 1))
        await broadcast(publisher, topics, [written[-1]])
        told(step)
    return written


async def broadcast(publisher: Publishes, topics: Topics, changes: Iterable[DefinitionChanged]) -> None:
    """Send definitions that are counted by to every partition of every canonical topic."""
    for change in changes:
        if change.kind not in COUNTED_KINDS:
            continue
        everywhere = [(stage, number) for stage in CANONICAL for number in range(topics.partitions)]
        await asyncio.gather(*(complete(publisher, stage, number, [change]) for stage, number in everywhere))


async def complete(publisher: Publishes, stage: Stage, number: int, changes: Iterable[DefinitionChanged]) -> None:
    """Give one partition the definitions that it lacks (`book.missing` says which)."""
    for change in changes:
        key = books.record_key((change.kind, change.id)).encode()
        await publisher.publish(stage, key, codec.checked(books.event(change)), partition=number)


def known_versions(definitions: Mapping[str, bytes]) -> dict[Key, int]:
    """What a partition knows, from its definitions as the store keeps them."""
    return versions(_stored.decode(value) for value in definitions.values())


def versions(definitions: Iterable[DefinitionChanged]) -> dict[Key, int]:
    """What a partition knows, in the form that `book.missing` compares."""
    return {(change.kind, change.id): change.version for change in definitions}
