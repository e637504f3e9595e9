"""Whether one JSON Schema keeps the promise of docs/reference/compatibility.md towards an earlier one.

1. What an earlier writer wrote stays valid, and what an earlier reader relies on stays there: nothing is removed, and
   what is always there is always there.
2. What may come: fields that are not required, more values of an enum, more kinds of a tagged union, wider limits.
3. What cannot be compared (another pattern, another keyword) counts as broken: the checker never guesses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_SAME = ("pattern", "format", "multipleOf", "const", "uniqueItems", "contentEncoding")
_TEXTS = ("$schema", "$id", "$defs", "title", "description", "examples", "discriminator", "$ref")
_COMPARED = (
    *("type", "enum", "anyOf", "properties", "required", "additionalProperties", "items", "prefixItems", "default"),
    *_LOWER,
    *_UPPER,
    *_SAME,
    *_TEXTS,
)


def broken(old: Schema, new: Schema) -> list[str]:
    """What the new schema breaks, each with its place; empty: it keeps the promise."""
    found = [] if old.get("$id") == new.get("$id") else [f"$: its id was {old.get('$id')}, is {new.get('$id')}"]
    return [*found, *_Comparison(old, new).compare(old, new, "$")]


def broken_files(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[str]:
    """The same for whole directories, by path: a schema that is gone is broken, a new one is not."""
    found = [f"{name}: the schema is gone" for name in old if name not in new]
    both = [name for name in old if name in new]
    return [*found, *(f"{name}: {fault}" for name in both for fault in broken(old[name], new[name]))]


class _Comparison:
    """One walk through two schemas; each has its own `$defs`."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old
        self._new = new
        self._steps: tuple[Callable[[Schema, Schema, str], Iterator[str]], ...] = (
            _keywords,
            _types,
            _enums,
            _limits,
            _defaults,
            self._objects,
            self._arrays,
        )

    def compare(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        if "anyOf" in old or "anyOf" in new:
            yield from _defaults(old, new, place)
            yield from self._unions(old, new, place)
            return
        for step in self._steps:
            yield from step(old, new, place)

    def _unions(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        before = {_kind(each): each for each in (_resolved(each, self._old) for each in _members(old))}
        after = {_kind(each): each for each in (_resolved(each, self._new) for each in _members(new))}
        for kind, member in before.items():
            if kind in after:
                yield from self.compare(member, after[kind], f"{place}<{kind}>")
            else:
                yield f"{place}: it can no longer be {kind}"
        tags = _tag_field(old), _tag_field(new)
        if tags[0] != tags[1]:
            yield f"{place}: its kinds were told apart by {tags[0]}, are by {tags[1]}"
        for kind in after:
            if kind not in before and tags[1] is None:
                yield f"{place}: it can now be {kind}, which no reader expects"

    def _objects(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        for name in before:
            if name in after:
                yield from self.compare(before[name], after[name], f"{place}.{name}")
            else:
                yield f"{place}.{name}: the field is gone"
        for name in sorted(needs - needed):
            yield f"{place}.{name}: the field is newly required"
        for name in sorted(needed - needs):
            yield f"{place}.{name}: the field was always there and need not be any more"
        yield from self._others(old.get("additionalProperties", True), new.get("additionalProperties", True), place)

    def _others(self, old: Schema | bool, new: Schema | bool, place: str) -> Iterator[str]:
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from self.compare(old, new, f"{place}.*")
        elif old is not False and new is False:
            yield f"{place}: other fields were allowed, are no more"
        elif isinstance(old, Mapping) != isinstance(new, Mapping):
            yield f"{place}: its other fields were {_short(old)}, are {_short(new)}"

    def _arrays(self, old: Schema, new: Schema, place: str) -> Iterator[str]:
        if "items" in old and "items" in new:
            yield from self.compare(old["items"], new["items"], f"{place}[]")
        elif ("items" in old) != ("items" in new):
            yield f"{place}: its items were {_short(old.get('items'))}, are {_short(new.get('items'))}"
        before, after = old.get("prefixItems", []), new.get("prefixItems", [])
        if len(before) > len(after):
            yield f"{place}: it had {len(before)} places, has {len(after)}"
        for number, (was, now) in enumerate(zip(before, after, strict=False)):
            yield from self.compare(was, now, f"{place}[{number}]")


def _keywords(old: Schema, new: Schema, place: str) -> Iterator[str]:
    for word in sorted({*old, *new} - set(_COMPARED)):
        if old.get(word) != new.get(word):
            yield f"{place}: {word} was {old.get(word)!r}, is {new.get(word)!r}, and cannot be compared"


def _types(old: Schema, new: Schema, place: str) -> Iterator[str]:
    before, after = _type(old), _type(new)
    if before != after:
        yield f"{place}: it was {_short(before)}, is {_short(after)}"


def _enums(old: Schema, new: Schema, place: str) -> Iterator[str]:
    if "enum" not in new:
        return
    if "enum" not in old:
        yield f"{place}: it was any value, is one of {new['enum']}"
        return
    lost = [value for value in old["enum"] if value not in new["enum"]]
    if lost:
        yield f"{place}: it can no longer be {lost}"


def _limits(old: Schema, new: Schema, place: str) -> Iterator[str]:
    for word in _LOWER:
        if word in new and (word not in old or new[word] > old[word]):
            yield f"{place}: {word} was {old.get(word)}, is {new[word]}"
    for word in _UPPER:
        if word in new and (word not in old or new[word] < old[word]):
            yield f"{place}: {word} was {old.get(word)}, is {new[word]}"
    for word in _SAME:
        if word in new and old.get(word) != new[word]:
            yield f"{place}: {word} was {old.get(word)}, is {new[word]}"


def _defaults(old: Schema, new: Schema, place: str) -> Iterator[str]:
    # What is at its default is not written: another default would change the meaning of what was.
    if "default" in old and ("default" not in new or old["default"] != new["default"]):
        yield f"{place}: what is left out meant {old['default']!r}, now {new.get('default')!r}"


def _resolved(schema: Schema, document: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    beside = {name: value for name, value in schema.items() if name != "$ref"}
    return {**document["$defs"][schema["$ref"].removeprefix("#/$defs/")], **beside}


def _members(schema: Schema) -> list[Schema]:
    return list(schema.get("anyOf", [schema]))


def _kind(schema: Schema) -> str:
    """What tells the members of a union apart: the name of a shape, else the type of a value."""
    return str(schema["title"]) if "title" in schema and "properties" in schema else str(_short(_type(schema)))


def _tag_field(schema: Schema) -> str | None:
    found: str | None = schema.get("discriminator", {}).get("propertyName")
    return found


def _type(schema: Schema) -> frozenset[str] | None:
    """The JSON types that a value may have; None: any."""
    if "type" in schema:
        return frozenset([schema["type"]]) if isinstance(schema["type"], str) else frozenset(schema["type"])
    if "enum" in schema:
        return frozenset(_JSON_TYPE[type(value)] for value in schema["enum"])
    return None


_JSON_TYPE: Mapping[type, str] = {str: "string", int: "integer", bool: "boolean", float: "number", type(None): "null"}


def _short(value: object) -> object:
    return "|".join(sorted(value)) if isinstance(value, frozenset) else value
