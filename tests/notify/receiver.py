"""A receiver of webhooks on loopback: it answers as told, and remembers what it got."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from msgspec import Struct


class Got(Struct, frozen=True):
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Reply(Struct, frozen=True):
    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""


async def well(got: Got) -> Reply:
    return Reply()


class Receiver:
    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answer: Callable[[Got], Awaitable[Reply]] = well
        self.port = 0
        self._came = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def ids(self, *, of: str | None = None) -> list[str]:
        """The ids of the webhooks that came, in order; `of`: those whose id begins so."""
        return [got.headers["webhook-id"] for got in self.got if of is None or got.headers["webhook-id"].startswith(of)]

    async def until(self, count: int, seconds: float = 20) -> None:
        """Wait for so many requests in all."""
        async with asyncio.timeout(seconds), self._came:
            await self._came.wait_for(lambda: len(self.got) >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            got = Got(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
            async with self._came:
                self.got.append(got)
                self._came.notify_all()
            reply = await self.answer(got)
            lines = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
            writer.write(f"HTTP/1.1 {reply.status} X\r\ncontent-length: {len(reply.body)}\r\n{lines}\r\n".encode())
            writer.write(reply.body)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving(*, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", port, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
