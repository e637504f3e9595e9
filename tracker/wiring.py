"""The composition root: the only place that knows every room, and builds each part once, from the outside in.

Each function imports the rooms that it opens: a worker starts without the web framework, the receiver without Faust,
and `tracker --help` without any of them.
"""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from tracker.clock import now_ms
from tracker.definitions import book as books
from tracker.domain.schedule import Cadence
from tracker.settings import Settings
from tracker.store.base import Partition
from tracker.topics import Stage, Topics

if TYPE_CHECKING:
    from tracker.audit import Report
    from tracker.audit.comparison import Progress as AuditProgress
    from tracker.codec.dead import DeadLetter
    from tracker.definitions.fitting import Fitting
    from tracker.definitions.references import Key
    from tracker.domain.events import DefinitionChanged
    from tracker.ingest.importer import Imported
    from tracker.ingest.importer import Progress as ImportProgress
    from tracker.ingest.publisher import Publisher
    from tracker.notify.desk import Desk
    from tracker.plugin.registry import Registry as PluginRegistry
    from tracker.plugin.rules import Rule
    from tracker.status import Status
    from tracker.store.alerts import AlertShelf
    from tracker.store.redis import RedisStore
    from tracker.stream.rebuild import Progress as RebuildProgress
    from tracker.stream.rebuild import Rebuilt
    from tracker.stream.worker import WorkerParts

log = structlog.get_logger(__name__)

OnWait = Callable[[float, str], None]
OnListening = Callable[[str, int], None]
CANONICAL: Final[tuple[Stage, ...]] = ("activity", "commerce")
Told = Callable[[str], OnWait]
"""Makes the countdown that is told while something (named) is waited for."""


def topics(settings: Settings) -> Topics:
    """The topics as set."""
    chosen = settings.topics
    return Topics(prefix=chosen.prefix, partitions=chosen.partitions, replication=chosen.replication)


def partitions(settings: Settings, stages: Sequence[Stage] = CANONICAL) -> list[Partition]:
    """The partitions of these stages, as the store knows them."""
    return [Partition(stage, number) for stage in stages for number in range(settings.topics.partitions)]


@asynccontextmanager
async def publisher(settings: Settings) -> AsyncIterator[Publisher]:
    """A started publisher, delivered and stopped at the end. Raises KafkaUnreachable."""
    from tracker.ingest.publisher import Publisher

    made = Publisher(settings.kafka.bootstrap, topics(settings))
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@asynccontextmanager
async def store(
    settings: Settings, *, view: str | None = None, on_wait: OnWait | None = None
) -> AsyncIterator[RedisStore]:
    """The store, checked, and closed at the end. `view` None: the active one. Raises StoreUnreachable, UnfitStore."""
    from tracker.store.redis import RedisStore

    chosen = settings.redis
    made = await RedisStore.connect(
        chosen.url,
        cluster=chosen.cluster,
        prefix=chosen.prefix,
        view=view,
        wait_seconds=chosen.wait_seconds,
        on_wait=on_wait,
    )
    try:
        await made.check()
        yield made
    finally:
        await made.close()


def read_book(settings: Settings, on_wait: OnWait | None = None) -> dict[Key, DefinitionChanged]:
    """The book of definitions, once Kafka answers. Raises KafkaDown, UnfitTopics, RegistryUnreadable."""
    from tracker.definitions.registry import read_book as read

    checked_logs(settings, on_wait)
    return read(settings.kafka.bootstrap, topics(settings))


async def complete_broadcasts(settings: Settings, changes: Iterable[DefinitionChanged]) -> int:
    """Give every partition that has not counted one of these definitions the ones that it lacks; how many were sent.

    A partition that merely lags gets a repeat, which its version makes harmless.
    """
    from tracker.definitions import registry

    wanted = {(change.kind, change.id): change for change in changes}
    if not wanted:
        return 0
    sent = 0
    async with store(settings) as opened, publisher(settings) as publishing:
        for partition in partitions(settings):
            head = await opened.open(partition)
            lacking = books.missing(wanted, registry.known_versions(head.definitions))
            await registry.complete(publishing, stage_of(partition), partition.number, lacking)
            sent += len(lacking)
    return sent


def plugins() -> PluginRegistry:
    """Every installed plugin. Raises PluginError."""
    from tracker.plugin.manager import load_plugins

    return load_plugins()


def fitting() -> Fitting:
    """Compares definitions with the installed plugins. Raises PluginError."""
    from tracker.definitions.fitting import Fitting

    installed = plugins()
    return Fitting(installed.rules, installed.notifiers)


def cadence(settings: Settings) -> Cadence:
    """The polling cadence as the domain has it, in ms."""
    steps = tuple((step.until_seconds * 1000, step.every_seconds * 1000) for step in settings.cadence.steps)
    return Cadence(steps=steps, account_every=settings.cadence.account_every_seconds * 1000)


def checked_logs(settings: Settings, on_wait: OnWait | None = None) -> dict[Stage, str]:
    """The log of each topic, once Kafka answers and the topics are as they must be. Raises KafkaDown, UnfitTopics."""
    from tracker.kafka_admin import check_topics, wait_for_kafka

    wait_for_kafka(settings.kafka.bootstrap, settings.kafka.wait_seconds, on_wait)
    found = check_topics(settings.kafka.bootstrap, topics(settings))
    return {stage: identity.log for stage, identity in found.items()}


async def run_worker(settings: Settings, stop: asyncio.Event, on_wait: Told) -> None:
    """A worker, until `stop`; built anew on the other view when the view is switched. Raises what ended it."""
    from tracker.stream.worker import ViewSwitched
    from tracker.stream.worker import run_worker as work

    registry_of_plugins = plugins()
    # Events and states are no cycles: looking for some after every 700 objects costs a tenth of the fold.
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    await asyncio.to_thread(checked_logs, settings, on_wait("Kafka"))
    while not stop.is_set():
        async with store(settings, on_wait=on_wait("Redis")) as opened, publisher(settings) as publishing:
            try:
                await work(_worker_parts(settings, opened, publishing, registry_of_plugins), stop)
            except ViewSwitched as switched:
                log.info("starting over on the active view", reason=str(switched))


def _worker_parts(
    settings: Settings,
    opened: RedisStore,
    publishing: Publisher,
    registry_of_plugins: PluginRegistry,
) -> WorkerParts:
    from tracker.definitions import registry
    from tracker.stream.seam import Reading
    from tracker.stream.worker import WorkerParts

    chosen = settings.worker

    async def lacking(known: Mapping[Partition, Mapping[str, int]]) -> None:
        book = await asyncio.to_thread(registry.read_book, settings.kafka.bootstrap, topics(settings))
        for partition, versions in known.items():
            have = {key: versions.get(books.record_key(key), 0) for key in book}
            await registry.complete(publishing, stage_of(partition), partition.number, books.missing(book, have))

    return WorkerParts(
        bootstrap=settings.kafka.bootstrap,
        group=chosen.group,
        topics=topics(settings),
        logs_now=lambda: asyncio.to_thread(checked_logs, settings),
        store=opened,
        platforms=registry_of_plugins.platforms,
        cadence=cadence(settings),
        clock=now_ms,
        view_now=lambda: _active_view(opened),
        reading=Reading(batch_records=chosen.batch_records, session_timeout_s=chosen.session_timeout_seconds),
        dead_limit=chosen.dead_limit,
        dead_window_seconds=chosen.dead_window_seconds,
        state_pieces=chosen.state_pieces,
        view_debounce_ms=chosen.view_debounce_ms,
        metrics_port=chosen.metrics_port,
        lacking=lacking,
    )


async def run_receiver(
    settings: Settings, stop: asyncio.Event, on_wait: Told, on_listening: Callable[[str, int], None]
) -> None:
    """The receiver, until `stop`."""
    from tracker.ingest.publisher import Publisher
    from tracker.ingest.receiver import ReceiverParts
    from tracker.ingest.receiver import run_receiver as receive

    adapters = plugins().platforms
    await asyncio.to_thread(checked_logs, settings, on_wait("Kafka"))
    made = Publisher(settings.kafka.bootstrap, topics(settings))
    await receive(ReceiverParts(settings=settings, adapters=adapters, publisher=made), stop, on_listening)


async def run_poller(settings: Settings, stop: asyncio.Event, on_wait: Told) -> None:
    """A poller, until `stop`; built anew on the other view when the view is switched."""
    from tracker.ingest.budget import SharedBudget
    from tracker.ingest.poll_metrics import PollMetrics
    from tracker.ingest.poller import PollerParts
    from tracker.ingest.poller import run_poller as ask_platforms
    from tracker.metrics import served
    from tracker.store.held import Holds

    adapters = plugins().platforms
    await asyncio.to_thread(checked_logs, settings, on_wait("Kafka"))
    while not stop.is_set():
        async with store(settings, on_wait=on_wait("Redis")) as opened, publisher(settings) as publishing:
            metrics = PollMetrics()
            parts = PollerParts(
                settings=settings,
                adapters=adapters,
                publisher=publishing,
                store=opened,
                budget=SharedBudget(opened.client, opened.address, opened.prefix),
                holds=Holds(opened.client, opened.address, opened.prefix),
                metrics=metrics,
            )
            with served(metrics.registry, settings.poller.metrics_port):
                await _until_switched(opened, stop, partial(ask_platforms, parts))


async def run_watcher(settings: Settings, stop: asyncio.Event, on_wait: Told) -> None:
    """A watcher, until `stop`; built anew on the other view when the view is switched."""
    rules = plugins().rules
    await asyncio.to_thread(checked_logs, settings, on_wait("Kafka"))
    while not stop.is_set():
        async with store(settings, on_wait=on_wait("Redis")) as opened, AsyncExitStack() as stack:
            await _until_switched(opened, stop, await _watcher(settings, opened, rules, stack))


async def _watcher(
    settings: Settings, opened: RedisStore, rules: Mapping[str, Rule], stack: AsyncExitStack
) -> Callable[[asyncio.Event], Coroutine[None, None, None]]:
    """A watcher's run, with all its parts started, to be stopped by the stack."""
    from tracker.definitions.following import Following
    from tracker.gather import Gatherer
    from tracker.metrics import Counted, registry_of, served
    from tracker.sending import Sender
    from tracker.store.held import Holds
    from tracker.watch.acts import Acts
    from tracker.watch.judging import Judges
    from tracker.watch.pipeline import Pipeline
    from tracker.watch.telling import Teller
    from tracker.watch.watcher import Watcher, WatcherParts

    bootstrap, made, chosen = settings.kafka.bootstrap, topics(settings), settings.watcher
    book, acts = Following(bootstrap, made), Acts(bootstrap, made)
    for follower in (book, acts):
        await follower.start()
        stack.push_async_callback(follower.stop)
    gatherer = Gatherer(opened, settings.topics.partitions, book.definitions)
    shelf, holds = alert_shelf(opened), Holds(opened.client, opened.address, opened.prefix)
    teller = Teller(await stack.enter_async_context(Sender(bootstrap)), shelf, made)
    judges = Judges(rule_seconds=chosen.rule_seconds, quarantine_ms=chosen.quarantine_seconds * 1000)
    watcher = Watcher(
        WatcherParts(
            bootstrap=bootstrap,
            group=chosen.group,
            topics=made,
            book=book,
            acts=acts,
            rules=rules,
            judges=await stack.enter_async_context(judges),
            campaign_facts=gatherer.campaign,
            pipeline_facts=(await stack.enter_async_context(Pipeline(bootstrap, made, gatherer, holds))).facts,
            shelf=shelf,
            teller=teller,
            clock=now_ms,
            judge_every_ms=chosen.judge_every_ms,
            tick_ms=chosen.tick_seconds * 1000,
            pipeline_every_ms=chosen.pipeline_seconds * 1000,
            session_timeout_ms=chosen.session_timeout_seconds * 1000,
        )
    )
    numbers = {
        "tracker_watcher_evaluations": Counted("Campaigns judged", lambda: watcher.evaluated),
        "tracker_watcher_told": Counted("Changes of alerts told", lambda: teller.told),
    }
    stack.enter_context(served(registry_of(numbers), chosen.metrics_port))
    return watcher.run


async def run_notify(settings: Settings, stop: asyncio.Event, on_wait: Told) -> None:
    """The service that tells of alerts, until `stop`. Its keys are of no view."""
    from tracker.definitions.following import Following
    from tracker.metrics import served
    from tracker.notify.assembling import tools
    from tracker.notify.metrics import NotifyMetrics
    from tracker.notify.service import NotifyParts
    from tracker.notify.service import run_notify as tell

    chosen, notifiers, metrics = settings.notifiers, plugins().notifiers, NotifyMetrics()
    await asyncio.to_thread(checked_logs, settings, on_wait("Kafka"))
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(store(settings, on_wait=on_wait("Redis")))
        made = await stack.enter_async_context(tools(chosen, notifiers, opened.client, opened.address, opened.prefix))
        book = Following(settings.kafka.bootstrap, topics(settings))
        await book.start()
        stack.push_async_callback(book.stop)
        stack.enter_context(served(metrics.registry, chosen.metrics_port))
        parts = NotifyParts(
            bootstrap=settings.kafka.bootstrap,
            topics=topics(settings),
            followed=book,
            queue=made.queue,
            teller=made.teller,
            metrics=metrics,
        )
        await tell(parts, stop)


@asynccontextmanager
async def notify_desk(settings: Settings) -> AsyncIterator[Desk]:
    """What an operator does with notifiers: the book as it stands now, queue and log."""
    from tracker.domain.definitions import NotifierDefinition
    from tracker.notify.assembling import tools
    from tracker.notify.desk import Desk

    book = await asyncio.to_thread(read_book, settings)
    defined = {
        change.id: change.definition for change in book.values() if isinstance(change.definition, NotifierDefinition)
    }
    async with (
        store(settings) as opened,
        tools(settings.notifiers, plugins().notifiers, opened.client, opened.address, opened.prefix) as made,
    ):
        yield Desk(defined, made.queue, made.teller)


def alert_shelf(opened: RedisStore) -> AlertShelf:
    """The shelf of alerts beside a store."""
    from tracker.store.alerts import AlertShelf

    return AlertShelf(opened.client, opened.address, opened.prefix)


async def _until_switched(
    opened: RedisStore, stop: asyncio.Event, run: Callable[[asyncio.Event], Coroutine[None, None, None]]
) -> None:
    """Run until `stop`, or until another view is active."""
    ended = asyncio.Event()
    running = asyncio.create_task(run(ended))
    stopping = asyncio.create_task(stop.wait())
    while not running.done() and not stop.is_set() and await _active_view(opened) == opened.view:
        await asyncio.wait({running, stopping}, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
    ended.set()
    stopping.cancel()
    await running


async def _active_view(opened: RedisStore) -> str:
    from tracker.store.client import ask
    from tracker.store.views import active_view

    return await ask(opened.address, lambda: active_view(opened.client, opened.prefix))


def stage_of(partition: Partition) -> Stage:
    """The stage of a partition that is counted."""
    return "activity" if partition.stage == "activity" else "commerce"


async def run_audit(settings: Settings, on_wait: Told, progress: AuditProgress, *, incomplete: bool) -> Report:
    """Count the log again and compare. Raises AuditImpossible, LogUnreadable."""
    from tracker.audit import KafkaLog, audit

    await asyncio.to_thread(checked_logs, settings, on_wait("Kafka"))
    log_of_kafka = KafkaLog(settings.kafka.bootstrap, topics(settings))
    async with store(settings, on_wait=on_wait("Redis")) as opened:
        return await audit(opened, log_of_kafka, topics(settings), incomplete=incomplete, progress=progress)


async def run_rebuild(settings: Settings, on_wait: Told, progress: RebuildProgress, *, view: str | None) -> Rebuilt:
    """Fill a new view and switch to it; the old one is kept. Raises RebuildImpossible, ViewMoved."""
    from tracker.audit import KafkaLog
    from tracker.store.views import switch_view
    from tracker.stream.rebuild import RebuildParts, rebuild

    await asyncio.to_thread(checked_logs, settings, on_wait("Kafka"))
    async with store(settings, on_wait=on_wait("Redis")) as old:
        name = view or _next_view(old.view)
        async with store(settings, view=name) as new:
            parts = RebuildParts(
                old=old,
                new=new,
                log=KafkaLog(settings.kafka.bootstrap, topics(settings)),
                topics=topics(settings),
                cadence=cadence(settings),
                polls={platform: adapter.polls for platform, adapter in plugins().platforms.items()},
                switch=lambda: switch_view(new.client, new.prefix, expected=old.view, to=new.view),
                batch_records=settings.worker.batch_records,
                state_pieces=settings.worker.state_pieces,
            )
            return await rebuild(parts, progress)


async def list_views(settings: Settings, on_wait: OnWait) -> tuple[str, list[str]]:
    """The active view, and all that have keys."""
    from tracker.store.client import ask
    from tracker.store.views import views

    async with store(settings, on_wait=on_wait) as opened:
        return opened.view, await ask(opened.address, lambda: views(opened.client, opened.prefix))


async def remove_view(settings: Settings, view: str, on_wait: OnWait, on_step: Callable[[int], None]) -> int:
    """Remove a view's keys; how many. Raises ViewInUse for the active one."""
    from tracker.store.views import drop_view

    async with store(settings, on_wait=on_wait) as opened:
        return await drop_view(opened.client, opened.prefix, view, on_step)


def _next_view(view: str) -> str:
    """`v1` → `v2`; a view of another name gets a number."""
    match = re.fullmatch(r"(.*?)(\d+)", view)
    return f"{match[1]}{int(match[2]) + 1}" if match else f"{view}-2"


async def run_import(
    settings: Settings, path: Path, on_wait: Told, from_line: int, on_progress: ImportProgress
) -> Imported:
    """Put a file's payloads on the inbox. Raises ImportStopped, OSError."""
    from tracker.ingest.importer import import_file

    adapters = plugins().platforms
    await asyncio.to_thread(checked_logs, settings, on_wait("Kafka"))
    async with publisher(settings) as publishing:
        return await import_file(path, publishing, adapters, now=now_ms(), from_line=from_line, on_progress=on_progress)


async def run_api(settings: Settings, stop: asyncio.Event, on_wait: Told, on_listening: OnListening) -> None:
    """The API, until `stop`; built anew on the other view when the view is switched."""
    await asyncio.to_thread(checked_logs, settings, on_wait("Kafka"))
    while not stop.is_set():
        async with store(settings, on_wait=on_wait("Redis")) as opened, AsyncExitStack() as stack:
            run = await _api(settings, opened, stack, on_listening)
            await _while_active(opened, stop, run)


async def _while_active(
    opened: RedisStore, stop: asyncio.Event, run: Callable[[asyncio.Event], Coroutine[None, None, None]]
) -> None:
    """Run until `stop`, or until another view is active. While Redis is away the API goes on, and answers 503."""
    ended = asyncio.Event()
    running = asyncio.create_task(run(ended))
    stopping = asyncio.create_task(stop.wait())
    try:
        while not running.done() and not stop.is_set() and not await _is_switched(opened):
            await asyncio.wait({running, stopping}, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.set()
        stopping.cancel()
        await running


async def _is_switched(opened: RedisStore) -> bool:
    from tracker.store.base import StoreUnreachable
    from tracker.store.client import ask
    from tracker.store.views import active_view

    try:
        return await ask(opened.address, lambda: active_view(opened.client, opened.prefix)) != opened.view
    except StoreUnreachable:
        return False


async def _api(
    settings: Settings, opened: RedisStore, stack: AsyncExitStack, on_listening: OnListening
) -> Callable[[asyncio.Event], Coroutine[None, None, None]]:
    """An API's run, with all its parts started, to be stopped by the stack."""
    from tracker.dead_letters import read_letters
    from tracker.definitions.following import Following
    from tracker.gather import Gatherer
    from tracker.ingest.health import KafkaProbe
    from tracker.status import look
    from tracker.store.base import Partition, StoreUnreachable
    from tracker.watch.acts import Acts
    from tracker.web.alertbook import FollowedAlerts
    from tracker.web.kept import Kept
    from tracker.web.live import Hub, HubParts, LiveSettings
    from tracker.web.parts import ApiParts
    from tracker.web.service import run_api as serve_api

    bootstrap, made = settings.kafka.bootstrap, topics(settings)
    book, acts, alerts = Following(bootstrap, made), Acts(bootstrap, made), FollowedAlerts(bootstrap, made)
    for follower in (book, acts, alerts):
        await follower.start()
        stack.push_async_callback(follower.stop)
    probe = KafkaProbe(bootstrap)

    async def seen() -> Status:
        logs = await asyncio.to_thread(_logs, settings)
        return await look(opened, bootstrap, made, logs)

    async def letters() -> list[DeadLetter]:
        return await read_letters(bootstrap, made)

    async def faults() -> Mapping[str, str | None]:
        redis: str | None = None
        try:
            await opened.open(Partition("activity", 0))
        except StoreUnreachable as error:
            redis = error.reason
        return {"kafka": await probe.fault(), "redis": redis, "live stream": hub.fault()}

    parts = ApiParts(
        settings=settings.api,
        definitions=book.definitions,
        store=opened,
        topics=made,
        gatherer=Gatherer(opened, made.partitions, book.definitions),
        shelf=alert_shelf(opened),
        alerts=alerts.book,
        acts=acts,
        publisher=await stack.enter_async_context(publisher(settings)),
        letters=Kept(letters, settings.api.status_seconds),
        look=Kept(seen, settings.api.status_seconds),
        plugins=plugins(),
        faults=faults,
    )

    live = HubParts(
        bootstrap=bootstrap, topics=made, store=opened, definitions=book.definitions, alerts=alerts.book, now=parts.now
    )
    hub = Hub(
        live,
        LiveSettings(
            most_clients=settings.api.stream_clients,
            debounce_ms=settings.api.stream_debounce_ms,
            slow_seconds=float(settings.api.stream_slow_seconds),
        ),
    )
    await hub.start()
    stack.push_async_callback(hub.stop)

    async def run(ended: asyncio.Event) -> None:
        await serve_api(parts, ended, (book.wait, acts.wait, alerts.wait), on_listening, hub=hub)

    return run


def _logs(settings: Settings) -> dict[Stage, str]:
    """The log of each topic now. Raises KafkaDown at once where no broker answers: a request is waiting."""
    from tracker.kafka_admin import check_topics, wait_for_kafka

    wait_for_kafka(settings.kafka.bootstrap, 0)
    found = check_topics(settings.kafka.bootstrap, topics(settings))
    return {stage: identity.log for stage, identity in found.items()}
