"""The process in which rules run, as the watcher holds it: what is said to it, what it answers, how it ends.

1. It is in a session of its own: a Ctrl-C in the terminal is for the watcher, and what a rule has started is killed
   with it.
2. What it says on standard error (what rules print, and its own last words) is logged, line by line.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections import deque
from collections.abc import Sequence

import msgspec

from tracker.watch.frames import ANSWER_BYTES, LENGTH, Answer, Job, answer_decoder, frame

log = logging.getLogger(__name__)

PATIENCE_S = 60.0
"""For what no rule does: starting, loading plugins, reading the facts."""
_LEAVE_S = 2.0
_LINES = 30
_LINE = 1_000
"""Of a line so many characters are kept."""


class Ended(Exception):
    """The process says nothing more, or nothing that can be understood."""


class JudgeProcess:
    """One process in which rules run."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._said: deque[str] = deque(maxlen=_LINES)
        self._listening = asyncio.create_task(self._listen(), name="what rules print")

    @classmethod
    async def start(cls, argv: Sequence[str]) -> JudgeProcess:
        pipe = asyncio.subprocess.PIPE
        return cls(
            await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    async def say(self, job: Job) -> None:
        """Raises Ended, TimeoutError."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(frame(job))
            async with asyncio.timeout(PATIENCE_S):
                await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Ended(await self._end()) from error

    async def answer(self, seconds: float) -> Answer:
        """The next answer. Raises Ended, TimeoutError."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                (length,) = LENGTH.unpack(await self._process.stdout.readexactly(LENGTH.size))
                if length > ANSWER_BYTES:
                    raise Ended(f"it said {length} bytes at once")
                return answer_decoder.decode(await self._process.stdout.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionResetError) as error:
            raise Ended(await self._end()) from error
        except msgspec.MsgspecError as error:
            raise Ended(f"it said what cannot be understood: {error}") from error

    async def _end(self) -> str:
        """How it ended; its output is closed, so it is about to."""
        try:
            async with asyncio.timeout(_LEAVE_S):
                code = await self._process.wait()
        except TimeoutError:
            return "it closed its output"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def kill(self) -> None:
        """Kill it, and whatever it has started."""
        if not self.ended:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                log.debug("process %d had just ended", self.pid)

    async def wait(self) -> None:
        """Return when it is gone."""
        await self._process.wait()

    async def leave(self) -> None:
        """Let it end, and insist if it does not."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_LEAVE_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        await self.last_said()

    async def last_said(self) -> str:
        """The last lines of what it said on standard error, once it has ended."""
        await self._process.wait()
        # Whatever it has started in another session may hold the pipe open: nobody waits for that.
        await asyncio.wait({self._listening}, timeout=_LEAVE_S)
        self._listening.cancel()
        return "\n".join(self._said)

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        rest = ""
        while chunk := await self._process.stderr.read(1 << 14):
            *lines, rest = (rest + chunk.decode(errors="replace")).split("\n")
            for line in lines:
                self._keep(line)
            rest = rest[-_LINE:]
        if rest:
            self._keep(rest)

    def _keep(self, line: str) -> None:
        self._said.append(line[:_LINE])
        log.info("said where rules run: %s", line[:_LINE])
