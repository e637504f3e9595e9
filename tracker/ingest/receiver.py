"""The receiver: webhooks, links and conversions over HTTP.

1. Nothing is answered 2xx before Kafka acknowledged it; whom Kafka keeps waiting gets 503 and Retry-After within 1 s.
2. A signature is judged over the raw bytes, before anything reads them; a body that fails it goes nowhere.
3. Of a request's headers only those that the adapter names are kept; secrets and query strings are never logged.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
import uvicorn
from litestar import Litestar, Response
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Message, Scope
from litestar.types import Receive as ASGIReceive
from litestar.types import Send as ASGISend
from msgspec import Struct

from tracker.clock import now_ms
from tracker.ingest.conversions import conversion_routes
from tracker.ingest.definitions import LinkBook, follow_links
from tracker.ingest.health import KafkaProbe, Metrics, health_routes
from tracker.ingest.hooks import Hooks, hook_routes
from tracker.ingest.http import AnyRequest, Refused, problem
from tracker.ingest.links import ClickRecorder, link_routes
from tracker.ingest.publisher import KafkaUnreachable, Publisher
from tracker.plugin.api import PlatformAdapter
from tracker.settings import Settings, UnfitSettings
from tracker.tasks import end

log = structlog.get_logger(__name__)

SHORTEST_SECRET = 16
_DRAIN_SECONDS = 5.0


class ReceiverParts(Struct, frozen=True, kw_only=True):
    """What a receiver is made of. `publisher` is started and stopped with the receiver."""

    settings: Settings
    adapters: Mapping[str, PlatformAdapter]
    publisher: Publisher
    now: Callable[[], int] = now_ms


def create_receiver(parts: ReceiverParts, metrics: Metrics | None = None) -> Litestar:
    """The application. Raises UnfitSettings for missing or too short secrets of click ids."""
    settings = parts.settings.receiver
    metrics = metrics or Metrics()
    _fit(settings.click_secrets, settings.api_tokens)
    book = LinkBook()
    recorder = ClickRecorder(parts.publisher, metrics)
    followers: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await parts.publisher.start()
        bootstrap, topics = parts.publisher.bootstrap, parts.publisher.topics
        followers.append(asyncio.create_task(follow_links(bootstrap, topics, book, metrics.definitions)))
        retrying = asyncio.create_task(recorder.retry())
        try:
            yield
        finally:
            await end([retrying, *followers])
            await recorder.drain(_DRAIN_SECONDS)
            await parts.publisher.stop()

    def faults() -> dict[str, str | None]:
        return {"definitions": _fault_of(followers, book)}

    return Litestar(
        route_handlers=[
            *hook_routes(
                Hooks(settings, parts.settings.platforms, parts.adapters, parts.publisher, metrics, parts.now)
            ),
            *link_routes(book, recorder, settings.click_secrets, parts.now),
            *conversion_routes(parts.publisher, metrics, settings.api_tokens, settings.click_secrets, parts.now),
            *health_routes(KafkaProbe(parts.settings.kafka.bootstrap), faults, metrics),
        ],
        lifespan=[lifespan],
        exception_handlers={Refused: _refused, HTTPException: _refused_by_router, Exception: _unforeseen},
        middleware=[lambda app: _observed(app, metrics)],
        logging_config=None,
        openapi_config=None,
        request_max_body_size=None,
    )


async def run_receiver(
    parts: ReceiverParts, stop: asyncio.Event, on_listening: Callable[[str, int], None] | None = None
) -> None:
    """Serve until `stop`. Raises OSError where the address is taken, KafkaUnreachable where Kafka is down at start.

    Requests under way are answered before it returns. `on_listening` gets the address and the port.
    """
    settings = parts.settings.receiver
    listening = socket.create_server((settings.host, settings.port), backlog=512)
    config = uvicorn.Config(
        create_receiver(parts),
        access_log=False,
        date_header=True,
        lifespan="on",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=int(_DRAIN_SECONDS),
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    stopping = asyncio.create_task(stop.wait())
    begun = asyncio.create_task(server.begun.wait())
    try:
        await asyncio.wait({serving, begun, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if on_listening is not None and server.started and not stop.is_set():
            on_listening(settings.host, listening.getsockname()[1])
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        if not server.begun.is_set() and not stop.is_set():
            raise KafkaUnreachable(parts.publisher.topics.name("inbox"), "the receiver could not start; see its log")
    finally:
        for task in (serving, stopping, begun):
            task.cancel()
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


def _fit(click_secrets: tuple[str, ...], api_tokens: tuple[str, ...]) -> None:
    if not click_secrets:
        raise UnfitSettings("receiver.click_secrets", "empty; set at least one (TRACKER_RECEIVER__CLICK_SECRETS)")
    for setting, values in (("receiver.click_secrets", click_secrets), ("receiver.api_tokens", api_tokens)):
        if any(len(value) < SHORTEST_SECRET for value in values):
            raise UnfitSettings(setting, f"a secret has fewer than {SHORTEST_SECRET} characters")


def _fault_of(followers: list[asyncio.Task[None]], book: LinkBook) -> str | None:
    for task in followers:
        if task.done():
            return f"following the registry ended: {task.exception()!r}. Restart the receiver"
    return None if book.caught_up.is_set() else "reading the registry"


def _refused(_: AnyRequest, refused: Refused) -> Response[bytes]:
    return problem(refused)


def _refused_by_router(_: AnyRequest, error: HTTPException) -> Response[bytes]:
    return problem(Refused(error.status_code, "router", "see the documentation of this address"))


def _unforeseen(request: AnyRequest, error: Exception) -> Response[bytes]:
    log.error("unforeseen", route=_route(request.scope), exc_info=error)
    return problem(Refused(500, "fault", "nothing was stored; send it again"))


def _observed(app: ASGIApp, metrics: Metrics) -> ASGIApp:
    """One log line and one measurement a request: route and status, never a query, a header or a body."""

    async def observed(scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        began = time.perf_counter()
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, noting)
        finally:
            took = time.perf_counter() - began
            route = _route(scope)
            metrics.requests.labels(route, str(status)).observe(took)
            say: Any = log.debug if route.startswith(("/health", "/metrics")) else log.info
            say(
                "request", method=scope.get("method"), path=scope["path"][:200], status=status, ms=round(took * 1000, 1)
            )

    return observed


def _route(scope: Scope) -> str:
    return str(scope.get("path_template") or "other")
