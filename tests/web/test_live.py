"""The live stream over real sockets, over the small world in memory: who is told what, and what becomes of the slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import pytest
from litestar import Litestar
from msgspec import Struct

from tests.domain.world import HOUR, T
from tests.web.ground import NOW, TOPICS, Ground, alert, laid
from tests.web.live_client import Client
from tests.web.live_wire import Wire, eventually, served
from tracker.domain.alerts import Alert
from tracker.domain.counters import Scope
from tracker.domain.definitions import Campaign
from tracker.ingest.http import Refused
from tracker.store.base import StoreUnreachable
from tracker.web import app
from tracker.web.gate import Gate
from tracker.web.live import Hub, HubParts, LiveSettings, read_wants, stream_routes
from tracker.web.tokens import Principal

QUICK = LiveSettings(debounce_ms=1, heartbeat_seconds=60)


class Still:
    """A tail on which nothing comes but what a test says."""

    async def start(self) -> None: ...
    async def run(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None: ...


class Live(Struct):
    """A served stream and what is behind it."""

    ground: Ground
    hub: Hub
    port: int
    wires: list[Wire]

    async def open(self, query: str = "", *campaigns: str, client: Client | None = None, **options: Any) -> Wire:
        wire = Wire(client)
        self.wires.append(wire)
        return await wire.open(self.port, f"/v1/stream{query}", self.ground.token("viewer", *campaigns), **options)

    async def count(self, campaign: str, **fields: int) -> None:
        """Totals change, and are announced."""
        store = self.ground.parts.store
        totals = {scope: dict(row) for scope, row in (await store.totals(campaign)).items()}
        totals.setdefault(Scope(campaign), {}).update(fields)
        await store.write_totals(campaign, totals)
        self.hub._touched(campaign)

    def tell(self, changed: Alert) -> None:
        self.ground.alerts.put(changed)
        self.hub._alerted(changed)


@asynccontextmanager
async def live(settings: LiveSettings = QUICK, ground: Ground | None = None) -> AsyncIterator[Live]:
    ground = ground or await laid()
    parts = ground.parts
    hub = Hub(
        HubParts(
            bootstrap="",
            topics=TOPICS,
            store=parts.store,
            definitions=parts.definitions,
            alerts=parts.alerts,
            now=parts.now,
        ),
        settings,
    )
    hub._tail = cast(Any, Still())
    handlers = {Refused: app._refused, Exception: app._unforeseen}
    litestar = Litestar(
        route_handlers=stream_routes(hub, Gate(parts), parts.definitions),
        exception_handlers=cast(Any, handlers),
        openapi_config=None,
        logging_config=None,
    )
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(served(app.Api(litestar, app.ApiMetrics())))
        await hub.start()
        stack.push_async_callback(hub.stop)
        made = Live(ground, hub, port, [])
        yield made
        for wire in made.wires:
            await wire.close()


def likes(of: str, value: int) -> Callable[[Client], bool]:
    def found(client: Client) -> bool:
        number = client.numbers.get((of, ""), {}).get(("likes", None))
        return number is not None and number["value"] == value

    return found


def has_post(post: str) -> Callable[[Client], bool]:
    return lambda client: any(one["subject"].get("post") == post for one in client.alerts.values())


async def test_a_client_is_told_what_stands_and_then_what_changes() -> None:
    async with live() as it:
        wire = await it.open()
        assert wire.headers["content-type"] == "text/event-stream"
        assert wire.headers["cache-control"] == "no-store"
        client = await wire.until(likes("spring", 100))
        await wire.until(lambda client: ("autumn", "") in client.numbers)
        assert client.events[0] == "hello"
        assert len(client.open_alerts) == 3
        assert client.heard["spring", ""] == (T + 2 * HOUR, "webhook")
        assert client.numbers["spring", "~wom"]["posts", None]["value"] == 1
        assert client.numbers["spring", "anna"]["likes", None]["unknown"] == 1
        assert client.numbers["spring", ""]["saves", None]["value"] is None
        await it.count("spring", likes=120)
        await wire.until(likes("spring", 120))
        it.tell(alert("spring", "new"))
        await wire.until(lambda client: len(client.open_alerts) == 4)


async def test_a_number_of_the_stream_is_the_one_of_the_api() -> None:
    async with live() as it:
        client = await (await it.open("?kinds=campaign")).until(likes("spring", 100))
        page = (await it.ground.get("/v1/campaigns/spring")).json()
        for who, numbers in (("", page["numbers"]), ("~wom", page["word_of_mouth"])):
            told = client.numbers["spring", who]
            shown = {(one["name"], one["currency"]): {key: one[key] for key in told["posts", None]} for one in numbers}
            assert told == shown


async def test_a_campaign_is_read_once_however_many_watch_it() -> None:
    async with live() as it:
        wires = [await it.open("?campaign=spring&kinds=campaign") for _ in range(20)]
        for wire in wires:
            await wire.until(likes("spring", 100))
        before = it.hub.reader.reads
        await it.count("spring", likes=101)
        for wire in wires:
            await wire.until(likes("spring", 101))
        assert it.hub.reader.reads == before + 1


async def test_filters_choose_campaigns_and_kinds() -> None:
    async with live() as it:
        spring = await it.open("?campaign=spring&kinds=campaign")
        both = await it.open("?campaign=spring&campaign=autumn")
        alerts = await it.open("?kinds=alert&campaign=autumn")
        await spring.until(likes("spring", 100))
        await both.until(lambda client: {place[0] for place in client.numbers} == {"spring", "autumn"})
        await alerts.until(lambda client: len(client.open_alerts) == 1)
        it.tell(alert("spring", "new"))
        it.tell(alert("autumn", "new"))
        await alerts.until(lambda client: len(client.open_alerts) == 2)
        await both.until(lambda client: len(client.open_alerts) == 5)
        await it.count("spring", likes=7)
        await spring.until(likes("spring", 7))
        assert "alert" not in spring.client.events
        assert "campaign" not in alerts.client.events


async def test_a_token_that_is_limited_to_campaigns_is_told_of_these_alone() -> None:
    async with live() as it:
        wire = await it.open("", "spring")
        await wire.until(likes("spring", 100))
        it.tell(alert("", "pipeline"))
        it.tell(alert("autumn", "other"))
        await it.count("autumn", likes=5)
        it.tell(alert("spring", "mine"))
        client = await wire.until(has_post("mine"))
        assert {one["campaign"] for one in client.alerts.values()} == {"spring"}
        assert {campaign for campaign, _ in client.numbers} == {"spring"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?campaign=autumn", 404),
        ("?campaign=nothere", 404),
        ("?kinds=posts", 400),
        ("?kinds=alert&kinds=campaign", 400),
        ("?campain=spring", 400),
        ("?token=trk_abc", 400),
    ],
)
async def test_what_may_not_be_followed_is_refused_as_everywhere(query: str, status: int) -> None:
    async with live() as it:
        wire = await it.open(query, "spring")
        assert (wire.status, wire.headers["content-type"]) == (status, "application/problem+json")
        assert it.hub.clients == 0


async def test_nobody_follows_without_a_token() -> None:
    async with live() as it:
        for token in (None, "trk_zzzzzzzz_" + "a" * 43):
            wire = await Wire().open(it.port, token=token)
            assert (wire.status, "www-authenticate" in wire.headers) == (401, True)
            await wire.close()


async def test_a_token_that_is_revoked_is_told_nothing_more() -> None:
    async with live() as it:
        wire = await it.open("?campaign=spring", "spring")
        await wire.until(likes("spring", 100))
        it.ground.revoke(it.ground.token("viewer", "spring"))
        await it.count("spring", likes=666)
        client = await wire.to_the_end()
        assert client.lost == ["token"]
        assert client.numbers["spring", ""]["likes", None]["value"] == 100


async def test_a_token_that_expires_is_told_nothing_more() -> None:
    async with live() as it:
        wire = await it.open("?campaign=spring")
        await wire.until(likes("spring", 100))
        it.ground.clock.now = NOW + 40 * 24 * HOUR
        await it.count("spring", likes=666)
        assert (await wire.to_the_end()).lost == ["token"]


async def test_who_comes_back_is_told_what_it_missed_and_nothing_twice() -> None:
    async with live() as it:
        stays = await it.open("?campaign=spring")
        leaves = await it.open("?campaign=spring")
        for wire in (stays, leaves):
            await wire.until(likes("spring", 100))
        await leaves.close()
        for value in (101, 102):
            await it.count("spring", likes=value)
            await stays.until(likes("spring", value))
        it.tell(alert("spring", "meanwhile"))
        back = await it.open("?campaign=spring", client=leaves.client)
        client = await back.until(lambda client: len(client.open_alerts) == 3)
        await stays.until(lambda client: len(client.open_alerts) == 3)
        assert client.resumed == [False, True]
        assert client.lost == []
        assert likes("spring", 102)(client)
        assert client.alert_ids == stays.client.alert_ids
        assert client.numbers == stays.client.numbers


async def test_who_comes_to_another_process_is_told_everything_anew() -> None:
    ground = await laid()
    async with live(ground=ground) as one:
        wire = await one.open("?campaign=spring")
        await wire.until(likes("spring", 100))
    async with live(ground=ground) as other:
        await other.count("spring", likes=55)
        client = await (await other.open("?campaign=spring", client=wire.client)).until(likes("spring", 55))
        assert client.lost == ["another_process"]
        assert client.resumed == [False, False]


async def test_more_clients_than_may_be_are_told_when_to_come_back() -> None:
    async with live(LiveSettings(debounce_ms=1, most_clients=2)) as it:
        first, second = await it.open(), await it.open()
        third = await it.open()
        assert (first.status, second.status, third.status) == (200, 200, 503)
        assert third.headers["retry-after"] == "10"
        await first.close()
        await eventually(lambda: it.hub.clients == 1)
        assert (await it.open()).status == 200


async def test_a_slow_client_is_let_go_with_a_marker_and_slows_nobody() -> None:
    chosen = LiveSettings(debounce_ms=1, slow_seconds=1.5, grace_seconds=60, ring_alerts=10_000)
    async with live(chosen) as it:
        slow = await it.open(receive_buffer=2_048)
        quick = await it.open()
        reading = asyncio.create_task(quick.to_the_end())
        number = 0
        while not any(client.end == "slow" for client in it.hub._clients):
            for _ in range(50):
                number += 1
                it.tell(alert("spring", f"many-{number}"))
            await asyncio.sleep(0.005)
        it.tell(alert("spring", "last"))
        await eventually(lambda: has_post("last")(quick.client))
        client = await slow.to_the_end()
        assert client.lost == ["slow"]
        assert client.events[-1] == "lost"
        assert quick.client.lost == []
        assert it.hub.let_go == 1
        back = await it.open(client=client)
        await back.until(has_post("last"))
        assert client.alerts == quick.client.alerts
        reading.cancel()


async def test_a_client_that_takes_nothing_at_all_is_cut_off() -> None:
    async with live(LiveSettings(debounce_ms=1, slow_seconds=0.5, grace_seconds=0.5, ring_alerts=10_000)) as it:
        await it.open(receive_buffer=2_048)
        number = 0
        while it.hub.clients:
            for _ in range(50):
                number += 1
                it.tell(alert("spring", f"many-{number}"))
            await asyncio.sleep(0.005)
        assert it.hub.let_go == 1


async def test_heartbeats_come_while_nothing_changes() -> None:
    async with live(LiveSettings(debounce_ms=1, heartbeat_seconds=0.2)) as it:
        wire = await it.open("?campaign=spring")
        await wire.until(lambda client: client.comments >= 2)


async def test_a_hub_that_stops_ends_every_stream_at_the_end_of_an_event_and_takes_no_more() -> None:
    async with live() as it:
        wires = [await it.open() for _ in range(5)]
        for wire in wires:
            await wire.until(likes("spring", 100))
        await it.hub.stop()
        for wire in wires:
            client = await wire.to_the_end()
            assert client._rest == b""
            assert client.lost == []
        assert it.hub.clients == 0
        assert (await it.open()).status == 503


async def test_a_store_that_is_away_is_told_with_since_when_and_that_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with live() as it:
        wire = await it.open("?campaign=spring")
        await wire.until(likes("spring", 100))
        store = cast(Any, it.ground.parts.store)
        answer = store.totals

        async def nothing(_: str) -> None:
            raise StoreUnreachable("redis", "gone")

        monkeypatch.setattr(store, "totals", nothing)
        monkeypatch.setattr(store, "freshness", nothing)
        it.hub._touched("spring")
        await wire.until(lambda client: client.away == ["redis"])
        late = await it.open("?campaign=spring")
        await late.until(lambda client: client.away == ["redis"])
        monkeypatch.undo()
        assert store.totals == answer
        await it.count("spring", likes=140)
        for each in (wire, late):
            await each.until(lambda client: client.away == [])
            await each.until(likes("spring", 140))


async def test_what_nobody_watches_is_not_read() -> None:
    async with live() as it:
        wire = await it.open("?campaign=spring")
        await wire.until(likes("spring", 100))
        await wire.close()
        await eventually(lambda: it.hub.clients == 0)
        reads = it.hub.reader.reads
        await it.count("spring", likes=1)
        await it.count("autumn", likes=1)
        again = await it.open("?campaign=autumn")
        await again.until(lambda client: ("autumn", "") in client.numbers)
        assert it.hub.reader.reads == reads + 1


async def test_who_watches_everything_is_told_of_a_campaign_that_is_defined_later() -> None:
    async with live() as it:
        wire = await it.open()
        await wire.until(likes("spring", 100))
        it.ground.take(Campaign(id="winter", name="Winter", starts_at=T, ends_at=T + HOUR))
        await it.ground.parts.store.write_totals("winter", {Scope("winter"): {"posts": 3}})
        client = await wire.until(lambda client: ("winter", "") in client.numbers)
        assert client.numbers["winter", ""]["posts", None]["value"] == 3


def test_what_is_named_is_cut_to_what_the_token_sees() -> None:
    ground = asyncio.run(laid())
    limited = Principal(id="x", role="viewer", campaigns=frozenset({"spring"}), expires_at=NOW)
    wants = read_wants([], limited, ground.parts.definitions)
    assert wants.campaigns == frozenset({"spring"})
    everybody = Principal(id="y", role="viewer", campaigns=None, expires_at=NOW)
    assert read_wants([], everybody, ground.parts.definitions).campaigns is None
