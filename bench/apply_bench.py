"""What one apply costs: the client's time, and the time Redis serves nobody else.

One apply carries what 4,000 events of one partition typically change: 2,000 pieces of 400 bytes, 10,000 increments over
partials and series, 300 due items. Run: `python -m bench.apply_bench [--rounds 30] [--url redis://…]`; without
an address it starts a server of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tracker.domain.counters import Scope
from tracker.embedded.redis import RedisServer
from tracker.store.base import Change, Cursor, Partition
from tracker.store.packing import packed
from tracker.store.redis import RedisStore

PARTITION = Partition("activity", 7)
EVENTS = 4_000
PIECES = 2_000
PIECE_BYTES = 400
DUE = 300
CREATORS = 48
METRICS = ("likes", "comments", "shares", "saves", "views", "reach", "impressions", "clicks")
AGES = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def change(round_number: int, dice: random.Random) -> Change:
    """The change of one batch: half of its fields are known to the store already, as in a running campaign."""
    minute = 29_000_000 + round_number
    campaigns = [Scope(f"campaign-{number}") for number in range(6)]
    creators = [
        Scope(campaign.campaign, f"creator-{number}") for campaign in campaigns for number in range(CREATORS // 6)
    ]
    fields = [f"{metric}.age.{age}" for metric in METRICS[:5] for age in AGES] + list(METRICS)
    fields += [f"{field}.known" for field in fields]
    sums = {scope: {name: dice.randint(1, 5_000) for name in fields} for scope in campaigns + creators}
    minutes = {scope: {f"{m}@{minute - past}": 3 for m in METRICS for past in range(40)} for scope in campaigns}
    hours = {scope: {f"{m}@{minute // 60}": 3 for m in METRICS} for scope in campaigns + creators}
    return Change(
        expected=Cursor(round_number * EVENTS, "log") if round_number else Cursor(),
        next=Cursor((round_number + 1) * EVENTS, "log"),
        pieces={f"post|instagram|{dice.randrange(20_000)}": dice.randbytes(PIECE_BYTES) for _ in range(PIECES)},
        increments=sums,
        minutes=minutes,
        hours=hours,
        fresh={scope: {"webhook": minute * 60_000} for scope in campaigns + creators},
        due={f"instagram|account|{dice.randrange(20_000)}": minute * 60_000 for _ in range(DUE)},
        marks={"observed": minute * 60_000},
        origins={"log/3": f"{round_number}/0"},
    )


async def measure(url: str, rounds: int) -> None:
    dice = random.Random(7)
    store = await RedisStore.connect(url, prefix="bench", view="v1")
    server: Any = store.client
    await server.flushall()
    await server.config_set("slowlog-log-slower-than", 0)
    changes = [change(number, dice) for number in range(rounds)]
    counted = sum(
        len(f) for part in (changes[0].increments, changes[0].minutes, changes[0].hours) for f in part.values()
    )
    packing, whole, script = [], [], []
    before = await server.info("cpu")
    for each in changes:
        started = time.perf_counter()
        packed("bench:v1:{activity-7}:", each)
        packing.append(time.perf_counter() - started)
        await server.slowlog_reset()
        started = time.perf_counter()
        await store.apply(PARTITION, each)
        whole.append(time.perf_counter() - started)
        slow = await server.slowlog_get(10)
        script.append(next(entry["duration"] for entry in slow if entry["command"].startswith(b"EVAL")) / 1e6)
    after = await server.info("cpu")
    await store.close()
    print(f"{rounds} applies, each of {PIECES} pieces of {PIECE_BYTES} bytes, {counted} increments, {DUE} due items")
    for name, times in (("packing (client)", packing), ("script (server)", script), ("apply, all in all", whole)):
        ordered = sorted(times[1:])
        middle, p95 = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
        print(f"{name:18} best {ordered[0] * 1e3:6.2f} ms   median {middle * 1e3:6.2f} ms   95 % {p95 * 1e3:6.2f} ms")
    busy = sum(float(after[kind]) - float(before[kind]) for kind in ("used_cpu_user", "used_cpu_sys"))
    print(f"{'server, processor':18} {busy / rounds * 1e3:6.2f} ms an apply, reading and logging included")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--url", help="a Redis whose database may be emptied")
    parser.add_argument("--binary", type=Path, help="the server to start (redis-server or valkey-server)")
    chosen = parser.parse_args()
    if chosen.url:
        asyncio.run(measure(chosen.url, chosen.rounds))
        return
    with tempfile.TemporaryDirectory() as directory, RedisServer(Path(directory), binary=chosen.binary) as server:
        asyncio.run(measure(server.url, chosen.rounds))


if __name__ == "__main__":
    main()
