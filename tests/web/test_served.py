"""The API as it is served: over HTTP, on a real broker and a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import typer
from msgspec import Struct
from typer.testing import CliRunner, Result

from tests.harness.brokers import Broker
from tests.ingest.doors import until
from tests.web.ground import EVERYTHING, LETTER, alert, filled
from tracker import wiring
from tracker.cli import common, token
from tracker.codec import dead
from tracker.codec.alerts import encode, event_of
from tracker.definitions import book as books
from tracker.definitions import registry
from tracker.definitions.reading import kind_of
from tracker.domain.alerts import place
from tracker.domain.definitions import Definition
from tracker.embedded.redis import RedisServer
from tracker.kafka_admin import ensure_topics
from tracker.settings import Api as ApiSettings
from tracker.settings import Kafka, Redis, Settings, TopicSettings
from tracker.store.redis import RedisStore


class Served(Struct, frozen=True):
    """A running API, and the commands of the same installation."""

    address: str
    settings: Settings
    run: Callable[..., Result]

    async def token(self, *words: str) -> str:
        made = await asyncio.to_thread(self.run, "token", "create", *words)
        assert made.exit_code == 0, made.output
        return made.stdout.strip()

    def client(self, token: str) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.address, headers=headers, timeout=20, trust_env=False)


def commands(settings: Settings) -> Callable[..., Result]:
    app = typer.Typer()
    token.register(app)
    environment = {
        "TRACKER_KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
        "TRACKER_TOPICS__PREFIX": settings.topics.prefix,
        "TRACKER_TOPICS__PARTITIONS": str(settings.topics.partitions),
    }
    return lambda *words: CliRunner().invoke(app, list(words), env=environment, obj=common.Where(None))


@asynccontextmanager
async def serving(bootstrap: str, redis_url: str, prefix: str) -> AsyncIterator[Served]:
    """The small world of ground.py in a real installation, served on a free port until the end."""
    settings = Settings(
        kafka=Kafka(bootstrap=bootstrap, wait_seconds=10),
        redis=Redis(url=redis_url, prefix=prefix, wait_seconds=10),
        topics=TopicSettings(prefix=prefix, partitions=1),
        api=ApiSettings(port=0),
    )
    await asyncio.to_thread(ensure_topics, bootstrap, wiring.topics(settings))
    store = await RedisStore.connect(redis_url, prefix=prefix)
    await filled(store)
    await store.close()
    await told(settings, EVERYTHING)
    stop = asyncio.Event()
    listening: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        wiring.run_api(
            settings,
            stop,
            lambda _what: lambda _left, _cause: None,
            lambda host, port: listening.set_result((host, port)),
        )
    )
    ready: set[asyncio.Future[Any]] = {running, listening}
    await asyncio.wait(ready, return_when=asyncio.FIRST_COMPLETED)
    assert not running.done(), running
    host, port = listening.result()
    yield Served(f"http://{host}:{port}", settings, commands(settings))
    stop.set()
    await running


async def told(settings: Settings, definitions: Sequence[Definition]) -> None:
    """What is on the topics before the API starts: definitions, alerts, a dead letter."""
    made = wiring.topics(settings)
    async with wiring.publisher(settings) as publisher:
        steps = [books.Step("create", (kind_of(one), one.id), None, one) for one in definitions]
        await registry.write(publisher, made, steps, at=1, told=lambda _step: None)
        one = alert("spring")
        await publisher.publish("alerts.current", place(one).encode(), encode(event_of(one)))
        key, value, headers = dead.encode(LETTER)
        await publisher.publish("dead", key, value, headers)


async def test_an_installation_is_read_and_worked_with_over_http(
    kafka: Broker, redis_url: str, topic_prefix: str
) -> None:
    async with serving(kafka.bootstrap, redis_url, topic_prefix) as served:
        admin = await served.token("--role", "admin", "--note", "tests")
        async with served.client(admin) as client:

            async def known() -> bool:
                return (await client.get("/v1/me")).status_code == 200

            await until(known)
            page = (await client.get("/v1/campaigns/spring")).json()
            assert next(each["value"] for each in page["numbers"] if each["name"] == "likes") == 100
            posts = (await client.get("/v1/campaigns/spring/posts")).json()["items"]
            assert {post["post"] for post in posts} == {"p", "q", "fan"}
            assert (await client.get("/v1/conversions/o-code")).json()["attributed"]["by"] == "code"
            pipeline = (await client.get("/v1/pipeline")).json()
            assert (pipeline["dead"], {each["stage"] for each in pipeline["partitions"]}) == (
                1,
                {"inbox", "activity", "commerce"},
            )
            (letter,) = (await client.get("/v1/dead-letters")).json()["items"]
            assert (await client.post("/v1/dead-letters:replay", json={"ids": [letter["id"]]})).status_code == 202
            ready = await client.get("/health/ready")
            assert set(ready.json()["parts"].values()) == {"ready"}

            (firing,) = (await client.get("/v1/alerts", params={"state": "firing"})).json()["items"]
            assert (await client.post(f"/v1/alerts/{firing['id']}/acknowledge", json={})).status_code == 202
            made = await client.post("/v1/silences", json={"campaign": "spring", "minutes": 5})

            async def silenced() -> bool:
                items = (await client.get("/v1/silences")).json()["items"]
                return [item["id"] for item in items] == [made.json()["act"]["id"]]

            await until(silenced)
            applied = await client.post(
                "/v1/definitions:apply",
                json={"links": [{"id": "new", "campaign": "spring", "destination": "https://shop.example/new"}]},
            )
            assert applied.json()["written"] == 1
            assert "new" in {item["id"] for item in (await client.get("/v1/links")).json()["items"]}

            absent = await asyncio.to_thread(served.run, "token", "create", "--role", "viewer", "--campaign", "sprin")
            assert "did you mean `spring`?" in str(absent.exception)
            limited = await served.token("--role", "viewer", "--campaign", "spring")
            async with served.client(limited) as limited_client:

                async def is_known() -> bool:
                    return (await limited_client.get("/v1/me")).status_code == 200

                await until(is_known)
                seen = (await limited_client.get("/v1/campaigns")).json()["items"]
                assert [one["id"] for one in seen] == ["spring"]

            listed = await asyncio.to_thread(served.run, "token", "list")
            assert "tests" in listed.output
            assert admin.rpartition("_")[2] not in listed.output
            revoked = await asyncio.to_thread(served.run, "token", "revoke", admin.split("_")[1])
            assert revoked.exit_code == 0, revoked.output

            async def refused() -> bool:
                return (await client.get("/v1/me")).status_code == 401

            await until(refused)


@pytest.mark.slow
async def test_while_redis_is_away_numbers_are_503_and_come_back_by_themselves(
    kafka: Broker, redis_server: Callable[..., RedisServer], topic_prefix: str
) -> None:
    server = redis_server()
    async with serving(kafka.bootstrap, server.url, topic_prefix) as served:
        viewer = await served.token("--role", "viewer")
        async with served.client(viewer) as client:

            async def counted() -> bool:
                return (await client.get("/v1/campaigns/spring")).status_code == 200

            await until(counted)
            server.kill()
            away = await client.get("/v1/campaigns/spring")
            assert (away.status_code, away.json()["type"]) == (503, "urn:tracker:problem:redis-away")
            assert (await client.get("/health/ready")).status_code == 503
            assert (await client.get("/v1/definitions")).status_code == 200
            server.start()
            await until(counted)
