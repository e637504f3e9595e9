"""The ground of all contenders: one broker, one Redis, one topic of canonical events, and what it must come to.

1. Every contender reads the very same records, from the beginning, in a group of its own.
2. What our worker counted is compared with a fold of everything, cut into other batches and without Kafka, Redis or
   Faust: partials, minutes, hours and freshness, field by field.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from msgspec import Struct
from redis import Redis

from bench import mixture
from tests.harness.kafka import KafkaBroker
from tracker.codec.events import encode
from tracker.domain.counters import Scope
from tracker.domain.events import AnyEvent, DefinitionChanged
from tracker.domain.fold import Folded, Located, Missing, PartitionState, commit, fold
from tracker.embedded.process import Child, start
from tracker.embedded.redis import RedisServer
from tracker.kafka_admin import ensure_topics
from tracker.sending import Outgoing, Sender
from tracker.store import keys
from tracker.store.base import Partition
from tracker.store.redis import RedisStore
from tracker.topics import Topics, place

TOPICS = Topics(prefix="bench", partitions=8)
TOPIC = TOPICS.name("activity")
PARTITIONS = [Partition("activity", number) for number in range(TOPICS.partitions)]
ROOT = Path(__file__).parents[1]

_SENT_AT_ONCE = 500
_FOLDED_AT_ONCE = 7_919  # no multiple of the worker's batches
_LOOK_S = 0.02
_START_S, _STUCK_S, _PEER_S = 90.0, 120.0, 900.0

Sums = dict[Scope, dict[str, int]]


class Measured(Struct, frozen=True):
    """One contender in one round: so many events in so many seconds, of which its processes were at work `cpu`."""

    events: int
    seconds: float
    cpu: float | None
    first_s: float | None = None
    """Seconds from the start of the process to its first event."""

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    @property
    def micros(self) -> float | None:
        """Microseconds of processor time for an event."""
        return None if self.cpu is None else self.cpu / self.events * 1e6


class WorkerStuck(Exception):
    """A contender ended too early, or counted nothing for too long. What it said last stands in the message."""


class WrongCounters(Exception):
    """The worker counted something else than the fold of everything: its speed says nothing."""


class Expected(Struct):
    """What a partition's counters must come to, from the very first event on."""

    partial: Sums
    minutes: Sums
    hours: Sums
    fresh: Sums
    next_offset: int = 0

    def add(self, folded: Folded) -> None:
        for sums, part in (
            (self.partial, folded.increments),
            (self.minutes, folded.minutes),
            (self.hours, folded.hours),
        ):
            for scope, fields in part.items():
                into = sums.setdefault(scope, {})
                for name, amount in fields.items():
                    into[name] = into.get(name, 0) + amount
        for scope, fields in folded.fresh.items():
            latest = self.fresh.setdefault(scope, {})
            for name, at in fields.items():
                latest[name] = max(at, latest.get(name, at))


class Ground:
    """Broker, Redis and the filled topic. `events` is how many records it holds, definitions included."""

    def __init__(self, broker: KafkaBroker, redis: RedisServer, directory: Path) -> None:
        self.broker, self.redis, self.directory = broker, redis, directory
        self.events = 0
        self.bytes = 0
        self.expected: dict[Partition, Expected] = {}

    def fill(self, events: int, progress: Callable[[int], None]) -> None:
        """Create the topics, write the mixture, and fold it. `progress` is told of every so many events written."""
        ensure_topics(self.broker.bootstrap, TOPICS)
        asyncio.run(self._fill(events, progress))

    async def _fill(self, events: int, progress: Callable[[int], None]) -> None:
        async with Sender(self.broker.bootstrap) as sender:
            for partition in PARTITIONS:
                made = mixture.partition(partition.number, TOPICS.partitions, events)
                expected = Expected({}, {}, {}, {})
                state = PartitionState(stage="activity")
                while batch := list(islice(made, _FOLDED_AT_ONCE)):
                    for part in _parts(batch):
                        records = [Outgoing(_key(event), encode(event)) for event in part]
                        self.bytes += sum(len(record.value) for record in records)
                        await sender.send({(TOPIC, partition.number): records})
                    _fold(state, batch, expected)
                    self.events += len(batch)
                    progress(len(batch))
                self.expected[partition] = expected

    def worker(self, name: str, progress: Callable[[int], None]) -> Measured:
        """`tracker worker` from an empty store to the end of the log, its counters compared.

        Raises WorkerStuck, WrongCounters.
        """
        with Redis.from_url(self.redis.url) as client:
            began = time.perf_counter()
            child = self._start_worker(name)
            try:
                found = self._watch(child, client, name, began, progress)
            finally:
                child.stop()
        wrong = asyncio.run(self._differences(name))
        if wrong:
            raise WrongCounters(f"{name}: {len(wrong)} numbers are not what the fold of everything gives: {wrong[:3]}")
        with Redis.from_url(self.redis.url) as client:
            client.flushall()
        return found

    def peer(self, name: str, events: int) -> Measured:
        """One of bench.peers, to its end."""
        argv = [sys.executable, "-m", "bench.peers", name, "--bootstrap", self.broker.bootstrap, "--topic", TOPIC]
        argv += ["--events", str(events), "--redis", self.redis.url]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_PEER_S, check=False, cwd=ROOT)
        if done.returncode != 0 or not done.stdout.strip():
            raise WorkerStuck(f"{name} ended with {done.returncode}: {done.stderr[-2_000:]}")
        return Measured(**json.loads(done.stdout.splitlines()[0]))

    def _start_worker(self, name: str) -> Child:
        env = {
            "TRACKER_KAFKA__BOOTSTRAP": self.broker.bootstrap,
            "TRACKER_REDIS__URL": self.redis.url,
            "TRACKER_REDIS__PREFIX": name,
            "TRACKER_TOPICS__PREFIX": TOPICS.prefix,
            "TRACKER_TOPICS__PARTITIONS": str(TOPICS.partitions),
            "TRACKER_WORKER__GROUP": name,
        }
        argv = [sys.executable, "-m", "tracker", "worker"]
        return start(name, argv, log=self.directory / f"{name}.log", env=env, cwd=self.directory)

    def _watch(self, child: Child, client: Redis, name: str, began: float, progress: Callable[[int], None]) -> Measured:
        at = keys.Keys(name, keys.DEFAULT_VIEW)
        pipeline = client.pipeline(transaction=False)
        first = seen = 0
        first_at = moved_at = began
        first_cpu: float | None = None
        while True:
            for partition in PARTITIONS:
                pipeline.hget(at.of(partition) + keys.CURSOR, "next_offset")
            counted = sum(int(each or 0) for each in pipeline.execute())
            now = time.perf_counter()
            if counted > seen:
                progress(counted - seen)
                seen, moved_at = counted, now
            if not first and counted:
                first, first_at, first_cpu = counted, now, _cpu(child.pid)
            if counted >= self.events:
                cpu = _cpu(child.pid)
                used = None if cpu is None or first_cpu is None else cpu - first_cpu
                return Measured(counted - first, now - first_at, used, first_at - began)
            if not child.running or now - moved_at > (_STUCK_S if first else _START_S):
                raise WorkerStuck(f"{name} stands at {counted} of {self.events}:\n{child.tail(30)}")
            time.sleep(_LOOK_S)

    async def _differences(self, prefix: str) -> list[str]:
        store = await RedisStore.connect(self.redis.url, prefix=prefix)
        found: list[str] = []
        try:
            for partition, expected in self.expected.items():
                stored: dict[str, Mapping[Scope, Mapping[str, int]]] = {"partial": await store.partials(partition)}
                scopes = await store.scopes(partition)
                stored["minutes"] = {scope: await store.series(partition, scope, unit="minute") for scope in scopes}
                stored["hours"] = {scope: await store.series(partition, scope, unit="hour") for scope in scopes}
                stored["fresh"] = {scope: await store.freshness(partition, scope) for scope in scopes}
                for table, sums in stored.items():
                    found += _unequal(f"{partition} {table}", getattr(expected, table), sums)
        finally:
            await store.close()
        return found

    @property
    def numbers(self) -> int:
        """How many counters are compared after each round."""
        return sum(
            sum(1 for fields in sums.values() for amount in fields.values() if amount or sums is each.fresh)
            for each in self.expected.values()
            for sums in (each.partial, each.minutes, each.hours, each.fresh)
        )


def _key(event: AnyEvent) -> bytes | None:
    fact = event.data
    return None if isinstance(fact, DefinitionChanged) else place(fact)[1].encode()


def _parts(batch: list[AnyEvent]) -> Iterator[list[AnyEvent]]:
    return (batch[start : start + _SENT_AT_ONCE] for start in range(0, len(batch), _SENT_AT_ONCE))


def _fold(state: PartitionState, batch: list[AnyEvent], expected: Expected) -> None:
    located = [Located(expected.next_offset + index, event) for index, event in enumerate(batch)]
    while isinstance(folded := fold(state, located), Missing):
        state.learn(folded, {}, {}, ())  # from an empty store
    commit(state, folded)
    assert not folded.refused, folded.refused[:3]
    expected.add(folded)
    expected.next_offset += len(batch)


def _unequal(
    where: str, expected: Mapping[Scope, Mapping[str, int]], stored: Mapping[Scope, Mapping[str, int]]
) -> Iterator[str]:
    for scope in sorted({*expected, *stored}):
        wanted = {name: amount for name, amount in expected.get(scope, {}).items() if amount}
        there = {name: amount for name, amount in stored.get(scope, {}).items() if amount}
        for name in sorted({*wanted, *there}):
            if wanted.get(name) != there.get(name):
                yield f"{where} {scope} {name}: {wanted.get(name)}, stored {there.get(name)}"


def _cpu(pid: int) -> float | None:
    """Processor seconds of a process until now; None where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
