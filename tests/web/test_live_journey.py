"""From a touch on Kafka and totals in Redis to a client's screen; and what it is told when one of the two goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import pytest
from litestar import Litestar
from msgspec import Struct
from msgspec.structs import replace

from tests.harness.brokers import Broker
from tests.harness.kafka import KafkaBroker
from tests.web.ground import Ground, alert, filled, laid
from tests.web.live_wire import Wire, eventually, served
from tests.web.test_live import has_post, likes
from tracker.codec.alerts import encode, event_of
from tracker.domain.alerts import Alert
from tracker.domain.counters import Scope
from tracker.embedded.redis import RedisServer
from tracker.ingest.http import Refused
from tracker.kafka_admin import ensure_topics
from tracker.sending import Outgoing, Sender
from tracker.store.base import Partition
from tracker.store.redis import RedisStore
from tracker.stream.view import Touches
from tracker.topics import ALERTS, Topics
from tracker.web import app
from tracker.web.gate import Gate
from tracker.web.live import Hub, HubParts, LiveSettings, stream_routes


class Journey(Struct):
    ground: Ground
    store: RedisStore
    topics: Topics
    sender: Sender
    hub: Hub
    port: int

    async def open(self, query: str = "", wire: Wire | None = None) -> Wire:
        return await (wire or Wire()).open(self.port, f"/v1/stream{query}", self.ground.token())

    async def count(self, campaign: str, **fields: int) -> None:
        """As a worker's view writes totals."""
        totals = {scope: dict(row) for scope, row in (await self.store.totals(campaign)).items()}
        totals.setdefault(Scope(campaign), {}).update(fields)
        await self.store.write_totals(campaign, totals)

    async def touch(self, campaign: str) -> None:
        """As a worker announces it."""
        touches = Touches(self.topics, self.sender)
        await self.sender.send(touches._records({campaign: Partition("activity", 0)}))

    async def tell(self, changed: Alert) -> None:
        place = self.topics.name(ALERTS[changed.category]), 0
        await self.sender.send({place: [Outgoing(changed.campaign.encode(), encode(event_of(changed)))]})


@asynccontextmanager
async def journey(bootstrap: str, prefix: str, redis_url: str, redis_prefix: str) -> AsyncIterator[Journey]:
    topics = Topics(prefix=prefix, partitions=1)
    await asyncio.to_thread(ensure_topics, bootstrap, topics)
    async with AsyncExitStack() as stack:
        store = await RedisStore.connect(redis_url, prefix=redis_prefix)
        stack.push_async_callback(store.close)
        await filled(store)
        ground = await laid(store)
        hub = Hub(
            HubParts(
                bootstrap=bootstrap,
                topics=topics,
                store=store,
                definitions=ground.parts.definitions,
                alerts=ground.alerts,
                now=ground.clock,
            ),
            LiveSettings(debounce_ms=50),
        )
        routes = stream_routes(hub, Gate(ground.parts), ground.parts.definitions)
        litestar = Litestar(
            route_handlers=routes,
            exception_handlers=cast(Any, {Refused: app._refused, Exception: app._unforeseen}),
            openapi_config=None,
            logging_config=None,
        )
        sender = await stack.enter_async_context(Sender(bootstrap))
        port = await stack.enter_async_context(served(app.Api(litestar, app.ApiMetrics())))
        await hub.start()
        stack.push_async_callback(hub.stop)
        yield Journey(ground, store, topics, sender, hub, port)


async def test_a_touch_on_kafka_brings_the_totals_of_redis_to_every_client(
    kafka: Broker, topic_prefix: str, redis_url: str, redis_prefix: str
) -> None:
    async with journey(kafka.bootstrap, topic_prefix, redis_url, redis_prefix) as it:
        wires = [await it.open("?campaign=spring") for _ in range(3)]
        for wire in wires:
            await wire.until(likes("spring", 100))
        await it.count("spring", likes=150)
        await it.touch("spring")
        for wire in wires:
            await wire.until(likes("spring", 150))


async def test_totals_that_are_merged_after_the_touch_are_told_all_the_same(
    kafka: Broker, topic_prefix: str, redis_url: str, redis_prefix: str
) -> None:
    async with journey(kafka.bootstrap, topic_prefix, redis_url, redis_prefix) as it:
        wire = await it.open("?campaign=spring")
        await wire.until(likes("spring", 100))
        reads = it.hub.reader.reads
        await it.touch("spring")
        await eventually(lambda: it.hub.reader.reads > reads)
        await it.count("spring", likes=160)  # nothing touches it any more
        await wire.until(likes("spring", 160))


async def test_alerts_of_every_category_are_told_as_their_topics_have_them(
    kafka: Broker, topic_prefix: str, redis_url: str, redis_prefix: str
) -> None:
    async with journey(kafka.bootstrap, topic_prefix, redis_url, redis_prefix) as it:
        earlier = alert("spring", "earlier")
        wire = await it.open("?kinds=alert")
        await wire.until(lambda client: len(client.alerts) == 3)
        told = []
        for category in ALERTS:
            made = alert("spring", f"of {category}")
            changed = replace(made, category=category)
            await it.tell(changed)
            told.append(f"{changed.id}-{changed.serial}")
        # A record that is none is no reason to tell nothing of what comes after it.
        place = it.topics.name("alerts.engagement"), 0
        await it.sender.send({place: [Outgoing(b"spring", b"{}")]})
        await it.tell(earlier)
        told.append(f"{earlier.id}-{earlier.serial}")
        client = await wire.until(lambda client: len(client.alert_ids) == 3 + len(told))
        assert sorted(client.alert_ids[3:]) == sorted(told)


@pytest.mark.slow
async def test_redis_that_goes_away_is_told_and_what_it_says_when_it_is_back(
    kafka: Broker,
    topic_prefix: str,
    redis_server: Callable[..., RedisServer],
    redis_prefix: str,
) -> None:
    server = redis_server()
    async with journey(kafka.bootstrap, topic_prefix, server.url, redis_prefix) as it:
        wire = await it.open("?campaign=spring")
        await wire.until(likes("spring", 100))
        server.kill()
        await wire.until(lambda client: client.away == ["redis"])
        server.start()
        await it.count("spring", likes=170)
        await wire.until(lambda client: client.away == [])
        await it.touch("spring")
        await wire.until(likes("spring", 170))
        assert wire.client.lost == []


@pytest.mark.slow
async def test_kafka_that_goes_away_is_told_and_no_alert_is_missed(
    own_kafka: KafkaBroker, topic_prefix: str, redis_url: str, redis_prefix: str
) -> None:
    async with journey(own_kafka.bootstrap, topic_prefix, redis_url, redis_prefix) as it:
        wire = await it.open("?campaign=spring")
        await wire.until(likes("spring", 100))
        own_kafka.kill()
        await wire.until(lambda client: client.away == ["kafka"])
        await it.count("spring", likes=180)
        await asyncio.to_thread(own_kafka.start)
        async with Sender(own_kafka.bootstrap) as sender:
            it.sender = sender
            await it.tell(alert("spring", "after the fall"))
            await wire.until(lambda client: client.away == [])
            await wire.until(likes("spring", 180))
            await wire.until(has_post("after the fall"))
        assert wire.client.lost == []
