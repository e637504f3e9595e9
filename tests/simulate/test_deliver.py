"""Deliveries go on until they are acknowledged, and only then were told."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

import httpx
import pytest

from tests.simulate.builders import SECRETS, START, post, world
from tracker.simulate import deliver
from tracker.simulate.cast import HINA, KAITO, MIO
from tracker.simulate.deliver import Deliveries, subscribe
from tracker.simulate.errors import DemoFailed, NotInTime
from tracker.simulate.model import Comment
from tracker.simulate.platforms import Receive, Scope, Send
from tracker.simulate.told import ToldLog
from tracker.simulate.world import Signal

COMMENT = Comment(id="7599000000000000001", at=START, author="viewer_1", text="t")
SIGNAL = Signal(at=START, kind="comment_created", post=post(KAITO, "7510000000000000017"), comment=COMMENT)


class Door:
    """A receiver that gives these statuses one after the other, the last one for ever. `got`: (path, body)."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: list[tuple[str, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.got.append((scope["path"], (await receive())["body"]))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        echo = dict(parse_qsl(scope["query_string"].decode())).get("hub.challenge", "")
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": echo.encode()})

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self), base_url="http://receiver")


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "RETRY_S", (0.0,))
    monkeypatch.setattr(deliver, "LATE_S", (0.0, 0.0))


async def test_a_webhook_is_sent_again_until_it_is_acknowledged_and_only_then_told() -> None:
    door, told = Door(503, 500, 200), ToldLog()
    deliveries = Deliveries(world(), SECRETS, told, door.client(), lambda: START)
    deliveries.push([SIGNAL])
    assert (deliveries.waiting, told.pushed) == (1, [])
    await deliveries.finish(10)
    assert told.pushed == [SIGNAL]
    assert deliveries.retried == 2
    assert len(door.got) == 3
    assert len(set(door.got)) == 1
    assert door.got[0][0] == "/hooks/tiktok/main"


async def test_what_is_never_acknowledged_is_named_and_was_not_told() -> None:
    door, told = Door(503), ToldLog()
    deliveries = Deliveries(world(), SECRETS, told, door.client(), lambda: START)
    deliveries.push([SIGNAL])
    with pytest.raises(NotInTime, match=r"1 webhooks were not acknowledged.*tiktok: 503"):
        await deliveries.finish(0.1)
    assert told.pushed == []
    deliveries.stop()
    await asyncio.sleep(0)


async def test_some_acknowledged_deliveries_are_sent_once_more() -> None:
    door, told = Door(200), ToldLog()
    deliveries = Deliveries(world(), SECRETS, told, door.client(), lambda: START)
    for _ in range(100):
        deliveries.push([SIGNAL])
    await deliveries.finish(10)
    assert deliveries.acknowledged == 100
    assert 0 < deliveries.repeated < 30
    assert len(door.got) == 100 + deliveries.repeated


async def test_a_forgery_is_sent_once_and_never_told() -> None:
    door, told = Door(401), ToldLog()
    made = post(KAITO, "1"), post(MIO, "v"), post(KAITO, "2", comments=(COMMENT,))
    small = world(*made, post(HINA, "18", comments=(COMMENT,)))
    deliveries = Deliveries(small, SECRETS, told, door.client(), lambda: START)
    deliveries.forge()
    await deliveries.finish(10)
    assert (len(door.got), deliveries.forged_refused, told.pushed) == (1, 1, [])


async def test_a_receiver_that_does_not_echo_the_challenge_is_not_subscribed() -> None:
    await subscribe(Door(200).client(), SECRETS)
    with pytest.raises(DemoFailed, match="instagram: the receiver failed the subscription check: it answered 403"):
        await subscribe(Door(403).client(), SECRETS)
