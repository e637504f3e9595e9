"""The hub of the live stream: one process' readers, its feed, and the clients that are told.

1. What happens is read once a process (live_reader.py, live_tail.py) and told to each client from one feed
   (live_feed.py). A client is a place in that feed and a connection: it has no buffer of its own.
2. A client's task sleeps until something that the client wants has changed, or a heartbeat is due.
3. Nobody waits for a slow client. One that takes nothing for `slow_seconds` is let go: it gets the marker `lost` if it
   takes anything within `grace_seconds`, and is cut off if not.
4. A token that was revoked or has expired is told nothing more: it is judged again before each delivery.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Literal

import structlog
from msgspec import Struct

from tracker.definitions.following import Definitions
from tracker.domain.alerts import Alert
from tracker.domain.definitions import TokenDefinition
from tracker.domain.events import Instant
from tracker.ingest.http import Refused
from tracker.store.base import Store
from tracker.tasks import end
from tracker.topics import Topics
from tracker.web.live_events import Kind, ScopeNow, lost
from tracker.web.live_feed import Delivery, Feed, Wants
from tracker.web.live_reader import CampaignReader
from tracker.web.live_tail import Tail
from tracker.web.parts import Alerts
from tracker.web.tokens import Principal

log = structlog.get_logger(__name__)

_HEARTBEAT: Final = b": so far so good\n\n"
_TICK_S: Final = 1.0
_STOP_S: Final = 5.0

End = Literal["gone", "lost", "slow", "token", "stop"]


class LiveSettings(Struct, frozen=True, kw_only=True):
    """What can be set of the live stream."""

    most_clients: int = 2_500
    debounce_ms: int = 250
    heartbeat_seconds: float = 15.0
    slow_seconds: float = 10.0
    grace_seconds: float = 30.0
    ring_alerts: int = 2_000


class HubParts(Struct, frozen=True, kw_only=True):
    """What a hub reads from. All are started and stopped by whoever made them."""

    bootstrap: str
    topics: Topics
    store: Store
    definitions: Definitions
    alerts: Alerts
    now: Callable[[], Instant]


class Client:
    """One connection. `end`: why it is to end; None: it goes on."""

    def __init__(
        self, who: Principal, token: TokenDefinition | None, wants: Wants, first: Delivery, now: float
    ) -> None:
        self.who, self.token, self.wants = who, token, wants
        self.first, self.cursor = first, first.cursor
        self.awake = asyncio.Event()
        self.end: End | None = None
        self.came_at = self.sent_at = now
        self.sending_since: float | None = None
        self.beat = False
        self.task: asyncio.Task[Any] | None = None
        self.is_cut = False

    def finish(self, why: End) -> None:
        """Let it end by itself, at the end of an event."""
        if self.end is None:
            self.end = why
        self.awake.set()

    def cut(self) -> None:
        """End it where it stands."""
        self.is_cut = True
        if self.task is not None:
            self.task.cancel()


class Hub:
    """One process' live stream."""

    def __init__(self, parts: HubParts, settings: LiveSettings | None = None) -> None:
        self._parts = parts
        self.settings = settings = settings or LiveSettings()
        self.feed = Feed(
            secrets.token_hex(4), heartbeat_seconds=settings.heartbeat_seconds, alerts=settings.ring_alerts
        )
        self._store_answered_at = parts.now()
        self.reader = CampaignReader(
            parts.store,
            parts.topics.partitions,
            self._campaign_read,
            self._store_away,
            debounce_ms=settings.debounce_ms,
        )
        self._tail = Tail(
            parts.bootstrap,
            parts.topics,
            touched=self._touched,
            alerted=self._alerted,
            away=self._kafka_away,
            now=parts.now,
        )
        self._clients: set[Client] = set()
        self._by_campaign: dict[str, set[Client]] = {}
        self._everything: set[Client] = set()
        """Those who watch every campaign."""
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = False
        self.let_go = 0
        """Clients dropped for being slow or too far behind since the start."""

    @property
    def clients(self) -> int:
        return len(self._clients)

    async def start(self) -> None:
        """Begin to read along. Raises CannotFollow."""
        await self._tail.start()
        runs = {
            "live tail": self._tail.run(),
            "live reader": self.reader.run(),
            "live store": self.reader.ask(),
            "live ticks": self._tick(),
        }
        self._tasks = [asyncio.create_task(run, name=name) for name, run in runs.items()]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End every stream at the end of an event, take no more, stop reading."""
        self._stopped = True
        ending = {client.task: client for client in self._clients if client.task is not None}
        for client in [*self._clients]:
            client.finish("stop")
        if ending:
            _, slow = await asyncio.wait(ending, timeout=_STOP_S)
            for task in slow:
                ending[task].cut()
            if slow:
                await asyncio.wait(slow)
        await end(self._tasks)
        self._tasks = []
        await self._tail.stop()

    def fault(self) -> str | None:
        """Why nothing new may be told; None: all is well."""
        ended = [task.get_name() for task in self._tasks if task.done()]
        return f"{ended[0]} has ended: see the log, and start again" if ended else None

    def admit(self, who: Principal, wants: Wants, resume: str | None) -> Client:
        """A new client, counted from now on. Raises Refused (503) where there are too many."""
        if self._stopped or len(self._clients) >= self.settings.most_clients:
            why = "is being stopped" if self._stopped else f"has {len(self._clients)} clients, and takes no more"
            raise Refused(503, "full", f"the live stream {why}. Come back later.", headers={"Retry-After": "10"})
        for campaign in self._names(wants):
            self.reader.watch(campaign)
        first = self.feed.begin(wants, resume, self._parts.alerts.newest_first())
        client = Client(who, self._parts.definitions.tokens.get(who.id), wants, first, _clock())
        self._clients.add(client)
        if wants.campaigns is None:
            self._everything.add(client)
        for campaign in wants.campaigns or ():
            self._by_campaign.setdefault(campaign, set()).add(client)
        return client

    def leave(self, client: Client) -> None:
        """A client is gone. What nobody else watches is not read any more."""
        client.finish("gone")
        self._clients.discard(client)
        self._everything.discard(client)
        for campaign in client.wants.campaigns or ():
            watching = self._by_campaign.get(campaign, set())
            watching.discard(client)
            if not watching:
                self._by_campaign.pop(campaign, None)
        for campaign in self._names(client.wants):
            if not self._everything and campaign not in self._by_campaign:
                self.reader.unwatch(campaign)
                self.feed.forget(campaign)

    async def serve(self, client: Client, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send to a client what it lacks, until it is to end."""
        data: bytes | None = client.first.data
        while True:
            if data is not None:
                await self._send(client, data, send)
            if client.end is None:
                await client.awake.wait()
            client.awake.clear()
            if client.end is None and not self._may_go_on(client):
                client.finish("token")
            if client.end is not None:
                return await self._farewell(client, send)
            delivery = self.feed.since(client.cursor, client.wants)
            if delivery is None:
                client.finish("lost")
                return await self._farewell(client, send)
            client.cursor = delivery.cursor
            data = delivery.data
            if data is None and client.beat:
                data = _HEARTBEAT
            client.beat = False

    async def _farewell(self, client: Client, send: Callable[[bytes], Awaitable[None]]) -> None:
        if client.end in ("slow", "lost"):
            self.let_go += 1
            log.info("a live client is let go", token=client.who.id, reason=client.end)
            await send(lost("slow"))
        elif client.end == "token":
            await send(lost("token"))

    async def _send(self, client: Client, data: bytes, send: Callable[[bytes], Awaitable[None]]) -> None:
        client.sending_since = _clock()
        await send(data)
        client.sending_since = None
        client.sent_at = _clock()

    def _may_go_on(self, client: Client) -> bool:
        who = client.who
        same = self._parts.definitions.tokens.get(who.id) == client.token
        return same and self._parts.now() < who.expires_at

    def _names(self, wants: Wants) -> Iterable[str]:
        if "campaign" not in wants.kinds:
            return ()
        return self._parts.definitions.rules.campaigns if wants.campaigns is None else wants.campaigns

    def _touched(self, campaign: str) -> None:
        self.reader.touch(campaign)

    def _alerted(self, alert: Alert) -> None:
        self.feed.put_alert(alert)
        self._wake(alert.campaign, "alert")

    def _campaign_read(self, campaign: str, scopes: Mapping[str, ScopeNow]) -> None:
        # Of one that was deleted meanwhile, those who were told of it are told how it ends; nobody else is.
        is_known = campaign in self._parts.definitions.rules.campaigns or campaign in self.feed
        if is_known and self.feed.put_campaign(campaign, scopes):
            self._wake(campaign, "campaign")

    def _kafka_away(self, since: Instant | None) -> None:
        if self._says("kafka", since) and since is None:
            self.reader.touch_all()

    def _store_away(self, away: bool) -> None:
        if not away:
            self._store_answered_at = self._parts.now()
        self._says("redis", self._store_answered_at if away else None)

    def _says(self, part: str, since: Instant | None) -> bool:
        news = self.feed.put_away(part, since)
        if news:
            for client in self._clients:
                client.awake.set()
        return news

    def _wake(self, campaign: str, kind: Kind) -> None:
        for group in (self._by_campaign.get(campaign, ()), self._everything):
            for client in group:
                if kind in client.wants.kinds:
                    client.awake.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.error("the live stream cannot go on", part=task.get_name(), exc_info=task.exception())
            self._says("stream", self._parts.now())

    async def _tick(self) -> None:
        """Heartbeats, slow clients, new campaigns: one task for all clients."""
        version = self._parts.definitions.version
        while True:
            await asyncio.sleep(_TICK_S)
            now = _clock()
            for client in [*self._clients]:
                self._look_at(client, now)
            if self._everything and version != self._parts.definitions.version:
                version = self._parts.definitions.version
                for campaign in self._parts.definitions.rules.campaigns:
                    self.reader.watch(campaign)

    def _look_at(self, client: Client, now: float) -> None:
        chosen = self.settings
        if client.task is None:
            if now - client.came_at > chosen.slow_seconds:
                self.leave(client)  # its connection broke before it was served
        elif client.sending_since is None:
            if now - client.sent_at >= chosen.heartbeat_seconds:
                client.beat = True
                client.awake.set()
        elif now - client.sending_since > chosen.slow_seconds + chosen.grace_seconds:
            client.cut()
        elif now - client.sending_since > chosen.slow_seconds:
            client.finish("slow")


def _clock() -> float:
    return asyncio.get_running_loop().time()
