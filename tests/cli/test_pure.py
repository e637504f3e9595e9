"""Commands that need no server: definitions checked, settings listed, help, completion, and errors in words."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tracker.cli import main
from tracker.cli.errors import EXPECTED

GOOD = """\
campaigns:
- {id: spring, name: Spring, starts_at: 2026-01-01T00:00:00Z, ends_at: 2026-02-01T00:00:00Z}
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "some.yaml"


def test_a_good_file_is_told_so(command: Command, written: Path) -> None:
    written.write_text(GOOD)
    outcome = command("validate", written)
    assert (outcome.code, outcome.out) == (0, "1 definition in 1 file: all good.\n")


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (GOOD.replace("campaigns", "campaign"), ":1:1: campaign:", "did you mean `campaigns`?"),
        (GOOD.replace("name: Spring", "nam: Spring"), ":2:16: nam:", "did you mean `name`?"),
        (GOOD.replace("00Z, ends", "00, ends"), ":2:41: starts_at:", "a time with its offset"),
        (GOOD.replace("2026-02", "2025-02"), ":2:3: ends_at:", "must come after starts_at"),
        (GOOD + "agreements:\n- {id: a, campaign: sprin, creator: x}\n", ":4:3: campaign:", "did you mean `spring`?"),
        ("campaigns: [\n", ":2:1: file:", "expected"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(
    command: Command, written: Path, text: str, place: str, words: str
) -> None:
    written.write_text(text)
    outcome = command("validate", written)
    assert outcome.code == 1
    assert f"{written}{place}" in outcome.err
    assert words in outcome.err
    assert outcome.out == ""


def test_a_file_that_is_not_there_is_a_fault_and_no_trace(command: Command, tmp_path: Path) -> None:
    outcome = command("validate", tmp_path / "none.yaml")
    assert outcome.code == 1
    assert "cannot be read: No such file or directory" in outcome.err


def test_every_setting_is_listed_with_value_and_origin(
    command: Command, monkeypatch: pytest.MonkeyPatch, written: Path
) -> None:
    monkeypatch.setenv("TRACKER_KAFKA__BOOTSTRAP", "broker:9092")
    monkeypatch.setenv("TRACKER_REDIS__URL", "redis://user:hidden-password@store:6379/0")
    monkeypatch.setenv("TRACKER_RECEIVER__API_TOKENS", "hidden-token-000001")
    written.write_text("topics: {partitions: 3}\n")
    outcome = command("--settings", written, "settings")
    assert "kafka.bootstrap = broker:9092  (set by TRACKER_KAFKA__BOOTSTRAP)" in outcome.out
    assert f"topics.partitions = 3  (set by {written}:1:22)" in outcome.out
    assert "receiver.api_tokens = (1 set)" in outcome.out
    assert "hidden" not in outcome.out


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("TRACKER_REDS__URL", "x", "did you mean `redis`?"),
        ("TRACKER_TOPICS__PARTITIONS", "many", "TRACKER_TOPICS__PARTITIONS: topics.partitions"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_variable(
    command: Command, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    outcome = command("status")
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")
    assert words in outcome.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("get", "campain"), "no such kind; did you mean `campaign`?"),
        (("delete", "spring"), "write kind/id"),
        (("dead", "replay"), "name letters by id"),
        (("nonsense",), "No such command"),
    ],
)
def test_a_command_used_wrongly_exits_with_2_and_says_how(command: Command, words: tuple[str, ...], said: str) -> None:
    outcome = command(*words)
    assert outcome.code == 2
    assert said in " ".join(outcome.err.replace("│", " ").split())


def test_what_is_not_expected_keeps_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tracker.cli.app", broken)
    with pytest.raises(ZeroDivisionError):
        main()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_expected_error_is_an_exception_under_that_very_name(name: str) -> None:
    module, _, kind = name.rpartition(".")
    found = getattr(importlib.import_module(module), kind)
    assert issubclass(found, Exception)
    assert f"{found.__module__}.{found.__qualname__}" == name


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_offered_for_each_shell(command: Command, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("_TRACKER_COMPLETE", f"source_{shell}")
    shown = command()
    assert shown.code == 0
    assert "_TRACKER_COMPLETE=complete_" in shown.out


def test_the_installed_program_tells_its_version_and_its_first_steps() -> None:
    program = Path(sys.executable).parent / "tracker"
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, check=True, env={"COLUMNS": "80"})
    assert "tracker demo shows a simulated campaign" in " ".join(shown.stdout.split())
