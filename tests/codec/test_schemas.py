"""The schemas and examples on disk are those of the types, and what was once written can still be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from tracker.codec import schemas
from tracker.codec.events import decode, encode
from tracker.codec.examples import examples

ROOT = Path(__file__).parents[2] / "schemas"
EXAMPLES = sorted(ROOT.glob("examples/**/*.json"))
TYPES = sorted(schemas.event_types())


def events_in(path: Path) -> list[dict[str, Any]]:
    return msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]])


def test_what_stands_on_disk_is_what_the_types_say() -> None:
    made = schemas.files()
    on_disk = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for folder in ("events", "examples")
        for path in (ROOT / folder).glob("*.json")
    }
    assert sorted(on_disk) == sorted(made), "run: python -m tracker.codec.schemas schemas/"
    assert [name for name in made if on_disk[name] != made[name]] == [], "run: python -m tracker.codec.schemas schemas/"


def test_there_are_sixteen_types_each_with_a_schema_and_at_least_two_examples() -> None:
    assert len(TYPES) == 16
    assert sorted(examples()) == TYPES
    assert all(len(each) >= 2 for each in examples().values())


@pytest.mark.parametrize("name", TYPES)
def test_the_examples_of_a_type_say_all_that_it_can_say(name: str) -> None:
    facts = [event.data for event in examples()[name]]
    told = {field for fact in facts for field in fact.__struct_fields__ if field in msgspec.to_builtins(fact)}
    never = {"origin", "occurred_at"} if name == "definition.changed" else set()
    assert told == set(facts[0].__struct_fields__) - never


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_is_valid_and_describes_the_event(name: str) -> None:
    schema = schemas.schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == name
    assert all(about["description"] for about in schema["properties"].values())
    assert len(schema["description"]) > 20


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_committed_example_is_valid_and_is_read_by_this_code(path: Path) -> None:
    validator = Draft202012Validator(schemas.schema(path.stem))
    events = events_in(path)
    assert events
    for event in events:
        validator.validate(event)
        read = decode(msgspec.json.encode(event))
        # What was said then is said now: nothing is lost in reading, however the types have grown.
        assert includes(msgspec.json.decode(encode(read)), event)


def test_examples_of_version_one_stay() -> None:
    assert {path.stem for path in EXAMPLES if path.parent.name == "v1"} >= set(TYPES)


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    validator = Draft202012Validator(schemas.schema("reaction.observed"))
    [event, *_] = events_in(ROOT / "examples" / "reaction.observed.json")
    for field, value in (("likes", -1), ("likes", 1.5), ("likes", "7"), ("platform", "In stagram"), ("post", "")):
        assert not validator.is_valid({**event, "data": {**event["data"], field: value}})


def test_a_directory_is_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert schemas.main([str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(schemas.everything())
    assert schemas.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "nothing changed\n"
    assert schemas.main([]) == 2


def includes(whole: object, part: object) -> bool:
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and includes(whole[key], value) for key, value in part.items())
    return whole == part
