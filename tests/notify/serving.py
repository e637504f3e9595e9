"""The service on real servers, in this process or in one to be killed: `python -m tests.notify.serving '[…]'`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from msgspec.structs import replace

from tests.notify.told import SECRET
from tracker.clock import now_ms
from tracker.codec import alerts as codec
from tracker.codec.alerts import AlertEvent
from tracker.definitions import book as books
from tracker.definitions.following import Definitions
from tracker.domain.definitions import NotifierDefinition
from tracker.notify.assembling import Tools, tools
from tracker.notify.desk import Desk
from tracker.notify.metrics import NotifyMetrics
from tracker.notify.service import NotifyParts, run_notify
from tracker.plugin.notifiers import Notifier
from tracker.sending import Outgoing, partition_of
from tracker.sending import Sender as KafkaSender
from tracker.settings import Notifiers
from tracker.store.client import address_of, connect
from tracker.topics import ALERTS, Topics
from tracker_notifiers import tracker_notifiers

PARTITIONS = 2
OPTIONS = Notifiers(
    secrets={"ops": (SECRET,)}, allow_http=True, allow_networks=("127.0.0.0/8",), timeout_seconds=2,
    session_timeout_seconds=6,
)  # fmt: skip


class Book:
    """Definitions that a test changes by hand."""

    def __init__(self, *notifiers: NotifierDefinition) -> None:
        self.definitions = Definitions()
        self._version = 0
        for each in notifiers:
            self.change(each)

    def change(self, definition: NotifierDefinition, *, deleted: bool = False) -> None:
        self._version += 1
        stands = None if deleted else definition
        key = ("notifier", definition.id)
        self.definitions.take(books.changed(key, stands, at=0, version=self._version))  # type: ignore[arg-type]

    async def wait(self) -> None:
        await asyncio.Event().wait()


class Notify:
    """A service's parts on one Kafka and one Redis; started with `running`."""

    def __init__(self, bootstrap: str, prefix: str, book: Book, made: Tools) -> None:
        self.book, self.queue, self.teller = book, made.queue, made.teller
        self.metrics = NotifyMetrics()
        self.parts = NotifyParts(
            bootstrap=bootstrap,
            topics=Topics(prefix=prefix, partitions=PARTITIONS),
            followed=book,
            queue=made.queue,
            teller=made.teller,
            metrics=self.metrics,
        )
        self.desk = Desk(book.definitions.notifiers, self.queue, self.teller)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Event]:
        """Runs, and stops as a service does; whatever ended it before is raised."""
        stop = asyncio.Event()
        task = asyncio.create_task(run_notify(self.parts, stop))
        try:
            yield stop
        finally:
            stop.set()
            await task

    @asynccontextmanager
    async def dying(self) -> AsyncIterator[None]:
        """Runs, and ends at once: nothing that is under way is brought to its end."""
        task = asyncio.create_task(run_notify(self.parts, asyncio.Event()))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def counted(self, outcome: str) -> float:
        return self.metrics.registry.get_sample_value("tracker_notify_events_total", {"outcome": outcome}) or 0.0

    async def until(self, is_so: Callable[[], Any], seconds: float = 20) -> None:
        """Wait for what no event tells of: what others write to Redis or Kafka."""
        async with asyncio.timeout(seconds):
            while True:
                found = is_so()
                if await found if asyncio.iscoroutine(found) else found:
                    return
                await asyncio.sleep(0.02)

    async def until_logged(self, notifier: str, status: str, count: int = 1) -> None:
        async def is_so() -> bool:
            return sum(each.status == status for each in await self.queue.log(notifier)) >= count

        await self.until(is_so)


@asynccontextmanager
async def notifying(
    bootstrap: str,
    redis_url: str,
    prefix: str,
    book: Book,
    *,
    options: Mapping[str, Any] | None = None,
    now: Callable[[], int] = now_ms,
    more: Iterable[Notifier] = (),
) -> AsyncIterator[Notify]:
    client = await connect(redis_url, cluster=False)
    chosen = replace(OPTIONS, group=prefix, **(options or {}))
    plugins = {each.name: each for each in (*tracker_notifiers(), *more)}
    try:
        async with tools(chosen, plugins, client, address_of(redis_url), prefix, now) as made:
            yield Notify(bootstrap, prefix, book, made)
    finally:
        await client.aclose()


async def publish(bootstrap: str, prefix: str, events: Iterable[AlertEvent | bytes]) -> None:
    """Publish events as the watcher does: under their campaign, in their category's topic."""
    topics = Topics(prefix=prefix, partitions=PARTITIONS)
    async with KafkaSender(bootstrap) as sender:
        for event in events:
            is_bytes = isinstance(event, bytes)
            topic = topics.name("alerts.engagement" if isinstance(event, bytes) else ALERTS[event.data.category])
            value = event if isinstance(event, bytes) else codec.encode(event)
            key = b"k" if isinstance(event, bytes) else event.subject.encode()
            await sender.send({(topic, 0 if is_bytes else partition_of(key, PARTITIONS)): [Outgoing(key, value)]})


async def main(bootstrap: str, redis_url: str, prefix: str, definitions: list[Mapping[str, Any]]) -> None:
    book = Book(*(NotifierDefinition(**each) for each in definitions))
    async with notifying(bootstrap, redis_url, prefix, book) as made:
        await run_notify(made.parts, asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*json.loads(sys.argv[1])))
