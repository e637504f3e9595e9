"""The load of the alert benchmark, a process of its own: so many canonical events a second, until it is stopped.

It keeps to the clock: what a slow moment left behind is sent in the next one. At its end it prints, as JSON, how many
were acknowledged in how many seconds, and how late it was at the worst.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import time
from itertools import islice

from bench.alert_world import World, Writer, happening, now_ms
from tracker.sending import Outgoing, Place, Sender
from tracker.topics import Topics

TICK_S = 0.05
PLACE = 1_000


async def load(given: argparse.Namespace) -> dict[str, float]:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    topics = Topics(prefix=given.prefix, partitions=given.partitions)
    world, writer, luck = (
        World(given.now, given.campaigns, given.creators),
        Writer(topics, place=PLACE),
        random.Random(1),
    )
    upcoming = world.load(seed=11)
    sent, late = 0, 0.0
    async with Sender(given.bootstrap) as sender:
        began = time.monotonic()
        while not stop.is_set():
            wanted = int((time.monotonic() - began) * given.rate)
            records: dict[Place, list[Outgoing]] = {}
            for serial, (post, kind) in enumerate(islice(upcoming, wanted - sent), start=sent):
                where, record = writer.record(*happening(luck, post, kind, now_ms(), serial))
                records.setdefault(where, []).append(record)
            if records:
                await sender.send(records)
            sent = wanted
            due = began + (wanted + TICK_S * given.rate) / given.rate
            late = max(late, time.monotonic() - due)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        return {"events": sent, "seconds": time.monotonic() - began, "late_s": late}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--prefix", required=True)
    for name in ("partitions", "now", "campaigns", "creators", "rate"):
        parser.add_argument(f"--{name}", type=int, required=True)
    json.dump(asyncio.run(load(parser.parse_args())), sys.stdout)


if __name__ == "__main__":
    main()
