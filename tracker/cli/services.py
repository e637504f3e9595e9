"""tracker worker | receive | poll | watch: the processes of an installation, each until SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import msgspec
import typer

from tracker import wiring
from tracker.cli import common, logs
from tracker.settings import Settings

PANEL = "Services"
NO_ADDRESS = {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}


def register(app: typer.Typer) -> None:
    """Add these commands."""
    from tracker.cli import demo

    demo.register(app)
    for command in (worker, receive, poll, watch, notify):
        app.command(rich_help_panel=PANEL)(command)


def worker(context: typer.Context) -> None:
    """Count: adapt raw payloads, keep the counters, merge the totals. Start as many as you like.

    A worker that is killed loses nothing: another one, or the same one started again, goes on from the cursors in
    Redis. It ends with an error when something happens that it cannot judge; let a supervisor start it again.

    Example:  tracker worker  ·  TRACKER_LOG_LEVEL=debug tracker worker
    """
    settings = started(context)
    run_service(lambda stop: wiring.run_worker(settings, stop, common.countdown))


def receive(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; else receiver.host.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0: any free one; else receiver.port.")
    ] = None,
) -> None:
    """Receive webhooks, clicks and conversions over HTTP. Nothing is answered 2xx before Kafka has it.

    Example:  tracker receive --host 0.0.0.0 --port 8080  ·  curl 127.0.0.1:8080/health/ready
    """
    settings = started(context)
    chosen = settings.receiver
    listen = msgspec.structs.replace(
        chosen, host=chosen.host if host is None else host, port=chosen.port if port is None else port
    )
    settings = msgspec.structs.replace(settings, receiver=listen)

    def listening(address: str, number: int) -> None:
        common.err.print(f"receiving on http://{address}:{number}")

    try:
        run_service(lambda stop: wiring.run_receiver(settings, stop, common.countdown, listening))
    except OSError as error:
        if error.errno not in NO_ADDRESS:
            raise
        raise common.Impossible(
            f"cannot listen on {listen.host}:{listen.port}: {os.strerror(error.errno)}. Nothing was started. Choose "
            "another with --host and --port (receiver.host, receiver.port), or stop what listens there."
        ) from error


def poll(context: typer.Context) -> None:
    """Ask the platforms for posts and accounts that are due. Start as many as you like: none asks what another asks.

    Example:  tracker poll
    """
    settings = started(context)
    run_service(lambda stop: wiring.run_poller(settings, stop, common.countdown))


def watch(context: typer.Context) -> None:
    """Watch: have the alert rules judge every campaign, keep the alerts, tell of them on their topics.

    Start as many as you like: they share the campaigns. One that is killed loses no alert: what it meant to tell is
    told by whoever takes over, with the same id.

    Example:  tracker watch  ·  tracker alerts follow
    """
    settings = started(context)
    run_service(lambda stop: wiring.run_watcher(settings, stop, common.countdown))


def notify(context: typer.Context) -> None:
    """Tell people and programs of alerts, as the notifiers that are defined say. Start as many as you like.

    One that is killed loses no notice: what it had queued is sent by another, or by the same one started again.

    Example:  tracker notify  ·  tracker notifiers list
    """
    settings = started(context)
    run_service(lambda stop: wiring.run_notify(settings, stop, common.countdown))


def started(context: typer.Context) -> Settings:
    settings = common.settings(context)
    logs.configure(settings.log_level)
    return settings


def run_service(service: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run a service until SIGTERM or SIGINT; a second one ends it at once."""

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stopping(number: signal.Signals) -> None:
            stop.set()
            loop.remove_signal_handler(number)

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping, number)
        await service(stop)

    with asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(run())


def _loop() -> Callable[[], asyncio.AbstractEventLoop]:
    import uvloop

    return uvloop.new_event_loop
