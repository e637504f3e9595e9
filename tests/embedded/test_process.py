import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tracker.embedded.errors import ServerSilent, ServerStopped
from tracker.embedded.process import await_answer, free_port, start
from tracker.embedded.reaper import groups_left

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]

# A process with one child, which says the child's pid and then waits to be ended.
PARENT = """
import pathlib, sys, time
from tracker.embedded.process import start
child = start("child", [sys.executable, "-c", "import time; time.sleep(600)"], log=pathlib.Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended but was not waited for (a zombie) does not."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip() not in ("", "Z", "Z+", "Zs")


def becomes(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_child_dies_with_its_parent_however_the_parent_dies(tmp_path: Path, signal_number: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, tmp_path / "log"], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.send_signal(signal_number)
        parent.wait(10)
    assert becomes(lambda: not alive(child))


def test_stop_asks_before_it_insists(tmp_path: Path) -> None:
    polite = start("polite", SLEEPER, log=tmp_path / "polite")
    assert polite.stop(grace_s=10.0) == -signal.SIGTERM


def test_stop_insists_on_a_child_that_does_not_listen(tmp_path: Path) -> None:
    child = start("stubborn", STUBBORN, log=tmp_path / "log")
    assert becomes(lambda: "up" in child.tail())
    assert child.stop(grace_s=0.2) == -signal.SIGKILL
    assert not child.running


def test_stopping_twice_gives_the_same_exit_code(tmp_path: Path) -> None:
    child = start("child", SLEEPER, log=tmp_path / "log")
    assert child.stop() == child.stop() == child.returncode


def test_stop_ends_what_the_child_started_too(tmp_path: Path) -> None:
    shell = start("shell", ["sh", "-c", "sleep 600 & echo $!; wait"], log=tmp_path / "log")
    assert becomes(lambda: shell.tail().strip().isdigit())
    grandchild = int(shell.tail())
    shell.stop()
    assert becomes(lambda: not alive(grandchild))


def test_a_child_that_ends_at_once_is_told_with_its_exit_code_and_its_last_words(tmp_path: Path) -> None:
    child = start("short", ["sh", "-c", "echo no such disk; exit 3"], log=tmp_path / "log")
    with pytest.raises(ServerStopped) as caught:
        await_answer(child, lambda: False, address="nowhere", seconds=10)
    assert (caught.value.returncode, caught.value.tail) == (3, "no such disk")


def test_a_child_that_never_answers_is_stopped(tmp_path: Path) -> None:
    child = start("silent", SLEEPER, log=tmp_path / "log")
    with pytest.raises(ServerSilent):
        await_answer(child, lambda: False, address="nowhere", seconds=0.1)
    assert not child.running


def test_a_child_has_a_process_group_of_its_own(tmp_path: Path) -> None:
    child = start("child", SLEEPER, log=tmp_path / "log")
    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)
    child.kill()


def test_the_reaper_forgets_the_groups_that_ended() -> None:
    assert groups_left(["+5\n", "+7\n", "-5\n"]) == {7}


def test_a_free_port_is_one_that_can_be_taken() -> None:
    assert len({free_port() for _ in range(5)}) > 1
