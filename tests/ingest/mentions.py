"""Builders for follow-ups: Instagram mentions on an inbox, a poller that follows them up, and where its group stands.

Everything is synthetic: the documented formats, invented contents.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import unquote_plus

from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.ingest.doors import read_inbox, until
from tests.ingest.stand_in import Asked, StandIn, Told
from tracker.codec import inbox
from tracker.domain.events import PostPublished
from tracker.ingest.budget import Budget
from tracker.ingest.lane import TellsHolds
from tracker.ingest.poll_metrics import PollMetrics
from tracker.ingest.poller import PollerParts, run_poller
from tracker.ingest.publisher import Placed, Publisher
from tracker.plugin.api import PlatformAdapter, RawPayload
from tracker.settings import PlatformSettings, Poller, Settings, Worker
from tracker.store.held import Hold
from tracker.store.memory import MemoryStore
from tracker_instagram.adapter import Instagram

BRAND = "178"
RECEIVED = 1_790_000_000_000


class Unlimited(Budget):
    async def take(self, platform: str, per_minute: int, cost: int) -> int:
        return 0


class Untold(TellsHolds):
    async def tell(self, platform: str, hold: Hold) -> None:
        """Nobody watches."""


def mention(*media: str, account: str = BRAND, source: str = "webhook") -> RawPayload:
    """A webhook that says that these posts mention the account."""
    changes = [{"field": "mentions", "value": {"media_id": each}} for each in media]
    document = {"object": "instagram", "entry": [{"id": account, "time": RECEIVED // 1000, "changes": changes}]}
    return RawPayload(
        platform="instagram",
        source="webhook" if source == "webhook" else "import",
        name="main",
        received_at=RECEIVED,
        body=json.dumps(document).encode(),
    )


def media_of(asked: Asked) -> str:
    """Which post a request to the stand-in asks about."""
    found = re.search(r"mentioned_media\.media_id\((\w+)\)", unquote_plus(asked.path))
    assert found is not None, asked.path
    return found.group(1)


def told(asked: Asked) -> Told:
    """The mentioned post, as the Graph API tells it."""
    media = {
        "id": media_of(asked),
        "caption": "thanks @brand #synthetic",
        "timestamp": "2026-09-21T14:10:00+0000",
        "media_type": "IMAGE",
        "like_count": 12,
        "comments_count": 3,
        "owner": {"id": "990"},
        "username": "synthetic.fan",
    }
    return Told(200, json.dumps({"mentioned_media": media, "id": BRAND}).encode())


async def put(publisher: Publisher, *payloads: RawPayload, partition: int | None = None) -> list[Placed]:
    """Put these on the inbox, as the receiver does; where they stand."""
    placed = []
    for raw in payloads:
        key, value, headers = inbox.encode(raw)
        placed.append(await publisher.publish("inbox", key, value, headers, partition=partition))
    return placed


async def answers(publisher: Publisher) -> list[RawPayload]:
    """What follow-ups brought to the inbox."""
    return [raw for raw in await read_inbox(publisher.bootstrap, publisher.topics) if raw.source == "poll"]


async def until_answers(publisher: Publisher, count: int, seconds: float = 40) -> list[RawPayload]:
    """Wait for so many answers in all."""

    async def there() -> bool:
        return len(await answers(publisher)) >= count

    await until(there, seconds)
    return await answers(publisher)


def posts_of(found: Sequence[RawPayload]) -> list[str]:
    """The posts that the adapter reads in these answers."""
    facts = [fact for raw in found for fact in Instagram().parse(raw)]
    return [fact.post for fact in facts if isinstance(fact, PostPublished)]


class Following:
    """A poller under way, and where its follow-up groups stand."""

    def __init__(self, publisher: Publisher, settings: Settings) -> None:
        self.publisher = publisher
        self.settings = settings
        self.metrics = PollMetrics()

    def counted(self, outcome: str, platform: str = "instagram") -> float:
        labels = {"platform": platform, "outcome": outcome}
        return self.metrics.registry.get_sample_value("tracker_follow_ups_total", labels) or 0

    async def until_counted(self, outcome: str, count: int = 1, platform: str = "instagram") -> None:
        async def counted() -> bool:
            return self.counted(outcome, platform) >= count

        await until(counted, 40)

    async def until_begun(self, platform: str = "instagram") -> None:
        """Wait until each partition has a position: from then on nothing is missed."""

        async def begun() -> bool:
            return None not in (await self.committed(platform)).values()

        await until(begun, 40)

    async def until_committed(self, placed: Sequence[Placed], platform: str = "instagram") -> None:
        """Wait until these records are done with."""

        async def done() -> bool:
            stands = await self.committed(platform)
            return all((stands[at.partition] or 0) > at.offset for at in placed)

        await until(done, 40)

    async def committed(self, platform: str = "instagram") -> dict[int, int | None]:
        return await committed(self.publisher, f"{self.settings.worker.group}-follow-up-{platform}")


async def committed(publisher: Publisher, group: str) -> dict[int, int | None]:
    """A group's position in each partition of the inbox."""
    places = [TopicPartition(publisher.topics.name("inbox"), number) for number in range(publisher.topics.partitions)]
    consumer = AIOKafkaConsumer(bootstrap_servers=publisher.bootstrap, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(places)
        return {at.partition: await consumer.committed(at) for at in places}
    finally:
        await consumer.stop()


def settings_for(group: str, platforms: Mapping[str, StandIn], **poller: int) -> Settings:
    return Settings(
        worker=Worker(group=group, session_timeout_seconds=3),
        poller=Poller(**({"timeout_seconds": 2, "follow_up_seconds": 60} | poller)),
        platforms={
            name: PlatformSettings(base_url=platform.base_url, token="synthetic-token")
            for name, platform in platforms.items()
        },
    )


@asynccontextmanager
async def following(
    publisher: Publisher,
    settings: Settings,
    adapters: Sequence[PlatformAdapter] = (Instagram(),),
) -> AsyncIterator[Following]:
    """A poller with nothing to poll, following up, until the end of the block."""
    under_way = Following(publisher, settings)
    parts = PollerParts(
        settings=settings,
        adapters={adapter.name: adapter for adapter in adapters},
        publisher=publisher,
        store=MemoryStore(),
        budget=Unlimited(),
        holds=Untold(),
        metrics=under_way.metrics,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(run_poller(parts, stop))
    try:
        for adapter in adapters:
            begun = asyncio.create_task(under_way.until_begun(adapter.name))
            await asyncio.wait({running, begun}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                begun.cancel()
                running.result()
            await begun
        yield under_way
    finally:
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await running
