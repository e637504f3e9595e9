"""tracker dead list | show | replay: what could not be processed, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from tracker import wiring
from tracker.cli import common
from tracker.codec.dead import DeadLetter
from tracker.settings import Settings

dead = typer.Typer(no_args_is_help=True, help="Dead letters: what could not be processed, why, and the way back.")
Ids = Annotated[list[str] | None, typer.Argument(help="Ids of letters, from `tracker dead list`.", metavar="ID")]
_SHOWN_BYTES = 4_000


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(dead, name="dead", rich_help_panel="Operation")


@dead.command("list")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    reason: Annotated[str | None, typer.Option(help="Only letters whose reason contains this.")] = None,
) -> None:
    """List dead letters, the newest last: where each record stood, and why it was refused.

    Example:  tracker dead list --reason "no plugin"
    """
    letters = [each for each in _read(common.settings(context)) if reason is None or reason in each.origin.reason]
    shown = f", the newest {limit}" if len(letters) > limit else ""
    common.out.print(f"{common.counted(len(letters), 'dead letter')}{shown}")
    for letter in letters[-limit:]:
        origin = letter.origin
        common.out.print(f"\n[bold]{letter.id}[/]  {_time(origin.at)}  {letter.where}  by {escape(origin.refused_by)}")
        common.out.print(f"  [red]{escape(origin.reason)}[/]")


@dead.command()
def show(context: typer.Context, id: Annotated[str, typer.Argument(help="Id of a letter.", metavar="ID")]) -> None:
    """Show one letter: reason, coordinates, headers and the original bytes.

    Example:  tracker dead show inbox-3-1204-ab12cd
    """
    (letter,) = _chosen(_read(common.settings(context)), [id])
    origin = letter.origin
    common.out.print(
        f"{letter.id}: {letter.where}, log {origin.log}, refused by {origin.refused_by} at {_time(origin.at)}"
    )
    common.out.print(f"[red]{escape(origin.reason)}[/]")
    for name, content in letter.headers:
        common.out.print(f"header {escape(name)}: {escape(_text(content))}")
    common.out.print(f"key: {escape(_text(letter.key or b''))}")
    common.out.print(escape(_text(letter.value or b"")))


@dead.command()
def replay(
    context: typer.Context,
    ids: Ids = None,
    *,
    reason: Annotated[str | None, typer.Option(help="All letters whose reason contains this.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All letters.")] = False,
) -> None:
    """Put letters back where they came from, untouched: after a fixed plugin, they are read anew.

    A raw payload goes back to the inbox, an event to its own partition. What was counted already is not counted twice.

    Example:  tracker dead replay inbox-3-1204-ab12cd  ·  tracker dead replay --reason "no plugin"
    """
    if not ids and reason is None and not everything:
        raise typer.BadParameter("name letters by id, or choose them with --reason TEXT or --all")
    settings = common.settings(context)
    letters = _read(settings)
    chosen = (
        _chosen(letters, ids) if ids else [each for each in letters if reason is None or reason in each.origin.reason]
    )
    asyncio.run(_replay(settings, chosen))
    common.out.print(f"{common.counted(len(chosen), 'letter')} put back.")


async def _replay(settings: Settings, letters: Sequence[DeadLetter]) -> None:
    from tracker.dead_letters import replay_letters

    async with wiring.publisher(settings) as publisher:
        await replay_letters(publisher, letters)


def _read(settings: Settings) -> list[DeadLetter]:
    from tracker.dead_letters import read_letters

    wiring.checked_logs(settings, common.countdown("Kafka"))
    return asyncio.run(read_letters(settings.kafka.bootstrap, wiring.topics(settings)))


def _chosen(letters: Iterable[DeadLetter], ids: Sequence[str]) -> list[DeadLetter]:
    by_id = {letter.id: letter for letter in letters}
    unknown = [id for id in ids if id not in by_id]
    if unknown:
        raise common.Impossible(f"no dead letter {', '.join(unknown)}: see `tracker dead list`")
    return [by_id[id] for id in ids]


def _text(content: bytes) -> str:
    """Bytes for a terminal: text where they are text, escapes elsewhere, never control characters."""
    cut = content[:_SHOWN_BYTES]
    text = cut.decode("utf-8", "backslashreplace")
    safe = "".join(each if each.isprintable() or each == "\n" else f"\\x{ord(each):02x}" for each in text)
    return safe + (f"… ({len(content)} bytes)" if len(content) > _SHOWN_BYTES else "")


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
