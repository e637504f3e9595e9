"""Ending tasks, also those that lose a cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN_S = 0.5


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and return when all have ended; what they raised stays theirs.

    They are cancelled again until they end. A cancellation that comes in the very moment in which something waited for
    is there may be swallowed: asyncio.wait_for did so until Python 3.12 (gh-86296), and libraries use it.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_S)
