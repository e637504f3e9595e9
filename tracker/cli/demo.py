"""tracker demo: simulated campaigns, live."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from tracker.cli import common
from tracker.clock import now_ms


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel="First steps")(demo)


def demo(
    seconds: Annotated[
        int | None,
        typer.Option(
            min=15,
            max=3600,
            help="Stop by itself after so long, drain, and prove every counter and every alert.",
            metavar="N",
        ),
    ] = None,
    *,
    kill: Annotated[
        bool, typer.Option("--kill", help="Kill the worker and the watcher with -9 every few seconds meanwhile.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another number, another campaign.")] = 1,
) -> None:
    """Watch simulated campaigns enter through the real door: signed webhooks and API answers, into counters and alerts.

    Everything it needs it starts itself, on free loopback ports, and stops again. With --seconds it ends with
    `tracker audit` and a comparison with the simulator's own truth; exit code 0 means that every counter is exact, and
    that exactly those alerts fired which the story earned.

    Example:  tracker demo  ·  tracker demo --seconds 40  ·  tracker demo --seconds 60 --kill
    """
    from tracker.simulate.demo import Options, run

    # The demo's processes are told everything by a file. A variable of this shell would outrank it, and could send
    # invented events to an installation that is real.
    for name in [name for name in os.environ if name.startswith("TRACKER_")]:
        del os.environ[name]
    began = time.monotonic() - _process_age()
    raise typer.Exit(
        run(Options(apply=_apply, import_file=_import, began=began, seconds=seconds, kill=kill, seed=seed), common.out)
    )


async def _apply(settings: Path, file: Path) -> None:
    """What `tracker apply` does, in this process: it has been imported already, and starting costs seconds."""
    from tracker import wiring
    from tracker.definitions import book as books
    from tracker.definitions import registry
    from tracker.definitions.reading import read
    from tracker.settings_load import load

    chosen = load({}, settings).settings
    book = await asyncio.to_thread(wiring.read_book, chosen)
    steps = books.plan(book, read([file], books.standing(book)))
    async with wiring.publisher(chosen) as publisher:
        await registry.write(publisher, wiring.topics(chosen), steps, at=now_ms(), told=lambda _step: None)


async def _import(settings: Path, file: Path) -> None:
    """What `tracker import` does, in this process. Raises ImportStopped."""
    from tracker import wiring
    from tracker.settings_load import load

    def unsaid(_lines: int, _bytes: int) -> None:
        """A moment's work: nobody waits for its progress."""

    chosen = load({}, settings).settings
    await wiring.run_import(chosen, file, common.countdown, from_line=1, on_progress=unsaid)


def _process_age() -> float:
    """Seconds since this process was started, where the kernel tells (proc(5)); else 0."""
    try:
        started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, AttributeError):
        return 0.0
