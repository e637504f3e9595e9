"""Settings from a file and the environment, each with where it came from.

1. The environment wins over the file, the file over the default.
2. A name that does not exist, or a value that does not fit, is refused with the place where it was set.
3. Secrets are never shown: `listing` masks them.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from tracker.definitions.references import did_you_mean
from tracker.settings import Settings
from tracker.yaml_source import KeyPath, Plain, YamlFault, read_file

ENVIRONMENT_PREFIX: Final = "TRACKER_"
FILE_VARIABLE: Final = "TRACKER_SETTINGS"
# Names of the environment that begin with the prefix and are no settings.
NOT_SETTINGS: Final = frozenset({FILE_VARIABLE, "TRACKER_TEST_KAFKA"})


_PASSWORD: Final = re.compile(r"(://[^/@\s]*:)[^/@\s]*@")
"""The password in an address, as in redis://user:password@host."""


class BadSettings(ValueError):
    """A setting that cannot be used. `where` is a file's place or the name of a variable."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


class LoadedSettings(msgspec.Struct, frozen=True):
    """Settings, and for each path that was set: by what (a place in a file, or a variable)."""

    settings: Settings
    set_by: Mapping[KeyPath, str]


class Line(msgspec.Struct, frozen=True):
    """One setting as `tracker settings` shows it."""

    name: str
    variable: str
    value: str
    source: str
    meaning: str


def load(environ: Mapping[str, str], file: Path | None = None) -> LoadedSettings:
    """Settings from `file` (else the one that `TRACKER_SETTINGS` names) and `environ`. Raises BadSettings."""
    if file is None and environ.get(FILE_VARIABLE):
        file = Path(environ[FILE_VARIABLE])
    set_by: dict[KeyPath, str] = {}
    data: dict[str, Any] = {} if file is None else _from_file(file, set_by)
    for variable, text in environ.items():
        if variable.startswith(ENVIRONMENT_PREFIX) and variable not in NOT_SETTINGS:
            _from_variable(variable, text, data, set_by)
    try:
        settings = msgspec.convert(data, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise _explained(error, data, set_by) from error
    return LoadedSettings(settings, set_by)


def _from_file(file: Path, set_by: dict[KeyPath, str]) -> dict[str, Any]:
    try:
        documents = read_file(file)
    except OSError as error:
        raise BadSettings(str(file), f"cannot be read: {error.strerror}") from error
    except YamlFault as fault:
        raise BadSettings(str(fault.place), fault.problem) from fault
    if not documents or documents[0].data is None:
        return {}
    data = documents[0].data
    if len(documents) > 1 or not isinstance(data, dict):
        raise BadSettings(str(file), "expected one mapping of settings")
    set_by.update({path: str(place) for path, place in documents[0].places.items() if path})
    return data


def _from_variable(variable: str, text: str, data: dict[str, Any], set_by: dict[KeyPath, str]) -> None:
    path = tuple(part.lower() for part in variable.removeprefix(ENVIRONMENT_PREFIX).split("__"))
    at = data
    for part in path[:-1]:
        inner = at.setdefault(part, {})
        if not isinstance(inner, dict):
            raise BadSettings(variable, f"`{part}` is a value, not a section")
        at = inner
    at[path[-1]] = [item.strip() for item in text.split(",") if item.strip()] if _is_list(path) else text
    set_by[path] = variable


def _is_list(path: KeyPath) -> bool:
    kind: Any = Settings
    for part in path:
        kind = _inner(kind, str(part))
    return get_origin(kind) is tuple


def _inner(kind: Any, name: str) -> Any:
    kind = _bare(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _bare(get_type_hints(kind, include_extras=True).get(name))
    return _bare(get_args(kind)[1]) if get_origin(kind) is dict else None


def _bare(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(arg for arg in get_args(kind) if arg is not type(None))
        return _bare(kind)
    return kind


def _explained(error: msgspec.ValidationError, data: dict[str, Any], set_by: Mapping[KeyPath, str]) -> BadSettings:
    problem, _, tail = str(error).partition(" - at `$")
    path: KeyPath = tuple(part for part in tail.rstrip("`").replace("[", ".").replace("]", "").split(".") if part)
    _, is_unknown, unknown = problem.partition("Object contains unknown field `")
    if is_unknown:
        unknown = unknown.rstrip("`")
        kind: Any = Settings
        for part in path:
            kind = _inner(kind, str(part))
        problem = f"no such setting{did_you_mean(unknown, list(get_type_hints(kind)))}"
        path = (*path, unknown)
    where = next((set_by[path[:n]] for n in range(len(path), 0, -1) if path[:n] in set_by), None)
    where = where or next((by for at, by in set_by.items() if at[: len(path)] == path), "settings")
    return BadSettings(where, f"{'.'.join(map(str, path))}: {problem}")


def listing(loaded: LoadedSettings) -> list[Line]:
    """Every setting with its value, source and meaning; secrets masked."""
    return list(_lines(Settings, loaded.settings, (), loaded.set_by))


def _lines(
    kind: type[msgspec.Struct], value: msgspec.Struct, path: KeyPath, set_by: Mapping[KeyPath, str]
) -> Iterator[Line]:
    for name, hint in get_type_hints(kind, include_extras=True).items():
        at = (*path, name)
        here = getattr(value, name)
        bare = _bare(hint)
        if isinstance(here, msgspec.Struct):
            yield from _lines(type(here), here, at, set_by)
        elif get_origin(bare) is dict and here and isinstance(next(iter(here.values())), msgspec.Struct):
            for key, inner in here.items():
                yield from _lines(type(inner), inner, (*at, key), set_by)
        else:
            yield _line(at, hint, here, set_by)


def _line(path: KeyPath, hint: Any, value: Any, set_by: Mapping[KeyPath, str]) -> Line:
    metas = (
        [meta for meta in get_args(hint)[1:] if isinstance(meta, msgspec.Meta)] if get_origin(hint) is Annotated else []
    )
    meaning = next((meta.description for meta in metas if meta.description), "")
    shown = _masked(value) if "(secret)" in meaning else _shown(value)
    source = next((set_by[path[:n]] for n in range(len(path), 0, -1) if path[:n] in set_by), "default")
    variable = ENVIRONMENT_PREFIX + "__".join(map(str, path)).upper()
    return Line(".".join(map(str, path)), variable, shown, source, meaning)


def _masked(value: Any) -> str:
    if not value:
        return "(none)"
    return f"({len(value)} set)" if isinstance(value, (tuple, dict)) else "(set)"


def _shown(value: Plain | tuple[Any, ...]) -> str:
    if value is None or value in ((), {}):
        return "(none)"
    if isinstance(value, tuple):
        return ", ".join(
            " ".join(f"{f}={getattr(item, f)}" for f in item.__struct_fields__)
            if isinstance(item, msgspec.Struct)
            else str(item)
            for item in value
        )
    return str(value).lower() if isinstance(value, bool) else _PASSWORD.sub(r"\1…@", str(value))
