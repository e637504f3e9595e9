"""Child processes that end with us.

1. A child runs in a process group of its own: a Ctrl-C in the terminal reaches only us, and we stop it in our order.
2. `stop` asks the whole group (SIGTERM) and after the grace insists (SIGKILL); when it returns, the child is gone.
3. When this process dies, even by kill -9, its children are killed (see `reaper`).
4. What a child prints goes to its log file, to be shown when it fails.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tracker.embedded import reaper
from tracker.embedded.errors import ServerSilent, ServerStopped

POLL_S = 0.02


class _Reaper:
    """The one reaper of this process, started with its first child."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def tell(self, line: str) -> None:
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", reaper.__file__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    start_new_session=True,
                )
            pipe = self._process.stdin
            assert pipe is not None
            pipe.write(line + "\n")
            pipe.flush()


_REAPER = _Reaper()


class Child:
    """A running (or ended) child process; make one with `start`."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._forgotten = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        code = self._process.poll()
        if code is not None:
            self._forget()
        return code

    @property
    def running(self) -> bool:
        return self.returncode is None

    def wait(self, timeout_s: float) -> int:
        """Its exit code; raises TimeoutError when it still runs after `timeout_s`."""
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as expired:
            raise TimeoutError(f"{self.name} (pid {self.pid}) still runs after {timeout_s:.1f} s") from expired
        self._forget()
        return code

    def stop(self, grace_s: float = 10.0) -> int:
        """Ask it to end, insist after `grace_s`, and return its exit code. Calling it again changes nothing."""
        self._signal_group(signal.SIGTERM)
        try:
            return self.wait(grace_s)
        except TimeoutError:
            return self.kill()

    def kill(self) -> int:
        """kill -9 for the whole group, and wait until it is gone."""
        self._signal_group(signal.SIGKILL)
        return self.wait(30.0)

    def tail(self, lines: int = 20) -> str:
        """The last lines that it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _signal_group(self, number: signal.Signals) -> None:
        # Until it is waited for, its number cannot be another's: poll first, then signal.
        if self.returncode is not None:
            return
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return  # it ended between the two lines

    def _forget(self) -> None:
        if not self._forgotten:
            self._forgotten = True
            _REAPER.tell(f"-{self.pid}")


def start(
    name: str,
    argv: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Child:
    """Start `argv` in its own process group, its output appended to `log`; `env` is added to ours."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **env} if env else None,
            cwd=cwd,
            process_group=0,
        )
    _REAPER.tell(f"+{process.pid}")
    return Child(name, process, log)


def await_answer(child: Child, answers: Callable[[], bool], *, address: str, seconds: float) -> None:
    """Return as soon as `answers()`; raises ServerStopped or ServerSilent (and stops the child) when it never will."""
    deadline = time.monotonic() + seconds
    while not answers():
        code = child.returncode
        if code is not None:
            raise ServerStopped(child.name, code, child.log, child.tail())
        if time.monotonic() >= deadline:
            child.stop(grace_s=2.0)
            raise ServerSilent(child.name, address, seconds, child.log, child.tail())
        time.sleep(POLL_S)


def free_port() -> int:
    """A loopback TCP port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
