"""What the tracker tells of alerts, read from its topics as any subscriber reads them; and how far its watcher is.

1. Every event of every category, from the beginning of the topics, each once: repeats have the same id.
2. The watcher has seen all that was counted by an instant once it has spoken of every campaign since then. Rules that
   wait before they tell are asked less often: what they would say is not told yet in any case.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from tracker.codec.alerts import decode
from tracker.domain.alerts import Alert
from tracker.store.alerts import AlertShelf
from tracker.store.redis import RedisStore
from tracker.topics import ALERTS, Topics

PIPELINE = ""


class Bulletin:
    """Reads until it is closed. `alerts` has every change that was told, in the order in which it was read."""

    def __init__(
        self, consumer: AIOKafkaConsumer, shelf: AlertShelf, campaigns: Sequence[str], places: Sequence[TopicPartition]
    ) -> None:
        self.alerts: list[Alert] = []
        self.repeats = 0
        self._consumer, self._shelf, self._campaigns, self._places = consumer, shelf, campaigns, places
        self._ids: set[str] = set()

    @classmethod
    async def open(cls, store: RedisStore, bootstrap: str, topics: Topics, campaigns: Sequence[str]) -> Bulletin:
        """Begin at the beginning."""
        places = [
            TopicPartition(topics.name(s), number) for s in ALERTS.values() for number in range(topics.partitions)
        ]
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=100)
        await consumer.start()
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        return cls(consumer, AlertShelf(store.client, store.address, store.prefix), campaigns, places)

    async def close(self) -> None:
        await self._consumer.stop()

    async def read(self) -> list[Alert]:
        """What was told since the last time, the repeats left out."""
        fresh: list[Alert] = []
        for records in (await self._consumer.getmany(timeout_ms=0)).values():
            for record in records:
                event = decode(record.value)
                if event.id in self._ids:
                    self.repeats += 1
                else:
                    self._ids.add(event.id)
                    fresh.append(event.data)
        self.alerts += fresh
        return fresh

    async def is_read_to_the_end(self) -> bool:
        """Whether nothing that was told is still to be read."""
        ends = await self._consumer.end_offsets(self._places)
        return all([await self._consumer.position(place) >= end for place, end in ends.items()])

    async def newest_word(self) -> int:
        """When a rule last spoke; 0: never."""
        said = [one for campaign in (*self._campaigns, PIPELINE) for one in await self._shelf.verdicts(campaign)]
        return max((one.at for one in said), default=0)

    async def lagging(self, instant: int) -> list[str]:
        """The campaigns (and `pipeline`) that were not judged as they are since an instant."""
        behind: list[str] = []
        for campaign in (*self._campaigns, PIPELINE):
            said = await self._shelf.verdicts(campaign)
            if max((rule.at for rule in said), default=0) < instant:
                behind.append(campaign or "pipeline")
        return behind
