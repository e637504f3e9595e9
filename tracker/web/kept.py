"""An answer that costs much, kept for some seconds: however many ask, it is worked out once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """`await kept()` gives what `find` gave at most `seconds` ago. A failure is told to all who wait, and not kept."""

    def __init__(self, find: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._find = find
        self._seconds = seconds
        self._finding: asyncio.Task[T] | None = None
        self._found_at = float("-inf")

    async def __call__(self) -> T:
        if self._finding is None or (self._finding.done() and not self._is_fresh(self._finding)):
            self._finding = asyncio.create_task(self._look())
        return await asyncio.shield(self._finding)

    def _is_fresh(self, done: asyncio.Task[T]) -> bool:
        if done.cancelled() or done.exception() is not None:
            return False
        return time.monotonic() - self._found_at < self._seconds

    async def _look(self) -> T:
        found = await self._find()
        self._found_at = time.monotonic()
        return found
