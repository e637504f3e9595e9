"""How late, and whether, an update reaches all who follow the live stream: many clients, one process, real sockets.

A server process holds a hub over a Redis of its own and serves it with uvicorn. The clients are in this process: so
many plain connections, and one that stops reading on purpose. Totals are written and touched again and again; each
client notes when it saw each. Run: `python -m bench.live_bench [--clients 2000] [--updates 100] [--every-ms 500]`.

1. An update is missed by a client that ends with other numbers than the others, or never saw the last one. Levels in
   between may be skipped by whoever is slower than the updates: how many were is told.
2. A delay runs from the instant at which the hub is touched (after Redis holds the totals) to the client's having read
   the bytes; the wait for the hub's own reading of Redis (debounced) is in it.
3. Server and clients share the machine: the delay holds the time that the clients take too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Litestar

from tracker.definitions import book as books
from tracker.definitions.following import Definitions
from tracker.definitions.reading import kind_of
from tracker.domain.alerts import Alert, Judged, Timing, advance
from tracker.domain.counters import Scope
from tracker.domain.definitions import Campaign, Definition
from tracker.domain.verdicts import Subject, Verdict
from tracker.embedded.process import start
from tracker.embedded.redis import RedisServer
from tracker.ingest.http import Refused
from tracker.settings import Api as ApiSettings
from tracker.store.base import Change, Cursor, Partition
from tracker.store.redis import RedisStore
from tracker.topics import Topics
from tracker.web import tokens
from tracker.web.alertbook import AlertBook
from tracker.web.app import _refused
from tracker.web.gate import Gate
from tracker.web.live import Hub, HubParts, LiveSettings, for_streams, stream_routes

TOPICS = Topics(prefix="bench", partitions=8)
CAMPAIGN = "spring"
CREATORS = 20
METRICS = ("likes", "comments", "shares", "saves", "views", "reach", "impressions")
TOKEN = tokens.make(
    bytes(tokens.ID_BYTES + tokens.SECRET_BYTES), role="viewer", created_at=0, days=100_000, note="bench"
)
ROOT = Path(__file__).parents[1]
_DRAIN_S = 60.0


def totals(number: int) -> dict[Scope, dict[str, int]]:
    """A campaign's totals after so many updates: some 70 fields a scope, of which a few change each time."""
    made = {}
    for who in ("", "~wom", *(f"creator-{n}" for n in range(CREATORS))):
        row = {"posts": 40, "posts.live": 40, "clicks": 7, "conversions": 3, "revenue.EUR": 99_000}
        for metric in METRICS:
            row |= {metric: 1_000, f"{metric}.known": 38, f"{metric}.unknown": 2}
            row |= {f"{metric}.age.{age}": 10 for age in (60, 3600, 86400)}
        made[Scope(CAMPAIGN, who)] = row
    made[Scope(CAMPAIGN)] |= {"likes": 1_000 + number, "views": 90_000 + 7 * number, "clicks": 7 + number}
    made[Scope(CAMPAIGN, f"creator-{number % CREATORS}")] |= {"likes": 1_000 + number}
    return made


class Still:
    """In place of Kafka: touches and alerts are said over the control connection, to measure from a known instant."""

    async def start(self) -> None: ...
    async def run(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None: ...


class Parts:
    """What the gate asks for."""

    settings = ApiSettings(requests_per_minute=10_000_000, burst=1_000_000)

    def __init__(self) -> None:
        self.definitions = Definitions()
        campaign = Campaign(id=CAMPAIGN, name="Spring", starts_at=0, ends_at=4_102_444_800_000)
        defined: tuple[Definition, ...] = (campaign, TOKEN.definition)
        for version, one in enumerate(defined, 1):
            self.definitions.take(books.changed((kind_of(one), one.id), one, at=0, version=version))

    def now(self) -> int:
        return time.time_ns() // 1_000_000


async def serve(redis_url: str, ready: Path) -> None:
    """The server: its port and its control socket's are written to `ready`."""
    parts: Any = Parts()
    store = await RedisStore.connect(redis_url, prefix="live")
    fresh = {scope: {"webhook": 1_000} for scope in totals(0)}
    await store.apply(Partition("activity", 0), Change(expected=Cursor(), next=Cursor(1, "log"), fresh=fresh))
    await store.write_totals(CAMPAIGN, totals(0))
    settings = LiveSettings(most_clients=10_000, slow_seconds=3, grace_seconds=120)
    hub = Hub(
        HubParts(
            bootstrap="", topics=TOPICS, store=store, definitions=parts.definitions, alerts=AlertBook(), now=parts.now
        ),
        settings,
    )
    hub._tail = Still()  # type: ignore[assignment]  # see there
    litestar = Litestar(
        route_handlers=stream_routes(hub, Gate(parts), parts.definitions),
        exception_handlers={Refused: _refused},
        openapi_config=None,
        logging_config=None,
    )
    listening = socket.create_server(("127.0.0.1", 0), backlog=8_192)
    for_streams(listening, settings)
    server = uvicorn.Server(uvicorn.Config(litestar, access_log=False, lifespan="off", log_config=None))
    stop = asyncio.Event()

    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            word, _, text = line.decode().strip().partition(" ")
            if word == "update":
                await store.write_totals(CAMPAIGN, totals(int(text)))
                at = time.monotonic()
                hub._touched(CAMPAIGN)
                writer.write(f"{at}\n".encode())
            elif word == "alert":
                at = time.monotonic()
                hub._alerted(alert(int(text)))
                writer.write(f"{at}\n".encode())
            elif word == "look":
                usage = resource.getrusage(resource.RUSAGE_SELF)
                said = {
                    "clients": hub.clients,
                    "let_go": hub.let_go,
                    "slow": sum(client.end == "slow" for client in hub._clients),
                    "reads": hub.reader.reads,
                    "cpu": usage.ru_utime + usage.ru_stime,
                    "rss_mb": usage.ru_maxrss // 1024,
                    "begin_bytes": len(hub.feed.begin(next(iter(hub._clients)).wants, None, ()).data or b"")
                    if hub._clients
                    else 0,
                }
                writer.write(json.dumps(said).encode() + b"\n")
            else:
                stop.set()

    controlled = await asyncio.start_server(control, "127.0.0.1", 0)
    await hub.start()
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # ours stand
    serving = asyncio.create_task(server._serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn announces nothing
        await asyncio.sleep(0.01)
    ports = [listening.getsockname()[1], controlled.sockets[0].getsockname()[1]]
    ready.with_suffix(".part").write_text(json.dumps(ports))
    ready.with_suffix(".part").rename(ready)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await hub.stop()
    server.should_exit = True
    await serving
    controlled.close()
    await store.close()


def alert(number: int) -> Alert:
    subject = Subject(campaign=CAMPAIGN, creator="anna", platform="youtube", account="UC", post=f"post-{number}")
    said = Judged(
        rule="engagement.quiet",
        category="engagement",
        severity="warning",
        timing=Timing(),
        campaign=CAMPAIGN,
        subject=subject,
        verdict=Verdict(subject=subject, outcome="fail", summary={"en": "Quieter than it was " * 40}),
    )
    made = advance(None, said, (), 1_000)
    assert made is not None
    return made


class Follower(asyncio.Protocol):
    """A client that does as little as can be: it notes when it saw which number of likes, and every alert."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.rest = b""
        self.seen: dict[int, float] = {}
        self.alerts: set[bytes] = set()
        self.events = 0
        self.lost = False
        self.closed = False
        self.last_patch = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(
            b"GET /v1/stream?campaign=spring HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\n\r\n"
            % TOKEN.token.encode()
        )

    def data_received(self, data: bytes) -> None:
        at = time.monotonic()
        self.rest += data
        *frames, self.rest = self.rest.split(b"\n\n")
        for frame in frames:
            self.events += 1
            if b"event: campaign" in frame:
                scope = frame.partition(b'"who":""')[2].partition(b'"who"')[0]
                likes = scope.partition(b'"name":"likes","value":')[2].partition(b",")[0]
                self.last_patch = len(frame)
                if likes:
                    self.seen.setdefault(int(likes) - 1_000, at)
            elif b"event: alert" in frame:
                self.alerts.add(frame.partition(b'"post":"post-')[2].partition(b'"')[0])
            elif b"event: lost" in frame:
                self.lost = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True


class Slow(Follower):
    """Reads nothing until it is told to."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.pause_reading()


class Control:
    """Says to the server what to do, and hears when it was done."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, words: str) -> Any:
        self._writer.write(words.encode() + b"\n")
        return json.loads(await self._reader.readline())


async def measure(redis_url: str, port: int, control_port: int, asked: argparse.Namespace) -> int:
    loop = asyncio.get_running_loop()
    control = Control(*await asyncio.open_connection("127.0.0.1", control_port))
    followers: list[Follower] = []
    began = time.monotonic()
    for _ in range(asked.clients):
        _, made = await loop.create_connection(Follower, "127.0.0.1", port)
        followers.append(made)
        if len(followers) % 100 == 0:
            await asyncio.sleep(0)
    made_socket = socket.socket()
    made_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made_socket.setblocking(False)
    await loop.sock_connect(made_socket, ("127.0.0.1", port))
    _, slow = await loop.create_connection(Slow, sock=made_socket)
    await _until(lambda: all(0 in each.seen for each in followers), "every client's first numbers")
    print(
        f"{len(followers):,} clients and one slow one connected, with all numbers, in {time.monotonic() - began:.1f} s"
    )
    before = await control.say("look")
    updates = await _updates(control, followers, asked.updates, asked.every_ms / 1000)
    after = await control.say("look")
    delays = sorted(delay for each in updates.values() for delay in each)
    skipped = asked.updates * len(followers) - len(delays)
    per = (after["cpu"] - before["cpu"]) / max(1, len(delays)) * 1e6
    print(f"  {asked.updates} updates, {len(delays):,} deliveries, {after['reads'] - before['reads']} reads of Redis")
    print(f"  delay median {_ms(delays, 0.5)}, p99 {_ms(delays, 0.99)}, worst {_ms(delays, 1)}")
    spread = statistics.median(max(each) - min(each) for each in updates.values() if each)
    print(f"  from the first client to the last: median {spread * 1000:.0f} ms; {per:.0f} µs of the server a delivery")
    print(
        f"  snapshot {after['begin_bytes']:,} bytes; a patch {followers[0].last_patch:,} bytes; {after['rss_mb']} MiB"
    )
    told = await _alerts(control, followers, slow, asked.alerts)
    last = asked.updates
    missed = sum(last not in each.seen for each in followers) + sum(told - len(each.alerts) for each in followers)
    looked = await control.say("look")
    slow.transport.resume_reading()
    with contextlib.suppress(TimeoutError):
        await _until(lambda: slow.closed or slow.lost, "the slow client's end")
    print(f"  {told:,} alerts to each; updates missed: {missed}; levels skipped by coalescing: {skipped}")
    print(f"slow client: judged slow {looked['slow'] == 1 or looked['let_go'] == 1}, marker `lost` seen: {slow.lost}")
    dropped = [each for each in followers if each.closed or each.lost]
    print(f"others dropped: {len(dropped)}; still served: {(await control.say('look'))['clients']:,}")
    return 0 if missed == 0 and slow.lost and not dropped else 1


async def _updates(control: Control, followers: list[Follower], count: int, every: float) -> dict[int, list[float]]:
    """Update after update; number → each client's delay."""
    begun: dict[int, float] = {}
    for number in range(1, count + 1):
        begun[number] = await control.say(f"update {number}")
        await asyncio.sleep(every)
    await _until(lambda: all(count in each.seen for each in followers), "the last update at every client")
    return {
        number: [each.seen[number] - at for each in followers if number in each.seen] for number, at in begun.items()
    }


async def _alerts(control: Control, followers: list[Follower], slow: Slow, least: int) -> int:
    """Alerts until the slow client is judged slow, in bursts that the others keep up with. How many were told."""
    number = 0
    while True:
        for _ in range(20):
            await control.say(f"alert {number}")
            number += 1
        await _until(partial(_all_have, followers, number), "a burst of alerts")
        looked = await control.say("look")
        if number >= least and (looked["slow"] or looked["let_go"]):
            return number


def _all_have(followers: list[Follower], alerts: int) -> bool:
    return all(len(each.alerts) == alerts for each in followers)


async def _until(so: Any, what: str) -> None:
    try:
        async with asyncio.timeout(_DRAIN_S):
            while not so():  # noqa: ASYNC110 - a measurement of others: nothing announces it
                await asyncio.sleep(0.02)
    except TimeoutError:
        print(f"gave up after {_DRAIN_S:.0f} s waiting for {what}")
        raise


def _ms(delays: list[float], share: float) -> str:
    return f"{delays[min(len(delays) - 1, int(share * len(delays)))] * 1000:.0f} ms" if delays else "none"


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--clients", type=int, default=2_000)
    asked.add_argument("--updates", type=int, default=60)
    asked.add_argument("--every-ms", type=int, default=500)
    asked.add_argument("--alerts", type=int, default=100)
    asked.add_argument("--serve", nargs=2, metavar=("REDIS", "FILE"), help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.serve:
        asyncio.run(serve(given.serve[0], Path(given.serve[1])))
        return 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * given.clients + 500)), hard))
    with tempfile.TemporaryDirectory() as made, RedisServer(Path(made) / "redis") as redis:
        ready = Path(made) / "ready"
        argv = [sys.executable, "-m", "bench.live_bench", "--serve", redis.url, str(ready)]
        child = start("live", argv, log=Path(made) / "live.log", env=dict(os.environ), cwd=ROOT)
        try:
            while not ready.exists():
                if not child.running:
                    print(child.tail(30))
                    return 1
                time.sleep(0.05)
            port, control = json.loads(ready.read_text())
            return asyncio.run(measure(redis.url, port, control, given))
        finally:
            child.stop()


if __name__ == "__main__":
    sys.exit(main())
