"""One round of the alert benchmark: an installation of its own, a load on it, and probes that are waited for.

1. A probe's time begins when Kafka has acknowledged its event and ends when a subscriber has its alert: the rule's own,
   about the probe's own post, firing.
2. The load is written, not only meant: what was acknowledged a second is reported.
3. A probe of which nothing is told within `PATIENCE_S` makes the round worthless (NotMeasured).
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from bench.alert_load import PLACE
from bench.alert_world import RULE_OF, Kind, Probe, World, Writer, now_ms
from tracker import wiring
from tracker.codec.alerts import AlertEvent, decode
from tracker.definitions import book as books
from tracker.definitions import registry
from tracker.embedded.process import Child, start
from tracker.kafka_admin import ensure_topics
from tracker.sending import Outgoing, Place, Sender
from tracker.settings import Settings
from tracker.settings_load import load
from tracker.topics import ALERTS

ROOT = Path(__file__).parents[1]
CAMPAIGNS, CREATORS = 30, 8
PROBES_S = 8
WARM_S = 10.0
PATIENCE_S = 60.0
_AT_ONCE = 2_000

Told = dict[tuple[str, str], float]
"""Rule and post → when its first firing alert arrived (ms since the epoch)."""


class NotMeasured(Exception):
    """Something ended, or did not come: the round says nothing."""


class Evaluation(Struct, frozen=True):
    """As bench.alert_watch writes it, in ms. `sit`: of `judge`, without the wait for a turn."""

    campaign: str
    began: float
    gather: float = 0.0
    judge: float = 0.0
    sit: float = 0.0
    tell: float = 0.0


class Round(Struct, frozen=True, kw_only=True):
    """What one round found. `cpu`: of each process, as a share of one core."""

    number: int
    rate: int
    reached: float
    seconds: float
    by_kind: Mapping[Kind, Sequence[float]]
    waited: Sequence[float]
    """Of each probe the ms until the evaluation began by which it was told of."""
    evaluations: Sequence[Evaluation]
    cpu: Mapping[str, float]
    other_alerts: int

    @property
    def took_ms(self) -> list[float]:
        return [ms for each in self.by_kind.values() for ms in each]

    @property
    def evaluations_s(self) -> float:
        return len(self.evaluations) / self.seconds

    def median(self, lap: str) -> float:
        found: list[float] = [getattr(each, lap) for each in self.evaluations if each.campaign]
        return statistics.median(found)


class Site:
    """One installation on shared servers, with its processes."""

    def __init__(self, bootstrap: str, redis_url: str, directory: Path, name: str) -> None:
        self.name, self.directory = name, directory
        self.env = {
            "TRACKER_KAFKA__BOOTSTRAP": bootstrap,
            "TRACKER_REDIS__URL": redis_url,
            "TRACKER_REDIS__PREFIX": name,
            "TRACKER_TOPICS__PREFIX": name,
            "TRACKER_WORKER__GROUP": f"{name}-worker",
            "TRACKER_WATCHER__GROUP": f"{name}-watcher",
        }
        self.settings: Settings = load(self.env).settings
        self.topics = wiring.topics(self.settings)
        self.evaluations = directory / f"{name}-evaluations.jsonl"
        ensure_topics(bootstrap, self.topics)

    @contextmanager
    def process(self, name: str, *argv: str) -> Iterator[Child]:
        """A process of this installation, stopped at the end."""
        log = self.directory / f"{self.name}-{name}.log"
        env = {**self.env, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "plugins")))}
        child = start(name, [sys.executable, *argv], log=log, env=env, cwd=self.directory)
        try:
            yield child
        finally:
            child.stop()

    async def define(self, world: World) -> None:
        """As `tracker apply` does."""
        async with wiring.publisher(self.settings) as publisher:
            steps = books.plan({}, world.definitions())
            await registry.write(publisher, self.topics, steps, at=world.now, told=lambda _step: None)

    async def write(self, writer: Writer, world: World) -> None:
        """The history."""
        history = world.history()
        async with Sender(self.settings.kafka.bootstrap) as sender:
            for begin in range(0, len(history), _AT_ONCE):
                records: dict[Place, list[Outgoing]] = {}
                for fact, source in history[begin : begin + _AT_ONCE]:
                    where, record = writer.record(fact, source)
                    records.setdefault(where, []).append(record)
                await sender.send(records)

    async def lag(self) -> int:
        """Records of the activity topic that are not counted yet."""
        places = [TopicPartition(self.topics.name("activity"), n) for n in range(self.topics.partitions)]
        async with (
            AIOKafkaConsumer(bootstrap_servers=self.settings.kafka.bootstrap) as consumer,
            wiring.store(self.settings) as store,
        ):
            ends = await consumer.end_offsets(places)
            heads = [await store.open(each) for each in wiring.partitions(self.settings, ("activity",))]
            return sum(map(int, ends.values())) - sum(head.cursor.next_offset for head in heads)

    def evaluated(self) -> list[Evaluation]:
        """Every evaluation until now."""
        return [Evaluation(**line) for line in self._lines() if "campaign" in line]

    def judge_pid(self) -> int:
        """The process in which rules run."""
        found: list[int] = [line["judge_pid"] for line in self._lines() if "judge_pid" in line]
        return found[-1]

    def _lines(self) -> list[dict[str, Any]]:
        if not self.evaluations.exists():
            return []
        return [json.loads(line) for line in self.evaluations.read_text().splitlines(keepends=True) if line[-1] == "\n"]


class Subscriber:
    """Reads the alert topics as anybody would, and notes when which alert fired."""

    def __init__(self, site: Site) -> None:
        self.told: Told = {}
        self.events: list[tuple[str, str]] = []
        """Rule and post of everything that was told."""
        self.came = asyncio.Event()
        self._consumer = AIOKafkaConsumer(bootstrap_servers=site.settings.kafka.bootstrap)
        topics = site.topics
        self._places = [TopicPartition(topics.name(s), n) for s in ALERTS.values() for n in range(topics.partitions)]

    async def run(self) -> None:
        """Until cancelled."""
        async with self._consumer as consumer:
            consumer.assign(self._places)
            while True:
                for records in (await consumer.getmany(timeout_ms=1_000)).values():
                    at = time.time() * 1000
                    for record in records:
                        self._take(decode(record.value), at)
                self.came.set()

    def _take(self, event: AlertEvent, at: float) -> None:
        alert = event.data
        self.events.append((alert.rule, alert.subject.post))
        if event.type == "alert.firing":
            self.told.setdefault((alert.rule, alert.subject.post), at)


async def measure(bootstrap: str, redis_url: str, directory: Path, rate: int, number: int, seconds: int) -> Round:
    """One round at one rate. Raises NotMeasured."""
    name = f"alerts-{number}-{rate}"
    site, world = Site(bootstrap, redis_url, directory, name), World(now_ms(), CAMPAIGNS, CREATORS)
    await site.define(world)
    await site.write(Writer(site.topics, place=0), world)
    numbers = {"partitions": site.topics.partitions, "now": world.now, "campaigns": CAMPAIGNS, "creators": CREATORS}
    argv = ["-m", "bench.alert_load", "--bootstrap", bootstrap, "--prefix", name, "--rate", str(rate)]
    argv += [f"--{key}={value}" for key, value in numbers.items()]
    with site.process("worker", "-m", "tracker", "worker") as worker:
        await counted(site, worker)
        with site.process("watch", "-m", "bench.alert_watch", str(site.evaluations), "watch") as watcher:
            await _all_judged(site, watcher)
            with site.process("load", *argv) as writer:
                found = await _probe(site, world, {"worker": worker, "watcher": watcher, "load": writer}, seconds)
                writer.stop()
                said = json.loads(writer.tail(1))
    took, waited, evaluations, cpu, others = found
    return Round(
        number=number,
        rate=rate,
        reached=said["events"] / said["seconds"],
        seconds=seconds,
        by_kind=took,
        waited=waited,
        evaluations=evaluations,
        cpu=cpu,
        other_alerts=others,
    )


async def _probe(
    site: Site, world: World, children: Mapping[str, Child], seconds: int
) -> tuple[dict[Kind, list[float]], list[float], list[Evaluation], dict[str, float], int]:
    """Wait until the load is warm, then probe for so many seconds."""
    subscriber = Subscriber(site)
    reading = asyncio.create_task(subscriber.run())
    try:
        await asyncio.sleep(WARM_S)
        pids = {**{name: child.pid for name, child in children.items()}, "judge": site.judge_pid()}
        began, before, events = time.time(), _cpu(pids), len(subscriber.events)
        acknowledged = await _send(site, world, seconds)
        used = {name: (at - before[name]) / (time.time() - began) for name, at in _cpu(pids).items()}
        ended, others = time.time(), subscriber.events[events:]
        await _all_told(subscriber, acknowledged)
    except TimeoutError:
        lacking = [f"{probe.kind} {probe.post}" for probe, _ in acknowledged if _place(probe) not in subscriber.told]
        said = "\n".join(f"{name}: {child.tail(5)}" for name, child in children.items())
        raise NotMeasured(f"{len(lacking)} probes were not told of: {lacking[:5]}\n{said}") from None
    finally:
        reading.cancel()
        await asyncio.wait({reading})
    took: dict[Kind, list[float]] = {kind: [] for kind in RULE_OF}
    waited: list[float] = []
    made = site.evaluated()
    for probe, at in acknowledged:
        told = subscriber.told[_place(probe)]
        took[probe.kind].append(told - at)
        waited.append(max(e.began for e in made if e.campaign == probe.campaign and e.began < told) - at)
    within = [each for each in made if began <= each.began / 1000 < ended]
    probed = {_place(probe) for probe, _ in acknowledged}
    return took, waited, within, used, sum(each not in probed for each in others)


async def _send(site: Site, world: World, seconds: int) -> list[tuple[Probe, float]]:
    """Probe at moments that nothing else keeps to; each with the instant (ms) of its acknowledgement."""
    luck, probes, writer = random.Random(5), world.probes(), Writer(site.topics, place=2 * PLACE)
    acknowledged: list[tuple[Probe, float]] = []
    async with Sender(site.settings.kafka.bootstrap) as sender:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            await asyncio.sleep(luck.expovariate(PROBES_S))
            probe = next(probes, None)
            if probe is None:
                raise NotMeasured(f"no more probes after {len(acknowledged)}: measure for fewer seconds")
            where, record = writer.record(probe.fact, "webhook")
            await sender.send({where: [record]})
            acknowledged.append((probe, time.time() * 1000))
    return acknowledged


def _place(probe: Probe) -> tuple[str, str]:
    return RULE_OF[probe.kind], probe.post


async def _all_told(subscriber: Subscriber, acknowledged: Sequence[tuple[Probe, float]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while any(_place(probe) not in subscriber.told for probe, _ in acknowledged):
            subscriber.came.clear()
            await subscriber.came.wait()


async def counted(site: Site, worker: Child) -> None:
    """Return when the worker has counted every event of the history."""
    while await site.lag():
        if not worker.running:
            raise NotMeasured(f"the worker ended:\n{worker.tail(20)}")
        await asyncio.sleep(0.2)


async def _all_judged(site: Site, watcher: Child) -> None:
    """Return when the watcher has judged every campaign once."""
    while True:
        if not watcher.running:
            raise NotMeasured(f"the watcher ended:\n{watcher.tail(20)}")
        if len({each.campaign for each in site.evaluated()} - {""}) == CAMPAIGNS:
            return
        await asyncio.sleep(0.2)


def _cpu(pids: Mapping[str, int]) -> dict[str, float]:
    """Processor seconds of each process until now."""
    used: dict[str, float] = {}
    for name, pid in pids.items():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used[name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used
