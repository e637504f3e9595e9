"""The AsyncAPI document is valid, complete, up to date, and says what the program does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from tracker.codec import asyncapi
from tracker.codec.examples import examples
from tracker.kafka_admin import topic_configs
from tracker.topics import COMPACTED, STAGES, Stage, place

ROOT = Path(__file__).parents[2] / "schemas"
OFFICIAL = Path(__file__).parent / "asyncapi-3.0.0"
WRITTEN = ROOT / "asyncapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(WRITTEN.read_text(encoding="utf-8"))
VALIDATOR = Draft7Validator(json.loads((OFFICIAL / "schema.json").read_text(encoding="utf-8")))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def at(pointer: str) -> Any:
    value: Any = DOCUMENT
    for step in pointer.removeprefix("#/").split("/"):
        value = value[step]
    return value


def test_the_document_on_disk_is_what_the_program_says() -> None:
    assert WRITTEN.read_text(encoding="utf-8") == asyncapi.text(), "run: make schemas"
    assert asyncapi.document() == DOCUMENT


def test_the_schema_of_asyncapi_is_the_one_that_its_readme_names() -> None:
    digest = hashlib.sha256((OFFICIAL / "schema.json").read_bytes()).hexdigest()
    assert digest in (OFFICIAL / "README.md").read_text(encoding="utf-8")


def test_the_document_is_valid_asyncapi_3_0() -> None:
    assert [f"{list(e.absolute_path)}: {e.message}" for e in VALIDATOR.iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("asyncapi", "2.6.0"),
        ("info", {"title": "no version"}),
        ("channels/inbox/adress", "misspelt"),
        ("channels/inbox/bindings/kafka/partitions", 0),
        ("channels/inbox/bindings/kafka/topicConfiguration/cleanup.policy", "delete"),
        ("operations/send.dead/action", "throw"),
        ("operations/send.dead/channel", "dead"),
        ("components/messages/alert/payload/schemaFormat", 7),
        ("components/messages/alert/bindings/kafka/key", "campaign"),
    ],
)
def test_the_schema_of_asyncapi_finds_what_is_wrong(pointer: str, value: object) -> None:
    broken = json.loads(json.dumps(DOCUMENT))
    *steps, last = pointer.split("/")
    within = broken
    for step in steps:
        within = within[step]
    within[last] = value
    assert not VALIDATOR.is_valid(broken)


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert len(found) > 40
    for reference in found:
        if reference.startswith("#/"):
            assert at(reference)
        else:
            Draft202012Validator.check_schema(json.loads((ROOT / reference).read_text(encoding="utf-8")))


def test_every_schema_is_the_payload_of_a_message() -> None:
    files = {f"./{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("*/*.schema.json")}
    assert files == {each for each in references(DOCUMENT) if not each.startswith("#/")}
    assert len(files) == 18


def test_every_topic_has_a_channel_and_an_operation_and_says_for_whom_it_is() -> None:
    assert set(DOCUMENT["channels"]) == set(STAGES)
    assert {each["channel"]["$ref"] for each in DOCUMENT["operations"].values()} == {f"#/channels/{s}" for s in STAGES}
    for stage, channel in DOCUMENT["channels"].items():
        assert channel["tags"] == [{"name": "internal" if stage in asyncapi.INTERNAL else "public"}]
        assert channel.get("x-internal", False) == (stage in asyncapi.INTERNAL)


@pytest.mark.parametrize("stage", STAGES)
def test_a_topic_is_described_as_it_is_created(stage: Stage) -> None:
    said = DOCUMENT["channels"][stage]["bindings"]["kafka"]["topicConfiguration"]
    assert {
        name: ",".join(value) if isinstance(value, list) else str(value) for name, value in said.items()
    } == topic_configs(stage)
    assert (said["cleanup.policy"] == ["compact"]) == (stage in COMPACTED)


@pytest.mark.parametrize("name", sorted(examples()))
def test_an_event_stands_in_the_channel_that_it_is_sent_to(name: str) -> None:
    channels = {stage for stage in STAGES if name in DOCUMENT["channels"][stage]["messages"]}
    if name == "definition.changed":
        assert channels == {"activity", "commerce", "registry"}
    else:
        assert channels == {place(examples()[name][0].data)[0]}


def test_every_message_names_its_key() -> None:
    for message in DOCUMENT["components"]["messages"].values():
        assert message["bindings"]["kafka"]["key"]["description"].endswith(".")
