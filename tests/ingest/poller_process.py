"""A poller as a process of its own, to be killed: `python -m tests.ingest.poller_process` with its settings as JSON."""

import asyncio
import json
import sys

from tests.ingest.doors import SampleAdapter
from tracker.ingest.budget import SharedBudget
from tracker.ingest.poll_metrics import PollMetrics
from tracker.ingest.poller import PollerParts, run_poller
from tracker.ingest.publisher import Publisher
from tracker.settings import PlatformSettings, Poller, Settings
from tracker.store.client import connect
from tracker.store.held import Holds
from tracker.store.redis import RedisStore
from tracker.topics import Topics


async def main(bootstrap: str, prefix: str, redis_url: str, base_url: str, lease_seconds: int) -> None:
    publisher = Publisher(bootstrap, Topics(prefix=prefix, partitions=2))
    await publisher.start()
    store = await RedisStore.connect(redis_url, cluster=False, prefix=prefix)
    client = await connect(redis_url, cluster=False)
    parts = PollerParts(
        settings=Settings(
            poller=Poller(timeout_seconds=1, lease_seconds=lease_seconds, concurrency=4),
            platforms={"sample": PlatformSettings(base_url=base_url)},
        ),
        adapters={"sample": SampleAdapter()},
        publisher=publisher,
        store=store,
        budget=SharedBudget(client, redis_url, prefix),
        holds=Holds(client, redis_url, prefix),
        metrics=PollMetrics(),
    )
    print("polling", flush=True)
    await run_poller(parts, asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*json.loads(sys.argv[1])))
