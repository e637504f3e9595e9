"""scripts/environment: one clear line when something is missing, and no work when nothing changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def checkout(place: Path) -> Path:
    """A copy of what scripts/environment reads, in a path with spaces, with nothing to install but the project."""
    root = place / "a checkout with spaces"
    (root / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "environment", root / "scripts")
    (root / "constraints.txt").write_text("")
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "x"\nversion = "1"\n'
    )
    (root / "backend.py").write_text(BACKEND)
    return root


# The smallest build backend there is: an editable wheel with nothing in it.
BACKEND = """
import pathlib, zipfile
def build_editable(directory, config_settings=None, metadata_directory=None):
    name = "x-1-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(directory) / name, "w") as wheel:
        wheel.writestr("x-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: x\\nVersion: 1\\n")
        wheel.writestr("x-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("x-1.dist-info/RECORD", "")
    return name
"""


def run(root: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "VIRTUAL_ENV")}
    return subprocess.run(
        [str(root / "scripts" / "environment")], env={**kept, **environ}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in a path with spaces whose environment was made."""
    root = checkout(tmp_path_factory.mktemp("made"))
    first = run(root, PYTHON=sys.executable)
    assert first.returncode == 0, first.stderr
    assert "ready" in first.stderr
    return root


@pytest.mark.slow
def test_an_environment_that_is_up_to_date_is_left_alone_in_silence(made: Path) -> None:
    again = run(made, PYTHON=sys.executable)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


@pytest.mark.slow
def test_a_change_of_the_pins_makes_it_install_again(made: Path) -> None:
    (made / "constraints.txt").write_text("# changed\n")
    assert "installing" in run(made, PYTHON=sys.executable).stderr


@pytest.mark.slow
def test_an_installation_that_was_cut_off_is_finished_by_the_next_run(made: Path) -> None:
    before = (made / "constraints.txt").read_text()
    (made / "constraints.txt").write_text("nowhere @ file:///nowhere/nowhere-1-py3-none-any.whl\n")
    assert run(made, PYTHON=sys.executable).returncode != 0
    (made / "constraints.txt").write_text(before)
    assert "ready" in run(made, PYTHON=sys.executable).stderr


def test_a_python_that_is_too_old_is_told_in_one_line(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    told = run(checkout(tmp_path), PYTHON=str(old))
    assert told.returncode == 1
    assert len(told.stderr.splitlines()) == 1
    assert "3.11 or newer" in told.stderr


def test_a_machine_without_python_is_told_what_to_install(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("dirname", "cat"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    told = run(checkout(tmp_path), PATH=str(tools))
    assert told.returncode == 1
    assert told.stderr.splitlines() == [told.stderr.strip()]
    assert "apt-get install python3 python3-venv" in told.stderr


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    wrapper = tmp_path / "python3"
    wrapper.write_text(f'#!/bin/sh\ncase "$*" in *"import venv"*) exit 1;; esac\nexec "{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    told = run(checkout(tmp_path), PYTHON=str(wrapper))
    assert told.returncode == 1
    assert len(told.stderr.splitlines()) == 1
    assert "python3-venv" in told.stderr
