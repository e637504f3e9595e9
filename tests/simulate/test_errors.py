"""A request to end that a library has swallowed is heeded all the same."""

from __future__ import annotations

import asyncio

import pytest

from tracker.simulate.errors import heed_cancellation


async def test_a_cancellation_that_was_swallowed_ends_the_task_at_the_next_chance() -> None:
    went_on = asyncio.Event()

    async def story() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            went_on.set()  # as asyncio.wait_for does before Python 3.12
        heed_cancellation()
        raise AssertionError("it was asked to end")

    task = asyncio.create_task(story())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert went_on.is_set()


async def test_nothing_is_raised_while_nobody_asked() -> None:
    heed_cancellation()
