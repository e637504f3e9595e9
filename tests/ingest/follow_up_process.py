"""A poller that follows up as a process of its own, to be killed: `python -m tests.ingest.follow_up_process '[…]'`."""

import asyncio
import json
import sys

from tests.ingest.mentions import Unlimited, Untold
from tracker.ingest.poll_metrics import PollMetrics
from tracker.ingest.poller import PollerParts, run_poller
from tracker.ingest.publisher import Publisher
from tracker.settings import PlatformSettings, Poller, Settings, Worker
from tracker.store.memory import MemoryStore
from tracker.topics import Topics
from tracker_instagram.adapter import Instagram


async def main(bootstrap: str, prefix: str, partitions: int, base_url: str) -> None:
    publisher = Publisher(bootstrap, Topics(prefix=prefix, partitions=partitions))
    await publisher.start()
    parts = PollerParts(
        settings=Settings(
            worker=Worker(group=prefix, session_timeout_seconds=3),
            poller=Poller(timeout_seconds=30, lease_seconds=60),
            platforms={"instagram": PlatformSettings(base_url=base_url)},
        ),
        adapters={"instagram": Instagram()},
        publisher=publisher,
        store=MemoryStore(),
        budget=Unlimited(),
        holds=Untold(),
        metrics=PollMetrics(),
    )
    await run_poller(parts, asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*json.loads(sys.argv[1])))
