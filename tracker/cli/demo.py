"""tracker demo: a simulated campaign, live."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from tracker.cli import common


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel="First steps")(demo)


def demo(
    seconds: Annotated[
        int | None,
        typer.Option(
            min=15, max=3600, help="Stop by itself after so long, drain, and prove every counter.", metavar="N"
        ),
    ] = None,
    *,
    kill: Annotated[bool, typer.Option("--kill", help="Kill the worker with -9 every few seconds meanwhile.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another number, another campaign.")] = 1,
) -> None:
    """Watch a simulated campaign enter through the real door: signed webhooks and API answers, into exact counters.

    Everything it needs it starts itself, on free loopback ports, and stops again. With --seconds it ends with
    `tracker audit` and a comparison with the simulator's own truth; exit code 0 means that every counter is exact.

    Example:  tracker demo  ·  tracker demo --seconds 40  ·  tracker demo --seconds 60 --kill
    """
    from tracker.simulate.demo import Options, run

    # The demo's processes are told everything by a file. A variable of this shell would outrank it, and could send
    # invented events to an installation that is real.
    for name in [name for name in os.environ if name.startswith("TRACKER_")]:
        del os.environ[name]
    raise typer.Exit(run(Options(seconds=seconds, kill=kill, seed=seed), common.out))
