"""A run of the demo once everything is up: the world acts, the screen follows, and in the end its proofs are made.

The end goes in order: the world freezes, every push is acknowledged, every post that concerns a campaign is asked for
once more, the doors close, the worker counts what is left, the view catches up, the watcher judges it. Only then is
anything compared. Each step has a deadline and an error that says what was still missing.

The watcher is started when the past that was imported is counted, as anybody would who brings a history along: rules
judge what is known, and half a history would be judged as it stands.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import httpx
from msgspec import Struct
from rich.console import Console
from rich.live import Live

from tracker.simulate import alert_words, screen, truth
from tracker.simulate.bulletin import Bulletin
from tracker.simulate.deaths import Deaths
from tracker.simulate.deliver import Deliveries
from tracker.simulate.errors import NotInTime, heed_cancellation
from tracker.simulate.gauge import Counted, FirstMove, Gauge, Reading
from tracker.simulate.model import World
from tracker.simulate.platforms import StandIn
from tracker.simulate.prove import alerts_are_exact, counters_are_exact
from tracker.simulate.services import Service
from tracker.simulate.told import ToldLog
from tracker.simulate.visitors import Visitors
from tracker.simulate.world import Signal, signals

PUSH_S, SETTLE_S, DRAIN_S = 30.0, 60.0, 90.0
TICK_S, LOOK_S, LINE_S = 0.1, 0.5, 2.0
FORGE_EVERY_S = 7.0


class Cast(Struct, frozen=True, kw_only=True):
    """What a run plays with. `began` is the monotonic instant at which the demo was started; `past`: whether the past
    that was imported is counted.
    """

    world: World
    stand_in: StandIn
    told: ToldLog
    deliveries: Deliveries
    visitors: Visitors
    gauge: Gauge
    bulletin: Bulletin
    first: FirstMove
    past: Counted
    services: dict[str, Service]
    settings: Path
    began: float
    now: Callable[[], int]


class Play:
    """One run. `kill`: the worker and the watcher die by kill -9 every few seconds."""

    def __init__(self, cast: Cast, console: Console, *, seconds: int | None, kill: bool) -> None:
        self.cast, self.console, self.seconds, self.kill = cast, console, seconds, kill
        self._phase = "the campaign runs"
        self._reading = Reading(totals={}, counted=0, lag=0, ends={})
        self._rate = 0.0
        self._looked = self._lined = 0.0
        self._live: Live | None = None
        self._drained_at = self._word = 0
        self._deaths: dict[str, Deaths] = {}

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.cast.began

    async def run(self) -> None:
        """The world from its start to its freeze, and everything told and counted after it."""
        if not self.console.is_terminal:
            await self._acts()
            return
        with Live(console=self.console, auto_refresh=False) as live:
            self._live = live
            try:
                await self._acts()
            finally:
                self._live = None

    async def _acts(self) -> None:
        world = self.cast.world
        visitors = asyncio.create_task(self.cast.visitors.run(), name="visitors")
        try:
            await self._until_frozen(visitors)
            if self.cast.services["watcher"].state == "stopped":
                raise NotInTime(
                    "the history that was imported was not counted before the freeze, so nothing was watched. "
                    f"The worker's log is {self.cast.services['worker'].log}"
                )
            self._phase = "frozen: pushes and visits drain"
            await self._wait(lambda: self.cast.deliveries.waiting == 0 and visitors.done(), PUSH_S, self._undelivered)
            await self.cast.deliveries.finish(1.0)
            await visitors
            self._phase = "frozen: every post is asked for once more"
            await self._wait(lambda: not truth.unsettled(world, self.cast.told), SETTLE_S, self._unsettled)
            self._phase = "the doors close, the worker counts what is left"
            await asyncio.gather(self.cast.services["poller"].stop(), self.cast.services["receiver"].stop())
            await self._drained()
            self._drained_at = self.cast.now()
        finally:
            visitors.cancel()

    async def _until_frozen(self, visitors: asyncio.Task[None]) -> None:
        """Push what happens, kill what must die, until nothing more happens."""
        world, plot = self.cast.world, signals(self.cast.world)
        next_forgery = time.monotonic() + FORGE_EVERY_S / 2
        done = 0
        while (now := self.cast.now()) < world.freeze or done < len(plot):
            due = _due(plot, done, now)
            done += len(due)
            if due:
                self.cast.deliveries.push(due)
            if time.monotonic() >= next_forgery:
                next_forgery += FORGE_EVERY_S
                self.cast.deliveries.forge()
            await self._watch_once_the_past_is_counted()
            if self.kill:
                await self._kill_when_due()
            if visitors.done():
                visitors.result()  # raises what went wrong; a world without an end has visitors to the end
            await self._tick()

    async def _kill_when_due(self) -> None:
        now, seed = time.monotonic(), self.cast.world.seed
        for name in ("worker", "watcher"):
            service = self.cast.services[name]
            if service.state == "running":
                self._deaths.setdefault(name, Deaths(service, seed, now))
        for name, deaths in self._deaths.items():
            work = self._reading.counted if name == "worker" else self._word
            if deaths.are_due(now, work):
                await asyncio.to_thread(deaths.service.kill)

    async def _watch_once_the_past_is_counted(self) -> None:
        watcher = self.cast.services["watcher"]
        if watcher.state == "stopped" and not watcher.restarts and await self.cast.past():
            watcher.start()
            self._say(f"{self.elapsed:6.1f} s  the history is counted; from now on it is watched")

    async def _drained(self) -> None:
        """All lag gone, twice in a row, and the totals equal to the sum of their partials."""

        async def caught_up() -> bool:
            reading = await self.cast.gauge.read()
            if reading.lag:
                return False
            sums = await self.cast.gauge.partial_sums()
            totals = await self.cast.gauge.totals()
            again = await self.cast.gauge.read()
            even = {scope: {name: n for name, n in fields.items() if n} for scope, fields in sums.items()}
            return not again.lag and again.ends == reading.ends and {s: f for s, f in even.items() if f} == totals

        deadline = time.monotonic() + DRAIN_S
        while not await caught_up():
            if time.monotonic() > deadline:
                raise NotInTime(
                    f"{self._reading.lag} records were not counted (or not merged into the totals) within "
                    f"{DRAIN_S:.0f} s of the last one. The worker's log is {self.cast.services['worker'].log}"
                )
            await self._tick()

    async def _wait(self, done: Callable[[], bool], seconds: float, missing: Callable[[], str]) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise NotInTime(f"not within {seconds:.0f} s after the freeze: {missing()}")
            await self._tick()

    def _undelivered(self) -> str:
        deliveries = self.cast.deliveries
        return (
            f"{deliveries.waiting} webhooks were not acknowledged (last answer: {deliveries.last_fault or 'none'}), "
            f"or a visit was not taken. The receiver's log is {self.cast.services['receiver'].log}"
        )

    def _unsettled(self) -> str:
        posts = truth.unsettled(self.cast.world, self.cast.told)
        named = ", ".join(f"{post.account.platform}/{post.account.handle}/{post.id}" for post in posts[:5])
        return (
            f"{len(posts)} posts were not asked for again: {named}. Are they on the polling schedule? "
            f"The poller's log is {self.cast.services['poller'].log}"
        )

    async def _tick(self) -> None:
        """Tend the processes, look at the counters now and then, and wait a little."""
        for service in self.cast.services.values():
            service.tend()
        now = time.monotonic()
        if now - self._looked >= LOOK_S:
            reading = await self.cast.gauge.read()
            passed = now - self._looked
            gained = sum(reading.ends.values()) - sum(self._reading.ends.values())
            self._rate = gained / passed if self._reading.ends else 0.0
            self._reading, self._looked = reading, now
            await self._hear()
            self._show()
        heed_cancellation()
        await asyncio.sleep(TICK_S)

    async def _hear(self) -> None:
        """What was told of alerts since the last look, and whether the watcher is at work."""
        fresh = await self.cast.bulletin.read()
        if self.kill:
            self._word = await self.cast.bulletin.newest_word()
        if fresh and len(fresh) == len(self.cast.bulletin.alerts):
            self._say(alert_words.hint(str(self.cast.settings), fresh[0].id))
        if self._live is None:
            for alert in fresh:
                self._say(alert_words.line(alert))

    def _show(self) -> None:
        if self._live is not None:
            self._live.update(screen.render(self.snapshot()), refresh=True)
        elif time.monotonic() - self._lined >= LINE_S:
            self._lined = time.monotonic()
            self._say(screen.line(self.snapshot()))

    def _say(self, text: str) -> None:
        (self._live.console if self._live else self.console).print(text, highlight=False, markup=False, soft_wrap=True)

    def snapshot(self) -> screen.Snapshot:
        """Everything on the screen now."""
        deliveries, visitors = self.cast.deliveries, self.cast.visitors
        return screen.Snapshot(
            phase=self._phase,
            elapsed=(self.cast.now() - self.cast.world.start) / 1000,
            seconds=self.seconds,
            pace=self.cast.world.pace,
            first_counter=self.cast.first.after,
            totals=self._reading.totals,
            services=list(self.cast.services.values()),
            rate=self._rate,
            lag=self._reading.lag,
            dead=self._reading.ends.get("dead", 0),
            pushed=deliveries.acknowledged,
            waiting=deliveries.waiting,
            answers=self.cast.told.answers,
            refused=self.cast.stand_in.refused,
            clicks=visitors.clicks,
            orders=visitors.orders,
            alerts=self.cast.bulletin.alerts,
        )

    async def prove(self, directory: Path) -> bool:
        """Make the proofs, and print them. True if none finds a difference."""
        cast, console = self.cast, self.console
        alerts = asyncio.create_task(
            alerts_are_exact(cast.world, cast.bulletin, cast.services["watcher"], console, since=self._drained_at)
        )
        try:
            counters = await counters_are_exact(
                cast.world, cast.told, cast.gauge, console, settings=cast.settings, directory=directory
            )
            heed_cancellation()
            exact = await alerts and counters
        finally:
            alerts.cancel()
        self._say(self._account())
        return exact and not cast.deliveries.forged_accepted

    def _account(self) -> str:
        deliveries, worker, watcher = self.cast.deliveries, self.cast.services["worker"], self.cast.services["watcher"]
        after = self.cast.first.after
        first = "no counter moved" if after is None else f"first counter after {after:.1f} s"
        errors = sum(self.cast.stand_in.refused.values())
        return (
            f"{first}; worker killed {worker.kills} times, fell {worker.falls} times; "
            f"watcher killed {watcher.kills} times, fell {watcher.falls} times. "
            f"{deliveries.acknowledged} webhooks, {deliveries.repeated} sent twice, {deliveries.retried} retried, "
            f"{deliveries.forged_refused} forged ones refused. {self.cast.told.answers} API answers, {errors} errors. "
            f"{self._reading.ends.get('dead', 0)} dead letters. What the truth cannot say (which ages were observed or "
            "interpolated, half-lives, first reactions, the series) the audit alone has proved."
        )


def _due(plot: Sequence[Signal], done: int, now: int) -> Sequence[Signal]:
    end = done
    while end < len(plot) and plot[end].at <= now:
        end += 1
    return plot[done:end]


async def until(answers: Callable[[], Awaitable[bool]], seconds: float, problem: Callable[[], str]) -> None:
    """Return once `answers()`; raises NotInTime with the problem."""
    deadline = time.monotonic() + seconds
    while not await answers():
        if time.monotonic() > deadline:
            raise NotInTime(problem())
        heed_cancellation()
        await asyncio.sleep(TICK_S)


async def is_ready(client: httpx.AsyncClient) -> bool:
    """Whether the receiver says that it is ready."""
    try:
        return (await client.get("/health/ready")).is_success
    except httpx.HTTPError:
        return False
