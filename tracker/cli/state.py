"""tracker status: lag, rates, cursors, ages, dead letters, plugins."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from tracker import wiring
from tracker.cli import common
from tracker.cli.reading import duration
from tracker.settings import Settings
from tracker.status import Status, look


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel="Operation")(status)


def status(
    context: typer.Context,
    *,
    check: Annotated[
        bool,
        typer.Option("--check", help="For health checks: say nothing, exit 1 if Kafka, Redis or a cursor is wrong."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show how the installation does: where each partition is counted up to, how far behind, how fast, how old.

    Example:  tracker status  ·  tracker status --json | jq .lag  ·  tracker status --check
    """
    settings = common.settings(context)
    seen = asyncio.run(_look(settings, 0.0 if check else 1.0))
    if check:
        raise typer.Exit(1 if seen.foreign else 0)
    if json:
        typer.echo(msgspec.json.encode({**msgspec.to_builtins(seen), "lag": seen.lag}))
        return
    common.out.print(_table(seen, common.now_ms()))
    for info in wiring.plugins().plugins:
        common.out.print(f"plugin {info}: {', '.join(info.platforms) or 'no platform'}")
    for partition in seen.foreign:
        common.out.print(
            f"[red]{partition}: its cursor belongs to another log than the topic there now: tracker rebuild[/]"
        )


async def _look(settings: Settings, over_seconds: float) -> Status:
    logs = await asyncio.to_thread(wiring.checked_logs, settings, common.countdown("Kafka"))
    async with wiring.store(settings, on_wait=common.countdown("Redis")) as store:
        return await look(store, settings.kafka.bootstrap, wiring.topics(settings), logs, over_seconds=over_seconds)


def _table(seen: Status, now: int) -> Table:
    table = Table(
        title=f"view {seen.view}: {seen.lag:,} records behind, {seen.dead:,} dead letters", title_justify="left"
    )
    table.add_column("partition")
    for name in ("counted up to", "log ends at", "behind", "records/s", "newest statement"):
        table.add_column(name, justify="right")
    for each in seen.partitions:
        age = "" if each.observed_at is None else f"{duration(max(0, now - each.observed_at))} ago"
        numbers = (each.cursor.next_offset, each.end, each.lag)
        table.add_row(str(each.partition), *(f"{number:,}" for number in numbers), f"{each.per_second:,.0f}", age)
    return table
