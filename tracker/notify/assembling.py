"""The parts of telling, put together from settings: for the service, and for an operator's desk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from msgspec import Struct

from tracker.clock import now_ms
from tracker.notify.guard import Guard, GuardedTransport, guard_of
from tracker.notify.lane import Teller
from tracker.notify.queue import Keeping, Queue
from tracker.notify.sending import Sender
from tracker.plugin.notifiers import Notifier
from tracker.settings import Notifiers, UnfitSettings
from tracker.store.client import AnyRedis


class Tools(Struct, frozen=True):
    """The queue, and what tells one notifier once."""

    queue: Queue
    teller: Teller


@asynccontextmanager
async def tools(
    options: Notifiers,
    notifiers: Mapping[str, Notifier],
    client: AnyRedis,
    address: str,
    prefix: str,
    now: Callable[[], int] = now_ms,
) -> AsyncIterator[Tools]:
    """The parts, over a connected client that the caller closes. Raises UnfitSettings."""
    sender = Sender(GuardedTransport(guard_from(options)), options.smtp, timeout_seconds=float(options.timeout_seconds))
    keeping = Keeping(
        waiting=options.waiting_limit,
        entries=options.log_entries,
        days=options.log_days,
        give_up_ms=options.give_up_hours * 3_600_000,
    )
    try:
        yield Tools(
            Queue(client, address, prefix, keeping),
            Teller(options=options, notifiers=notifiers, sender=sender, now=now),
        )
    finally:
        await sender.aclose()


def guard_from(options: Notifiers) -> Guard:
    """What is allowed by the settings. Raises UnfitSettings."""
    try:
        return guard_of(hosts=options.allow_hosts, networks=options.allow_networks, allow_http=options.allow_http)
    except ValueError as error:
        raise UnfitSettings("notifiers.allow_networks", str(error)) from error
