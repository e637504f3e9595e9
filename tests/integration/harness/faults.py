"""Faults as objects: each strikes once while the load flows, and can be given to any scenario."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from msgspec import Struct

from tests.integration.harness.load import T
from tests.integration.harness.play import Fault, Scene
from tracker import wiring
from tracker.domain.definitions import Definition
from tracker.embedded.redis import RedisServer
from tracker.ingest.publisher import Placed, Publisher
from tracker.sending import Outgoing, Place
from tracker.store.base import Change, Cursor
from tracker.topics import Stage


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
        before = len(scene.workers.running)
        joined = scene.workers.join()
        await scene.members(before + 1)
        await scene.progress(1_000)
        await scene.workers.kill(next(name for name in scene.workers.running if name != joined))
        await scene.members(before + 1)
        await scene.progress(1_000)
        code = await scene.workers.leave(joined)
        assert code == 0, f"a worker asked to leave ended with {code}\n{scene.workers.said()}"
        await scene.progress(1_000)
        scene.workers.join()
        await scene.members(before + 1)
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
        await scene.send(self.records)
        await scene.progress(800)


class ReplayInbox(Struct, frozen=True):
    """Every payload so far is put on the inbox once more, as a platform does that saw no answer."""

    async def strike(self, scene: Scene) -> None:
        await scene.progress(1_500)
        replayed = list(scene.load.raws)
        assert len(replayed) > 20
        await scene.send(replayed)
        await scene.progress(800)


class SetBackAdapter(Struct, frozen=True):
    """The inbox's cursors are set back to 0, so that everything is adapted and published once more."""

    async def strike(self, scene: Scene) -> None:
        await scene.progress(1_500)
        for name in list(scene.workers.running):
            await scene.workers.leave(name)
        for partition, cursor in (await scene.installation.cursors(scene.store)).items():
            if partition.stage == "inbox" and cursor.next_offset:
                back = Change(expected=cursor, next=Cursor(0, cursor.log))
                await scene.store.apply(partition, back)
        scene.workers.join()
        await scene.progress(1_500)


class CutBroadcast(Struct, frozen=True):
    """The definitions are in the book, but their broadcast was cut off after so many records."""

    after: int

    async def strike(self, scene: Scene) -> None:
        await scene.progress(800)
        try:
            await scene.installation.apply(scene.definitions, at=T, through=lambda whole: CutOff(whole, self.after))
        except ConnectionAbortedError:
            # What was not even written into the book is applied later, by the same command.
            book = await asyncio.to_thread(wiring.read_book, scene.installation.settings)
            assert 0 < len(book) < len(scene.definitions)
            scene.definitions = [each for each in scene.definitions if (_kind(each), each.id) in book]
            scene.enough.set()
            await self._completed(scene, {f"{kind}:{id}" for kind, id in book})
        else:
            raise AssertionError("the broadcast was not cut off")

    async def _completed(self, scene: Scene, wanted: set[str]) -> None:
        async with asyncio.timeout(90):
            for partition in wiring.partitions(scene.installation.settings):
                while wanted - set((await scene.store.open(partition)).definitions):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)


class CutOff:
    """A publisher whose process dies after so many records for the canonical topics."""

    def __init__(self, whole: Publisher, left: int) -> None:
        self._whole, self._left = whole, left

    async def publish(self, stage: Stage, key: bytes | None, value: bytes, *, partition: int | None = None) -> Placed:
        if stage != "registry":
            self._left -= 1
        if self._left < 0:
            raise ConnectionAbortedError("killed in the middle of a broadcast")
        return await self._whole.publish(stage, key, value, partition=partition)


def _kind(definition: Definition) -> str:
    return str(definition.__struct_config__.tag)


class Rebuild(Struct, frozen=True):
    """A new view is filled beside the old one and switched to, while the workers count."""

    async def strike(self, scene: Scene) -> None:
        await scene.progress(1_500)
        before = scene.store.view
        rebuilt = await wiring.run_rebuild(
            scene.installation.settings, lambda _what: _untold, lambda *_progress: None, view="v2"
        )
        await scene.follow_view()
        assert scene.store.view == rebuilt.view != before
        await scene.progress(1_500)


def _untold(_left: float, _cause: str) -> None:
    """Nobody waits here."""


class LateDefinition(Struct, frozen=True):
    """The definitions come after much has happened already."""

    async def strike(self, scene: Scene) -> None:
        await scene.progress(2_000)
        await scene.installation.apply(scene.definitions, at=T)
        await scene.progress(500)


__all__ = [
    "CutBroadcast",
    "Fault",
    "JoinAndLeave",
    "KillWorker",
    "LateDefinition",
    "Nothing",
    "Poison",
    "Rebuild",
    "ReplayInbox",
    "RestartRedis",
    "SetBackAdapter",
]
