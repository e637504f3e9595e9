"""Visitors and a shop at the receiver's doors."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.simulate.builders import SPRING_HINA, START, world
from tracker.simulate import visitors
from tracker.simulate.model import Click, Order, Refund
from tracker.simulate.platforms import Receive, Scope, Send
from tracker.simulate.visitors import Refused, Visitors

CLICKS = (Click(at=START, link="yuzu-hina"), Click(at=START, link="yuzu-shop"))


class Door:
    """A receiver: it redirects with a click id, and takes reports after refusing `busy` requests with `status`."""

    def __init__(self, *, busy: int = 0, status: int = 503) -> None:
        self.busy, self.status = busy, status
        self.taken: list[tuple[str, dict[str, str]]] = []
        self.tokens: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, path, headers = (await receive())["body"], scope["path"], []
        status = 302 if path.startswith("/r/") else 202
        if self.busy:
            self.busy -= 1
            status = self.status
        elif status == 302:
            place = f"https://shop.example/yuzu?click_id=click-{len(self.taken)}-{path[3:]}"
            headers.append((b"location", place.encode()))
            self.taken.append((path, {}))
        else:
            self.tokens.add(dict(scope["headers"])[b"authorization"].decode())
            self.taken.append((path, json.loads(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def visit(self, **plot: Any) -> Visitors:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(self), base_url="http://receiver")
        made = Visitors(world(**plot), client, "token", lambda: START + 60_000)
        await made.run()
        return made


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "RETRY_S", 0.0)


async def test_an_order_names_the_click_id_that_the_receiver_handed_out() -> None:
    door = Door()
    order = Order(at=START - 9, id="o1", amount=100, currency="EUR", click=1, credited=SPRING_HINA, by="click")
    await door.visit(clicks=CLICKS, orders=(order,))
    reports = [body for path, body in door.taken if path == "/v1/conversions"]
    assert len(reports) == 1
    assert reports[0]["click"].endswith("-yuzu-shop")
    assert reports[0].items() >= {"order": "o1", "amount": 100, "currency": "EUR"}.items()
    assert door.tokens == {"Bearer token"}


@pytest.mark.parametrize("status", [503, 500])
async def test_what_the_receiver_cannot_take_now_is_sent_again(status: int) -> None:
    door = Door(busy=4, status=status)
    refund = Refund(at=START, id="r1", order="o1", amount=10, currency="EUR", repeats=1)
    made = await door.visit(refunds=(refund,))
    assert [path for path, _ in door.taken] == ["/v1/refunds"] * 2
    assert door.taken[0] == door.taken[1]
    assert (made.refunds, made.retried) == (1, 4)


async def test_a_link_that_is_not_known_yet_is_followed_again_later() -> None:
    made = await Door(busy=3, status=404).visit(clicks=CLICKS)
    assert (made.clicks, made.retried) == (2, 3)


async def test_a_report_that_is_refused_ends_the_visits_with_the_receivers_words() -> None:
    with pytest.raises(Refused, match="POST /v1/refunds: answered 422"):
        await Door(busy=1, status=422).visit(
            refunds=(Refund(at=START, id="r1", order="o1", amount=10, currency="EUR"),)
        )
