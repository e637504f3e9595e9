"""A worker: one member of the group, adapting, counting and viewing whatever partitions it is given.

1. Whatever is not expected ends the worker with its reason; a supervisor starts it again, and it goes on from the
   store's cursors.
2. Whatever the store and Kafka say is asked again: the cursors while all is idle, the logs at every assignment.
3. When the active view is switched (`tracker rebuild`), the worker starts over on the new one by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from faust.types import TP
from msgspec import Struct

from tracker.domain.schedule import Cadence, Polls
from tracker.metrics import Counted, registry_of, served
from tracker.plugin.api import PlatformAdapter
from tracker.sending import Sender
from tracker.store.base import Partition, Store
from tracker.stream.adapt import Adapter
from tracker.stream.cursors import same_logs
from tracker.stream.letters import DeadLetters
from tracker.stream.processor import Clock, Parts, Processor
from tracker.stream.seam import App, Reading, build_app, commit_hint, consume, rewind, run_app
from tracker.stream.transport import LogRange
from tracker.stream.view import COUNTED, Touches, View
from tracker.tasks import end
from tracker.topics import Stage, Topics

log = logging.getLogger(__name__)

_HINT_S = 5.0
_CHECK_S = 5.0
_COMPLETE_S = 30.0


class ViewSwitched(Exception):
    """Another view is active now: what is in memory belongs to the old one."""


class WorkerParts(Struct, frozen=True, kw_only=True):
    """What a worker is made of; `tracker.wiring` puts it together. `view_now` asks which view is active."""

    bootstrap: str
    group: str
    topics: Topics
    logs_now: Callable[[], Awaitable[Mapping[Stage, str]]]
    """Asks which log each topic is: at every assignment, for a topic may be created anew while the worker runs."""
    store: Store
    platforms: Mapping[str, PlatformAdapter]
    cadence: Cadence
    clock: Clock
    view_now: Callable[[], Awaitable[str]]
    reading: Reading
    dead_limit: int
    dead_window_seconds: int
    state_pieces: int
    view_debounce_ms: int
    metrics_port: int
    lacking: Callable[[Mapping[Partition, Mapping[str, int]]], Awaitable[None]]
    """Told what definitions each partition knows; completes broadcasts that were cut off."""


async def run_worker(parts: WorkerParts, stop: asyncio.Event) -> None:
    """Work until `stop` is set. Raises what ended it otherwise; ViewSwitched when it should be built anew."""
    async with Sender(parts.bootstrap) as sender:
        worker = _Worker(parts, sender)
        with served(registry_of(worker.numbers()), parts.metrics_port):
            await worker.run(stop)


class _Worker:
    def __init__(self, parts: WorkerParts, sender: Sender) -> None:
        self._parts = parts
        topics = parts.topics
        self._logs: dict[Stage, str] = {}
        self._letters = DeadLetters(
            topics, self._logs, limit=parts.dead_limit, window_seconds=parts.dead_window_seconds
        )
        common = Parts(
            store=parts.store,
            topics=topics,
            logs=self._logs,
            sender=sender,
            letters=self._letters,
            cadence=parts.cadence,
            polls=_polls(parts.platforms),
            clock=parts.clock,
            state_pieces=parts.state_pieces,
        )
        self._touches = Touches(topics, sender)
        self._adapter = Adapter(common, parts.platforms, self._rewind)
        self._processor = Processor(common, self._rewind, self._touches.add)
        self._view = View(parts.store, topics, debounce_ms=parts.view_debounce_ms)
        self._app = self._build()

    def _build(self) -> App:
        parts, name = self._parts, self._parts.topics.name
        app = build_app(brokers=parts.bootstrap, group=parts.group, cursors=self._cursors, reading=parts.reading)
        consume(app, [name("inbox")], self._adapter.run, name="adapt")
        consume(app, [name(stage) for stage in COUNTED], self._processor.run, name="count")
        consume(app, [name("touched")], self._view.read, name="view")
        return app

    def numbers(self) -> dict[str, Counted]:
        """What the worker did since its start."""
        return {
            "tracker_worker_payloads": Counted("Raw payloads adapted", lambda: self._adapter.adapted),
            "tracker_worker_records": Counted("Canonical records counted", lambda: self._processor.counted),
            "tracker_worker_dead_letters": Counted("Dead letters written", lambda: self._letters.written),
            "tracker_worker_campaigns_merged": Counted("Totals of campaigns merged", lambda: self._view.merged),
        }

    async def run(self, stop: asyncio.Event) -> None:
        done = asyncio.Event()
        app = asyncio.create_task(self._run_app(done), name="app")
        beside = [
            asyncio.create_task(each, name=name)
            for name, each in (
                ("touches", self._touches.run()),
                ("view", self._view.run()),
                ("watch", self._processor.watch()),
                ("switch", self._notice_switch()),
                ("hint", self._hint()),
                ("check", self._check()),
                ("complete", self._complete()),
                ("stop", _until(stop)),
            )
        ]
        await asyncio.wait({app, *beside}, return_when=asyncio.FIRST_COMPLETED)
        done.set()
        await end(beside)
        outcomes = await asyncio.gather(*beside, app, return_exceptions=True)
        # Last, so that the first reason is the one that is raised.
        outcomes += await asyncio.gather(self._processor.settle(), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
                raise outcome

    async def _run_app(self, done: asyncio.Event) -> None:
        await run_app(self._app, done)

    async def _cursors(self, assigned: Mapping[TP, LogRange]) -> Mapping[TP, int]:
        """Where to read the assigned partitions from: the store's cursors; touches from their end."""
        # A topic that is gone for a moment is left out of an assignment without a word, and may come back as another.
        logs = await self._parts.logs_now()
        same_logs(self._parts.topics, self._logs, logs)
        self._logs.update(logs)
        by_stage: dict[Stage, list[int]] = {}
        for tp in assigned:
            by_stage.setdefault(self._parts.topics.stage(tp.topic), []).append(tp.partition)
        inbox = [Partition("inbox", number) for number in by_stage.get("inbox", [])]
        counted = [Partition(stage, number) for stage in COUNTED for number in by_stage.get(stage, [])]
        cursors = {**await self._adapter.assign(inbox), **await self._processor.assign(counted)}
        await self._view.assign(by_stage.get("touched", []))
        name = self._parts.topics.name
        found = {TP(name(cast(Stage, p.stage)), p.number): cursor.next_offset for p, cursor in cursors.items()}
        touched = {tp: each.end for tp, each in assigned.items() if tp.topic == name("touched")}
        return {**found, **touched}

    async def _rewind(self, topic: str, partition: int, offset: int) -> None:
        await rewind(self._app, {TP(topic, partition): offset})

    async def _notice_switch(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            active = await self._parts.view_now()
            if active != self._parts.store.view:
                raise ViewSwitched(f"the active view is {active} now, this worker counted for {self._parts.store.view}")

    async def _hint(self) -> None:
        while True:
            await asyncio.sleep(_HINT_S)
            name = self._parts.topics.name
            known = {**self._adapter.cursors(), **self._processor.cursors()}
            hints = {TP(name(cast(Stage, p.stage)), p.number): cursor.next_offset for p, cursor in known.items()}
            if hints:
                await commit_hint(self._app, hints)

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_S)
            await self._adapter.check()
            await self._processor.check()

    async def _complete(self) -> None:
        while True:
            await asyncio.sleep(_COMPLETE_S)
            await self._parts.lacking(self._processor.known_versions())


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


def _polls(platforms: Mapping[str, PlatformAdapter]) -> Polls:
    return {name: adapter.polls for name, adapter in platforms.items()}
