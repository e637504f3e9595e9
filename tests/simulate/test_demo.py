"""The demo as a person runs it: exact at the end, and gone without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
START_S = 60
TRACKER = [sys.executable, "-m", "tracker"]


def environment(tmp_path: Path) -> dict[str, str]:
    """Ours, without settings of this shell; temporary files where the test can see them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
    return {**kept, "TMPDIR": str(tmp_path), "COLUMNS": "200", "CAMPAIGN_DEMO_MARK": str(tmp_path)}


def left_behind(tmp_path: Path) -> list[str]:
    """Command lines of processes that still run and were started below this demo: they carry its mark."""
    mark = f"CAMPAIGN_DEMO_MARK={tmp_path}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it ended meanwhile, or is somebody else's
    return found


def none_left(tmp_path: Path, seconds: float = 15) -> bool:
    """Whether all of them end within so long."""
    deadline = time.monotonic() + seconds
    while left_behind(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)  # processes of others' making send no event
    return not left_behind(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("options", [[], ["--kill"]], ids=["undisturbed", "killed"])
def test_a_short_demo_ends_exact_and_leaves_nothing_behind(tmp_path: Path, options: list[str]) -> None:
    done = subprocess.run(
        [*TRACKER, "demo", "--seconds", "20", *options],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    assert "no difference" in done.stdout
    assert "exactly these, and no other" in done.stdout
    for rule in ("speed.late_burst", "compliance.disclosure", "conversion.sales_stopped"):
        assert any("ALERT firing: " in line and rule in line for line in done.stdout.splitlines()), rule
    assert "first counter" in done.stdout
    assert none_left(tmp_path)
    assert list(tmp_path.glob("tracker-demo-*")) == []


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_demo_that_is_ended_from_outside_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    demo = subprocess.Popen(
        [*TRACKER, "demo"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert demo.stdout is not None
    with demo:
        try:
            for line in demo.stdout:
                if "campaign runs" in line:
                    break
            assert len(left_behind(tmp_path)) >= 6  # the demo, its reaper, broker, Redis, and three of ours
            demo.send_signal(number)
            demo.communicate(timeout=60)
        finally:
            demo.kill()
    assert demo.returncode == {signal.SIGINT: 0, signal.SIGKILL: -9}.get(number, 128 + number)
    assert none_left(tmp_path)
