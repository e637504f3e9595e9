"""All commands put together. A command's module is imported when the command runs, so that `--help` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tracker import __version__
from tracker.cli import common

EPILOG = "Settings come from --settings FILE and TRACKER_… variables: see `tracker settings`."

app = typer.Typer(
    name="tracker",
    help="Live, exact counters for influencer campaigns: are the posts up, does the audience react, do clicks become "
    "sales.\n\nFirst steps: [bold]tracker demo[/] shows a simulated campaign. [bold]tracker validate FILE[/] and "
    "[bold]tracker apply FILE[/] define your own; [bold]tracker show CAMPAIGN[/] reads its numbers; "
    "[bold]tracker audit[/] proves them.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tracker {__version__}")
        raise typer.Exit


@app.callback()
def start(
    context: typer.Context,
    settings: Annotated[
        Path | None,
        typer.Option(help="YAML file of settings; else the one that TRACKER_SETTINGS names.", metavar="FILE"),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Remember where the settings are; they are read when a command needs them."""
    context.obj = common.Where(settings)


def _register() -> None:
    from tracker import wiring
    from tracker.cli import alerts, dead, definitions, notify, operate, proof, reading, serve, services, state, token

    for module in (services, serve, definitions, reading, alerts, proof, state, dead, token, operate):
        module.register(app)
    notify.register(app, wiring.notify_desk)


_register()
