"""YAML files to definitions, with every fault at its place.

1. All faults of all files are reported at once, each with file, line, column, field and what would be right.
2. Files are checked together and against the book: a reference may point into any of them.
3. Nothing of a set with a fault is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from tracker.definitions.references import Key, Problems, account_owners, did_you_mean, problems
from tracker.domain.definitions import (
    Agreement,
    Campaign,
    Creator,
    Definition,
    DefinitionKind,
    Link,
    NotifierDefinition,
    RuleDefinition,
)
from tracker.yaml_source import Document, KeyPath, Place, Plain, YamlFault, read_bytes, read_file

SECTIONS: Final[Mapping[str, type[Definition]]] = {
    "campaigns": Campaign,
    "creators": Creator,
    "agreements": Agreement,
    "links": Link,
    "rules": RuleDefinition,
    "notifiers": NotifierDefinition,
}
INSTANTS: Final = frozenset({"starts_at", "ends_at", "due_at"})


class Fault(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong, where it stands, and what would be right."""

    file: str
    line: int
    column: int
    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.field}: {self.problem}"


class FaultyDefinitions(ValueError):
    """Files with faults; nothing of them was used. `faults` has them all, in the order of the files."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class Read(msgspec.Struct, frozen=True):
    """A definition and where it was written."""

    definition: Definition
    place: Place


def kind_of(definition: Definition) -> DefinitionKind:
    """The kind of a definition, as in its tag."""
    tag = type(definition).__struct_config__.tag
    assert tag in get_args(DefinitionKind)
    return tag  # type: ignore[return-value]


def key_of(definition: Definition) -> Key:
    return kind_of(definition), definition.id


Fits = Callable[[Definition], Problems]
"""What is wrong with a definition beside what is installed: tracker.definitions.fitting."""


def read(files: Iterable[Path], known: Mapping[Key, Definition] = {}, fits: Fits = lambda _: ()) -> list[Definition]:
    """Read and check files against each other, what is `known`, and what is installed. Raises FaultyDefinitions."""
    faults: list[Fault] = []
    documents: list[Document] = []
    for path in files:
        try:
            documents += read_file(path)
        except YamlFault as fault:
            faults.append(_fault(fault.place, "file", fault.problem))
        except OSError as error:
            faults.append(Fault(str(path), 1, 1, "file", f"cannot be read: {error.strerror}"))
    return _definitions(documents, faults, known, fits)


def read_body(
    raw: bytes, name: str, known: Mapping[Key, Definition] = {}, fits: Fits = lambda _: ()
) -> list[Definition]:
    """The same of one body; faults are told under `name`. Raises FaultyDefinitions."""
    faults: list[Fault] = []
    documents: list[Document] = []
    try:
        documents += read_bytes(raw, name)
    except YamlFault as fault:
        faults.append(_fault(fault.place, "file", fault.problem))
    return _definitions(documents, faults, known, fits)


def _definitions(
    documents: Iterable[Document], faults: list[Fault], known: Mapping[Key, Definition], fits: Fits
) -> list[Definition]:
    found: dict[Key, Read] = {}
    for document in documents:
        _document(document, found, faults)
    if not faults:
        everything = {**known, **{key: entry.definition for key, entry in found.items()}}
        owners = account_owners(everything.values())
        for entry in found.values():
            for field, problem in (*problems(entry.definition, everything, owners), *fits(entry.definition)):
                faults.append(_fault(entry.place, field, problem))
    if faults:
        raise FaultyDefinitions(sorted(faults))
    return [entry.definition for entry in found.values()]


def _fault(place: Place, field: str, problem: str) -> Fault:
    return Fault(place.file, place.line, place.column, field, problem)


def _document(document: Document, found: dict[Key, Read], faults: list[Fault]) -> None:
    if document.data is None:
        return
    if not isinstance(document.data, dict):
        faults.append(_fault(document.place(()), "file", f"expected sections: {', '.join(SECTIONS)}"))
        return
    for section, entries in document.data.items():
        kind = SECTIONS.get(section)
        place = document.key_place((section,))
        if kind is None:
            faults.append(_fault(place, section, f"no such section{did_you_mean(section, SECTIONS)}"))
        elif not isinstance(entries, list):
            faults.append(_fault(place, section, "expected a list: each entry begins with `- id: …`"))
        else:
            for i, entry in enumerate(entries):
                _entry(document, (section, i), kind, entry, found, faults)


def _entry(
    document: Document,
    path: KeyPath,
    kind: type[Definition],
    entry: Plain,
    found: dict[Key, Read],
    faults: list[Fault],
) -> None:
    place = document.place(path)
    if not isinstance(entry, dict):
        faults.append(_fault(place, f"{path[0]}[{path[1]}]", "expected a mapping with at least `id`"))
        return
    before = len(faults)
    values = _struct(document, path, kind, entry, faults)
    if len(faults) > before:
        return
    definition = kind(**values)
    if (half := _half_character(definition)) is not None:
        faults.append(_fault(place, half, "holds half a surrogate pair (\\ud800 to \\udfff), which is no character"))
        return
    key = key_of(definition)
    if key in found:
        faults.append(_fault(place, "id", f"{key[0]} `{key[1]}` is also defined at {found[key].place}"))
    found[key] = Read(definition, place)


def _half_character(definition: Definition) -> str | None:
    """The field that holds what cannot be written as UTF-8: JSON and YAML may escape half of a surrogate pair."""
    for name in definition.__struct_fields__:
        try:
            msgspec.json.encode(getattr(definition, name))
        except UnicodeEncodeError:
            return name
    return None


def _struct(
    document: Document,
    path: KeyPath,
    kind: type[msgspec.Struct],
    entry: dict[str, Plain],
    faults: list[Fault],
) -> dict[str, Any]:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    for name, value in entry.items():
        where = (*path, name)
        if name not in fields:
            faults.append(_fault(document.key_place(where), name, f"no such field{did_you_mean(name, fields)}"))
            continue
        try:
            ready = _instant(value) if name in INSTANTS else value
            values[name] = msgspec.convert(ready, fields[name].type)
        except ValueError as error:
            faults.append(_fault(document.place(_deeper(where, str(error))), name, _words(str(error), ready_of(value))))
    for name, field in fields.items():
        if field.required and name not in entry:
            faults.append(_fault(document.place(path), name, "is missing and has no default"))
    return values


def ready_of(value: Plain) -> str:
    """How a refused value is shown: short, as written."""
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _deeper(path: KeyPath, message: str) -> KeyPath:
    """The path in a msgspec message (`… - at `$[0].platform``) added to ours."""
    _, _, tail = message.partition("`$")
    for part in tail.rstrip("`").replace("[", ".").replace("]", "").split("."):
        if part:
            path = (*path, int(part) if part.isdigit() else part)
    return path


PATTERNS: Final[Mapping[str, str]] = {
    "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$": "a short name of letters, digits, `_`, `.` and `-`",
    "^[a-z][a-z0-9_]{0,31}$": "a platform's name in lower case, such as instagram",
    r"^https?://[^\s]+$": "an address that begins with http:// or https://",
    r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,9})?$": 'a decimal in quotes such as "0.03"',
    r"^[a-z]+\.[a-z][a-z0-9_]*$": "a rule's name such as engagement.below_target",
}
"""What a pattern of tracker.domain.definitions asks for, in words."""


def _words(message: str, value: str) -> str:
    problem, _, tail = message.partition(" - at `$")
    for pattern, wanted in PATTERNS.items():
        problem = problem.replace(f"`str` matching regex {pattern!r}", wanted)
    inner = tail.rstrip("`").lstrip(".")
    return f"{problem[0].lower()}{problem[1:]}{f' (at {inner})' if inner else ''}; got `{value}`"


def _instant(value: Plain) -> int:
    """An instant written as ISO 8601 with an offset, in ms."""
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is not None and at.tzinfo is not None:
            return round(at.timestamp() * 1000)
        if at is not None:
            raise ValueError("Expected a time with its offset, such as 2026-11-01T00:00:00+09:00")
    raise ValueError("Expected a date and time with an offset, such as 2026-11-01T00:00:00+09:00")
