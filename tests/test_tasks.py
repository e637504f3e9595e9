from __future__ import annotations

import asyncio
import contextlib

from tracker.tasks import end


async def test_a_task_that_loses_a_cancellation_is_ended_all_the_same() -> None:
    lost = 0
    begun = asyncio.Event()

    async def deaf() -> None:
        nonlocal lost
        while True:
            try:
                begun.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1
                if lost > 2:
                    raise

    task = asyncio.create_task(deaf())
    await begun.wait()
    async with asyncio.timeout(20):
        await end([task])
    assert (task.cancelled(), lost) == (True, 3)


async def test_what_a_task_raises_at_its_end_stays_its_own() -> None:
    async def failing() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError

    task = asyncio.create_task(failing())
    await asyncio.sleep(0)
    await end([task, task])
    with contextlib.suppress(LookupError):
        task.result()
    assert isinstance(task.exception(), LookupError)


async def test_tasks_that_have_ended_are_left_as_they_are() -> None:
    task = asyncio.create_task(asyncio.sleep(0, "done"))
    await task
    await end([task])
    assert task.result() == "done"
