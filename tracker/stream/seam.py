"""A Faust app that reads batches, runs inside our own process, and stops at the first thing it did not expect.

1. An exception in a handler ends the app: `run_app` raises it, and Faust never goes on past the batch that caused it.
2. A handler that returns while the app runs has lost its stream: that too ends the app.
3. Nothing is created: no topic, no table, no directory, no web server, no producer, no log handler.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import faust
from aiokafka.errors import IllegalStateError
from faust.app.base import BootStrategy
from faust.types import TP, AppT, EventT, StreamT
from mode.supervisors import CrashingSupervisor
from msgspec import Struct
from yarl import URL

from tracker.stream.transport import Batch, Consumer, Cursors, Transport

log = logging.getLogger(__name__)

Handler = Callable[[AsyncIterator[Batch]], Awaitable[None]]
"""Reads its batches until it is cancelled."""

STOP_WITHIN = 10.0
"""Seconds after which a stop that hangs is given up. The group then finds out by itself, after the session timeout."""


class Reading(Struct, frozen=True, kw_only=True):
    """How much is read ahead, and how soon the group notices that a worker is gone."""

    partition_bytes: int = 2 * 1024 * 1024
    """At most this much of one partition in one fetch (a single larger record batch still comes through)."""
    fetch_bytes: int = 16 * 1024 * 1024
    """At most this much in one fetch of one broker."""
    fetch_wait_ms: int = 100
    """How long a broker waits for the first record of an idle partition. It delays the next fetch of the busy ones."""
    batch_records: int = 6_000
    """At most so many records in one batch. A batch is one apply, and an apply should stay under about 20 ms: one of
    5,000 events takes 10 ms in the median, 18 ms at the 90th percentile (ADR 0005).

    More than one fetch of a partition holds: a limit below it cuts each fetch into a whole batch and a crumb, and what
    a batch costs beside its events is paid twice.
    """
    buffered_batches: int = 4
    """So many batches wait in front of each handler; when they are full, fetching waits."""
    session_timeout_s: float = 10.0
    """A worker that was killed is noticed after this."""
    heartbeat_s: float = 1.0
    request_timeout_s: float = 30.0

    def ceiling_bytes(self, *, partitions: int, handlers: int) -> int:
        """The most that all buffers together hold, in bytes of records as they are sent when not compressed.

        One fetch of each assigned partition waits in aiokafka, one fetch of each in the hands of the fetch loop; each
        handler has its buffer, one batch that waits for room in it, and two at work (one is applied while the next is
        decoded):
        `partition_bytes * (2 * partitions + handlers * (buffered_batches + 3))`.
        A record in memory costs Python about 0.6 kB on top.
        """
        return self.partition_bytes * (2 * partitions + handlers * (self.buffered_batches + 3))


class HandlerReturned(Exception):
    """A handler ended although the app was not stopping, so its batches would wait for ever."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)

    def __str__(self) -> str:
        return f"{self.name}: the handler returned while the worker was running, so the worker stopped. Start it again."


class BatchSchema(faust.Schema[None, Batch]):
    """Passes a batch through undecoded: decoding is the handler's, where a bad record can become a dead letter."""

    def compile(self, app: AppT, **kwargs: Any) -> Callable[..., Awaitable[EventT[Any]]]:
        async def decode(message: Any, *, propagate: bool = False) -> EventT[Any]:
            return app.create_event(None, message.value, message.headers, message)

        return decode


class _Boot(BootStrategy):
    enable_kafka_producer = False
    enable_web = False
    enable_sensors = False


class App(faust.App):
    """Faust's app, keeping the first reason it crashed for: later ones follow from it."""

    BootStrategy = _Boot
    crashed_by: BaseException | None = None

    def _create_directories(self) -> None:
        """None: nothing is kept on disk."""

    def _crash(self, reason: BaseException) -> None:
        if self.crashed_by is None:
            self.crashed_by = reason
        super()._crash(reason)


def build_app(
    *,
    brokers: str,
    group: str,
    cursors: Cursors,
    client_id: str = "tracker",
    reading: Reading | None = None,
) -> App:
    """An app that reads from `cursors`, not yet connected. `brokers` is `host:port`, or several separated by commas."""
    reading = reading or Reading()
    urls = [URL(f"tracker://{broker.strip()}") for broker in brokers.split(",")]
    app = App(
        group,
        broker=urls,
        broker_client_id=client_id,
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        processing_guarantee="at_least_once",
        consumer_auto_offset_reset="none",
        consumer_max_fetch_size=reading.partition_bytes,
        broker_max_poll_records=reading.batch_records,
        stream_buffer_maxsize=reading.buffered_batches,
        stream_wait_empty=False,
        broker_session_timeout=reading.session_timeout_s,
        broker_heartbeat_interval=reading.heartbeat_s,
        broker_request_timeout=reading.request_timeout_s,
    )
    transport = Transport(urls, app)
    transport.cursors = cursors
    transport.fetch_wait_ms = reading.fetch_wait_ms
    transport.fetch_max_bytes = reading.fetch_bytes
    app.transport = transport
    return app


def consume(app: App, topics: Sequence[str], handler: Handler, *, name: str) -> None:
    """Have `handler` read the batches of these topics: every partition assigned to this process, one after the other.

    Handlers of one app share its fetch loop: while the buffer of one is full, the others get nothing new either.
    """
    topic = app.topic(*topics, schema=BatchSchema(), acks=False)

    async def read(stream: StreamT[Any]) -> None:
        await handler(batches(stream))
        if not app.should_stop:
            raise HandlerReturned(name)

    app.agent(topic, name=name, concurrency=1, supervisor_strategy=CrashingSupervisor)(read)


async def batches(stream: StreamT[Any]) -> AsyncIterator[Batch]:
    """The batches of a stream. Nothing is acknowledged to Faust: the position is kept beside the state."""
    async for event in cast(faust.Stream[Batch], stream).noack().events():
        yield cast(Batch, event.value)


async def rewind(app: App, cursors: Mapping[TP, int]) -> None:
    """Read these partitions from here on again: what the store says after it lost its last writes.

    Batches that were fetched before may still come; they begin beyond the cursor and must be left alone. A partition
    that is no longer assigned to this process is left to its new owner.
    """
    for tp, cursor in cursors.items():
        try:
            await _consumer(app).seek(tp, cursor)
        except IllegalStateError:
            log.info("%s[%d]@%d: not sought, the partition is no longer ours", *tp, cursor)


async def commit_hint(app: App, cursors: Mapping[TP, int]) -> bool:
    """Tell Kafka's lag monitors how far we are; partitions of others are left out.

    False if Kafka was not told, which harms nobody.
    """
    return await _consumer(app).commit_hint(cursors)


def _consumer(app: App) -> Consumer:
    return cast(Consumer, app.consumer)


async def run_app(app: App, stop: asyncio.Event) -> None:
    """Run until `stop` is set, then leave the group. Raises what the app crashed for.

    An app runs once. Signals are the caller's.
    """
    starting = asyncio.ensure_future(app.start())
    stopped = asyncio.ensure_future(stop.wait())
    crashed = asyncio.ensure_future(app.wait_until_stopped())
    try:
        await asyncio.wait({starting, stopped, crashed}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and starting.exception() is None:
            await asyncio.wait({stopped, crashed}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _stop(app, starting, stopped, crashed)
    if app.crashed_by is not None:
        raise app.crashed_by
    if starting.done() and not starting.cancelled() and (failure := starting.exception()) is not None:
        raise failure


async def _stop(app: App, *tasks: asyncio.Future[Any]) -> None:
    try:
        async with asyncio.timeout(STOP_WITHIN):
            await app.stop()
    except TimeoutError:
        log.error("the consumer did not stop within %.0f s; the group will notice by itself", STOP_WITHIN)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
