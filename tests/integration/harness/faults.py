"""Faults as objects: each strikes once while the load flows, and can be given to any scenario."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from msgspec import Struct

from tests.integration.harness.load import T
from tests.integration.harness.play import Fault, Scene
from tracker.embedded.redis import RedisServer
from tracker.stream.sender import Outgoing, Place


class Nothing(Struct, frozen=True):
    """No fault: so many offsets are counted."""

    offsets: int = 3_000

    async def strike(self, scene: Scene) -> None:
        await scene.progress(self.offsets)


class KillWorker(Struct, frozen=True):
    """kill -9 of a worker, `times`, each after between `after[0]` and `after[1]` more offsets were counted."""

    times: int
    after: tuple[int, int] = (100, 1_200)
    seed: int = 1

    async def strike(self, scene: Scene) -> None:
        draw = random.Random(self.seed)
        for _ in range(self.times):
            await scene.progress(draw.randint(*self.after))
            await scene.workers.kill(draw.choice(sorted(scene.workers.running)))
        await scene.progress(500)


class JoinAndLeave(Struct, frozen=True):
    """One joins, one is killed, one leaves in order, one joins again; the group rebalances under load each time."""

    async def strike(self, scene: Scene) -> None:
        await scene.progress(500)
        joined = scene.workers.join()
        await scene.progress(1_500)
        await scene.workers.kill(next(name for name in scene.workers.running if name != joined))
        await scene.progress(1_000)
        code = await scene.workers.leave(joined)
        assert code == 0, f"a worker asked to leave ended with {code}\n{scene.workers.said()}"
        await scene.progress(1_000)
        scene.workers.join()
        await scene.progress(1_000)


class RestartRedis(Struct, frozen=True):
    """Redis is killed (-9) and started again on its append-only file, `times`."""

    server: RedisServer
    times: int = 2

    async def strike(self, scene: Scene) -> None:
        for _ in range(self.times):
            await scene.progress(800)
            await asyncio.to_thread(self.server.kill)
            await asyncio.to_thread(self.server.start)
        await scene.progress(800)


class Poison(Struct, frozen=True):
    """Records that nobody can read, in the middle of the others."""

    records: Sequence[tuple[Place, Outgoing]]

    async def strike(self, scene: Scene) -> None:
        await scene.progress(500)
        by_place: dict[Place, list[Outgoing]] = {}
        for place, record in self.records:
            by_place.setdefault(place, []).append(record)
        await scene.send(by_place)
        await scene.progress(800)


class LateDefinition(Struct, frozen=True):
    """The definitions come after much has happened already."""

    async def strike(self, scene: Scene) -> None:
        await scene.progress(2_000)
        await scene.installation.apply(scene.definitions, at=T)
        await scene.progress(500)


__all__ = ["Fault", "JoinAndLeave", "KillWorker", "LateDefinition", "Nothing", "Poison", "RestartRedis"]
