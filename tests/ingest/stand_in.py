"""A local stand-in for a platform's API: it answers as told, and remembers what it was asked."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from msgspec import Struct


class Asked(Struct, frozen=True):
    path: str
    headers: Mapping[str, str]
    at: float


class Told(Struct, frozen=True):
    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}


class StandIn:
    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Awaitable[Told]] = self._well
        self.port = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def posts(self) -> list[str]:
        """Every post id asked for, as often as it was."""
        asked = [request.path.partition("ids=")[2] for request in self.asked if "ids=" in request.path]
        return [post for ids in asked for post in ids.split(",")]

    async def until_asked(self, count: int, seconds: float = 15) -> None:
        """Wait for `count` requests in all."""
        async with asyncio.timeout(seconds):
            while len(self.asked) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def _well(self, asked: Asked) -> Told:
        return Told()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
                asked = Asked(head[0].split(" ")[1], headers, time.monotonic())
                self.asked.append(asked)
                told = await self.answer(asked)
                more = "".join(f"{name}: {value}\r\n" for name, value in told.headers.items())
                writer.write(f"HTTP/1.1 {told.status} X\r\ncontent-length: {len(told.body)}\r\n{more}\r\n".encode())
                writer.write(told.body)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def stand_in() -> AsyncIterator[StandIn]:
    """A stand-in on a free port, until the end of the block."""
    platform = StandIn()
    server = await asyncio.start_server(platform.serve, "127.0.0.1", 0)
    platform.port = server.sockets[0].getsockname()[1]
    yield platform
    server.close()
