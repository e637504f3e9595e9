"""GET /r/{code}: to the registered destination, and the click to the inbox.

1. A redirect goes to a registered link's destination and nowhere else; nothing of the request flows into the address
   but the click id that we sign.
2. The visitor always goes on: where Kafka does not answer in time, the click waits in memory and is published later.
3. A click that is lost (the memory was full, or the process stopped) is counted and logged, never silent.
4. Publishing the same click twice is no harm: its id is the same.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import quote

import structlog
from litestar import Response, get, head
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from tracker.codec import inbox
from tracker.domain import click as clicks
from tracker.domain.definitions import Link
from tracker.ingest.definitions import LinkBook
from tracker.ingest.health import Metrics
from tracker.ingest.http import AnyRequest, Refused
from tracker.ingest.publisher import KafkaUnreachable, Publisher
from tracker.ingest.statements import ClickStatement, statement

log = structlog.get_logger(__name__)

PARAMETER = "click_id"
"""Name of the query parameter that carries the click id to the destination."""
_ACKNOWLEDGED_WITHIN = 0.5
_RETRY_AFTER = 0.5
_WAITING_LIMIT = 10_000
# RFC 3986: what may stand in a URL as it is; a destination that is an IRI is percent-encoded.
_URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~-._"

Message = tuple[bytes, bytes, list[tuple[str, bytes]]]


class ClickRecorder:
    """Puts clicks on the inbox; keeps those that Kafka did not take yet, `limit` at most."""

    def __init__(self, publisher: Publisher, metrics: Metrics, *, limit: int = _WAITING_LIMIT) -> None:
        self._publisher = publisher
        self._metrics = metrics
        self._limit = limit
        self._waiting: deque[Message] = deque()
        self._work = asyncio.Event()

    async def record(self, message: Message) -> None:
        """Publish, or keep for later. Returns within about half a second whatever happens, and never raises."""
        if not self._waiting and await self._published(message, _ACKNOWLEDGED_WITHIN):
            self._metrics.clicks.labels("recorded").inc()
            return
        if len(self._waiting) >= self._limit:
            self._lose(1, "the buffer is full")
            return
        self._metrics.clicks.labels("delayed").inc()
        self._waiting.append(message)
        self._metrics.clicks_waiting.set(len(self._waiting))
        self._work.set()

    async def retry(self) -> None:
        """Publish what waits, oldest first, until cancelled."""
        while True:
            await self._work.wait()
            if await self._published(self._waiting[0], None):
                self._taken()
            else:
                await asyncio.sleep(_RETRY_AFTER)

    async def drain(self, seconds: float) -> None:
        """The last attempt before stopping. What is left after `seconds` is lost, and said to be."""
        try:
            async with asyncio.timeout(seconds):
                while self._waiting and await self._published(self._waiting[0], None):
                    self._taken()
        except TimeoutError:
            pass  # what is left is reported below
        if self._waiting:
            self._lose(len(self._waiting), "the process stops and Kafka did not answer")
            self._waiting.clear()

    def _taken(self) -> None:
        self._waiting.popleft()
        self._metrics.clicks.labels("recorded").inc()
        self._metrics.clicks_waiting.set(len(self._waiting))
        if not self._waiting:
            self._work.clear()

    async def _published(self, message: Message, within: float | None) -> bool:
        key, value, headers = message
        try:
            await self._publisher.publish("inbox", key, value, headers, within=within)
        except KafkaUnreachable as error:
            log.warning("click not acknowledged", topic=error.topic, cause=error.cause, waiting=len(self._waiting))
            return False
        return True

    def _lose(self, count: int, why: str) -> None:
        self._metrics.clicks.labels("lost").inc(count)
        log.error("clicks lost", count=count, why=why, next="bring Kafka back; these clicks are not counted")


def with_click(destination: str, click: str | None) -> str:
    """The destination with the click id at the end of its query; its own query and fragment stay as they are."""
    address, hash_mark, fragment = destination.partition("#")
    if click is not None:
        joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
        address = f"{address}{joint}{PARAMETER}={click}"
    return quote(f"{address}{hash_mark}{fragment}", safe=_URL_CHARACTERS)


def link_routes(
    book: LinkBook, recorder: ClickRecorder, signing: Sequence[str], now: Callable[[], int]
) -> list[HTTPRouteHandler]:
    """GET counts the click; HEAD (a preview, a link checker) does not."""

    def found(code: str) -> Link:
        link = book.find(code)
        if link is None:
            raise Refused(404, "unknown_link", "no such link is registered")
        return link

    @get("/r/{code:str}", include_in_schema=False)
    async def follow(request: AnyRequest, code: FromPath[str]) -> Response[bytes]:
        link, at = found(code), now()
        click = clicks.issue(link.id, at, secrets.token_bytes(clicks.RANDOM_BYTES), signing[0])
        said = ClickStatement(click=click, link=link.id, observed_at=at, occurred_at=at)
        await recorder.record(inbox.encode(statement("links", said, at)))
        return Response(
            b"", status_code=302, media_type="text/plain", headers=_headers(with_click(link.destination, click))
        )

    @head("/r/{code:str}", include_in_schema=False)
    async def look(code: FromPath[str]) -> Response[None]:
        return Response(None, status_code=302, headers=_headers(with_click(found(code).destination, None)))

    return [follow, look]


def _headers(address: str) -> dict[str, str]:
    return {
        "Location": address,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
    }
