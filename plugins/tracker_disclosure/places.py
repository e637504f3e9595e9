"""A pack's YAML as plain data, with the line of every value, so that an error can say where."""

from __future__ import annotations

from typing import Any

import yaml
from msgspec import Struct
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_DEPTH = 20

Path = tuple[str | int, ...]


class PackFault(ValueError):
    """A pack that cannot be used. `file` and `line` say where, `problem` what."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}. No pack was loaded: correct the file, or uninstall its package.")
        self.file = file
        self.line = line
        self.problem = problem


class Data(Struct, frozen=True):
    """What a file holds, and the line (from 1) on which each value stands, by its path."""

    value: Any
    lines: dict[Path, int]
    file: str

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _Loader(yaml.SafeLoader):
    """SafeLoader without dates: `2026-01-07` stays the text that was written."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the library's own class attribute
        first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read(text: str, file: str) -> Data:
    """The one document of a text. Raises PackFault: no YAML, a key given twice, an alias, too deep."""
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise PackFault(file, 1, "the file is empty")
        lines: dict[Path, int] = {}
        return Data(_Reading(loader, file, lines).plain(node, ()), lines, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PackFault(file, mark.line + 1 if mark else 1, error.problem or "not YAML") from error
    except yaml.reader.ReaderError as error:
        raise PackFault(file, text[: error.position].count("\n") + 1, "a character that YAML does not allow") from error
    except RecursionError as error:
        raise PackFault(file, 1, f"more than {MAX_DEPTH} levels") from error
    finally:
        if loader is not None:
            loader.dispose()


class _Reading:
    def __init__(self, loader: _Loader, file: str, lines: dict[Path, int]) -> None:
        self._loader = loader
        self._file = file
        self._lines = lines
        self._seen: set[int] = set()

    def plain(self, node: Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        if id(node) in self._seen or len(path) > MAX_DEPTH:
            raise PackFault(
                self._file, line, f"an alias (*name), or more than {MAX_DEPTH} levels: write it out, plainly"
            )
        self._seen.add(id(node))
        self._lines[path] = line
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.plain(item, (*path, number)) for number, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self._loader.construct_object(node)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in data:
                raise PackFault(self._file, line, f"`{key}` stands twice in one mapping")
            data[key] = self.plain(value_node, (*path, key))
            self._lines[*path, key] = line
        return data
