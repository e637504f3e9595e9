"""A campaign on this machine, through the real door: servers, the tracker's own processes, and a world that feeds them.

1. Everything it starts is gone when `run` returns, however it ends; a kill -9 of the demo takes its children along.
2. With a length, it ends with three proofs: `tracker audit` (a naive recount of the log), the simulator's own truth of
   the counters, and the alerts that its story earned. The exit code is 0 only if none finds a difference.
3. It never touches a counter nor an alert: it speaks HTTP, creates topics, runs commands, and reads Redis and Kafka.
"""

from __future__ import annotations

import asyncio
import secrets as random_secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import httpx
from msgspec import Struct
from rich.console import Console

from tracker.clock import now_ms
from tracker.definitions.writing import to_yaml
from tracker.embedded.broker import start_broker
from tracker.embedded.process import free_port
from tracker.embedded.redis import RedisServer
from tracker.kafka_admin import ensure_topics
from tracker.simulate import campaigns, cast, history, platforms, script
from tracker.simulate.bulletin import Bulletin
from tracker.simulate.configure import TOPICS, Addresses, settings_yaml
from tracker.simulate.deliver import Deliveries, subscribe
from tracker.simulate.errors import DemoFailed
from tracker.simulate.gauge import Counted, FirstMove, Gauge
from tracker.simulate.model import World
from tracker.simulate.play import Cast, Play, is_ready, until
from tracker.simulate.services import Service
from tracker.simulate.told import ToldLog
from tracker.simulate.visitors import Visitors
from tracker.simulate.wire import Secrets, draw_secrets

READY_S = 60.0
COMMANDS = {"worker": "worker", "receiver": "receive", "poller": "poll", "watcher": "watch"}
AT_ONCE = ("worker", "receiver", "poller")
"""The watcher is started later (play.py)."""
WATCHED = (cast.SPRING, cast.TEA, *campaigns.CAMPAIGNS)


class Options(Struct, frozen=True, kw_only=True):
    """What was asked for. `seconds` None: until Ctrl-C. `began`: the monotonic instant at which the program started.

    `apply` and `import_file` do what `tracker apply` and `tracker import` do, with a settings file and another one.
    """

    apply: Callable[[Path, Path], Awaitable[None]]
    import_file: Callable[[Path, Path], Awaitable[None]]
    began: float
    seconds: int | None = None
    kill: bool = False
    seed: int = 1


def run(options: Options, console: Console) -> int:
    """Run the demo; gives the exit code."""
    directory = Path(tempfile.mkdtemp(prefix="tracker-demo-"))
    code = 1
    servers = ExitStack()
    try:
        code = asyncio.run(Demo(options, console, directory, servers).until_stopped())
    finally:
        servers.close()
        if code:
            console.print(f"Logs, settings and definitions of this run: {directory}", highlight=False, soft_wrap=True)
        else:
            shutil.rmtree(directory, ignore_errors=True)
    return code


class Demo:
    """One run. Servers that must be stopped at the very end are put on `servers`."""

    def __init__(self, options: Options, console: Console, directory: Path, servers: ExitStack) -> None:
        self.options, self.console, self.directory, self.servers = options, console, directory, servers
        self._began, self._origin = options.began, now_ms()
        self._services = {
            name: Service(name, command, settings=directory / "settings.yaml", directory=directory)
            for name, command in COMMANDS.items()
        }

    async def until_stopped(self) -> int:
        """Tell the story until it ends, or until SIGINT, SIGTERM or SIGHUP; then everything is stopped."""
        loop = asyncio.get_running_loop()
        received: list[int] = []
        story = loop.create_task(self._story(), name="story")

        def stop(number: int) -> None:
            received.append(number)
            if len(received) == 1:
                story.cancel()
            else:  # asked twice: no more grace
                for service in self._services.values():
                    service.kill()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop, number)
        try:
            return await story
        except DemoFailed as error:
            self.console.print(f"{error}", style="red", highlight=False, markup=False, soft_wrap=True)
            return 1
        except asyncio.CancelledError:
            if not received:
                raise
            watching = self.options.seconds is None and received[0] == signal.SIGINT
            self.console.print("Stopped; nothing is left running.")
            return 0 if watching else 128 + received[0]

    async def _story(self) -> int:
        """From nothing to the verdict."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._stop_services)
            bootstrap, redis_url = await self._servers()
            self._say("broker and Redis are up")
            secrets, told = draw_secrets(self.options.seed, campaigns.EVERYBODY), ToldLog()
            stand_in = platforms.StandIn(secrets, told, now_ms, seed=self.options.seed)
            where = Addresses(
                bootstrap=bootstrap,
                redis_url=redis_url,
                receiver_port=free_port(),
                api=await stack.enter_async_context(platforms.serve(stand_in)),
                token=random_secrets.token_hex(16),
            )
            settings = self.directory / "settings.yaml"
            settings.write_text(
                settings_yaml(where, secrets, click_secret=random_secrets.token_hex(16)), encoding="utf-8"
            )
            for name in AT_ONCE:
                self._services[name].start()
            client = await stack.enter_async_context(
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{where.receiver_port}", timeout=30, trust_env=False)
            )
            gauge = await Gauge.open(redis_url, bootstrap, TOPICS, WATCHED)
            stack.push_async_callback(gauge.close)
            first = FirstMove(gauge, self._began, self._plainly)
            looking = asyncio.create_task(first.watch(), name="first counter")
            stack.callback(looking.cancel)
            bulletin = await Bulletin.open(gauge.store, bootstrap, TOPICS, WATCHED)
            stack.push_async_callback(bulletin.close)
            await asyncio.gather(
                self._defined_with_a_past(settings, secrets["instagram"], told),
                self._door_opens(client),
                self._poller_asks(stand_in),
            )
            past = await Counted.mark(gauge)
            await subscribe(client, secrets)
            self._say("the receiver is open, the poller asks: the campaign runs")
            self._say(f"look inside from another shell: tracker --settings {settings} show {cast.SPRING}")
            world = self._world(now_ms())
            stand_in.begin(world)
            deliveries = Deliveries(world, secrets, told, client, now_ms)
            stack.callback(deliveries.stop)
            play = Play(
                Cast(
                    world=world,
                    stand_in=stand_in,
                    told=told,
                    deliveries=deliveries,
                    visitors=Visitors(world, client, where.token, now_ms),
                    gauge=gauge,
                    bulletin=bulletin,
                    first=first,
                    past=past,
                    services=self._services,
                    settings=settings,
                    began=self._began,
                    now=now_ms,
                ),
                self.console,
                seconds=self.options.seconds,
                kill=self.options.kill,
            )
            await play.run()
            exact = await play.prove(self.directory)
            self.console.print(
                "[green]Exact: the audit and the truth agree with every counter, and with every alert.[/]"
                if exact
                else "[red]Not exact: see the differences above.[/]"
            )
            return 0 if exact else 1

    def _plainly(self, text: str) -> None:
        self.console.print(text, highlight=False, soft_wrap=True)

    def _say(self, text: str) -> None:
        self.console.print(f"{time.monotonic() - self._began:6.1f} s  {text}", highlight=False, soft_wrap=True)

    async def _servers(self) -> tuple[str, str]:
        """Kafka's bootstrap address and Redis's url, both up, the topics made."""

        def broker() -> str:
            started = start_broker(self.directory)
            self.servers.callback(started.stop)
            ensure_topics(started.bootstrap, TOPICS)
            return started.bootstrap

        def redis() -> str:
            server = RedisServer(self.directory / "redis").start()
            self.servers.callback(server.stop)
            return server.url

        bootstrap, url = await asyncio.gather(asyncio.to_thread(broker), asyncio.to_thread(redis))
        return bootstrap, url

    def _world(self, start: int) -> World:
        return script.generate(self.options.seed, start, self.options.seconds, origin=self._origin)

    async def _defined_with_a_past(self, settings: Path, secrets: Secrets, told: ToldLog) -> None:
        """Define the campaigns as a person would: a file, and `tracker apply`; and bring their past along."""
        file, past, world = (
            self.directory / "campaigns.yaml",
            self.directory / "history.jsonl",
            self._world(self._origin),
        )
        definitions = cast.definitions(self._origin, submitted=script.submitted_address(world))
        definitions += campaigns.definitions(self._origin)
        file.write_text(to_yaml(definitions), encoding="utf-8")
        await self.options.apply(settings, file)
        self._say("the campaigns are defined, as by tracker apply")
        lines = await asyncio.to_thread(history.history, world, secrets)
        past.write_text("".join(f"{line.text}\n" for line in lines), encoding="utf-8")
        await self.options.import_file(settings, past)
        history.tell(lines, told)
        self._say(f"the history of three of them is told, as by tracker import: {len(lines):,} lines")

    async def _door_opens(self, client: httpx.AsyncClient) -> None:
        async def ready() -> bool:
            self._tend()
            return await is_ready(client)

        log = self._services["receiver"].log
        await until(ready, READY_S, lambda: f"the receiver was not ready within {READY_S:.0f} s; its log is {log}")

    async def _poller_asks(self, stand_in: platforms.StandIn) -> None:
        """The first question shows that the definitions were counted, and their accounts are on the schedule."""

        async def asks() -> bool:
            self._tend()
            return stand_in.asked.is_set()

        logs = ", ".join(str(self._services[name].log) for name in ("worker", "poller"))
        await until(asks, READY_S, lambda: f"the poller asked for nothing within {READY_S:.0f} s; logs: {logs}")

    def _tend(self) -> None:
        for service in self._services.values():
            service.tend()

    async def _stop_services(self) -> None:
        """All of them. Not to be cancelled: nothing may be left behind."""
        order = [self._services[name] for name in ("poller", "receiver", "watcher", "worker")]
        await asyncio.shield(asyncio.gather(*(service.stop() for service in order)))
