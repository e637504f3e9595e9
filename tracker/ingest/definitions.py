"""The definitions that a door needs, followed from the registry topic.

1. The topic is read from its beginning and then kept up with; `caught_up` is set once the first reading is done.
2. A definition's version is its place in the log; the greatest stands. A deletion is a version without a definition.
3. A record that cannot be read is counted and logged with its place, and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from prometheus_client import Counter

from tracker.codec import events as codec
from tracker.definitions import book as books
from tracker.domain.definitions import Link
from tracker.domain.events import DefinitionChanged
from tracker.topics import Topics

log = structlog.get_logger(__name__)

_POLL_MS = 250


class LinkBook:
    """The registered links by code, as the registry has them."""

    def __init__(self) -> None:
        self.caught_up = asyncio.Event()
        self._versions: dict[str, int] = {}
        self._links: dict[str, Link] = {}

    def find(self, code: str) -> Link | None:
        """The link with this code, if it is registered."""
        return self._links.get(code)

    def learn(self, change: DefinitionChanged) -> None:
        """Take a definition over; other kinds, and versions that are not newer, are ignored."""
        if change.kind != "link" or change.version <= self._versions.get(change.id, 0):
            return
        self._versions[change.id] = change.version
        if isinstance(change.definition, Link):
            self._links[change.id] = change.definition
        else:
            self._links.pop(change.id, None)


async def follow_links(bootstrap: str, topics: Topics, book: LinkBook, read: Counter) -> None:
    """Keep `book` as the registry topic has it, until cancelled. `read` counts records by outcome."""
    topic = topics.name("registry")
    partitions = [TopicPartition(topic, number) for number in range(topics.partitions)]
    async with aclosing(_records(bootstrap, partitions, book.caught_up)) as records:
        async for record in records:
            try:
                change = books.entry(record.value or b"", record.offset)
            except codec.UnreadableEvent as error:
                read.labels("unreadable").inc()
                log.error("definition unreadable", topic=topic, partition=record.partition, offset=record.offset,
                          reason=str(error), next="apply the definition again")  # fmt: skip
                continue
            read.labels("read").inc()
            book.learn(change)


async def _records(
    bootstrap: str, partitions: Sequence[TopicPartition], caught_up: asyncio.Event
) -> AsyncGenerator[ConsumerRecord]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        while True:
            for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                for record in records:
                    yield record
            if not caught_up.is_set() and all([await consumer.position(at) >= end for at, end in ends.items()]):
                caught_up.set()
                log.info("definitions loaded", topic=partitions[0].topic)
    finally:
        await consumer.stop()
