"""Servers that are not there: a wait with a countdown, then an error; and a Kafka that restarts under load."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Struct

from tests.harness.brokers import Broker
from tests.harness.kafka import KafkaBroker
from tests.integration.harness import Installation, Load, Scene, play
from tracker.embedded.process import free_port
from tracker.embedded.redis import RedisServer

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]


async def test_a_redis_that_is_down_at_start_is_waited_for_then_named(
    tmp_path: Path, kafka: Broker, topic_prefix: str
) -> None:
    nobody = f"redis://127.0.0.1:{free_port()}/0"
    installation = Installation.create(
        tmp_path,
        bootstrap=kafka.bootstrap,
        redis_url=nobody,
        name=topic_prefix,
        more={"redis": {"wait_seconds": 3}},
    )
    worker = installation.start("worker", "worker")
    assert await asyncio.to_thread(worker.wait, 60) != 0
    said = worker.tail(40)
    assert "waiting for Redis, 2 s left" in said
    assert "does not answer after waiting 3 s" in said
    assert "Start it" in said
    await installation.close()


async def test_a_redis_that_comes_up_while_it_is_waited_for_is_used(
    tmp_path: Path, kafka: Broker, redis_server: Callable[..., RedisServer], topic_prefix: str
) -> None:
    server = redis_server()
    installation = Installation.create(tmp_path, bootstrap=kafka.bootstrap, redis_url=server.url, name=topic_prefix)
    server.stop()
    worker = installation.start("worker", "worker")
    try:
        async with asyncio.timeout(60):
            while "waiting for Redis" not in worker.tail(40):  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.05)
        server.start()
        async with asyncio.timeout(60):
            while "Starting" not in worker.tail(40):
                assert worker.running, worker.tail(40)
                await asyncio.sleep(0.05)
    finally:
        worker.stop()
        await installation.close()


async def test_a_kafka_that_is_down_at_start_is_waited_for_then_named(
    tmp_path: Path, kafka: Broker, redis_url: str, topic_prefix: str
) -> None:
    installation = Installation.create(
        tmp_path,
        bootstrap=kafka.bootstrap,
        redis_url=redis_url,
        name=topic_prefix,
        more={"kafka": {"wait_seconds": 3}},
    )
    nobody = f"127.0.0.1:{free_port()}"
    worker = installation.start("worker", "worker", {"TRACKER_KAFKA__BOOTSTRAP": nobody})
    assert await asyncio.to_thread(worker.wait, 60) != 0
    said = worker.tail(40)
    assert "waiting for Kafka" in said
    assert f"kafka {nobody}: no broker answered within" in said
    await installation.close()


class RestartKafka(Struct, frozen=True):
    """The broker is killed (-9) and started again on its data."""

    broker: KafkaBroker

    async def strike(self, scene: Scene) -> None:
        await scene.progress(1_000)
        await asyncio.to_thread(self.broker.kill)
        await asyncio.to_thread(self.broker.start)
        await scene.progress(1_000)


async def test_a_kafka_that_is_killed_and_restarted_under_load_loses_and_repeats_nothing(
    tmp_path: Path, own_kafka: KafkaBroker, redis_url: str, topic_prefix: str
) -> None:
    installation = Installation.create(tmp_path, bootstrap=own_kafka.bootstrap, redis_url=redis_url, name=topic_prefix)
    (await play(installation, Load(11, installation.topics), RestartKafka(own_kafka))).prove()
    await installation.close()
