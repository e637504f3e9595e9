"""One scenario from beginning to end: load, topology and fault are arguments; the proof is always the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Protocol

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError
from kafka.errors import KafkaError
from msgspec import Struct

from tests.integration.harness.installation import Installation
from tests.integration.harness.load import Load, T
from tests.integration.harness.workers import Ended, Supervisor
from tracker.audit import Report
from tracker.domain.counters import Scope
from tracker.domain.definitions import Definition
from tracker.sending import NotSent, Outgoing, Place, Sender
from tracker.store.base import StoreUnreachable
from tracker.store.redis import RedisStore

PROGRESS_S = 120.0
_LOOK_S = 0.02


class Topology(Struct, frozen=True):
    """How many workers, and how much is produced at a time."""

    workers: int = 1
    canonical: int = 80
    payloads: int = 4
    ahead: int = 3_000
    """The load waits when so many offsets are not counted yet: a worker that is down must not be buried."""
    pace_s: float = 0.2
    """Between two chunks: the naive recount at the end must not take longer than the scenario. A worker that comes back
    finds more than a batch of each partition all the same."""


ONE_WORKER = Topology()


class Scene:
    """What a fault acts on."""

    def __init__(
        self, installation: Installation, load: Load, workers: Supervisor, store: RedisStore, open_until: AsyncExitStack
    ) -> None:
        self.installation = installation
        self.load = load
        self.workers = workers
        self.store = store
        self._open_until = open_until
        self.enough = asyncio.Event()
        """Set when no more load is wanted."""
        self.definitions: list[Definition] = load.definitions()
        """What the numbers at the end are counted with."""

    async def follow_view(self) -> None:
        """Look at the view that is active now."""
        self.store = await self._open_until.enter_async_context(self.installation.store())

    async def counted(self) -> int:
        """Offsets adapted and counted so far; -1 while the store is away."""
        try:
            return sum(cursor.next_offset for cursor in (await self.installation.cursors(self.store)).values())
        except StoreUnreachable:
            return -1

    async def progress(self, offsets: int) -> None:
        """Return when so many more offsets are counted. Raises TimeoutError with what the workers said."""
        until = max(0, await self.counted()) + offsets
        try:
            async with asyncio.timeout(PROGRESS_S):
                while await self.counted() < until:
                    if self.workers.lost():
                        break
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError as error:
            raise TimeoutError(f"{offsets} offsets not counted in {PROGRESS_S:.0f} s\n{self.workers.said()}") from error

    async def members(self, count: int) -> None:
        """Return when the group has so many workers, and its rebalance is over. Raises TimeoutError."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.installation.settings.kafka.bootstrap)
        await admin.start()
        try:
            async with asyncio.timeout(PROGRESS_S):
                while await _members(admin, self.installation.settings.worker.group) != ("Stable", count):  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_S)
        finally:
            await admin.close()

    async def send(self, records: Iterable[tuple[Place, Outgoing]]) -> None:
        """Produce, in order, as the load does."""
        by_place: dict[Place, list[Outgoing]] = {}
        for place, record in records:
            by_place.setdefault(place, []).append(record)
        async with Sender(self.installation.settings.kafka.bootstrap) as sender:
            await sender.send(by_place)


class Fault(Protocol):
    """Something that goes wrong while the load flows; `strike` returns when it is over."""

    async def strike(self, scene: Scene) -> None: ...


class Outcome(Struct, frozen=True):
    """What came of it."""

    report: Report
    totals: dict[Scope, dict[str, int]]
    expected: dict[Scope, dict[str, int]]
    ended: list[Ended]
    kills: int
    said: int

    def prove(self) -> None:
        """Fails on any difference, with the first of them."""
        assert self.said > 0
        assert not self.report.differences, "\n".join(map(str, self.report.differences[:10]))
        assert self.report.totals > 50, "too little was compared for a proof"
        wrong = {
            (scope, name): (self.totals.get(scope, {}).get(name), self.expected.get(scope, {}).get(name))
            for scope in self.totals.keys() | self.expected.keys()
            for name in self.totals.get(scope, {}).keys() | self.expected.get(scope, {}).keys()
            if self.totals.get(scope, {}).get(name) != self.expected.get(scope, {}).get(name)
        }
        assert not wrong, f"{len(wrong)} totals (stored, said): {sorted(wrong.items())[:10]}"


async def play(
    installation: Installation,
    load: Load,
    fault: Fault,
    topology: Topology = ONE_WORKER,
    *,
    define_first: bool = True,
    env: Mapping[str, str] | None = None,
) -> Outcome:
    """Let it happen and audit. The outcome is not judged yet: see `Outcome.prove`."""
    if define_first:
        await installation.apply(load.definitions(), at=T)
    async with AsyncExitStack() as stack, Supervisor(installation, env=env) as workers:
        for _ in range(topology.workers):
            workers.join()
        store = await stack.enter_async_context(installation.store())
        scene = Scene(installation, load, workers, store, stack)
        flowing = asyncio.create_task(_flow(scene, topology))
        try:
            await fault.strike(scene)
        finally:
            scene.enough.set()
            await flowing
        await installation.drained(said=workers.said)
        report = await installation.audit()
        return Outcome(
            report=report,
            totals=await _totals(scene.store, scene.definitions),
            expected=load.truth(scene.definitions).partial,
            ended=workers.ended,
            kills=workers.kills,
            said=len(load.said),
        )


async def _members(admin: AIOKafkaAdminClient, group: str) -> tuple[str, int]:
    (answer,) = await admin.describe_consumer_groups([group])
    ((_error, _group, state, _type, _protocol, members, *_),) = answer.groups
    return str(state), len(members)


async def _flow(scene: Scene, topology: Topology) -> None:
    """Produce until there is enough, never far ahead of what is counted."""
    bootstrap = scene.installation.settings.kafka.bootstrap
    while not scene.enough.is_set():
        await _send_surely(bootstrap, scene.load.chunk(topology.canonical, topology.payloads))
        await asyncio.sleep(topology.pace_s)
        # What is counted, and how far, lies with other processes: they send no event.
        while not scene.enough.is_set() and await _ahead(scene) > topology.ahead:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)


async def _send_surely(bootstrap: str, chunk: Mapping[Place, Sequence[Outgoing]]) -> None:
    """Send it all, again and whole where the broker went away: as an adapter and a platform would."""
    async with asyncio.timeout(PROGRESS_S):
        while True:
            try:
                async with Sender(bootstrap) as sender:
                    await sender.send(chunk)
            except (NotSent, KafkaConnectionError):
                await asyncio.sleep(_LOOK_S)
            else:
                return


async def _ahead(scene: Scene) -> int:
    counted = await scene.counted()
    try:
        return sum((await scene.installation.ends()).values()) - counted if counted >= 0 else 1 << 30
    except KafkaError:
        return 1 << 30


async def _totals(store: RedisStore, definitions: Sequence[Definition]) -> dict[Scope, dict[str, int]]:
    found: dict[Scope, dict[str, int]] = {}
    for definition in definitions:
        if definition.__struct_config__.tag == "campaign":
            totals = await store.totals(definition.id)
            found.update({scope: dict(fields) for scope, fields in totals.items() if fields})
    return found
