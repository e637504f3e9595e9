"""The reference pages that are made from the program itself: settings, commands, events.

`python -m tracker.cli.reference docs/reference` writes them; tests/architecture/test_reference.py fails where they
differ.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import typer

from tracker.domain import events
from tracker.settings import CadenceStep, HookSource, PlatformSettings, Settings
from tracker.settings_load import LoadedSettings, listing

LEFT_OUT = frozenset({"help", "install_completion", "show_completion"})
MADE = "<!-- Made by `make docs` from the program. Do not edit. -->\n"


def pages() -> Mapping[str, str]:
    """Every generated page by its file name."""
    return {"settings.md": settings_page(), "cli.md": cli_page(), "events.md": events_page()}


def settings_page() -> str:
    """All settings with defaults and meanings."""
    lines = [
        "# Settings",
        MADE,
        "The environment wins over the file (`--settings FILE`, or the one that `TRACKER_SETTINGS` names), the file",
        "over the default. Lists in a variable are parted by commas. `tracker settings` shows each value and source.",
        "",
        "| Setting | Variable | Default | Meaning |",
        "|---|---|---|---|",
    ]
    everything = LoadedSettings(Settings(), {})
    lines += [
        f"| `{line.name}` | `{line.variable}` | {_cell(line.value)} | {line.meaning} |" for line in listing(everything)
    ]
    for title, kind in (
        ("`platforms.<platform>.…`", PlatformSettings),
        ("`platforms.<platform>.sources.<source>.…`", HookSource),
        ("Each of `cadence.steps`", CadenceStep),
    ):
        lines += ["", f"## {title}", "", (inspect.getdoc(kind) or ""), "", "| Setting | Meaning |", "|---|---|"]
        for name, hint in get_type_hints(kind, include_extras=True).items():
            meaning = next(
                (m.description for m in get_args(hint)[1:] if isinstance(m, msgspec.Meta) and m.description), ""
            )
            lines.append(f"| `{name}` | {meaning} |")
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """All commands with their help."""
    from tracker.cli.app import app

    root = typer.main.get_command(app)
    lines = [
        "# Commands",
        MADE,
        "Exit codes: 0 done; 1 the answer is no (a fault in a file, a difference in an audit);",
    ]
    lines += ["2 it could not be done, and the message says why and what to do.", ""]
    for name, command in _commands(root, "tracker"):
        lines += [f"## `{name}`", "", _prose(command.help or ""), ""]
        lines += [_parameter(parameter) for parameter in command.params if parameter.name not in LEFT_OUT]
        lines.append("")
    return "\n".join(lines)


def _parameter(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    name = (
        " / ".join([*parameter.opts, *parameter.secondary_opts]) if is_option else parameter.metavar or parameter.name
    )
    return f"- `{name}`: {_prose(getattr(parameter, 'help', None) or '')}"


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    yield name, command
    for inner_name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from _commands(inner, f"{name} {inner_name}")


def _prose(text: str) -> str:
    return re.sub(r"\[/?[a-z]*\]", "", inspect.cleandoc(text)).strip()


def events_page() -> str:
    """All events with their fields."""
    lines = [
        "# Events",
        MADE,
        _prose(inspect.getdoc(events) or ""),
        "",
        "JSON Schemas and examples: `schemas/`. Every event's envelope:",
        "",
        "```json",
        '{"type": "…", "id": "…", "source": "webhook | poll | import | simulate", "specversion": "1.0",',
        ' "schemaversion": 1, "data": {…}}',
        "```",
    ]
    common = set(get_type_hints(events.Fact))
    lines += ["", "Every `data` has:", "", *_fields(events.Fact, set())]
    for event in get_args(events.AnyEvent):
        fact = get_type_hints(event)["data"]
        lines += ["", f"## `{event.__struct_config__.tag}`", "", inspect.getdoc(fact) or "", "", *_fields(fact, common)]
    return "\n".join(lines) + "\n"


def _fields(fact: type[msgspec.Struct], leave_out: set[str]) -> list[str]:
    rows = [
        f"| `{field.name}` | {_cell(_type(field.type))} | {'yes' if field.required else 'no'} |"
        for field in msgspec.structs.fields(fact)
        if field.name not in leave_out
    ]
    return ["| Field | Type | Required |", "|---|---|---|", *rows] if rows else ["(nothing more)"]


def _type(kind: Any) -> str:
    schema = msgspec.json.schema(kind)
    return _schema(schema, schema.get("$defs", {}))


def _schema(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        return "[log, partition, offset, index]" if name == "Origin" else name.lower()
    if "anyOf" in schema:
        return " or ".join(_schema(each, defs) for each in schema["anyOf"] if each.get("type") != "null")
    if "enum" in schema:
        return " | ".join(f"`{each}`" for each in schema["enum"] if each is not None)
    limits = [f"{word} {schema[key]}" for key, word in (("minimum", "≥"), ("maximum", "≤")) if key in schema]
    about = schema.get("description") or schema.get("pattern")
    kind = schema.get("type", "anything")
    return f"{kind}{' ' + ', '.join(limits) if limits else ''}{f' ({about})' if about else ''}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write the pages into the directory that is named."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
