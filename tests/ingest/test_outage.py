"""Kafka goes and comes back: what the door answers meanwhile, and that nothing acknowledged is missing afterwards."""

import asyncio
import os
import signal
import time

import pytest

from tests.harness.kafka import KafkaBroker
from tests.ingest.doors import API_TOKEN, open_door, publishing, until
from tests.ingest.test_links import link, until_answered
from tracker.ingest.publisher import KafkaUnreachable

pytestmark = pytest.mark.slow


async def test_while_kafka_is_away_deliveries_get_503_and_visitors_still_go_on(
    own_kafka: KafkaBroker, topic_prefix: str
) -> None:
    async with open_door(own_kafka.bootstrap, topic_prefix) as door:
        await door.apply(link("abc", "https://shop.example/"))
        await until_answered(door, "abc", 302)
        assert (await door.hook(b"before")).status_code == 200
        await asyncio.to_thread(own_kafka.kill)

        for number in range(3):
            began = time.monotonic()
            answer = await door.hook(b"away %d" % number)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
            assert time.monotonic() - began < 1.0
        assert (await door.conversion({"order": "o", "amount": 1, "currency": "EUR"})).status_code == 503
        began = time.monotonic()
        clicks = [(await door.client.get("/r/abc")).headers["location"].partition("click_id=")[2] for _ in range(3)]
        assert time.monotonic() - began < 2.0

        async def not_ready() -> bool:
            return (await door.client.get("/health/ready")).status_code == 503

        await until(not_ready)
        assert (await door.client.get("/health/live")).status_code == 200

        await asyncio.to_thread(own_kafka.restart)

        async def taken_again() -> bool:
            return (await door.hook(b"after")).status_code == 200

        async def nothing_waits() -> bool:
            return "tracker_clicks_waiting 0.0" in await door.metrics()

        await until(taken_again, 30)
        await until(nothing_waits, 30)
        bodies = {raw.body for raw in await door.inbox()}
        assert {b"before", b"after"} <= bodies
        assert all(any(click.encode() in body for body in bodies) for click in clicks)
        text = await door.metrics()
        assert 'outcome="lost"' not in text
        assert API_TOKEN not in text


async def test_a_publisher_outlives_a_broker_that_stalls(own_kafka: KafkaBroker, topic_prefix: str) -> None:
    """kafka-python 3.0.12's idempotent producer stays mute for ever after a batch expired; ours is replaced."""
    assert own_kafka.child is not None
    async with publishing(own_kafka.bootstrap, topic_prefix) as publisher:
        await publisher.publish("inbox", b"k", b"before", [("tracker", b"{}")])
        os.kill(own_kafka.child.pid, signal.SIGSTOP)
        try:
            for _ in range(8):
                with pytest.raises(KafkaUnreachable):
                    await publisher.publish("inbox", b"k", b"during", within=0.9)
        finally:
            os.kill(own_kafka.child.pid, signal.SIGCONT)
        async with asyncio.timeout(20):
            while True:
                try:
                    placed = await publisher.publish("inbox", b"k", b"after", within=2)
                    break
                except KafkaUnreachable:
                    continue
        assert placed.offset >= 1
