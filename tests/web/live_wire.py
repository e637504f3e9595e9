"""Connections to a served live stream over real sockets, and the server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from tests.web.live_client import Client
from tracker.web.live import for_streams

PATIENCE_S = 30.0


class Wire:
    """One connection. `status` and `headers` of the answer; what it brings goes into `client`."""

    def __init__(self, client: Client | None = None) -> None:
        self.client = client or Client()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.ended = False
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(
        self,
        port: int,
        path: str = "/v1/stream",
        token: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        receive_buffer: int | None = None,
    ) -> Wire:
        """Ask, and read the head of the answer. `receive_buffer`: bytes that the kernel takes ahead of us."""
        made = socket.socket()
        made.setblocking(False)
        if receive_buffer is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
        limit = 65_536 if receive_buffer is None else 2_048
        self._reader, self._writer = await asyncio.open_connection(sock=made, limit=limit)
        given = {"host": "127.0.0.1", **(headers or {})}
        if token is not None:
            given["authorization"] = f"Bearer {token}"
        if self.client.last_id is not None:
            given.setdefault("last-event-id", self.client.last_id)
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
        self._writer.write("\r\n".join(lines).encode())
        head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), PATIENCE_S)).decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        return self

    async def read(self) -> bool:
        """Take one piece of the answer. False: it has ended."""
        if self.ended:
            return False
        try:
            size = int(await self._reader.readline() or b"0", 16)
            data = await self._reader.readexactly(size + 2)
        except (asyncio.IncompleteReadError, ConnectionError):
            size, data = 0, b""
        if size == 0:
            self.ended = True
            return False
        self.client.take(data[:-2])
        return True

    async def until(self, found: Callable[[Client], Any]) -> Client:
        """Read on until something is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not found(self.client):
                if not await self.read():
                    raise AssertionError(f"the stream ended before; it told {self.client.events}")
        return self.client

    async def to_the_end(self) -> Client:
        async with asyncio.timeout(PATIENCE_S):
            while await self.read():
                pass
        return self.client

    async def body(self) -> bytes:
        return await self._reader.readexactly(int(self.headers["content-length"]))

    async def close(self) -> None:
        self.client.cut_off()
        self._writer.transport.abort()


async def eventually(so: Callable[[], Any]) -> None:
    """Wait until something is so that nothing announces."""
    async with asyncio.timeout(PATIENCE_S):
        while not so():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.005)


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    """An application on a port of its own, in this loop."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=4_096)
    for_streams(listening)
    config = uvicorn.Config(app, access_log=False, lifespan="off", log_config=None, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # the test's own stay
    serving = asyncio.create_task(server._serve(sockets=[listening]))
    try:
        await eventually(lambda: server.started)
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
