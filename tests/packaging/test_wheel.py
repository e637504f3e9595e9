"""What pip installs: the package, the plugins beside it, and the entry points by which they are found."""

import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = {"direct", "disclosure", "instagram", "notifiers", "rules", "tiktok", "youtube"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    place = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (file,) = place.glob("*.whl")
    return zipfile.ZipFile(file)


@pytest.mark.slow
def test_the_wheel_holds_the_tracker_and_each_built_in_plugin_as_packages_of_their_own(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist() if ".dist-info" not in name}
    assert tops == {"tracker"} | {f"tracker_{name}" for name in PLUGINS}
    assert {"tracker/py.typed", "tracker/embedded/reaper.py"} <= set(wheel.namelist())


@pytest.mark.slow
def test_every_lua_script_is_shipped(wheel: zipfile.ZipFile) -> None:
    scripts = {str(path.relative_to(ROOT)) for path in (ROOT / "tracker").rglob("*.lua")}
    assert scripts
    assert scripts <= set(wheel.namelist())


@pytest.mark.slow
def test_the_plugins_and_the_transport_are_found_by_entry_point(wheel: zipfile.ZipFile) -> None:
    (file,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    points = configparser.ConfigParser(delimiters=["="])
    points.read_string(wheel.read(file).decode())
    assert dict(points["tracker.plugins"]) == {name: f"tracker_{name}" for name in PLUGINS}
    assert dict(points["faust.transports"]) == {"tracker": "tracker.stream.transport:Transport"}
    assert dict(points["console_scripts"]) == {"tracker": "tracker.cli:main"}
