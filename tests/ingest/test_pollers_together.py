"""Several pollers over one Redis: they share the work and the allowance, and one may be killed."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.harness.brokers import Broker
from tests.ingest.doors import read_inbox, until
from tests.ingest.stand_in import Asked, Told, stand_in
from tests.ingest.test_poller import plan
from tracker.ingest.budget import SharedBudget
from tracker.kafka_admin import ensure_topics
from tracker.store.base import Partition
from tracker.store.client import connect
from tracker.store.redis import RedisStore
from tracker.topics import Topics

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def poller_process(*settings: str | int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A poller that polls, killed at the end of the block (if it was not before)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.ingest.poller_process",
        json.dumps(settings),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"polling\n"
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_two_pollers_share_the_work_and_ask_nothing_twice(
    kafka: Broker, topic_prefix: str, redis_url: str
) -> None:
    topics = Topics(prefix=topic_prefix, partitions=2)
    await asyncio.to_thread(ensure_topics, kafka.bootstrap, topics)
    store = await RedisStore.connect(redis_url, cluster=False, prefix=topic_prefix)
    posts = [f"p-{number}" for number in range(300)]
    async with stand_in() as platform:

        async def slowly(asked: Asked) -> Told:
            await asyncio.sleep(0.05)
            return Told()

        platform.answer = slowly
        settings = (kafka.bootstrap, topic_prefix, redis_url, platform.base_url, 60)
        async with poller_process(*settings), poller_process(*settings):
            for number in range(2):
                await plan(
                    store, [f"sample|a|{post}" for post in posts[number::2]], partition=Partition("activity", number)
                )

            async def all_asked() -> bool:
                return set(platform.posts) == set(posts)

            await until(all_asked, 40)
            await asyncio.sleep(1)
    assert sorted(platform.posts) == sorted(posts)
    await store.close()


async def test_what_a_killed_poller_held_is_asked_by_another(kafka: Broker, topic_prefix: str, redis_url: str) -> None:
    topics = Topics(prefix=topic_prefix, partitions=2)
    await asyncio.to_thread(ensure_topics, kafka.bootstrap, topics)
    store = await RedisStore.connect(redis_url, cluster=False, prefix=topic_prefix)
    posts = {f"p-{number}" for number in range(10)}
    async with stand_in() as platform:
        never = asyncio.Event()

        async def hang(asked: Asked) -> Told:
            await never.wait()
            return Told()

        platform.answer = hang
        settings = (kafka.bootstrap, topic_prefix, redis_url, platform.base_url, 6)
        async with poller_process(*settings) as first:
            await plan(store, [f"sample|a|{post}" for post in posts])
            await platform.until_asked(1)
            first.kill()
            await first.wait()
        platform.answer = StandInWell()
        async with poller_process(*settings):

            async def all_stored() -> bool:
                answers = await read_inbox(kafka.bootstrap, topics)
                return {item.post for raw in answers for item in raw.items} == posts

            await until(all_stored, 40)
        never.set()
    await store.close()


class StandInWell:
    """Answers well at once."""

    async def __call__(self, asked: Asked) -> Told:
        return Told()


async def test_all_pollers_together_stay_within_a_platforms_minute(redis_url: str, redis_prefix: str) -> None:
    first, second = [await connect(redis_url, cluster=False) for _ in range(2)]
    budgets = [SharedBudget(client, redis_url, redis_prefix) for client in (first, second)]
    granted = 0
    waits: list[int] = []
    for number in range(200):
        wait = await budgets[number % 2].take("sample", 100, 1)
        granted += wait == 0
        waits.append(wait)
    assert granted <= 12, "a tenth at once, and what the passing seconds added"
    assert granted >= 10
    assert 0 < max(waits) < 2_000
    assert await budgets[0].take("other", 100, 1) == 0, "each platform has its own"
    for client in (first, second):
        await client.aclose()


async def test_a_wait_that_the_budget_told_is_long_enough(redis_url: str, redis_prefix: str) -> None:
    client = await connect(redis_url, cluster=False)
    budget = SharedBudget(client, redis_url, redis_prefix)
    while (wait := await budget.take("sample", 600, 5)) == 0:
        pass
    began = time.monotonic()
    await asyncio.sleep(wait / 1000 + 0.005)
    assert await budget.take("sample", 600, 5) == 0
    assert time.monotonic() - began < 2
    assert await budget.take("sample", 600, 100_000) > 0, "a cost beyond the bucket waits for a full one"
    await client.aclose()
