"""tracker validate | apply | get | delete: definitions in YAML, in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.markup import escape

from tracker import wiring
from tracker.cli import common
from tracker.clock import now_ms
from tracker.definitions import book as books
from tracker.definitions import writing
from tracker.definitions.reading import INSTANTS, FaultyDefinitions, read
from tracker.definitions.references import Key, did_you_mean
from tracker.domain.definitions import AccountRef, Definition, DefinitionKind
from tracker.settings import Settings

KINDS: tuple[DefinitionKind, ...] = tuple(kind for kind in get_args(DefinitionKind) if kind != "token")
"""What stands in files. Tokens have a command of their own."""
SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red"), "same": ("=", "dim")}
Files = Annotated[list[Path], typer.Argument(help="YAML files, read and checked together.", metavar="FILE")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
Names = Annotated[list[str], typer.Argument(help="What, as kind/id: campaign/spring, link/hana1 …", metavar="KIND/ID")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel="Definitions")(validate)
    app.command(rich_help_panel="Definitions")(apply)
    app.command(rich_help_panel="Definitions")(get)
    app.command(rich_help_panel="Definitions")(delete)


def validate(files: Files) -> None:
    """Check definition files, without changing anything and without a server.

    Every fault is reported as FILE:LINE:COLUMN with the field and what would be right. Exit code 1 if there is any.

    Example:  tracker validate campaigns/*.yaml
    """
    definitions = _read(files, {})
    common.out.print(
        f"{common.counted(len(definitions), 'definition')} in {common.counted(len(files), 'file')}: all good."
    )


def apply(context: typer.Context, files: Files, *, dry_run: DryRun = False) -> None:
    """Make definitions so: show what differs from the book, then write and broadcast it.

    Applying the same files again changes nothing. What is not in the files is left alone.

    Example:  tracker apply spring.yaml --dry-run  ·  tracker apply spring.yaml
    """
    settings = common.settings(context)
    book = wiring.read_book(settings, common.countdown("Kafka"))
    steps = books.plan(book, _read(files, books.standing(book)))
    _show(steps)
    if dry_run:
        _foretell(steps)
    else:
        written = asyncio.run(_write(settings, steps))
        same = [book[step.key] for step in steps if step.action == "same"]
        completed = asyncio.run(wiring.complete_broadcasts(settings, same))
        _sum_up(steps, written, completed)


def get(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(help="kind or kind/id; nothing: all.", metavar="KIND[/ID]")
    ] = None,
) -> None:
    """Print definitions as YAML, in the form that `apply` reads.

    Example:  tracker get > backup.yaml  ·  tracker get campaign/spring  ·  tracker get links
    """
    asked = [_asked(name) for name in names or KINDS]
    standing = books.standing(wiring.read_book(common.settings(context), common.countdown("Kafka")))
    wanted = {key for kind, id in asked for key in _found(kind, id, standing)}
    typer.echo(writing.to_yaml(definition for key, definition in standing.items() if key in wanted), nl=False)


def delete(context: typer.Context, names: Names, *, dry_run: DryRun = False) -> None:
    """Delete definitions. What others still name is not deleted alone.

    Posts and orders that were counted because of them are counted back at once; nothing in the log is lost, and
    applying the definition again counts them again.

    Example:  tracker delete agreement/spring-hana campaign/spring
    """
    keys = [_key(name) for name in names]
    settings = common.settings(context)
    steps = books.plan_deletion(wiring.read_book(settings, common.countdown("Kafka")), keys)
    _show(steps)
    if dry_run:
        _foretell(steps)
    else:
        _sum_up(steps, asyncio.run(_write(settings, steps)), 0)


async def _write(settings: Settings, steps: Sequence[books.Step]) -> int:
    from tracker.definitions import registry

    async with wiring.publisher(settings) as publisher:
        written = await registry.write(publisher, wiring.topics(settings), steps, at=now_ms(), told=lambda step: None)
    return len(written)


def _read(files: Sequence[Path], known: dict[Key, Definition]) -> list[Definition]:
    try:
        return read(files, known, wiring.fitting().problems)
    except FaultyDefinitions as error:
        for fault in error.faults:
            common.err.print(f"[red]✗[/] {escape(str(fault))}")
        common.err.print(f"{common.counted(len(error.faults), 'fault')}; nothing was changed.")
        raise typer.Exit(1) from None


def _asked(name: str) -> tuple[DefinitionKind, str | None]:
    """`campaign/spring`, or a kind alone: all of it. Raises BadParameter."""
    kind, slash, id = name.partition("/")
    for known in KINDS:
        if kind in (known, f"{known}s"):
            return known, id if slash else None
    raise typer.BadParameter(f"`{name}`: no such kind{did_you_mean(kind, KINDS)}")


def _key(name: str) -> Key:
    kind, _, id = name.partition("/")
    if not id:
        raise typer.BadParameter(f"`{name}`: write kind/id, as in campaign/{kind}. Kinds: {', '.join(KINDS)}")
    return _asked(name)[0], id


def _found(kind: DefinitionKind, id: str | None, standing: Mapping[Key, Definition]) -> list[Key]:
    if id is None:
        return [key for key in standing if key[0] == kind]
    if (kind, id) not in standing:
        raise books.NoSuchDefinition((kind, id), standing)
    return [(kind, id)]


def _show(steps: Sequence[books.Step]) -> None:
    for step in steps:
        sign, style = SIGNS[step.action]
        common.out.print(f"[{style}]{sign} {step.key[0]}/{escape(step.key[1])}[/]")
        for name, (before, after) in step.fields.items():
            common.out.print(
                f"    {name}: [red]{escape(_short(name, before))}[/] → [green]{escape(_short(name, after))}[/]"
            )


def _short(name: str, value: Any) -> str:
    """A field's value in the words of a definition file."""
    match value:
        case None:
            return "(none)"
        case tuple():
            return ", ".join(_short(name, each) for each in value) or "(none)"
        case AccountRef():
            return f"{value.platform}/{value.account}"
        case int() if name in INSTANTS:
            return writing.instant(value)
        case _:
            return str(value)


def _foretell(steps: Sequence[books.Step]) -> None:
    changing = sum(step.action != "same" for step in steps)
    common.out.print(
        f"Nothing was written (--dry-run): {changing} would change, {len(steps) - changing} are so already."
    )


def _sum_up(steps: Sequence[books.Step], written: int, completed: int) -> None:
    same = sum(step.action == "same" for step in steps)
    common.out.print(
        f"{written} written, {same} unchanged"
        + (f", {common.counted(completed, 'broadcast')} completed." if completed else ".")
    )


__all__ = ["apply", "delete", "get", "register", "validate"]
