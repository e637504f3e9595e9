"""What stands under schemas/ about alerts is what the types say, is complete, and describes what is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft202012Validator

from tracker.codec import alert_schemas, schemas
from tracker.codec.alert_examples import act_examples, examples
from tracker.codec.alerts import AlertType, decode, decode_act, encode, encode_act
from tracker.domain.alerts import Acknowledged, Alert, Noted, Silence, State
from tracker.domain.verdicts import CATEGORIES, Category, Evidence, Subject

ROOT = Path(__file__).parents[2] / "schemas"
EVENTS = {category: ROOT / "alerts" / "examples" / f"{category}.json" for category in CATEGORIES}
ACTS = ROOT / "alerts" / "examples" / "acts.json"
SCHEMAS = {"alert": alert_schemas.alert_schema(), "act": alert_schemas.act_schema()}
ALERT = Draft202012Validator(SCHEMAS["alert"])
ACT = Draft202012Validator(SCHEMAS["act"])


def values_in(path: Path) -> list[dict[str, Any]]:
    return msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]])


def test_what_stands_on_disk_is_what_the_types_say() -> None:
    made = {name: content for name, content in schemas.everything().items() if name.startswith("alerts/")}
    on_disk = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in (ROOT / "alerts").rglob("*.json")}
    assert sorted(on_disk) == sorted(made), "run: make schemas"
    assert [name for name in made if on_disk[name] != made[name]] == [], "run: make schemas"


def test_everything_is_written_into_the_directory(tmp_path: Path) -> None:
    written = schemas.write(tmp_path)
    assert set(written) == set(schemas.everything()) > set(schemas.files())
    assert schemas.write(tmp_path) == []


@pytest.mark.parametrize("title", SCHEMAS)
def test_a_schema_is_valid_and_says_what_every_field_means(title: str) -> None:
    schema = SCHEMAS[title]
    Draft202012Validator.check_schema(schema)
    shapes = [schema, *schema["$defs"].values()]
    assert [shape["title"] for shape in shapes if len(shape["description"]) < 20] == []
    silent = [
        (shape["title"], name)
        for shape in shapes
        for name, about in shape.get("properties", {}).items()
        if len(about["description"]) < 8
    ]
    assert silent == []


def test_no_meaning_outlives_its_field() -> None:
    for kind, meanings in alert_schemas.MEANINGS.items():
        fields = {field.encode_name for field in msgspec.structs.fields(kind)}
        tag = {str(kind.__struct_config__.tag_field)} - {"None"}
        assert set(meanings) == fields | tag, kind.__name__


def test_the_envelope_has_everything_always() -> None:
    assert set(SCHEMAS["alert"]["required"]) == set(SCHEMAS["alert"]["properties"])


@pytest.mark.parametrize("title", SCHEMAS)
def test_the_examples_in_a_schema_are_valid(title: str) -> None:
    assert len(SCHEMAS[title]["examples"]) >= 2
    for example in SCHEMAS[title]["examples"]:
        Draft202012Validator(SCHEMAS[title]).validate(example)


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_committed_alert_is_valid_and_is_read_by_this_code(category: Category) -> None:
    events = values_in(EVENTS[category])
    assert events
    for event in events:
        ALERT.validate(event)
        read = decode(msgspec.json.encode(event))
        assert msgspec.json.decode(encode(read)) == event
        assert read.data.category == category
        assert set(read.data.summary) == {"en", "ja"}


def test_every_committed_act_is_valid_and_is_read_by_this_code() -> None:
    for act in values_in(ACTS):
        ACT.validate(act)
        assert msgspec.json.decode(encode_act(decode_act(msgspec.json.encode(act)))) == act


def test_the_examples_show_every_category_every_state_and_every_type() -> None:
    shown = [event for events in examples().values() for event in events]
    assert set(examples()) == set(CATEGORIES)
    assert {event.data.state for event in shown} == set(get_args(State))
    assert {event.type for event in shown} == set(get_args(AlertType))


@pytest.mark.parametrize("kind", [Alert, Subject, Evidence])
def test_the_examples_say_all_that_can_be_said(kind: type[msgspec.Struct]) -> None:
    alerts = [event.data for events in examples().values() for event in events]
    of: dict[type, list[Any]] = {
        Alert: alerts,
        Subject: [alert.subject for alert in alerts],
        Evidence: [each for alert in alerts for each in alert.evidence],
    }
    told = {field for each in of[kind] for field in msgspec.to_builtins(each)}
    assert told == set(kind.__struct_fields__)


@pytest.mark.parametrize("kind", [Acknowledged, Noted, Silence])
def test_the_acts_say_all_that_can_be_said(kind: type[msgspec.Struct]) -> None:
    told = {field for act in act_examples() if isinstance(act, kind) for field in msgspec.to_builtins(act)}
    assert told == set(kind.__struct_fields__) | {"act"}


def test_the_ids_of_the_examples_are_all_different() -> None:
    ids = [event.id for events in examples().values() for event in events]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("id",), ""),
        (("type",), "alert.exploded"),
        (("time",), "yesterday, at about noon"),
        (("schemaversion",), 2),
        (("data", "severity"), "dire"),
        (("data", "serial"), 0),
        (("data", "at"), "2026-05-28"),
        (("data", "subject"), "mio"),
        (("data", "evidence"), [{"name": "x", "value": 0.5, "unit": "share"}]),
    ],
    ids=str,
)
def test_the_schema_refuses_what_the_reader_refuses(place: tuple[str, ...], value: object) -> None:
    event = values_in(EVENTS["compliance"])[0]
    assert ALERT.is_valid(event)
    within = event
    for name in place[:-1]:
        within = within[name]
    within[place[-1]] = value
    assert not ALERT.is_valid(event)
