"""tracker audit | rebuild: prove the counters, or make them anew."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tracker import wiring
from tracker.cli import common
from tracker.settings import Settings
from tracker.store.base import Partition

if TYPE_CHECKING:
    from tracker.audit import Report
    from tracker.stream.rebuild import Rebuilt

_SHOWN = 40
PANEL = "Numbers"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel=PANEL)(audit)
    app.command(rich_help_panel=PANEL)(rebuild)


def audit(
    context: typer.Context,
    *,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Audit also where the log no longer begins at its first record.")
    ] = False,
) -> None:
    """Prove every counter: count the whole log again, the plain way, and compare each number with the store.

    Workers may go on meanwhile. Exit code 0: no difference; 1: at least one, each is listed; 2: it could not be done.

    Example:  tracker audit  ·  tracker audit && echo exact
    """
    settings = common.settings(context)
    with _bars() as bars:
        report = asyncio.run(wiring.run_audit(settings, common.countdown, _Told(bars), incomplete=incomplete))
    _show(report)
    raise typer.Exit(report.exit_code)


def rebuild(
    context: typer.Context,
    view: Annotated[str | None, typer.Option(help="Name of the new view; else the next one (v2, v3, …).")] = None,
) -> None:
    """Count everything anew from the logs, into a view beside the one in use, then switch to it.

    The old view stays readable, and workers go on counting in it; they follow the switch by themselves. A rebuild that
    was cut off goes on where it stood when it is started again. The old view is kept until you drop it.

    Example:  tracker rebuild && tracker audit && tracker views drop v1
    """
    settings = common.settings(context)
    with _bars() as bars:
        rebuilt = asyncio.run(wiring.run_rebuild(settings, common.countdown, _Told(bars), view=view))
    _tell(rebuilt, settings)


def _bars() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=common.err, transient=True)


class _Told:
    """A bar for each partition."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[Partition, TaskID] = {}

    def __call__(self, partition: Partition, done: int, of: int) -> None:
        if partition not in self._tasks:
            self._tasks[partition] = self._bars.add_task(str(partition))
        self._bars.update(self._tasks[partition], completed=done, total=of)


def _show(report: Report) -> None:
    records = sum(each.next_offset - each.begin for each in report.partitions)
    behind = sum(each.behind for each in report.partitions)
    dead = sum(each.unreadable + each.refused for each in report.partitions)
    common.out.print(
        f"view {report.view}: {records:,} records counted again, {report.compared:,} numbers compared, "
        f"{dead:,} records refused alike, {behind:,} records not counted yet"
    )
    if not report.differences:
        common.out.print("[green]No difference.[/]")
        return
    common.out.print(f"[red]{common.counted(len(report.differences), 'difference')}:[/]")
    for difference in report.differences[:_SHOWN]:
        common.out.print(f"  {escape(str(difference))}")
    if len(report.differences) > _SHOWN:
        common.out.print(f"… and {len(report.differences) - _SHOWN:,} more")
    common.out.print("The logs are the book: `tracker rebuild` makes the counters anew from them.")


def _tell(rebuilt: Rebuilt, settings: Settings) -> None:
    common.out.print(
        f"view {rebuilt.view} is active: {rebuilt.records:,} records counted, {rebuilt.unreadable:,} unreadable."
    )
    for partition in rebuilt.left:
        topic = wiring.topics(settings).name(wiring.stage_of(partition))
        common.out.print(
            f"{topic}[{partition.number}]: another log than before; the workers count it from its beginning."
        )
