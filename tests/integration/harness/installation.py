"""One installation of its own on shared servers: topics, settings in a file, its store; and whether all is counted."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from kafka import KafkaConsumer, TopicPartition

from tracker import wiring
from tracker.audit import KafkaLog, Report, audit
from tracker.codec import dead
from tracker.definitions import book as books
from tracker.definitions import registry
from tracker.domain.definitions import Definition
from tracker.embedded.process import Child, start
from tracker.ingest.publisher import Publisher
from tracker.kafka_admin import ensure_topics
from tracker.settings import Settings
from tracker.settings_load import load
from tracker.store.base import Cursor, Partition, StoreUnreachable
from tracker.store.redis import RedisStore
from tracker.topics import Stage, Topics

PARTITIONS = 4
READ: tuple[Stage, ...] = ("inbox", "activity", "commerce")
DRAIN_S = 60.0
_LOOK_S = 0.05


class NotDrained(AssertionError):
    """Not everything was counted in time; the message says how far each partition is, and what the workers said."""


class Installation:
    """Topics and keys of one test; make one with `Installation.create`."""

    def __init__(self, directory: Path, settings: Settings, file: Path) -> None:
        self.directory = directory
        self.settings = settings
        self.file = file
        self.topics: Topics = wiring.topics(settings)
        self._ends = _Ends(settings.kafka.bootstrap, self.topics)

    @classmethod
    def create(
        cls, directory: Path, *, bootstrap: str, redis_url: str, name: str, more: Mapping[str, Mapping[str, Any]] = {}
    ) -> Installation:
        """Write the settings and create the topics. `more` adds to the sections of the settings."""
        sections: dict[str, dict[str, Any]] = {
            "kafka": {"bootstrap": bootstrap, "wait_seconds": 20},
            "redis": {"url": redis_url, "prefix": name, "wait_seconds": 20},
            "topics": {"prefix": name, "partitions": PARTITIONS},
            "worker": {
                "group": f"{name}-worker",
                "batch_records": 500,
                "view_debounce_ms": 100,
                "session_timeout_seconds": 3,
            },
        }
        for section, values in more.items():
            sections[section] = {**sections.get(section, {}), **values}
        file = directory / "tracker.yaml"
        file.write_text(yaml.safe_dump(sections))
        made = cls(directory, load({}, file).settings, file)
        ensure_topics(bootstrap, made.topics)
        return made

    def start(self, name: str, command: str, env: Mapping[str, str] | None = None) -> Child:
        """A `tracker` process of this installation; its log is `<name>.log`."""
        argv = [sys.executable, "-m", "tracker", "--settings", str(self.file), command]
        return start(name, argv, log=self.directory / f"{name}.log", env=env)

    @asynccontextmanager
    async def store(self) -> AsyncIterator[RedisStore]:
        async with wiring.store(self.settings) as opened:
            yield opened

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        async with wiring.publisher(self.settings) as made:
            yield made

    async def apply(
        self,
        definitions: Iterable[Definition],
        *,
        at: int,
        through: Callable[[Publisher], registry.Publishes] = lambda whole: whole,
    ) -> None:
        """As `tracker apply` does: into the book, then to every partition."""
        book = await asyncio.to_thread(wiring.read_book, self.settings)
        async with self.publisher() as publisher:
            steps = books.plan(book, definitions)
            await registry.write(through(publisher), self.topics, steps, at=at, told=lambda _step: None)

    async def cursors(self, store: RedisStore) -> dict[Partition, Cursor]:
        partitions = [Partition(stage, number) for stage in READ for number in range(PARTITIONS)]
        return {partition: (await store.open(partition)).cursor for partition in partitions}

    async def ends(self, stages: Sequence[Stage] = READ) -> dict[Partition, int]:
        """The end of each partition's log."""
        return await asyncio.to_thread(self._ends.of, stages)

    async def drained(self, *, within: float = DRAIN_S, said: Callable[[], str] = lambda: "") -> None:
        """Return when every record of the inbox is adapted and every event counted. Raises NotDrained."""
        deadline = time.monotonic() + within
        async with self.store() as store:
            while behind := await self._behind(store):
                if time.monotonic() >= deadline:
                    where = ", ".join(f"{p} {at} of {end}" for p, (at, end) in behind.items())
                    raise NotDrained(f"after {within:.0f} s not everything was counted: {where}\n{said()}")
                await asyncio.sleep(_LOOK_S)

    async def _behind(self, store: RedisStore) -> dict[Partition, tuple[int, int]]:
        # The inbox first: once its cursor is at the end, all that is made of it stands in the other logs.
        for stages in (READ[:1], READ[1:]):
            ends = await self.ends(stages)
            try:
                at = {partition: (await store.open(partition)).cursor.next_offset for partition in ends}
            except StoreUnreachable:
                return {partition: (-1, end) for partition, end in ends.items()}
            if behind := {p: (at[p], end) for p, end in ends.items() if at[p] < end}:
                return behind
        return {}

    async def audit(self) -> Report:
        """The store against the log, every number."""
        async with self.store() as store:
            return await audit(store, KafkaLog(self.settings.kafka.bootstrap, self.topics), self.topics)

    async def letters(self) -> list[dead.DeadLetter]:
        """Every dead letter, once, by its coordinates."""
        records = await asyncio.to_thread(self._ends.read, "dead")
        found = (dead.decode(record.key, record.value, record.headers) for record in records)
        return sorted({letter.id: letter for letter in found}.values(), key=lambda letter: letter.where)

    async def close(self) -> None:
        await asyncio.to_thread(self._ends.close)


class _Ends:
    """Reads the ends of logs with one connection."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._topics = topics
        self._bootstrap = bootstrap
        self._consumer: KafkaConsumer | None = None

    def of(self, stages: Sequence[Stage]) -> dict[Partition, int]:
        if self._consumer is None:
            self._consumer = KafkaConsumer(bootstrap_servers=self._bootstrap, group_id=None, request_timeout_ms=5_000)
        places = {
            TopicPartition(self._topics.name(stage), number): Partition(stage, number)
            for stage in stages
            for number in range(self._topics.partitions)
        }
        return {places[at]: end for at, end in self._consumer.end_offsets(list(places)).items()}

    def read(self, stage: Stage) -> list[Any]:
        """Every record of a topic."""
        ends = {TopicPartition(self._topics.name(stage), place.number): end for place, end in self.of([stage]).items()}
        consumer = KafkaConsumer(bootstrap_servers=self._bootstrap, group_id=None, auto_offset_reset="earliest")
        try:
            consumer.assign(list(ends))
            found: list[Any] = []
            while any(consumer.position(at) < end for at, end in ends.items()):
                for records in consumer.poll(1_000).values():
                    found.extend(records)
            return found
        finally:
            consumer.close()

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
