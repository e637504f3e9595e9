"""Definitions back to YAML, in the form that `tracker apply` reads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import yaml

from tracker.definitions.reading import INSTANTS, SECTIONS
from tracker.domain.definitions import Definition


def to_yaml(definitions: Iterable[Definition]) -> str:
    """A file that applies to just these definitions; times in UTC, what is at its default left out."""
    sections: dict[str, list[dict[str, Any]]] = {}
    names = {kind: section for section, kind in SECTIONS.items()}
    for definition in sorted(definitions, key=lambda d: (list(SECTIONS).index(names[type(d)]), d.id)):
        sections.setdefault(names[type(definition)], []).append(_entry(definition))
    return yaml.safe_dump(sections, allow_unicode=True, sort_keys=False, width=100) if sections else ""


def _entry(definition: Definition) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(definition)
    del plain["kind"]
    rest = {
        name: instant(value) if name in INSTANTS else _lists(value) for name, value in plain.items() if name != "id"
    }
    return {"id": plain["id"], **rest}


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, (tuple, list)) else value


def instant(ms: int) -> str:
    """An instant (ms since the epoch) as a definition file has it."""
    return (
        datetime.fromtimestamp(ms / 1000, UTC)
        .isoformat(timespec="milliseconds" if ms % 1000 else "seconds")
        .replace("+00:00", "Z")
    )
