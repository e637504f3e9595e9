"""When campaigns are read: soon after a touch, not too often, and again until it must have been merged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.live_wire import eventually
from tracker.domain.counters import Scope
from tracker.store.base import Partition, StoreUnreachable
from tracker.store.memory import MemoryStore
from tracker.web.live_events import ScopeNow
from tracker.web.live_reader import ECHOES_S, SWEEP_S, CampaignReader, Watched


class Counting(MemoryStore):
    """A store that notes when it is asked for totals, and of which scopes for freshness."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []
        self.fresh: list[str] = []
        self.away = False

    async def totals(self, campaign: str) -> Mapping[Scope, Mapping[str, int]]:
        if self.away:
            raise StoreUnreachable("memory", "gone")
        self.asked.append(asyncio.get_running_loop().time())
        return await super().totals(campaign)

    async def freshness(self, partition: Partition, scope: Scope) -> Mapping[str, int]:
        self.fresh.append(scope.who)
        return await super().freshness(partition, scope)


class Told:
    def __init__(self) -> None:
        self.campaigns: dict[str, Mapping[str, ScopeNow]] = {}
        self.away: list[bool] = []

    def campaign(self, name: str, scopes: Mapping[str, ScopeNow]) -> None:
        self.campaigns[name] = scopes


class Running:
    """A reader at work."""

    def __init__(self, debounce_ms: int) -> None:
        self.store, self.told = Counting(), Told()
        self.reader = CampaignReader(self.store, 1, self.told.campaign, self.told.away.append, debounce_ms=debounce_ms)

    async def __aenter__(self) -> Running:
        self._task = asyncio.create_task(self.reader.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def likes(self, who: str = "") -> Any:
        return self.told.campaigns["spring"][who].numbers["likes", None].value


def row(likes: int) -> dict[str, int]:
    return {"posts": 1, "likes": likes, "likes.known": 1}


async def test_a_campaign_is_read_at_most_once_in_the_time_that_is_set() -> None:
    async with Running(debounce_ms=80) as it:
        it.reader.watch("spring")
        while len(it.store.asked) < 5:
            it.reader.touch("spring")
            await asyncio.sleep(0)
        gaps = [after - before for before, after in zip(it.store.asked, it.store.asked[1:], strict=False)]
        assert min(gaps) >= 0.079


async def test_a_touch_while_a_campaign_is_read_is_not_forgotten() -> None:
    async with Running(debounce_ms=1) as it:
        store = it.store
        await store.write_totals("spring", {Scope("spring"): row(1)})
        reads = asyncio.Event(), asyncio.Event()
        fresh = store.freshness

        async def slowly(partition: Partition, scope: Scope) -> Mapping[str, int]:
            reads[0].set()
            await reads[1].wait()
            return await fresh(partition, scope)

        store.freshness = slowly  # type: ignore[method-assign]  # held where the test wants it
        it.reader.watch("spring")
        await reads[0].wait()
        await store.write_totals("spring", {Scope("spring"): row(2)})
        it.reader.touch("spring")
        reads[1].set()
        await eventually(lambda: "spring" in it.told.campaigns and it.likes() == 2)


async def test_only_what_changed_of_the_creators_is_looked_up_again() -> None:
    async with Running(debounce_ms=1) as it:
        totals = {Scope("spring", who): row(1) for who in ("", "anna", "ben", "~wom")}
        await it.store.write_totals("spring", totals)
        it.reader.watch("spring")
        await eventually(lambda: "spring" in it.told.campaigns)
        it.store.fresh.clear()
        await it.store.write_totals("spring", totals | {Scope("spring", "anna"): row(5)})
        it.reader.touch("spring")
        await eventually(lambda: it.likes("anna") == 5)
        assert {"anna"} <= set(it.store.fresh) <= {"", "~wom", "anna"}


async def test_what_was_due_while_the_store_was_away_is_read_when_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.web.live_reader._RETRY_S", 0.02)
    async with Running(debounce_ms=1) as it:
        it.store.away = True
        await it.store.write_totals("spring", {Scope("spring"): row(3)})
        it.reader.watch("spring")
        await eventually(lambda: it.told.away == [True, True])
        it.store.away = False
        await eventually(lambda: "spring" in it.told.campaigns)
        assert it.likes() == 3
        assert not it.told.away[-1]


@given(touched=st.integers(0, 100), later=st.integers(0, 100))
def test_after_a_touch_a_campaign_is_read_again_and_again_and_then_now_and_then(touched: int, later: int) -> None:
    read = touched + later
    watched = Watched(due=0, touched_at=touched, read_at=read)
    following = watched.next()
    assert following > read
    assert following - read <= SWEEP_S
    if read < touched + ECHOES_S[-1]:
        assert following in [touched + echo for echo in ECHOES_S]
    else:
        assert following == read + SWEEP_S
