"""tracker notifiers list | log | replay | test: who is told of alerts, and whether it got through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
import typer
from rich.markup import escape

from tracker.cli import common

if TYPE_CHECKING:
    from tracker.notify.desk import Desk, Listed
    from tracker.notify.queue import Delivery
    from tracker.settings import Settings

T = TypeVar("T")
OpenDesk = Callable[["Settings"], AbstractAsyncContextManager["Desk"]]
NotifierId = Annotated[str, typer.Argument(help="Id of a notifier.", metavar="NOTIFIER")]


def register(app: typer.Typer, open_desk: OpenDesk) -> None:
    """Add these commands; `open_desk` gives the desk for as long as a command runs."""
    notifiers = typer.Typer(no_args_is_help=True, help="Notifiers: who is told of alerts, and whether it got through.")
    commands = _Commands(open_desk)
    for command in (commands.list_, commands.log, commands.replay, commands.test):
        notifiers.command(command.__name__.rstrip("_"))(command)
    app.add_typer(notifiers, name="notifiers", rich_help_panel="Operation")


class _Commands:
    def __init__(self, open_desk: OpenDesk) -> None:
        self._open_desk = open_desk

    def list_(self, context: typer.Context) -> None:
        """List the notifiers: whom they tell of what, how many notices wait, and how the newest one fared.

        Example:  tracker notifiers list
        """
        found = self._at_desk(context, lambda desk: desk.notifiers())
        common.out.print(common.counted(len(found), "notifier"))
        for each in found:
            _show(each)

    def log(
        self,
        context: typer.Context,
        notifier: NotifierId,
        limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
        *,
        json: Annotated[bool, typer.Option("--json", help="Print JSON lines, for programs.")] = False,
    ) -> None:
        """Show what a notifier was told, the newest first: attempts, the last answer, why it failed, when it is due.

        Example:  tracker notifiers log ops --limit 10
        """
        found = self._at_desk(context, lambda desk: desk.log(notifier, limit=limit))
        for each in found:
            if json:
                typer.echo(msgspec.json.encode(each).decode())
            else:
                common.out.print(_line(each))
        if not found and not json:
            common.out.print(f"{notifier} was told of nothing yet")

    def replay(
        self,
        context: typer.Context,
        notifier: NotifierId,
        ids: Annotated[
            list[str] | None, typer.Argument(help="Ids, from `tracker notifiers log`.", metavar="ID")
        ] = None,
        *,
        failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
    ) -> None:
        """Send again what was delivered or failed, with the same id: a receiver that keeps ids sees it once.

        It is queued; `tracker notify` sends it.

        Example:  tracker notifiers replay ops al-mfrggzdfmztwq2lk-2  ·  tracker notifiers replay ops --failed
        """
        if bool(ids) == failed:
            raise typer.BadParameter("name deliveries by id, or choose them with --failed")

        async def again(desk: Desk) -> int:
            if failed:
                return await desk.replay_failed(notifier)
            for id in ids or ():
                await desk.replay(notifier, id)
            return len(ids or ())

        common.out.print(f"queued again: {self._at_desk(context, again)}")

    def test(self, context: typer.Context, notifier: NotifierId) -> None:
        """Tell a notifier of an alert that nobody raised, at once, and say what it answered.

        Example:  tracker notifiers test ops
        """
        from tracker.plugin.notifiers import Delivered

        attempt = self._at_desk(context, lambda desk: desk.send_test(notifier))
        answered = "no answer" if attempt.status is None else f"answered {attempt.status}"
        if not isinstance(attempt.meaning, Delivered):
            raise common.Impossible(f"{notifier} was not told ({answered}): {attempt.meaning.reason}")
        common.out.print(f"[green]{notifier} was told[/] ({answered})")

    def _at_desk(self, context: typer.Context, act: Callable[[Desk], Awaitable[T]]) -> T:
        async def run() -> T:
            async with self._open_desk(common.settings(context)) as desk:
                return await act(desk)

        return asyncio.run(run())


def _show(listed: Listed) -> None:
    definition = listed.definition
    if definition is None:
        common.out.print(f"\n[bold]{listed.id}[/]  [dim]deleted; its log is still there[/]")
    else:
        chosen = ", ".join((*definition.campaigns, *definition.categories)) or "everything"
        off = "" if definition.enabled else "  [yellow]disabled[/]"
        common.out.print(f"\n[bold]{listed.id}[/]  {definition.type}, {chosen}, from {definition.at_least} up{off}")
    if listed.fault is not None:
        common.out.print(f"  [red]nothing can be sent: {escape(listed.fault)}[/]")
    common.out.print(f"  {common.counted(listed.waiting, 'notice')} waiting")
    if listed.last is not None:
        common.out.print(f"  {_line(listed.last)}")


def _line(each: Delivery) -> str:
    colour = {"delivered": "green", "waiting": "yellow", "failed": "red"}[each.status]
    answer = "" if each.last_status is None else f", last answer {each.last_status}"
    due = "" if each.next_at is None or each.attempts == 0 else f", again at {_time(each.next_at)}"
    why = f"  {escape(each.last_error)}" if each.last_error else ""
    attempts = common.counted(each.attempts, "attempt")
    return f"{_time(each.queued_at)}  {each.id}  {each.type}  [{colour}]{each.status}[/], {attempts}{answer}{due}{why}"


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S}"
