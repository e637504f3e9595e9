"""JSON Schemas and examples of every event and alert, made from the types; and the AsyncAPI document of the topics.

`python -m tracker.codec.schemas schemas/` writes `events/<type>.schema.json` and `examples/<type>.json` there, what
belongs to alerts under `alerts/`, and `asyncapi.yaml`. Examples of what earlier code wrote stand under `examples/v<n>/`
and, with the schemas of then, under `released/<n>/`; they are never written again: today's code must read them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from tracker.codec import alert_schemas, asyncapi
from tracker.codec.events import encode
from tracker.codec.examples import examples
from tracker.domain.events import AnyEvent, Event

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_USAGE = "usage: python -m tracker.codec.schemas DIRECTORY"
_ENVELOPE = {
    "type": "What happened.",
    "id": "Identifies the event, together with `source`. A repeat of ours has the same.",
    "source": "By which door the statement came.",
    "specversion": "Of CloudEvents.",
    "schemaversion": "Of the fact in `data`. Readers refuse one that they do not know.",
    "data": "The fact.",
}
"""What the fields of the envelope mean; the facts' own meanings are the docstrings of their types."""


def event_types() -> dict[str, type[Event]]:
    """Every event type by its name on the wire."""
    return {str(kind.__struct_config__.tag): kind for kind in get_args(AnyEvent)}


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one event, envelope included. Raises KeyError for a type that is none."""
    kind = event_types()[name]
    (root,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    envelope = components.pop(root["$ref"].rpartition("/")[2])
    data = components[envelope["properties"]["data"]["$ref"].rpartition("/")[2]]
    envelope["properties"] = {
        field: {**about, "description": _ENVELOPE[field]} for field, about in envelope["properties"].items()
    }
    return {
        "$schema": DIALECT,
        "$id": f"urn:tracker:event:{name}:1",
        **envelope,
        "title": name,
        "description": data["description"],
        "$defs": dict(sorted(components.items())),
    }


def files() -> Mapping[str, bytes]:
    """What belongs into the directory of schemas for events, by path below it."""
    made = {f"events/{name}.schema.json": _pretty(schema(name)) for name in event_types()}
    for name, events in examples().items():
        made[f"examples/{name}.json"] = _pretty([msgspec.json.decode(encode(event)) for event in events])
    return made


def everything() -> Mapping[str, bytes]:
    """All that is made and belongs into the directory of schemas, by path below it."""
    alerts = {name: _pretty(value) for name, value in alert_schemas.files().items()}
    return {**files(), **alerts, "asyncapi.yaml": asyncapi.text().encode()}


def write(directory: Path) -> list[str]:
    """Write what is missing or different; which paths those were."""
    written = []
    for name, content in everything().items():
        path = directory / name
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written.append(name)
    return written


def main(arguments: Iterable[str]) -> int:
    """Write the files into the directory named; the exit code."""
    match list(arguments):
        case [directory]:
            written = write(Path(directory))
            sys.stdout.write("".join(f"{name}\n" for name in written) or "nothing changed\n")
            return 0
        case _:
            sys.stderr.write(f"{_USAGE}\n")
            return 2


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
