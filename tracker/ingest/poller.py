"""The poller: leases what is due, asks the platforms, puts the answers on the inbox. It keeps no schedule of its own.

1. What is due is in the store, written by the counting of earlier answers; a lease makes it one poller's.
2. Each platform has a lane of its own: one that is slow, limited or down leaves the others their pace.
3. A poller that dies leaves leases that end, and an item that was not answered is due again.
4. Beside it, in the same lanes, what webhooks call for is asked (follow_ups.py).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence

import httpx
import structlog
from msgspec import Struct

from tracker.clock import now_ms
from tracker.domain.schedule import parse_item
from tracker.ingest.budget import Budget
from tracker.ingest.follow_ups import FollowUpParts, run_follow_ups
from tracker.ingest.lane import Lane, LaneParts, Leased, TellsHolds
from tracker.ingest.poll_metrics import PollMetrics
from tracker.ingest.publisher import Publisher
from tracker.plugin.api import Access, DueItem, PlatformAdapter
from tracker.settings import PlatformSettings, Settings, UnfitSettings
from tracker.store.base import Lease, Partition, Store, StoreUnreachable
from tracker.tasks import end

log = structlog.get_logger(__name__)

_LEASE_AT_ONCE = 200
_IDLE_SECONDS = 0.25
_STORE_PAUSE_SECONDS = 2.0
_BUSY_MS = 2_000
_NOT_OURS_MS = 3_600_000
_SHORTEST_LEASE_BEYOND_TIMEOUT = 5
_STOP_SECONDS = 15.0


class PollerParts(Struct, frozen=True, kw_only=True):
    """What a poller is made of. Publisher, store and budget are started by the caller, and stopped by it."""

    settings: Settings
    adapters: Mapping[str, PlatformAdapter]
    publisher: Publisher
    store: Store
    budget: Budget
    holds: TellsHolds
    metrics: PollMetrics
    now: Callable[[], int] = now_ms


async def run_poller(parts: PollerParts, stop: asyncio.Event) -> None:
    """Poll until `stop`; what was asked by then is still brought in. Raises UnfitSettings."""
    settings = parts.settings.poller
    if settings.lease_seconds < settings.timeout_seconds + _SHORTEST_LEASE_BEYOND_TIMEOUT:
        raise UnfitSettings(
            "poller.lease_seconds",
            f"{settings.lease_seconds}: a lease must outlast a request, so at least poller.timeout_seconds + "
            f"{_SHORTEST_LEASE_BEYOND_TIMEOUT} = {settings.timeout_seconds + _SHORTEST_LEASE_BEYOND_TIMEOUT}",
        )
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=settings.concurrency * 4)
    async with httpx.AsyncClient(follow_redirects=False, timeout=settings.timeout_seconds, limits=limits) as client:
        lanes = [_lane(parts, adapter, client) for adapter in parts.adapters.values()]
        polling = _Poller(parts, [lane for lane in lanes if lane.parts.adapter.polls]).run(stop)
        following = [
            run_follow_ups(_follow_up_parts(parts, lane), stop) for lane in lanes if lane.parts.adapter.follows_up
        ]
        await _together([polling, *following])


async def _together(running: Sequence[Coroutine[None, None, None]]) -> None:
    """Run until all end; the first that fails ends the others, and is raised."""
    tasks = [asyncio.create_task(each) for each in running]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await end(tasks)
    for task in done:
        task.result()


class _Poller:
    def __init__(self, parts: PollerParts, lanes: Sequence[Lane]) -> None:
        self._parts = parts
        self._lanes = {lane.parts.adapter.name: lane for lane in lanes}
        topics = parts.publisher.topics
        self._partitions = [Partition("activity", number) for number in range(topics.partitions)]
        self._asking: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                pause = await self._look()
                self._raise_faults()
                await asyncio.wait({stopping}, timeout=pause * random.uniform(0.5, 1.5))  # noqa: S311 (spreads load)
            if self._asking:
                await asyncio.wait(self._asking, timeout=_STOP_SECONDS)
        finally:
            await end([stopping, *self._asking])

    async def _look(self) -> float:
        """Take what is due and hand it to the lanes; how long to pause then, in seconds."""
        taken, room = 0, max((lane.room for lane in self._lanes.values()), default=0)
        if room == 0:
            return _IDLE_SECONDS
        try:
            for partition in random.sample(self._partitions, len(self._partitions)):
                now = self._parts.now()
                lease_ms = self._parts.settings.poller.lease_seconds * 1000
                leases = await self._parts.store.lease(
                    partition, now=now, limit=min(_LEASE_AT_ONCE, room), lease_ms=lease_ms
                )
                taken += len(leases)
                await self._hand_out(leases)
        except StoreUnreachable as error:
            log.warning("store unreachable", reason=error.reason, next=f"asked again in {_STORE_PAUSE_SECONDS:g} s")
            return _STORE_PAUSE_SECONDS
        return 0.0 if taken >= room else _IDLE_SECONDS

    async def _hand_out(self, leases: Sequence[Lease]) -> None:
        by_platform: dict[str, list[Leased]] = {}
        for lease in leases:
            item = _read(lease)
            lane = None if item is None else self._lanes.get(item.platform)
            if item is None or lane is None or item.kind not in lane.parts.adapter.polls:
                log.error("nobody can ask for this", item=lease.item, next="install or enable the platform's plugin")
                await self._parts.store.release(lease, due=self._parts.now() + _NOT_OURS_MS)
                continue
            by_platform.setdefault(item.platform, []).append(Leased(item, lease))
        for platform, leased in by_platform.items():
            await self._give(self._lanes[platform], leased)

    async def _give(self, lane: Lane, leased: list[Leased]) -> None:
        now = self._parts.now()
        free = 0 if lane.held_until > now else lane.room
        taken, left = leased[:free], leased[free:]
        for each in left:
            later = max(lane.held_until, now + _BUSY_MS) + random.randrange(_BUSY_MS)  # noqa: S311 (spreads load)
            await self._parts.store.release(each.lease, due=later)
        if taken:
            task = asyncio.create_task(lane.ask(taken))
            self._asking.add(task)

    def _raise_faults(self) -> None:
        """What no lane foresaw ends the poller, with its cause."""
        done = {task for task in self._asking if task.done()}
        self._asking -= done
        for task in done:
            task.result()


def _lane(parts: PollerParts, adapter: PlatformAdapter, client: httpx.AsyncClient) -> Lane:
    configured = parts.settings.platforms.get(adapter.name, PlatformSettings())
    access = Access(
        base_url=configured.base_url or adapter.public_base_url, token=configured.token, tokens=configured.tokens
    )
    return Lane(
        LaneParts(
            adapter=adapter,
            access=access,
            per_minute=configured.requests_per_minute,
            timeout_ms=parts.settings.poller.timeout_seconds * 1000,
            concurrency=parts.settings.poller.concurrency,
            client=client,
            publisher=parts.publisher,
            store=parts.store,
            budget=parts.budget,
            holds=parts.holds,
            metrics=parts.metrics,
            now=parts.now,
        )
    )


def _follow_up_parts(parts: PollerParts, lane: Lane) -> FollowUpParts:
    worker = parts.settings.worker
    return FollowUpParts(
        lane=lane,
        bootstrap=parts.publisher.bootstrap,
        topics=parts.publisher.topics,
        group=f"{worker.group}-follow-up-{lane.parts.adapter.name}",
        patience_ms=parts.settings.poller.follow_up_seconds * 1000,
        session_timeout_ms=worker.session_timeout_seconds * 1000,
    )


def _read(lease: Lease) -> DueItem | None:
    try:
        return parse_item(lease.item)
    except ValueError:
        return None
