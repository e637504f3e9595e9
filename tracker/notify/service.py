"""The service that tells of alerts: reads the alert topics, queues what each notifier is to be told, and sends it.

1. Kafka's position is committed when every record before it is queued in Redis: a process that dies is followed by one
   that reads some records again, and an event that is known is not queued again.
2. Reading never waits for a receiver: what is read is queued, and each notifier's lane sends at its own pace.
3. A new group reads from the beginning, but what is older than `give_up_hours` is not told any more.
4. Redis gone: nothing is read, committed or sent until it is back. A record that is no alert is passed over, loudly.
5. Start as many as you like: partitions and deliveries are each one process's at a time.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Protocol

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from msgspec import Struct

from tracker.codec import alerts as codec
from tracker.codec.alerts import AlertEvent, UnreadableAlert
from tracker.definitions.following import Definitions
from tracker.domain.definitions import NotifierDefinition
from tracker.notify.choosing import wants
from tracker.notify.lane import Lane, Teller
from tracker.notify.metrics import NotifyMetrics
from tracker.notify.queue import Queue
from tracker.store.base import StoreUnreachable
from tracker.tasks import end
from tracker.topics import ALERTS, Topics

log = structlog.get_logger(__name__)

_READ_MS = 250
_READ_RECORDS = 200
_STORE_PAUSE_SECONDS = 2.0
_HEARTBEAT_MS = 1_000
_LEAVE_SECONDS = 5.0
HOUR_MS = 3_600_000


class Followed(Protocol):
    """The book, kept up with: tracker.definitions.following.Following."""

    definitions: Definitions

    async def wait(self) -> None: ...


class NotifyParts(Struct, frozen=True, kw_only=True):
    """What the service is made of. All is started by the caller, and stopped by it."""

    bootstrap: str
    topics: Topics
    followed: Followed
    queue: Queue
    teller: Teller
    metrics: NotifyMetrics


class CannotRead(Exception):
    """The alert topics could not be read. What was queued so far is told by the next start."""

    def __init__(self, bootstrap: str, cause: str) -> None:
        super().__init__(
            f"kafka {bootstrap}: the alert topics cannot be read ({cause}). Nothing is lost: what was queued is sent, "
            "and what was not is read, when this is started again. Is Kafka up?"
        )
        self.cause = cause


async def run_notify(parts: NotifyParts, stop: asyncio.Event) -> None:
    """Tell of alerts until `stop`; what is being sent then is brought to its end. Raises CannotRead."""
    stopping = asyncio.create_task(stop.wait())
    service = _Service(parts, stop)
    running = [asyncio.create_task(each) for each in (service.read(), service.work(), parts.followed.wait())]
    try:
        await asyncio.wait({stopping, *running}, return_when=asyncio.FIRST_COMPLETED)
        for ended in running:
            if ended.done():
                ended.result()
        stop.set()
        await running[1]
    finally:
        await end([stopping, *running])


class _Service:
    def __init__(self, parts: NotifyParts, stop: asyncio.Event) -> None:
        self._parts = parts
        self._stop = stop
        self._definitions = parts.followed.definitions
        self._options = options = parts.teller.options
        self._lanes: dict[str, Lane] = {}
        self._working: dict[str, asyncio.Task[None]] = {}
        self._consumer = AIOKafkaConsumer(
            *[parts.topics.name(stage) for stage in ALERTS.values()],
            bootstrap_servers=parts.bootstrap,
            client_id=options.group,
            group_id=options.group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=options.session_timeout_seconds * 1_000,
            heartbeat_interval_ms=min(_HEARTBEAT_MS, options.session_timeout_seconds * 333),
        )

    async def read(self) -> None:
        """Read, queue and commit, until cancelled. Raises CannotRead."""
        try:
            await self._consumer.start()
            while True:
                read = await self._consumer.getmany(timeout_ms=_READ_MS, max_records=_READ_RECORDS)
                for at, records in read.items():
                    for record in records:
                        await self._until_queued(record)
                    await self._commit(at, records[-1].offset + 1)
        except KafkaError as error:
            raise CannotRead(self._parts.bootstrap, f"{type(error).__name__}: {error}") from error
        finally:
            await self._leave()

    async def work(self) -> None:
        """Keep a lane at work for each notifier that is enabled, until `stop`."""
        version = -1
        stopping = asyncio.create_task(self._stop.wait())
        try:
            while not self._stop.is_set():
                if version != self._definitions.version:
                    version = self._definitions.version
                    self._set_lanes()
                await asyncio.wait(
                    {stopping, *self._working.values()}, timeout=_READ_MS / 1_000, return_when=asyncio.FIRST_COMPLETED
                )
                self._look_after()
            await asyncio.gather(*self._working.values())
        finally:
            await end([stopping, *self._working.values()])

    def _set_lanes(self) -> None:
        """A lane for each notifier; one whose notifier is gone or disabled ends with what it has under way."""
        wanted = {id for id, definition in self._definitions.notifiers.items() if definition.enabled}
        for id in wanted - self._working.keys():
            lane = Lane(id, partial(self._enabled, id), self._parts.queue, self._parts.teller, self._parts.metrics)
            self._lanes[id] = lane
            self._working[id] = asyncio.create_task(lane.run(self._stop), name=f"notifier {id}")
        for id in self._working.keys() - wanted:
            self._working.pop(id).cancel()
            del self._lanes[id]

    def _look_after(self) -> None:
        """A lane ends by itself only for a fault of ours, which ends the service."""
        for task in self._working.values():
            if task.done():
                task.result()

    def _enabled(self, id: str) -> NotifierDefinition | None:
        definition = self._definitions.notifiers.get(id)
        return definition if definition is not None and definition.enabled else None

    async def _until_queued(self, record: ConsumerRecord) -> None:
        """Return when a record is queued for everybody who is to be told, however long Redis is away."""
        while True:
            try:
                outcome = await self._queue(record)
            except StoreUnreachable as error:
                log.warning("queue unreachable", reason=error.reason, next=f"tried again in {_STORE_PAUSE_SECONDS:g} s")
                await asyncio.sleep(_STORE_PAUSE_SECONDS)
            else:
                self._parts.metrics.events.labels(outcome).inc()
                return

    async def _queue(self, record: ConsumerRecord) -> str:
        """Queue a record for everybody who is to be told; what became of it. Raises StoreUnreachable."""
        try:
            event = codec.decode(record.value or b"")
        except UnreadableAlert as error:
            log.error("no alert", place=f"{record.topic}[{record.partition}]@{record.offset}", reason=str(error)[:500],
                      next="passed over: nobody is told of it")  # fmt: skip
            return "unreadable"
        now = self._parts.teller.now()
        if now - event.data.at > self._options.give_up_hours * HOUR_MS:
            return "too_old"
        told = [id for id in list(self._definitions.notifiers) if await self._is_for(id, event)]
        for id in told:
            if await self._parts.queue.put(id, event, record.value, now) and id in self._lanes:
                self._lanes[id].wake()
        return "queued" if told else "unwanted"

    async def _is_for(self, id: str, event: AlertEvent) -> bool:
        definition = self._definitions.notifiers.get(id)
        if definition is None:
            return False  # deleted since the list was made
        match wants(definition, self._parts.teller.notifiers.get(definition.type), event.data):
            case "yes":
                return True
            case "if_told":
                return await self._parts.queue.was_told(id, event.data.id)
            case _:
                return False

    async def _commit(self, at: TopicPartition, next_offset: int) -> None:
        try:
            await self._consumer.commit({at: next_offset})
        except (CommitFailedError, IllegalStateError) as error:
            log.info("position not committed", group=self._options.group, reason=str(error),
                     next="others read it again, and know it")  # fmt: skip

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self._consumer.stop()
        except TimeoutError:
            log.warning("group not left in time", group=self._options.group, next="Kafka finds out by itself")
