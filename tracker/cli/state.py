"""tracker status: lag, rates, cursors, ages, dead letters, plugins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from tracker import wiring
from tracker.cli import common
from tracker.cli.tables import duration
from tracker.clock import now_ms
from tracker.settings import Settings

if TYPE_CHECKING:
    from tracker.status import Status


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
    partitions: Annotated[bool, typer.Option("--partitions", help="A line for each partition.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show how the installation does: how far each stage is counted, how far behind, how fast, how old.

    Example:  tracker status  ·  tracker status --json | jq .lag  ·  tracker status --check
    """
    settings = common.settings(context)
    seen = asyncio.run(_look(settings, 0.0 if check else 1.0))
    if check:
        raise typer.Exit(1 if seen.foreign else 0)
    if json:
        typer.echo(msgspec.json.encode({**msgspec.to_builtins(seen), "lag": seen.lag}))
        return
    rows = _each(seen) if partitions else _by_stage(seen)
    common.out.print(
        f"view {seen.view}: {common.counted(seen.lag, 'record')} behind, {common.counted(seen.dead, 'dead letter')}"
    )
    common.out.print(_table(rows, now_ms()))
    for info in wiring.plugins().plugins:
        common.out.print(f"plugin {info}: {', '.join(info.platforms) or 'no platform'}")
    for partition in seen.foreign:
        common.out.print(
            f"[red]{escape(str(partition))}: its cursor is of another log than the topic there now: tracker rebuild[/]"
        )


async def _look(settings: Settings, over_seconds: float) -> Status:
    from tracker.status import look

    logs = await asyncio.to_thread(wiring.checked_logs, settings, common.countdown("Kafka"))
    async with wiring.store(settings, on_wait=common.countdown("Redis")) as store:
        return await look(store, settings.kafka.bootstrap, wiring.topics(settings), logs, over_seconds=over_seconds)


class _Row(msgspec.Struct, frozen=True):
    """A line of the table. `observed_at`: the newest statement (ms), None where there is none."""

    name: str
    counted: int
    end: int
    lag: int
    per_second: float
    observed_at: int | None


def _each(seen: Status) -> list[_Row]:
    return [
        _Row(str(each.partition), each.cursor.next_offset, each.end, each.lag, each.per_second, each.observed_at)
        for each in seen.partitions
    ]


def _by_stage(seen: Status) -> list[_Row]:
    rows = []
    for stage in dict.fromkeys(each.partition.stage for each in seen.partitions):
        of_it = [each for each in seen.partitions if each.partition.stage == stage]
        rows.append(
            _Row(
                f"{stage}[0-{len(of_it) - 1}]",
                sum(each.cursor.next_offset for each in of_it),
                sum(each.end for each in of_it),
                sum(each.lag for each in of_it),
                sum(each.per_second for each in of_it),
                max((each.observed_at for each in of_it if each.observed_at is not None), default=None),
            )
        )
    return rows


def _table(rows: Sequence[_Row], now: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in ("counted", "in the log", "behind", "per s", "newest"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        age = "" if row.observed_at is None else f"{duration(max(0, now - row.observed_at))} ago"
        table.add_row(row.name, f"{row.counted:,}", f"{row.end:,}", f"{row.lag:,}", f"{row.per_second:,.0f}", age)
    return table
