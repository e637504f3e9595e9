"""Today's schemas keep what was promised with the last release, and the checker would see it if they did not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from tests.codec.compatibility import broken, broken_files
from tracker.codec import alerts, events

ROOT = Path(__file__).parents[2] / "schemas"
RELEASES = sorted((path for path in (ROOT / "released").iterdir()), key=lambda path: int(path.name))


def schemas_in(directory: Path) -> dict[str, dict[str, Any]]:
    return {
        path.relative_to(directory).as_posix(): msgspec.json.decode(path.read_bytes())
        for path in sorted(directory.glob("*/*.schema.json"))
    }


NOW = schemas_in(ROOT)


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_the_schemas_keep_what_was_released(release: Path) -> None:
    released = schemas_in(release)
    assert len(released) >= 18
    assert broken_files(released, NOW) == []


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_what_was_released_as_an_example_is_valid_and_is_read_by_this_code(release: Path) -> None:
    paths = sorted(release.glob("alerts/examples/*.json"))
    assert len(paths) == 9
    for path in paths:
        acts = path.stem == "acts"
        validator = Draft202012Validator(NOW["alerts/act.schema.json" if acts else "alerts/alert.schema.json"])
        for value in msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]]):
            validator.validate(value)
            (alerts.decode_act if acts else alerts.decode)(msgspec.json.encode(value))


def test_readers_ignore_what_the_promise_lets_come() -> None:
    for name, read in (("alerts/examples/speed.json", alerts.decode), ("examples/post.edited.json", events.decode)):
        [value, *_] = msgspec.json.decode((ROOT / name).read_bytes(), type=list[dict[str, Any]])
        plain = msgspec.json.encode(value)
        more = msgspec.json.encode({**value, "new": 1, "data": {**value["data"], "new": {"of": [None]}}})
        assert read(more) == read(plain)


# ---- the checker itself, on made-up changes ----------------------------------------------------------------------

OLD: dict[str, Any] = {
    "$id": "urn:x:1",
    "title": "x",
    "type": "object",
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 9},
        "kind": {"enum": ["a", "b"]},
        "count": {"type": "integer", "minimum": 0, "maximum": 9},
        "code": {"type": "string", "pattern": "^[a-z]+$"},
        "note": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}], "default": None},
        "inner": {"$ref": "#/$defs/Inner"},
        "what": {
            "anyOf": [{"$ref": "#/$defs/Inner"}, {"$ref": "#/$defs/Other"}],
            "discriminator": {"propertyName": "act"},
        },
        "items": {"type": "array", "items": {"type": "integer"}, "default": []},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2},
        "texts": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["id", "kind"],
    "$defs": {
        "Inner": {"title": "Inner", "type": "object", "properties": {"n": {"type": "integer", "default": 0}}},
        "Other": {"title": "Other", "type": "object", "properties": {"t": {"type": "string"}}},
    },
}
Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> dict[str, Any]:
    new = copy.deepcopy(OLD)
    change(new)
    assert new != OLD
    return new


def of(*steps: str | int) -> Callable[[dict[str, Any]], Any]:
    """Walks to a place below `properties`."""

    def walk(schema: dict[str, Any]) -> Any:
        value: Any = schema["properties"]
        for step in steps:
            value = value[step]
        return value

    return walk


BREAKS: dict[str, Change] = {
    "$: its id": lambda s: s.update({"$id": "urn:x:2"}),
    "$.count: the field is gone": lambda s: s["properties"].pop("count"),
    "$.inner.n: the field is gone": lambda s: s["$defs"]["Inner"]["properties"].pop("n"),
    "$.count: the field is newly required": lambda s: s["required"].append("count"),
    "$.inner.n: the field is newly required": lambda s: s["$defs"]["Inner"].update(required=["n"]),
    "$.kind: the field was always there": lambda s: s["required"].remove("kind"),
    "$.count: it was integer, is string": lambda s: of("count")(s).update(type="string"),
    "$.count: it was integer, is None": lambda s: of("count")(s).pop("type"),
    "$.count: it was integer, is integer|null": lambda s: of("count")(s).update(type=["integer", "null"]),
    "$.kind: it can no longer be ['b']": lambda s: of("kind")(s).update(enum=["a", "c"]),
    "$.kind: it was string, is integer|string": lambda s: of("kind")(s).update(enum=["a", "b", 3]),
    "$.code: it was any value": lambda s: of("code")(s).update(enum=["a"]),
    "$.count: minimum was 0, is 1": lambda s: of("count")(s).update(minimum=1),
    "$.count: maximum was 9, is 8": lambda s: of("count")(s).update(maximum=8),
    "$.count: exclusiveMaximum was None": lambda s: of("count")(s).update(exclusiveMaximum=100),
    "$.id: minLength was 1, is 2": lambda s: of("id")(s).update(minLength=2),
    "$.id: maxLength was 9, is 8": lambda s: of("id")(s).update(maxLength=8),
    "$.code: maxLength was None": lambda s: of("code")(s).update(maxLength=1_000),
    "$.code: pattern was ^[a-z]+$": lambda s: of("code")(s).update(pattern="^[a-z0-9]+$"),
    "$.id: pattern was None": lambda s: of("id")(s).update(pattern="^.*$"),
    "$.id: format was None": lambda s: of("id")(s).update(format="uuid"),
    "$.id: not was None": lambda s: of("id")(s).update({"not": {"const": "x"}}),
    "$.note: it can no longer be null": lambda s: of("note", "anyOf")(s).pop(),
    "$.note<string>: maxLength was 5": lambda s: of("note", "anyOf", 0)(s).update(maxLength=4),
    "$.note: it can now be integer": lambda s: of("note", "anyOf")(s).append({"type": "integer"}),
    "$.note: what is left out meant None": lambda s: of("note")(s).update(default=""),
    "$.items: what is left out meant []": lambda s: of("items")(s).pop("default"),
    "$.inner.n: what is left out meant 0": lambda s: s["$defs"]["Inner"]["properties"]["n"].update(default=1),
    "$.what: it can no longer be Other": lambda s: of("what", "anyOf")(s).pop(),
    "$.what<Other>.t: it was string": lambda s: s["$defs"]["Other"]["properties"]["t"].update(type="integer"),
    "$.what: its kinds were told apart by act": lambda s: of("what", "discriminator")(s).update(propertyName="kind"),
    "$.items[]: it was integer": lambda s: of("items")(s).update(items={"type": "string"}),
    "$.items: its items were": lambda s: of("items")(s).pop("items"),
    "$.pair[1]: it was integer": lambda s: of("pair", "prefixItems")(s).__setitem__(1, {"type": "string"}),
    "$.pair: it had 2 places, has 1": lambda s: of("pair", "prefixItems")(s).pop(),
    "$.pair: minItems was 2, is 3": lambda s: of("pair")(s).update(minItems=3),
    "$.texts.*: it was string": lambda s: of("texts")(s).update(additionalProperties={"type": "integer"}),
    "$.texts: other fields were allowed": lambda s: of("texts")(s).update(additionalProperties=False),
    "$: other fields were allowed": lambda s: s.update(additionalProperties=False),
}
KEEPS: dict[str, Change] = {
    "a field that need not be there": lambda s: s["properties"].update(new={"type": "string", "default": ""}),
    "another value of an enum": lambda s: of("kind")(s).update(enum=["a", "b", "c"]),
    "an enum that becomes any text": lambda s: s["properties"].update(kind={"type": "string"}),
    "a wider range": lambda s: of("count")(s).update(minimum=-1, maximum=10),
    "a longer text": lambda s: of("id")(s).update(minLength=0, maxLength=10),
    "no limit any more": lambda s: of("id")(s).pop("maxLength"),
    "any text": lambda s: of("code")(s).pop("pattern"),
    "another kind of a tagged union": lambda s: (
        s["$defs"].update(New={"title": "New", "type": "object", "properties": {}}),
        of("what", "anyOf")(s).append({"$ref": "#/$defs/New"}),
    ),
    "another place at the end of a row": lambda s: of("pair", "prefixItems")(s).append({"type": "string"}),
    "other words": lambda s: s.update(title="y", description="z", examples=[1]),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_a_change_that_breaks_a_reader_or_an_old_record_is_found_at_its_place(fault: str) -> None:
    found = broken(OLD, changed(BREAKS[fault]))
    assert len(found) >= 1
    assert any(each.startswith(fault) for each in found), found


@pytest.mark.parametrize("change", KEEPS)
def test_a_change_that_the_promise_allows_is_let_pass(change: str) -> None:
    assert broken(OLD, changed(KEEPS[change])) == []


def test_a_schema_that_is_gone_is_found_and_a_new_one_is_not() -> None:
    assert broken_files({"a": OLD}, {"b": OLD}) == ["a: the schema is gone"]
    assert broken_files({"a": OLD}, {"a": OLD, "b": OLD}) == []


def shapes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (shape for shape in (schema, *schema["$defs"].values()) if "properties" in shape)


@pytest.mark.parametrize("name", NOW)
def test_no_field_of_ours_could_go_or_become_required_or_change_its_type_unseen(name: str) -> None:
    seen = 0
    for number, shape in enumerate(shapes(NOW[name])):
        for field in shape["properties"]:
            for mutate in (_drop, _require, _retype):
                new = copy.deepcopy(NOW[name])
                if mutate(list(shapes(new))[number], field):
                    assert broken(NOW[name], new), (mutate.__name__, shape["title"], field)
                    seen += 1
    assert seen > 10


def _drop(shape: dict[str, Any], field: str) -> bool:
    del shape["properties"][field]
    return True


def _require(shape: dict[str, Any], field: str) -> bool:
    required = shape.setdefault("required", [])
    required.append(field)
    return bool(required.count(field) == 1)


def _retype(shape: dict[str, Any], field: str) -> bool:
    kept = {name: value for name, value in shape["properties"][field].items() if name in ("default", "description")}
    shape["properties"][field] = {
        "type": "boolean" if shape["properties"][field].get("type") != "boolean" else "string"
    }
    shape["properties"][field].update(kept)
    return True
