"""What a watcher knows of the pipeline: how far the logs go, and when dead letters were written.

1. The ends of the logs are asked for at every look. A broker that does not answer is told as it is: the lag is unknown.
2. Of the dead letters the last `LETTERS` of each partition are read at the start, and then every one that comes: their
   instants alone are kept, for a day.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Sequence
from typing import Protocol, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tracker.domain.events import Instant
from tracker.domain.facts import PipelineFacts, QuotaFacts, RuleFailure
from tracker.store.base import Partition
from tracker.store.held import Holds
from tracker.tasks import end
from tracker.topics import Stage, Topics

log = logging.getLogger(__name__)

READ: tuple[Stage, ...] = ("inbox", "activity", "commerce")
LETTERS = 1_000
_DAY_MS = 86_400_000
_KEPT = 100_000


class Gathers(Protocol):
    """What is needed of `tracker.gather.Gatherer`."""

    def pipeline(
        self,
        *,
        now: Instant,
        ends: dict[Partition, int],
        letters: Sequence[Instant],
        quotas: Sequence[QuotaFacts],
        failures: Sequence[RuleFailure],
    ) -> Awaitable[PipelineFacts]: ...


class Pipeline:
    """Looks at the pipeline. Use it as a context: it has a consumer of its own, without a group."""

    def __init__(self, bootstrap: str, topics: Topics, gatherer: Gathers, holds: Holds) -> None:
        self._topics = topics
        self._gatherer = gatherer
        self._holds = holds
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
        self._letters: deque[Instant] = deque(maxlen=_KEPT)
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        places = [TopicPartition(self._topics.name("dead"), number) for number in range(self._topics.partitions)]
        self._consumer.assign(places)
        begins = await self._consumer.beginning_offsets(places)
        ends = await self._consumer.end_offsets(places)
        for place in places:
            self._consumer.seek(place, max(begins[place], ends[place] - LETTERS))
        self._reading = asyncio.create_task(self._read_letters(), name="dead letters")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading is not None:
            await end([self._reading])
        await self._consumer.stop()

    async def facts(self, failures: Sequence[RuleFailure], now: Instant) -> PipelineFacts:
        """What is known now. Raises StoreUnreachable, UnreadableState, what ended the reading of dead letters."""
        if self._reading is not None and self._reading.done():
            self._reading.result()
        letters = sorted(at for at in self._letters if at > now - _DAY_MS)
        return await self._gatherer.pipeline(
            now=now, ends=await self._ends(), letters=letters, quotas=await self._holds.read(), failures=failures
        )

    async def _ends(self) -> dict[Partition, int]:
        asked = {
            TopicPartition(self._topics.name(stage), number): Partition(stage, number)
            for stage in READ
            for number in range(self._topics.partitions)
        }
        try:
            ends = await self._consumer.end_offsets(list(asked))
        except KafkaError as error:
            log.warning("the ends of the logs are unknown: %s", error)
            return {}
        return {asked[place]: end for place, end in ends.items()}

    async def _read_letters(self) -> None:
        while True:
            for records in (await self._consumer.getmany(timeout_ms=1_000)).values():
                self._letters.extend(record.timestamp for record in records)
