"""What the commands share: where the settings are, one console for people, one for errors, waiting with a countdown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer
from rich.console import Console

from tracker.settings_load import LoadedSettings, load

if TYPE_CHECKING:
    from tracker.settings import Settings

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


class Impossible(Exception):
    """What was asked for cannot be done as things are; the message says why, and what would work."""


class Where(msgspec.Struct, frozen=True):
    """The file given by --settings, if any."""

    file: Path | None


def loaded(context: typer.Context) -> LoadedSettings:
    """The settings with their origins. Raises BadSettings."""
    where: Where = context.ensure_object(Where) if context.obj is None else context.obj
    return load(os.environ, where.file)


def settings(context: typer.Context) -> Settings:
    """The settings. Raises BadSettings."""
    return loaded(context).settings


def counted(number: int, noun: str) -> str:
    """`1 letter`, `2 letters`: a number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def countdown(what: str) -> WaitTold:
    """A callback that tells, about once a second, for how long something is still waited for."""
    return WaitTold(what)


class WaitTold:
    """Prints `what` and the seconds left; quiet when nothing has changed."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._last = -1

    def __call__(self, left: float, cause: str) -> None:
        seconds = round(left)
        if seconds != self._last:
            self._last = seconds
            err.print(f"waiting for {self._what}, {seconds} s left ({cause})", style="yellow")
