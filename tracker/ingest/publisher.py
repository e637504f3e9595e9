"""Publishing to Kafka, from an event loop: a record is published when every replica in sync has it, and not before.

1. `publish` returns only after the broker's acknowledgement (acks=all, idempotent producer).
2. Whatever else happens raises `KafkaUnreachable` (or `RecordTooLarge`): the record may or may not be in the log,
   and who sent it must send it again.
3. Memory has a ceiling: beyond `pending_limit` bytes that wait for an acknowledgement, `publish` refuses at once.

kafka-python's producer has a thread of its own; one more serves its `send`, which may block for metadata. No request
has a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError
from msgspec import Struct

from tracker.topics import MAX_RECORD_BYTES, STAGES, Stage, Topics

Headers = Sequence[tuple[str, bytes]]

_BLOCK_MS = 800
_REQUEST_MS = 2_500
_DELIVERY_MS = 5_000
_BOOTSTRAP_MS = 2_000
_GRACE_SECONDS = 1.0
_RECONNECT_MAX_MS = 500
_PENDING_LIMIT = 64 * 1024 * 1024
# What Kafka's batch format adds to a record, generously: offsets, lengths, the batch's head.
_OVERHEAD = 1024
LARGEST = MAX_RECORD_BYTES - _OVERHEAD


class KafkaUnreachable(Exception):
    """Kafka did not acknowledge a record. `topic` is where it was to go, `cause` what was seen."""

    def __init__(self, topic: str, cause: str) -> None:
        super().__init__(
            f"{topic}: not acknowledged ({cause}). The record may or may not be in the log: send it again. "
            "Check that the brokers of kafka.bootstrap run and that enough replicas are in sync."
        )
        self.topic = topic
        self.cause = cause


class RecordTooLarge(Exception):
    """A record that no topic of ours would take. `size` and `limit` are in bytes."""

    def __init__(self, topic: str, size: int, limit: int) -> None:
        super().__init__(f"{topic}: a record of {size} bytes; at most {limit} are possible. Nothing was published.")
        self.topic = topic
        self.size = size
        self.limit = limit


class Placed(Struct, frozen=True):
    """Where an acknowledged record stands in its topic."""

    topic: str
    partition: int
    offset: int


class Record(Struct, frozen=True):
    """A record on its way. `partition` None: the key decides."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers = ()
    partition: int | None = None

    @property
    def size(self) -> int:
        """Bytes of key, value and headers together."""
        headers = sum(len(name) + len(content) for name, content in self.headers)
        return len(self.value) + len(self.key or b"") + headers


class _Delivery:
    """A record under way, and what its sender waits for."""

    __slots__ = ("answer", "producer", "record")

    def __init__(self, record: Record, answer: asyncio.Future[Placed]) -> None:
        self.record = record
        self.answer = answer
        self.producer: KafkaProducer | None = None


class Publisher:
    """One producer for one event loop: start it, use it and stop it there."""

    def __init__(self, bootstrap: str, topics: Topics, *, pending_limit: int = _PENDING_LIMIT) -> None:
        self.topics = topics
        self.bootstrap = bootstrap
        self._pending_limit = pending_limit
        self._pending = 0
        self._producer: KafkaProducer | None = None
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="publisher")

    async def start(self) -> None:
        """Connect, and learn the topics' partitions: no first record waits for them. Raises KafkaUnreachable."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._learn)
        except KafkaError as error:
            raise KafkaUnreachable(self.topics.name("inbox"), str(error)) from error

    async def stop(self) -> None:
        """Deliver what is under way, for some seconds at most, then close."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._close, _DELIVERY_MS / 1000)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def publish(
        self,
        stage: Stage,
        key: bytes | None,
        value: bytes,
        headers: Headers = (),
        *,
        partition: int | None = None,
        within: float | None = None,
    ) -> Placed:
        """Publish one record; return where it stands once it is acknowledged.

        `within` seconds the answer is due; without it, when the producer gives up (about 5 s). Raises
        KafkaUnreachable, RecordTooLarge.
        """
        record = Record(self.topics.name(stage), key, value, headers, partition)
        if record.size > LARGEST:
            raise RecordTooLarge(record.topic, record.size, LARGEST)
        if self._pending + record.size > self._pending_limit:
            raise KafkaUnreachable(record.topic, f"{self._pending} bytes wait for an acknowledgement already")
        delivery = self._expect(record)
        handed = self._threads.submit(self._send, delivery)
        handed.add_done_callback(lambda call: _pass_on(call, delivery.answer))
        await asyncio.wait({delivery.answer}, timeout=within)
        if not delivery.answer.done():
            # What was not yet handed to the producer is taken back; what was may still arrive, and is no harm.
            if handed.cancel():
                delivery.answer.cancel()
            raise KafkaUnreachable(record.topic, f"nothing heard for {within} s")
        return _outcome(delivery)

    def _expect(self, record: Record) -> _Delivery:
        loop = asyncio.get_running_loop()
        delivery = _Delivery(record, loop.create_future())
        patience = loop.call_later(_DELIVERY_MS / 1000 + _GRACE_SECONDS, self._give_up, delivery)
        self._pending += record.size

        def settled(answer: asyncio.Future[Placed]) -> None:
            self._pending -= record.size
            patience.cancel()
            if not answer.cancelled():
                answer.exception()  # seen, also where nobody waits for it any more

        delivery.answer.add_done_callback(settled)
        return delivery

    def _give_up(self, delivery: _Delivery) -> None:
        delivery.answer.set_exception(KafkaTimeoutError("the producer gave no answer in time"))
        self._threads.submit(self._discard, delivery.producer)

    # On the sending thread from here on.

    def _learn(self) -> None:
        producer = self._connected()
        for stage in STAGES:
            producer.partitions_for(self.topics.name(stage))

    def _connected(self) -> KafkaProducer:
        if self._producer is None:
            self._producer = KafkaProducer(
                bootstrap_servers=self.bootstrap.split(","),
                acks="all",
                enable_idempotence=True,
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=_BOOTSTRAP_MS,
                delivery_timeout_ms=_DELIVERY_MS,
                max_block_ms=_BLOCK_MS,
                max_request_size=MAX_RECORD_BYTES,
                metrics_enabled=False,
                reconnect_backoff_max_ms=_RECONNECT_MAX_MS,
                request_timeout_ms=_REQUEST_MS,
            )
        return self._producer

    def _send(self, delivery: _Delivery) -> None:
        delivery.producer = producer = self._connected()
        record = delivery.record

        def failed(error: BaseException) -> None:
            # A producer that met a fatal error stays broken, and kafka-python 3.0.12's idempotent one may stall for
            # ever once a batch has expired (tests/ingest/test_publisher.py): the next record gets a new one.
            if not isinstance(error, MessageSizeTooLargeError):
                self._threads.submit(self._discard, producer)
            _resolve(delivery.answer, error)

        sent = producer.send(record.topic, record.value, record.key, list(record.headers), partition=record.partition)
        sent.add_callback(lambda done: _resolve(delivery.answer, Placed(done.topic, done.partition, done.offset)))
        sent.add_errback(failed)

    def _discard(self, producer: KafkaProducer | None) -> None:
        if producer is not None and self._producer is producer:
            self._producer = None
            _abort(producer)

    def _close(self, seconds: float) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                producer.close(timeout=seconds)
            except KafkaTimeoutError:
                # Each record that was not delivered tells its own sender.
                _abort(producer)


def _abort(producer: KafkaProducer) -> None:
    # KafkaProducer.close(timeout=0) waits for what is under way and raises before it closes (3.0.12).
    producer._sender.force_close()
    producer._closed = True


def _outcome(delivery: _Delivery) -> Placed:
    record = delivery.record
    try:
        return delivery.answer.result()
    except MessageSizeTooLargeError as error:
        raise RecordTooLarge(record.topic, record.size, LARGEST) from error
    except (KafkaError, OSError, ValueError) as error:  # ValueError: the topic, or its partition, is unknown (deleted?)
        raise KafkaUnreachable(record.topic, f"{type(error).__name__}: {error}") from error


def _pass_on(call: Future[None], answer: asyncio.Future[Placed]) -> None:
    if not call.cancelled() and (error := call.exception()) is not None:
        _resolve(answer, error)


def _resolve(answer: asyncio.Future[Placed], told: Placed | BaseException) -> None:
    def settle() -> None:
        if answer.done():
            return
        if isinstance(told, BaseException):
            answer.set_exception(told)
        else:
            answer.set_result(told)

    loop = answer.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(settle)
