"""The API as a process: it listens, serves until it is stopped, and ends when what it follows ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import uvicorn

from tracker.web.app import TABLE, create_api
from tracker.web.live import Hub, for_streams
from tracker.web.parts import ApiParts
from tracker.web.routes import Route

_GRACE_SECONDS = 5


class CannotServe(Exception):
    """The web server ended before it served. Its log says why."""


async def run_api(
    parts: ApiParts,
    stop: asyncio.Event,
    followed: Sequence[Callable[[], Awaitable[None]]] = (),
    on_listening: Callable[[str, int], None] | None = None,
    table: tuple[Route, ...] = TABLE,
    hub: Hub | None = None,
) -> None:
    """Serve until `stop`; requests under way are answered before it returns.

    `followed`: each waits for the end of something that the API follows, and raises what ended it: nobody is served
    from a book that no longer moves. Raises that, OSError where the address is taken, CannotServe.
    """
    settings = parts.settings
    listening = socket.create_server((settings.host, settings.port), backlog=512)
    for_streams(listening)
    server = _Server(
        uvicorn.Config(
            cast(Any, create_api(parts, table, hub)),
            access_log=False,
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    begun = asyncio.create_task(server.begun.wait())
    ends = [asyncio.create_task(stop.wait()), *(asyncio.ensure_future(wait()) for wait in followed)]
    try:
        await asyncio.wait({serving, begun, *ends}, return_when=asyncio.FIRST_COMPLETED)
        if on_listening is not None and server.begun.is_set() and not stop.is_set():
            on_listening(settings.host, listening.getsockname()[1])
        await asyncio.wait({serving, *ends}, return_when=asyncio.FIRST_COMPLETED)
        if hub is not None:  # else the web server would wait for streams that do not end
            await hub.stop()
        server.should_exit = True
        await serving
        for end in ends:
            if end.done():
                end.result()
        if not server.begun.is_set() and not stop.is_set():
            raise CannotServe("the API could not start; see its log")
    finally:
        for task in (serving, begun, *ends):
            task.cancel()
        await asyncio.gather(serving, begun, *ends, return_exceptions=True)
        listening.close()


class _Server(uvicorn.Server):
    """uvicorn, without its signal handlers (the process has its own), telling when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.begun = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.begun.set()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await self._serve(sockets)
