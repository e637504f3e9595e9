"""Workers as a supervisor runs them: who ends with an error is started again, and why it ended is remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from msgspec import Struct

from tests.integration.harness.installation import Installation
from tracker.embedded.process import Child

RESTARTS = 40
_LOOK_S = 0.05


class WorkerGaveUp(AssertionError):
    """A worker ended more often than any fault explains."""


class Ended(Struct, frozen=True):
    """How a worker ended by itself."""

    name: str
    code: int
    said: str


class Supervisor:
    """Keeps so many workers running, as compose or a service manager would."""

    def __init__(self, installation: Installation, *, env: Mapping[str, str] | None = None) -> None:
        self._installation = installation
        self._env = env
        self.running: dict[str, Child] = {}
        self.ended: list[Ended] = []
        self.kills = 0
        self._number = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        outcome = (await asyncio.gather(self._task, return_exceptions=True))[0]
        await asyncio.gather(*(asyncio.to_thread(child.stop) for child in self.running.values()))
        self.running.clear()
        if isinstance(outcome, WorkerGaveUp) and error is None:
            raise outcome

    def join(self) -> str:
        """Start one more worker; its name."""
        self._number += 1
        name = f"worker-{self._number}"
        self.running[name] = self._installation.start(name, "worker", self._env)
        return name

    async def leave(self, name: str) -> int:
        """Ask a worker to end (SIGTERM); its exit code."""
        return await asyncio.to_thread(self.running.pop(name).stop)

    async def kill(self, name: str) -> None:
        """kill -9; it is started again at once."""
        self.kills += 1
        child = self.running.pop(name)
        await asyncio.to_thread(child.kill)
        self.running[name] = self._installation.start(name, "worker", self._env)

    def lost(self) -> bool:
        """Whether the supervisor gave up."""
        return self._task is not None and self._task.done()

    def said(self, lines: int = 12) -> str:
        """What the workers said last."""
        ended = "\n".join(f"{each.name} ended with {each.code}: {each.said[-600:]}" for each in self.ended[-4:])
        return ended + "\n" + "\n".join(f"-- {name}\n{child.tail(lines)}" for name, child in self.running.items())

    async def _watch(self) -> None:
        while True:
            for name, child in list(self.running.items()):
                code = child.returncode
                if code is not None and self.running.get(name) is child:
                    self.ended.append(Ended(name, code, child.tail(30)))
                    if len(self.ended) > RESTARTS:
                        raise WorkerGaveUp(self.said())
                    self.running[name] = self._installation.start(name, "worker", self._env)
            await asyncio.sleep(_LOOK_S)
