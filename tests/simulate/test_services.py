"""Processes of the demo: started again when they fall, killed on purpose, given up when it is hopeless."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracker.simulate import services
from tracker.simulate.services import GIVE_UP_AFTER, Service, ServiceFell, command

LIVES = "import signal; print('alive', flush=True); signal.pause()"
FALLS = "import sys; sys.exit('no such topic')"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[list[Service]]:
    services_made: list[Service] = []
    yield services_made
    for service in services_made:
        asyncio.run(service.stop())


def service(made: list[Service], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Service:
    """A service that runs this Python code, started."""
    monkeypatch.setattr(services, "PROGRAM", (sys.executable, "-c", code))
    one = Service("worker", "worker", settings=tmp_path / "settings.yaml", directory=tmp_path)
    made.append(one)
    one.start()
    return one


def ended(one: Service) -> None:
    """Return once its process is gone."""
    assert one.pid is None or os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT) is not None


def test_a_killed_service_is_started_again_and_counted(
    made: list[Service], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = service(made, tmp_path, monkeypatch, LIVES)
    first = one.pid
    one.tend()
    assert one.pid == first
    one.kill()
    assert (one.state, one.pid, one.kills) == ("killed", None, 1)
    one.tend()
    assert one.state == "running"
    assert one.pid not in (None, first)
    assert (one.restarts, one.falls) == (1, 0)


def test_a_service_that_falls_again_and_again_is_given_up_with_its_last_words(
    made: list[Service], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = service(made, tmp_path, monkeypatch, FALLS)
    for _ in range(GIVE_UP_AFTER - 1):
        ended(one)
        one.tend()
    ended(one)
    with pytest.raises(ServiceFell, match=r"(?s)worker: ended 5 times .*worker\.log.*no such topic") as told:
        one.tend()
    assert (told.value.name, told.value.code) == ("worker", 1)


async def test_a_stopped_service_stays_stopped(
    made: list[Service], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = service(made, tmp_path, monkeypatch, LIVES)
    await one.stop()
    one.tend()
    assert (one.state, one.pid) == ("stopped", None)


async def test_a_command_gives_its_code_and_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PROGRAM", (sys.executable, "-c", "import sys; print(sys.argv[-1]); sys.exit(3)"))
    code, said = await command("audit", ["hello"], settings=tmp_path / "s.yaml", directory=tmp_path)
    assert (code, said) == (3, "hello\n")


async def test_a_command_that_is_cancelled_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os, pathlib, signal; pathlib.Path('pid').write_text(str(os.getpid())); signal.pause()"
    monkeypatch.setattr(services, "PROGRAM", (sys.executable, "-c", code))
    running = asyncio.create_task(command("audit", [], settings=tmp_path / "s.yaml", directory=tmp_path))
    pid = tmp_path / "pid"
    async with asyncio.timeout(20):
        while not (pid.exists() and pid.read_text()):  # noqa: ASYNC110 - a file sends no event
            await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
