"""tracker serve: the API, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tracker import wiring
from tracker.cli import common, services
from tracker.settings import Settings

if TYPE_CHECKING:
    from tracker.codec.dead import DeadLetter
    from tracker.status import Status
    from tracker.store.redis import RedisStore
    from tracker.topics import Stage
    from tracker.web.settings import ApiSettings

OnListening = Callable[[str, int], None]


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=services.PANEL)(serve)


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; else api.host.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0: any free one; else api.port.")] = None,
) -> None:
    """Serve the API: campaigns, creators, posts, alerts, definitions, the pipeline. Start as many as you like.

    Its reference is the OpenAPI document at /v1/openapi.json; every request needs a token (`tracker token create`).

    Example:  tracker serve --port 8090  ·  curl -H "Authorization: Bearer $TOKEN" 127.0.0.1:8090/v1/campaigns
    """
    settings = services._start(context)
    chosen = api_settings(settings)
    chosen = msgspec.structs.replace(
        chosen, host=chosen.host if host is None else host, port=chosen.port if port is None else port
    )

    def listening(address: str, number: int) -> None:
        common.err.print(f"serving the API on http://{address}:{number}")

    try:
        services._run(lambda stop: run_api(settings, chosen, stop, common.countdown, listening))
    except OSError as error:
        if error.errno not in services._NO_ADDRESS:
            raise
        raise common.Impossible(
            f"cannot listen on {chosen.host}:{chosen.port}: {os.strerror(error.errno)}. Nothing was started. Choose "
            "another with --host and --port (api.host, api.port), or stop what listens there."
        ) from error


def api_settings(settings: Settings) -> ApiSettings:
    """The API's section of the settings; its defaults where the settings have none."""
    from tracker.web.settings import ApiSettings

    section = getattr(settings, "api", None)
    return section if isinstance(section, ApiSettings) else ApiSettings()


async def run_api(
    settings: Settings, chosen: ApiSettings, stop: asyncio.Event, on_wait: wiring.Told, on_listening: OnListening
) -> None:
    """The API, until `stop`; built anew on the other view when the view is switched."""
    await asyncio.to_thread(wiring.checked_logs, settings, on_wait("Kafka"))
    while not stop.is_set():
        async with wiring.store(settings, on_wait=on_wait("Redis")) as opened, AsyncExitStack() as stack:
            run = await _api(settings, chosen, opened, stack, on_listening)
            await wiring._until_switched(opened, stop, run)


async def _api(
    settings: Settings, chosen: ApiSettings, opened: RedisStore, stack: AsyncExitStack, on_listening: OnListening
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
    from tracker.web.parts import ApiParts
    from tracker.web.service import run_api as serve_api

    bootstrap, made = settings.kafka.bootstrap, wiring.topics(settings)
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
        return {"kafka": await probe.fault(), "redis": redis}

    parts = ApiParts(
        settings=chosen,
        definitions=book.definitions,
        store=opened,
        topics=made,
        gatherer=Gatherer(opened, made.partitions, book.definitions),
        shelf=wiring.alert_shelf(opened),
        alerts=alerts.book,
        acts=acts,
        publisher=await stack.enter_async_context(wiring.publisher(settings)),
        letters=Kept(letters, chosen.status_seconds),
        look=Kept(seen, chosen.status_seconds),
        plugins=wiring.plugins(),
        faults=faults,
    )

    async def run(ended: asyncio.Event) -> None:
        await serve_api(parts, ended, (book.wait, acts.wait, alerts.wait), on_listening)

    return run


def _logs(settings: Settings) -> dict[Stage, str]:
    """The log of each topic now. Raises KafkaDown at once where no broker answers: a request is waiting."""
    from tracker.kafka_admin import check_topics, wait_for_kafka

    wait_for_kafka(settings.kafka.bootstrap, 0)
    found = check_topics(settings.kafka.bootstrap, wiring.topics(settings))
    return {stage: identity.log for stage, identity in found.items()}
