"""What docker-compose.yml runs is what the program knows, and what it sets are settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tracker.cli.app import app
from tracker.settings_load import NOT_SETTINGS, BadSettings, load

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("campaign-tracker:")}
HEALTH = [tuple(service["healthcheck"]["test"][1:]) for service in OURS.values() if "healthcheck" in service]
COMMANDS = sorted(
    {
        *(tuple(service["command"]) for service in OURS.values()),
        *(words[1:] for words in HEALTH if words[0] == "tracker"),
        *(tuple(found.split()[:1]) for found in re.findall(r"docker compose run --rm worker (.+)", TEXT)),
    }
)


def accepted(words: tuple[str, ...]) -> bool:
    """Whether the command exists and has these options; nothing is run."""
    return CliRunner().invoke(app, [*words, "--help"]).exit_code == 0


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_program_knows_every_command_of_the_file_with_its_options(words: tuple[str, ...]) -> None:
    assert accepted(words)


@pytest.mark.parametrize("words", [("recieve",), ("receive", "--prt", "8080"), ("topics", "creat")])
def test_a_command_that_does_not_exist_would_be_noticed(words: tuple[str, ...]) -> None:
    assert not accepted(words)


def test_every_service_of_ours_names_its_command() -> None:
    assert {"topics", "receiver", "poller", "worker"} <= OURS.keys()
    assert all(service["command"] for service in OURS.values())


@pytest.mark.parametrize("name", OURS)
def test_every_variable_that_the_file_sets_is_a_setting(name: str) -> None:
    variables = {key: str(value) for key, value in OURS[name]["environment"].items() if key.startswith("TRACKER_")}
    assert variables
    load(variables)


def test_a_variable_that_is_no_setting_would_be_noticed() -> None:
    with pytest.raises(BadSettings, match="TRACKER_KAFKA__BOOTSTRP"):
        load({"TRACKER_KAFKA__BOOTSTRP": "kafka:9092"})


def test_every_setting_with_a_plain_value_is_in_the_example_environment() -> None:
    from tracker.settings import Settings
    from tracker.settings_load import LoadedSettings, listing

    named = set(re.findall(r"^#?(TRACKER_[A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    wanted = {line.variable for line in listing(LoadedSettings(Settings(), {}))}
    in_a_file_only = {"TRACKER_CADENCE__STEPS", "TRACKER_NOTIFIERS__SECRETS", "TRACKER_PLATFORMS"}
    assert wanted - named - in_a_file_only - NOT_SETTINGS == set()


def test_a_receiver_is_asked_on_the_port_that_it_serves() -> None:
    (port,) = re.findall(r"127\.0\.0\.1:(\d+)/health/ready", " ".join(OURS["receiver"]["healthcheck"]["test"]))
    assert OURS["receiver"]["command"][-1] == port
    assert OURS["receiver"]["ports"][0].endswith(f":{port}")
