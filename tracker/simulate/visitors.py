"""Visitors who follow links and a shop that reports orders and refunds, through the receiver's public doors.

1. Each click, order and refund is sent when it is due, and again until the receiver took it.
2. An order that names a click waits until that click's id is known; it is the id the receiver handed out.
3. What the shop reports again (`repeats`) is the same report, word for word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import parse_qs, urlsplit

import httpx

from tracker.simulate.errors import DemoFailed
from tracker.simulate.model import Click, Order, Refund, World

RETRY_S = 0.3
CLICK_PARAMETER = "click_id"


class Refused(DemoFailed):
    """The receiver said no to what it should have taken."""


class Visitors:
    """All visits of a run; `run` returns when every one was taken. The numbers are for the screen."""

    def __init__(self, world: World, client: httpx.AsyncClient, token: str, now: Callable[[], int]) -> None:
        self.clicks = self.orders = self.refunds = self.retried = 0
        self.refused: Refused | None = None
        self._world, self._client, self._now = world, client, now
        self._headers = {"authorization": f"Bearer {token}"}
        self._ids: dict[int, asyncio.Future[str]] = {}

    async def run(self) -> None:
        """Everything, in its time. Raises Refused."""
        loop = asyncio.get_running_loop()
        self._ids = {number: loop.create_future() for number in range(len(self._world.clicks))}
        due: list[tuple[int, Click | Order | Refund, int]] = [
            *((click.at, click, number) for number, click in enumerate(self._world.clicks)),
            *((order.at, order, 0) for order in self._world.orders),
            *((refund.at, refund, 0) for refund in self._world.refunds),
        ]
        try:
            async with asyncio.TaskGroup() as group:
                for at, what, number in sorted(due, key=lambda one: one[0]):
                    await asyncio.sleep(max(0, at - self._now()) / 1000)
                    group.create_task(self._send(what, number))
        except* Refused as refused:
            self.refused = next(_leaves(refused))
        if self.refused is not None:
            raise self.refused

    async def _send(self, what: Click | Order | Refund, number: int) -> None:
        match what:
            case Click():
                self._ids[number].set_result(await self._click(what))
                self.clicks += 1
            case Order():
                body: dict[str, object] = {"order": what.id, "amount": what.amount, "currency": what.currency}
                if what.code is not None:
                    body["code"] = what.code
                if what.click is not None:
                    body["click"] = await self._ids[what.click]
                for _ in range(1 + what.repeats):
                    await self._report("/v1/conversions", body)
                self.orders += 1
            case Refund():
                report = {"order": what.order, "refund": what.id, "amount": what.amount, "currency": what.currency}
                for _ in range(1 + what.repeats):
                    await self._report("/v1/refunds", report)
                self.refunds += 1

    async def _click(self, click: Click) -> str:
        # 404: the receiver has not read the definition of the link yet; nothing was counted.
        answer = await self._until_taken("GET", f"/r/{click.link}", {302}, {404}, None)
        ids = parse_qs(urlsplit(answer.headers["location"]).query).get(CLICK_PARAMETER, [])
        if len(ids) != 1:
            raise Refused(f"/r/{click.link}: the redirect carries no {CLICK_PARAMETER}: {answer.headers['location']}")
        return ids[0]

    async def _report(self, path: str, body: Mapping[str, object]) -> None:
        await self._until_taken("POST", path, {200, 201, 202}, set(), body)

    async def _until_taken(
        self, method: str, path: str, taken: set[int], again: set[int], body: Mapping[str, object] | None
    ) -> httpx.Response:
        while True:
            try:
                answer = await self._client.request(
                    method, path, json=body, headers=self._headers if body is not None else {}, follow_redirects=False
                )
            except httpx.ConnectError:
                answer = None
            if answer is not None and answer.status_code in taken:
                return answer
            if answer is not None and answer.status_code < 500 and answer.status_code not in again:
                raise Refused(f"{method} {path}: answered {answer.status_code} {answer.text[:300]}")
            self.retried += 1
            await asyncio.sleep(RETRY_S)


def _leaves(group: BaseExceptionGroup[Refused]) -> Iterator[Refused]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
