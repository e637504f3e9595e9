"""The import contracts of pyproject.toml hold, and would notice if they did not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINTER = Path(sys.executable).parent / "lint-imports"


def lint(root: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, LINTER, "--no-cache", "--no-logo"],
        cwd=root,
        env={"PYTHONPATH": f"{root}:{root / 'plugins'}", "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("tracker", "plugins"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_import_contracts_hold() -> None:
    outcome = lint(ROOT)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("tracker/domain/events.py", "import time", "The domain knows no library, no clock and no log"),
        ("tracker/domain/events.py", "import asyncio", "The domain knows no library, no clock and no log"),
        ("tracker/domain/events.py", "from tracker.store import base", "Imports go one way"),
        ("tracker/store/base.py", "from tracker.stream import transport", "Imports go one way"),
        ("plugins/tracker_tiktok/__init__.py", "import tracker_youtube", "Plugins do not know each other"),
        ("plugins/tracker_tiktok/__init__.py", "from tracker.codec import events as x", "A plugin imports"),
        ("tracker/embedded/process.py", "from tracker import settings", "The embedded servers know nothing"),
    ],
)
def test_a_forbidden_import_is_noticed(copy: Path, file: str, line: str, contract: str) -> None:
    with (copy / file).open("a") as source:
        source.write(f"\n{line}\n")
    outcome = lint(copy)
    assert outcome.returncode == 1
    broken = [told for told in outcome.stdout.splitlines() if told.endswith("BROKEN")]
    assert any(told.startswith(contract) for told in broken), outcome.stdout
