"""How Kafka's records come through Faust: one message for a fetched run of one partition, read from our own cursors.

1. A partition is read from the cursor that the injected `Cursors` function gives, whatever Kafka has committed.
2. The batches of a partition are seamless: each begins where the one before it ended, or where the partition was sought
   last. What was fetched twice is trimmed, what was lost on the way is fetched again.
3. A cursor that the log does not hold stops the worker. Nothing is skipped, and nothing is reset.
4. Kafka's committed offset is a hint for lag monitors. It is never read, and a commit that fails harms nobody.

Faust's private members that are overridden here are pinned by tests/stream/test_transport_seams.py: it fails when a new
version of Faust moves them.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Protocol, cast

import aiokafka
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.consumer import RecordMap, ensure_TP, ensure_TPset
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message
from msgspec import Struct
from msgspec.structs import replace

log = logging.getLogger(__name__)

_offset = attrgetter("offset")


class Record(Protocol):
    """A record as aiokafka unpacks it. `timestamp` is in ms since the epoch, UTC."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def timestamp_type(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class LogRange(Struct, frozen=True):
    """The offsets a partition's log holds: from `earliest`, and `end` is the one that the next record will get.

    The embedded broker (Tansu 0.6) takes the first offset of its last record batch, plus one, for the end.
    """

    earliest: int
    end: int


Cursors = Callable[[Mapping[TP, LogRange]], Awaitable[Mapping[TP, int]]]
"""Called at every assignment with all partitions now assigned and their logs; returns the next offset of each."""


class Batch(Struct, frozen=True, kw_only=True):
    """A run of one partition's records, undecoded, in order.

    It stands for the offsets from `first_offset` up to, without, `next_offset`, so it is `next_offset` that a cursor
    becomes when it is counted. The records may be fewer: a log may have holes (compaction, transaction marks).
    `highwater` is the end of the log when the batch was delivered, None where it is not known;
    `highwater - next_offset` is the lag.
    """

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    records: Sequence[Record]
    highwater: int | None = None

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.first_offset}..{self.next_offset}"


def cut(batch: Batch, most: int) -> list[Batch]:
    """A batch as seamless ones of at most so many records."""
    if len(batch.records) <= most:
        return [batch]
    parts: list[Batch] = []
    first_offset = batch.first_offset
    for start in range(0, len(batch.records), most):
        records = batch.records[start : start + most]
        last = start + most >= len(batch.records)
        next_offset = batch.next_offset if last else records[-1].offset + 1
        parts.append(replace(batch, first_offset=first_offset, next_offset=next_offset, records=records))
        first_offset = next_offset
    return parts


class CursorOutOfRange(Exception):
    """The log does not hold the next offset: it begins later (retention), or ends earlier (a recreated topic)."""

    def __init__(self, tp: TP, cursor: int, log_range: LogRange) -> None:
        self.topic, self.partition = tp.topic, tp.partition
        self.cursor, self.log_range = cursor, log_range
        super().__init__(cursor)

    def __str__(self) -> str:
        where = f"{self.topic}[{self.partition}]@{self.cursor}"
        if self.cursor < self.log_range.earliest:
            lost = self.log_range.earliest - self.cursor
            what = (
                f"the log now begins at {self.log_range.earliest}: {lost} offsets that were never counted are gone "
                "(retention?)"
            )
        else:
            what = f"the log ends at {self.log_range.end}, before the next offset to read (was the topic recreated?)"
        return (
            f"{where}: {what}.\nNothing was applied and the worker stopped. "
            "Restore the topic, or count again what it still holds: tracker rebuild"
        )


class AssignmentFailed(Exception):
    """The cursors of an assignment did not come, or do not cover it. `partitions` are those without a position."""

    def __init__(self, partitions: Sequence[TP], why: str) -> None:
        self.partitions = tuple(sorted(partitions))
        super().__init__(why)

    def __str__(self) -> str:
        where = ", ".join(f"{tp.topic}[{tp.partition}]" for tp in self.partitions)
        return (
            f"{where}: {self.args[0]}. Nothing was read and the worker stopped. "
            "Check that the store answers and knows these topics, then start the worker again."
        )


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka runs. Everything that touches its consumer goes through the thread's queue."""

    consumer: Consumer
    transport: Transport

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        # Faust 0.15.3 has no setting for these. Its wait of 1.5 s is a stall: a request that waits for an idle
        # partition's first record holds up the fetch of every busy partition of the same broker.
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = self.transport.fetch_wait_ms
        consumer._fetch_max_bytes = self.transport.fetch_max_bytes
        return consumer

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 (Faust's signature)
        max_records: int | None = None,
    ) -> RecordMap:
        for tp in active_partitions:
            waiting = consumer._fetcher._records.get(tp)
            if isinstance(waiting, FetchResult) and waiting.has_more():
                # aiokafka would copy each record into one with its topic: half of what unpacking costs (ADR 0005).
                waiting._partition_records._consumer_record = _as_unpacked
        try:
            # aiokafka spreads `max_records` over the partitions: after a whole fetch of one, the next gives a crumb,
            # which costs as many reads and applies as a whole batch. So all that is there is taken; `getmany` cuts it.
            return await super()._fetch_records(consumer, active_partitions, timeout, None)
        except NoOffsetForPartitionError:
            return {}  # aiokafka looked for a committed offset before our seek, which comes with every assignment
        except OffsetOutOfRangeError as error:
            for tp, offset in cast(Mapping[TopicPartition, int], error.args[0]).items():
                await self._refuse_or_seek_back(consumer, ensure_TP(tp), offset)
            return {}

    async def _refuse_or_seek_back(self, consumer: aiokafka.AIOKafkaConsumer, tp: TP, offset: int) -> None:
        """Raises CursorOutOfRange if it is our own cursor that the log does not hold, not a position from before it."""
        expected = self.consumer.expected.get(tp)
        if expected is None:
            return
        if offset == expected:
            raise CursorOutOfRange(tp, expected, (await self._log_ranges([tp]))[tp])
        consumer.seek(TopicPartition(*tp), expected)

    async def log_ranges(self, tps: Sequence[TP]) -> dict[TP, LogRange]:
        return cast(dict[TP, LogRange], await self.call_thread(self._log_ranges, tps))

    async def _log_ranges(self, tps: Sequence[TP]) -> dict[TP, LogRange]:
        consumer = self._ensure_consumer()
        asked = [TopicPartition(*tp) for tp in tps]
        earliest = await consumer.beginning_offsets(asked)
        end = await consumer.end_offsets(asked)
        return {ensure_TP(tp): LogRange(earliest[tp], end[tp]) for tp in asked}

    async def seek_all(self, cursors: Mapping[TP, int]) -> None:
        await self.call_thread(self._seek_all, cursors)

    async def _seek_all(self, cursors: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        for tp, cursor in cursors.items():
            consumer.seek(TopicPartition(*tp), cursor)

    async def commit_hint(self, cursors: Mapping[TP, int]) -> bool:
        return cast(bool, await self.call_thread(self._commit_hint, cursors))

    async def _commit_hint(self, cursors: Mapping[TP, int]) -> bool:
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        offsets = {
            TopicPartition(*tp): OffsetAndMetadata(cursor, "") for tp, cursor in cursors.items() if tp in assigned
        }
        if not offsets:  # amid a rebalance nothing is assigned, and aiokafka raises ValueError for nothing
            return False
        try:
            await consumer.commit(offsets)
        except KafkaError as error:  # a rebalance, a broker that restarts: the next hint will do (law 4)
            log.info("Kafka's committed offsets were not moved: %s", error)
            return False
        return True


def _as_unpacked(_: TopicPartition, record: Record) -> Record:
    return record


class Consumer(driver.Consumer):
    """Faust's consumer, giving whole batches (law 2) from our own cursors (law 1)."""

    transport: Transport
    _thread: ConsumerThread

    expected: dict[TP, int]
    """The next offset of each partition that was sought: what a batch must begin with."""
    holes: dict[TP, int]
    """Where a fetch left out offsets, and was asked for once more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.expected, self.holes = {}, {}
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def on_buffer_full(self, tp: TP) -> None:
        """Nothing: a full buffer makes the fetch loop wait for room.

        Faust would take the partition out of the fetch, and its fetch loop sleeps for a whole second when none is left.
        """

    def on_buffer_drop(self, tp: TP) -> None:
        """Nothing, as `on_buffer_full`."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        for tp in revoked:
            self.expected.pop(tp, None)
            self.holes.pop(tp, None)
        await super().on_partitions_revoked(revoked)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek every assigned partition to the cursor that is kept beside its state, and return these.

        Faust calls it when an assignment is complete, after `app.on_rebalance_complete` and before the flow resumes.
        Raises AssignmentFailed, and what the `Cursors` function raises: each stops the worker.
        """
        assigned = sorted(ensure_TPset(self.assignment()))
        # Faust takes a seek that outlasts broker_request_timeout for a shutdown, and waits for ever without a word.
        patience = self.app.conf.broker_request_timeout * 0.8
        try:
            async with asyncio.timeout(patience):
                ranges = await self._thread.log_ranges(assigned)
                cursors = await self.transport.cursors(ranges)
        except TimeoutError as error:
            raise AssignmentFailed(assigned, f"no cursors within {patience:.0f} s") from error
        if missing := [tp for tp in assigned if tp not in cursors]:
            raise AssignmentFailed(missing, "the store gave no cursor")
        # Whether the log holds the cursors is answered by the first fetch: just after an election a leader may name an
        # earlier end than it has, and the embedded broker always does (see LogRange).
        sought = {tp: cursors[tp] for tp in assigned}
        await self._seek_expecting(sought)
        return sought

    async def _seek(self, partition: TP, offset: int) -> None:
        await self._seek_expecting({ensure_TP(partition): offset})

    async def _seek_expecting(self, cursors: Mapping[TP, int]) -> None:
        self.expected.update(cursors)
        for tp in cursors:
            self.holes.pop(tp, None)
        await self._thread.seek_all(cursors)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 (Faust's signature)
        """Fetch once, and give each partition's records as one message, or more if they are beyond the largest batch.

        What arrives while the flow is stopped, or of a partition that is not active, is dropped: the seek before the
        flow resumes, or law 2, brings it back. (Faust seeks here, which would race with the seek of the assignment.)
        """
        records, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if not records or self.should_stop:
            return
        for kafka_tp, fetched in records.items():
            tp = ensure_TP(kafka_tp)
            if self._is_over(generation):
                return
            if active is not None and tp not in active:
                continue
            whole = await self._seamless(tp, fetched)
            for batch in [] if whole is None else cut(whole, self.app.conf.broker_max_poll_records):
                if self._is_over(generation):
                    return
                yield tp, self._to_message(tp, batch)

    def _is_over(self, generation: int) -> bool:
        """Whether what was fetched in this generation of the group must not be given any more."""
        return not self.flow_active or self.app.consumer_generation_id != generation

    async def _seamless(self, tp: TP, fetched: Sequence[Record]) -> Batch | None:
        """The records from the expected offset on; None where there are none, or where they must be fetched again."""
        expected = self.expected.get(tp)
        if expected is None:
            return None
        if fetched[0].offset < expected:
            fetched = fetched[bisect_left(fetched, expected, key=_offset) :]
            if not fetched:
                return None
        elif fetched[0].offset > expected and self.holes.get(tp) != expected:
            log.info("%s[%d]@%d: the fetch began at %d; asking again", *tp, expected, fetched[0].offset)
            self.holes[tp] = expected
            try:
                await self._thread.seek_all({tp: expected})
            except IllegalStateError:
                log.info("%s[%d]@%d: the partition was revoked meanwhile", *tp, expected)
            return None
        # A hole that is there when asked twice is the log's own: what retention took is answered by OffsetOutOfRange.
        next_offset = fetched[-1].offset + 1
        self.expected[tp] = next_offset
        return Batch(
            topic=tp.topic,
            partition=tp.partition,
            first_offset=expected,
            next_offset=next_offset,
            records=fetched,
            highwater=self._highwater(tp),
        )

    def _highwater(self, tp: TP) -> int | None:
        try:
            return cast(int | None, self.highwater(tp))
        except AssertionError:  # aiokafka's own, of a partition that was revoked between the fetch and now
            return None

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        batch: Batch = record
        last = batch.records[-1]
        return ConsumerMessage(
            batch.topic,
            batch.partition,
            batch.first_offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            None,
            None,
            cast(bytes, batch),
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def commit_hint(self, cursors: Mapping[TP, int]) -> bool:
        """Tell Kafka's lag monitors how far we are. True if it was told; False changes nothing that matters (law 4)."""
        return await self._thread.commit_hint(cursors)


class Transport(driver.Transport):
    """The transport of `tracker://host:port`. tracker.stream.seam.build_app sets what Faust has no settings for."""

    Consumer = Consumer

    cursors: Cursors
    fetch_wait_ms: int = 100
    fetch_max_bytes: int = 16 * 1024 * 1024
