"""Following a compacted topic: all that stands in it, and then whatever comes.

1. No group and no commit: whoever follows reads the whole topic at its start, and holds it in memory.
2. Records of one partition come in order; the last one of a key stands.
3. A follower that cannot go on ends with its reason (`wait`): nobody works on with a book that no longer moves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tracker.tasks import end

_MAX_BYTES = 16 * 1024 * 1024
_PATIENCE_S = 30.0


class Kept(Protocol):
    """A record as it comes. `value` None: its key was deleted."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


class CannotFollow(Exception):
    """A topic could not be read. What was read so far stands; nothing newer is known."""

    def __init__(self, topic: str, bootstrap: str, cause: str) -> None:
        super().__init__(f"{topic}: cannot be followed on {bootstrap}: {cause}. Is Kafka up? Start again when it is.")
        self.topic = topic
        self.cause = cause


class TopicFollower:
    """Follows some partitions of one topic from their beginning. `on_record` may raise: that ends the following."""

    def __init__(
        self, bootstrap: str, topic: str, partitions: Sequence[int], on_record: Callable[[Kept], None]
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._places = [TopicPartition(topic, number) for number in partitions]
        self._on_record = on_record
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read up to the end that is there now, then go on in the background. Raises CannotFollow, what is raised by
        `on_record`.
        """
        if not self._places:
            return
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            fetch_max_bytes=_MAX_BYTES,
            fetch_max_wait_ms=100,
        )
        try:
            await consumer.start()
            self._consumer = consumer
            consumer.assign(self._places)
            await consumer.seek_to_beginning(*self._places)
            ends = await consumer.end_offsets(self._places)
            async with asyncio.timeout(_PATIENCE_S) as patience:
                while not await self._has_reached(consumer, ends):
                    if await self._read(consumer, timeout_ms=500):
                        patience.reschedule(asyncio.get_running_loop().time() + _PATIENCE_S)
        except (KafkaError, TimeoutError) as error:
            await self.stop()
            raise CannotFollow(self._topic, self._bootstrap, str(error) or type(error).__name__) from error
        except BaseException:
            await self.stop()
            raise
        self._task = asyncio.create_task(self._go_on(consumer), name=f"follow {self._topic}")

    async def wait(self) -> None:
        """Return when stopped. Raises what ended the following otherwise."""
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Stop following; what was read stays."""
        task, self._task = self._task, None
        if task is not None:
            await end([task])
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def _has_reached(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
        for place in self._places:
            if await consumer.position(place) < ends[place]:
                return False
        return True

    async def _go_on(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                await self._read(consumer, timeout_ms=1_000)
            except KafkaError as error:
                raise CannotFollow(self._topic, self._bootstrap, str(error)) from error

    async def _read(self, consumer: AIOKafkaConsumer, *, timeout_ms: int) -> bool:
        fetched = await consumer.getmany(timeout_ms=timeout_ms)
        for records in fetched.values():
            for record in records:
                self._on_record(record)
        return bool(fetched)
