"""The tracker's own processes, as the demo runs them: started, restarted when they fall, killed on purpose, stopped.

1. A service that ends without being asked to is started again, and that is counted and shown.
2. One that falls again and again right after its start is given up, with the end of its log.
3. What was started is gone when `stop` returns, and also when this process dies (tracker.embedded.process).
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Literal

from tracker.embedded.process import Child, start
from tracker.simulate.errors import DemoFailed

PROGRAM = (sys.executable, "-m", "tracker")
State = Literal["starting", "running", "killed", "stopped"]
GIVE_UP_AFTER = 5
"""Falls in a row, each within `SHORT_LIFE_S` of its start."""
SHORT_LIFE_S = 8.0
GRACE_S = 12.0


class ServiceFell(DemoFailed):
    """A service that cannot be kept running. The message ends with what it last said."""

    def __init__(self, name: str, code: int, falls: int, log: Path, tail: str) -> None:
        super().__init__(
            f"{name}: ended {falls} times within {SHORT_LIFE_S:.0f} s of its start (last exit code {code}). "
            f"Nothing more was started. Its log is {log}; the end of it:\n{tail}"
        )
        self.name = name
        self.code = code


class Service:
    """One `tracker <command>` process."""

    def __init__(self, name: str, command: str, *, settings: Path, directory: Path) -> None:
        self.name = name
        self.falls = self.kills = 0
        self.log = directory / f"{name}.log"
        self._argv = [*PROGRAM, "--settings", str(settings), command]
        self._child: Child | None = None
        self._killed = False
        self._short = 0
        self._started = 0.0

    @property
    def restarts(self) -> int:
        return self.falls + self.kills

    @property
    def state(self) -> State:
        if self._child is None:
            return "stopped"
        if self._child.running:
            return "running"
        return "killed" if self._killed else "stopped"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.running else None

    def start(self) -> None:
        self._child = start(self.name, self._argv, log=self.log, cwd=self.log.parent)
        self._killed = False
        self._started = time.monotonic()

    def kill(self) -> None:
        """kill -9, as a machine that fails would. `tend` starts it again."""
        if self._child is not None and self._child.running:
            self._killed = True
            self.kills += 1
            self._child.kill()

    def tend(self) -> None:
        """Start it again if it is not there. Raises ServiceFell."""
        if self._child is None or self._child.running:
            return
        if not self._killed:
            self.falls += 1
            self._short = self._short + 1 if time.monotonic() - self._started < SHORT_LIFE_S else 1
            if self._short >= GIVE_UP_AFTER:
                raise ServiceFell(self.name, self._child.returncode or 0, self._short, self.log, self._child.tail())
        self.start()

    async def stop(self) -> None:
        """Ask it to end, insist, and return when it is gone."""
        child, self._child = self._child, None
        if child is not None:
            await asyncio.to_thread(child.stop, GRACE_S)


async def command(name: str, argv: list[str], *, settings: Path, directory: Path) -> tuple[int, str]:
    """Run a `tracker` command to its end; its exit code and what it printed. Cancelled, it is killed."""
    log = directory / f"{name}.log"
    child = start(name, [*PROGRAM, "--settings", str(settings), *argv], log=log, cwd=directory)
    try:
        while child.running:  # noqa: ASYNC110 - a process sends no event
            await asyncio.sleep(0.05)
    finally:
        if child.running:
            child.kill()
    return child.wait(1.0), log.read_text(errors="replace")
