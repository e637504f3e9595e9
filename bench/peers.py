"""The programs that ours is measured against, each a process of its own: python -m bench.peers {bare,faust} ...

`bare`: aiokafka's `getmany`, every record decoded with orjson, nothing else: what reading alone costs in Python.
`faust`: an agent as Faust's own documentation writes it, on its stock transport: it decodes each event with orjson and
sends Redis one pipeline of three HINCRBY for it.

Each reads the topic from its beginning and prints one JSON line: the events after the first that it saw, and the
seconds and processor seconds that they took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import uuid
from typing import Any

import orjson


class Stopwatch:
    """Counts from the first events on; these themselves are not counted, for it is unknown when they began."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._first = self.seen = 0
        self._began = self._used = 0.0

    def saw(self, events: int) -> bool:
        """Whether all that is wanted was seen."""
        self.seen += events
        if not self._first:
            self._first, self._began, self._used = self.seen, time.perf_counter(), time.process_time()
        return self.seen >= self._wanted

    def tell(self) -> None:
        seconds, used = time.perf_counter() - self._began, time.process_time() - self._used
        print(json.dumps({"events": self.seen - self._first, "seconds": seconds, "cpu": used}), flush=True)


async def bare(bootstrap: str, topic: str, watch: Stopwatch) -> None:
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=f"bare-{uuid.uuid4().hex}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        done = False
        while not done:
            seen = 0
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                for record in records:
                    orjson.loads(record.value)
                seen += len(records)
            done = seen > 0 and watch.saw(seen)
        watch.tell()
    finally:
        await consumer.stop()


async def plain_faust(bootstrap: str, topic: str, redis: str, watch: Stopwatch) -> None:
    import faust
    from faust.types import StreamT
    from redis.asyncio import Redis

    app = faust.App(
        f"faust-{uuid.uuid4().hex}",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
    )
    client = Redis.from_url(redis)
    done = asyncio.Event()

    async def count(stream: StreamT[Any]) -> None:
        async for value in stream:
            fact = orjson.loads(value)["data"]
            key = f"plain:{fact.get('account')}"
            async with client.pipeline(transaction=False) as pipeline:
                for name in ("likes", "comments", "views"):
                    pipeline.hincrby(key, name, fact.get(name) or 0)
                await pipeline.execute()
            if watch.saw(1) and not done.is_set():
                watch.tell()
                done.set()

    app.agent(app.topic(topic, value_serializer="raw"))(count)
    await app.start()
    await done.wait()
    await app.stop()
    await client.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=("bare", "faust"))
    parser.add_argument("--bootstrap", required=True, help="Kafka's host:port")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--events", type=int, required=True, help="stop after so many")
    parser.add_argument("--redis", default="", help="redis://host:port/db, for faust")
    chosen = parser.parse_args()
    watch = Stopwatch(chosen.events)
    if chosen.peer == "faust":
        asyncio.run(plain_faust(chosen.bootstrap, chosen.topic, chosen.redis, watch))
        return
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(bare(chosen.bootstrap, chosen.topic, watch))


if __name__ == "__main__":
    main()
