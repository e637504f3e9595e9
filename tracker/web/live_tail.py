"""The tails of the topics that the live stream is made of: touches of campaigns, and alerts as they are told.

1. No group and no commit: reading begins at the end that is there at the start, and goes on from positions kept here.
2. A broker that does not answer is said to be away since it last did; what it holds when it is back is read from where
   reading stopped, so no alert is missed that the log still holds.
3. A record that cannot be read is logged and left out: it is no reason to tell nobody anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tracker.codec.alerts import UnreadableAlert, decode
from tracker.domain.alerts import Alert
from tracker.domain.events import Instant
from tracker.following import CannotFollow, Kept
from tracker.topics import ALERTS, Topics

log = structlog.get_logger(__name__)

_ASK_S: Final = 2.0
_PATIENCE_S: Final = 5.0
_START_S: Final = 30.0
_MAX_BYTES: Final = 16 * 1024 * 1024


class Tail:
    """Reads along. `touched` and `alerted` are called in the order of each partition's log; `away` with the instant at
    which Kafka last answered, or None when it does (again).
    """

    def __init__(
        self,
        bootstrap: str,
        topics: Topics,
        *,
        touched: Callable[[str], None],
        alerted: Callable[[Alert], None],
        away: Callable[[Instant | None], None],
        now: Callable[[], Instant],
    ) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._touches = topics.name("touched")
        self._touched, self._alerted, self._away, self._now = touched, alerted, away, now
        names = [self._touches, *(topics.name(stage) for stage in ALERTS.values())]
        self._places = [TopicPartition(name, number) for name in names for number in range(topics.partitions)]
        self._positions: dict[TopicPartition, int] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._heard_at = now()
        self._silent = False

    async def start(self) -> None:
        """Stand at the end that is there now. Raises CannotFollow."""
        try:
            async with asyncio.timeout(_START_S):
                await self._open()
        except (KafkaError, TimeoutError) as error:
            await self.stop()
            raise CannotFollow(self._touches, self._bootstrap, str(error) or type(error).__name__) from error
        except BaseException:
            await self.stop()
            raise

    async def run(self) -> None:
        """Read along, until cancelled."""
        asking = asyncio.create_task(self._ask(), name="ask Kafka")
        try:
            while True:
                try:
                    await self._read()
                except (KafkaError, TimeoutError) as error:
                    self._is_away(str(error) or type(error).__name__)
                    await asyncio.sleep(_ASK_S)
                    await self._open_again()
        finally:
            asking.cancel()
            await asyncio.wait({asking})

    async def stop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def _open(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # what is older than the log's beginning is gone; go on with what there is
            fetch_max_bytes=_MAX_BYTES,
            fetch_max_wait_ms=100,
        )
        self._consumer = consumer
        await consumer.start()
        consumer.assign(self._places)
        if not self._positions:
            self._positions = await consumer.end_offsets(self._places)
        for place, position in self._positions.items():
            consumer.seek(place, position)

    async def _open_again(self) -> None:
        with suppress(KafkaError, TimeoutError):  # said to be away already
            await self.stop()
            async with asyncio.timeout(_START_S):
                await self._open()

    async def _read(self) -> None:
        consumer = self._consumer
        if consumer is None:
            raise KafkaError("there is no connection")
        for place, records in (await consumer.getmany(timeout_ms=1_000)).items():
            for record in records:
                self._take(record)
            self._positions[place] = records[-1].offset + 1

    def _take(self, record: Kept) -> None:
        if record.topic == self._touches:
            self._touched((record.key or b"").decode(errors="replace"))
            return
        try:
            alert = decode(record.value or b"").data
        except UnreadableAlert as error:
            log.error(
                "an alert cannot be read and was not told",
                topic=record.topic, partition=record.partition, offset=record.offset, reason=str(error),
            )  # fmt: skip
            return
        self._alerted(alert)

    async def _ask(self) -> None:
        """A consumer is silent about a broker that is gone: so it is asked something, again and again."""
        while True:
            await asyncio.sleep(_ASK_S)
            consumer = self._consumer
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    if consumer is None:
                        raise KafkaError("there is no connection")
                    await consumer.end_offsets(self._places[:1])
            except (KafkaError, TimeoutError) as error:
                self._is_away(str(error) or type(error).__name__)
            else:
                self._heard_at, self._silent = self._now(), False
                self._away(None)

    def _is_away(self, reason: str) -> None:
        if not self._silent:
            log.warning("Kafka does not answer: the live stream is stale", reason=reason)
        self._silent = True
        self._away(self._heard_at)
