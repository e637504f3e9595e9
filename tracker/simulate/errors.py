"""What can go wrong in a demo that is worth telling without a traceback."""

from __future__ import annotations

import asyncio


class DemoFailed(Exception):
    """The demo could not go on. The message says what, the state now, and where to look."""


class NotInTime(DemoFailed):
    """Something that must happen did not, within its deadline."""


def heed_cancellation() -> None:
    """Raise CancelledError if this task was asked to end and a library swallowed it.

    asyncio.wait_for does so before Python 3.12, where what it waits for is done in the same turn of the loop, and
    redis-py sends by it. Nobody else would ask again.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
