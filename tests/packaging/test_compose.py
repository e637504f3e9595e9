"""docker-compose.yml is what the Compose specification allows and what an operator needs."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = ("topics", "receiver", "poller", "worker", "watcher", "notifier", "api")
LASTING = [name for name in SERVICES if name != "topics"]


def parsed(text: str) -> PyCompose:
    """As Docker Compose reads it: variables replaced and merge keys (`<<`) resolved, which the parser leaves to us."""
    filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    return PyCompose.from_yaml(yaml.safe_dump(yaml.safe_load(filled)))


def test_the_file_is_valid_by_the_compose_specification() -> None:
    assert set(parsed(TEXT).service_names()) == set(SERVICES)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("restart: unless-stopped", "restart: sometimes"),
        ("condition: service_healthy", "condition: healthy"),
        ("interval: 10s", "interval: often"),
        ("healthcheck:", "healtcheck:"),
        (':8080"', ':port"'),
    ],
)
def test_the_validator_refuses_a_wrong_file(right: str, wrong: str) -> None:
    assert right in TEXT
    with pytest.raises(ValueError, match="services"):
        parsed(TEXT.replace(right, wrong, 1))


def test_all_parts_of_the_journey_are_there() -> None:
    assert set(SERVICES) == {"kafka", "valkey", *OURS}


@pytest.mark.parametrize("name", LASTING)
def test_a_lasting_service_is_watched_and_restarted(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_runs_as_root(name: str) -> None:
    assert SERVICES[name]["user"].split(":")[0] not in ("0", "root", "")


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_names_its_version(name: str) -> None:
    assert re.search(r":\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize("name", ["worker", "watcher", "notifier", "poller"])
def test_what_shares_its_work_can_be_scaled(name: str) -> None:
    assert not {"container_name", "ports", "hostname"} & SERVICES[name].keys()


def test_only_receiver_and_api_are_reachable_and_by_default_from_this_machine_only() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "receiver": ["${PUBLISH:-127.0.0.1:8080}:8080"],
        "api": ["${PUBLISH_API:-127.0.0.1:8090}:8090"],
    }


@pytest.mark.parametrize("name", [name for name in OURS if name != "topics"])
def test_no_service_starts_before_its_topics_and_its_store(name: str) -> None:
    assert SERVICES[name]["depends_on"] == {
        "topics": {"condition": "service_completed_successfully"},
        "valkey": {"condition": "service_healthy"},
    }


@pytest.mark.parametrize("name", ["kafka", "valkey"])
def test_data_lies_in_a_named_volume(name: str) -> None:
    volumes = [volume.split(":")[0] for volume in SERVICES[name]["volumes"]]
    assert volumes
    assert set(volumes) <= FILE["volumes"].keys()


def test_the_store_keeps_everything_it_acknowledged() -> None:
    command = " ".join(SERVICES["valkey"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
