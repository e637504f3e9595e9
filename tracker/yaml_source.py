"""YAML with its places: plain data, and for every value the line and column where it stands.

1. What comes out is JSON's data model: mappings with string keys, lists, strings, ints, bools, None. No dates, no
   floats beyond finite ones, no tags: a YAML file cannot make objects.
2. A key given twice is an error, not a silent last one.
3. Size and depth are bounded; aliases are refused (a few lines of them can stand for gigabytes).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import yaml
from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_BYTES = 10_000_000
MAX_DEPTH = 30

Plain = dict[str, "Plain"] | list["Plain"] | str | int | float | bool | None
KeyPath = tuple[str | int, ...]


class Place(Struct, frozen=True):
    """Where something stands: file, line and column, counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class YamlFault(ValueError):
    """A file that cannot be read as data. `place` says where."""

    def __init__(self, place: Place, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


class Document(Struct, frozen=True):
    """One YAML document: its data, and the place of each value by its path."""

    data: Plain
    places: dict[KeyPath, Place]
    keys: dict[KeyPath, Place]
    file: str

    def key_place(self, path: KeyPath) -> Place:
        """The place of the key at the end of a path; of a list's item, the item itself."""
        return self.keys.get(path) or self.place(path)

    def place(self, path: KeyPath) -> Place:
        """The place of a path, or of the nearest thing around it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(self.file, 1, 1))


class _Loader(yaml.SafeLoader):
    """SafeLoader without dates: `2026-11-01` stays the text that was written."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the library's own class attribute
        first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read_file(path: Path) -> list[Document]:
    """All documents of a file. Raises YamlFault; OSError where the file cannot be opened."""
    return read_bytes(path.read_bytes(), str(path))


def read_bytes(raw: bytes, file: str) -> list[Document]:
    """All documents of what a file (or a body) holds; `file` is the name used in places. Raises YamlFault."""
    if len(raw) > MAX_BYTES:
        raise YamlFault(Place(file, 1, 1), f"{len(raw)} bytes; a file has at most {MAX_BYTES}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise YamlFault(Place(file, line, 1), "not UTF-8 text; save the file as UTF-8") from error
    return list(read_text(text, file))


def read_text(text: str, file: str) -> Iterator[Document]:
    """All documents of a text; `file` is the name used in places. Raises YamlFault."""
    loader = None
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None
            reading = _Reading(loader, file)
            data = reading.plain(node, ())
            yield Document(data, reading.places, reading.keys, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        raise YamlFault(place, error.problem or "not YAML") from error
    except yaml.reader.ReaderError as error:
        raise YamlFault(
            Place(file, text[: error.position].count("\n") + 1, 1), "a character YAML does not allow"
        ) from error
    except RecursionError as error:
        raise YamlFault(Place(file, 1, 1), f"nested deeper than {MAX_DEPTH} levels") from error
    finally:
        if loader is not None:
            loader.dispose()


class _Reading:
    """One document on its way from nodes to data."""

    def __init__(self, loader: _Loader, file: str) -> None:
        self._loader = loader
        self._file = file
        self._seen: set[int] = set()
        self.places: dict[KeyPath, Place] = {}
        self.keys: dict[KeyPath, Place] = {}

    def plain(self, node: Node, path: KeyPath) -> Plain:
        place = self._place(node)
        if len(path) > MAX_DEPTH:
            raise YamlFault(place, f"nested deeper than {MAX_DEPTH} levels")
        if id(node) in self._seen:
            raise YamlFault(place, "an alias (*name): write the value out")
        self._seen.add(id(node))
        self.places[path] = place
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.plain(item, (*path, i)) for i, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self._scalar(node, place)

    def _place(self, node: Node) -> Place:
        return Place(self._file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Plain]:
        data: dict[str, Plain] = {}
        for key_node, value_node in node.value:
            place = self._place(key_node)
            if not isinstance(key_node, ScalarNode):
                raise YamlFault(place, "a key must be a plain word")
            key = str(key_node.value)
            if key in data:
                raise YamlFault(place, f"`{key}` stands twice in one mapping")
            self.keys[*path, key] = place
            data[key] = self.plain(value_node, (*path, key))
        return data

    def _scalar(self, node: ScalarNode, place: Place) -> Plain:
        try:
            value = self._loader.construct_object(node)
        except (yaml.MarkedYAMLError, ValueError) as error:
            raise YamlFault(place, f"`{node.value}` cannot be read as a plain value") from error
        if isinstance(value, float) and not math.isfinite(value):
            raise YamlFault(place, f"`{node.value}` is not a number that can be counted with")
        if value is None or isinstance(value, (str, int, float, bool)):
            return value
        raise YamlFault(place, f"`{node.value}` cannot be read as a plain value")
