"""tracker settings | topics | import: what an installation needs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress

from tracker import wiring
from tracker.cli import common
from tracker.settings_load import listing

topics_app = typer.Typer(no_args_is_help=True, help="The topics: create and check them.")
views_app = typer.Typer(no_args_is_help=True, help="Views: whole sets of counters, of which one is active.")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel="Installation")(settings)
    app.command("import", rich_help_panel="Services")(import_)
    app.add_typer(views_app, name="views", rich_help_panel="Installation")
    app.add_typer(topics_app, name="topics", rich_help_panel="Installation")


def settings(
    context: typer.Context,
    names: Annotated[bool, typer.Option("--names", help="Only names and variables, without values.")] = False,
) -> None:
    """List every setting with its value, where it comes from and what it means. Secrets are never shown.

    Example:  TRACKER_KAFKA__BOOTSTRAP=broker:9092 tracker settings  ·  tracker --settings tracker.yaml settings
    """
    for line in listing(common.loaded(context)):
        source = "" if line.source == "default" else f"  [green](set by {escape(line.source)})[/]"
        value = "" if names else f" = {escape(line.value)}{source}"
        common.out.print(f"[bold]{line.name}[/]{value}")
        common.out.print(f"    [dim]{line.variable}[/]" + (f"  {line.meaning}" if line.meaning else ""))


@topics_app.command()
def create(context: typer.Context) -> None:
    """Create the topics that are missing, and check the others. Changes nothing that is there.

    Example:  tracker topics create
    """
    from tracker.kafka_admin import ensure_topics, wait_for_kafka

    chosen = common.settings(context)
    wait_for_kafka(chosen.kafka.bootstrap, chosen.kafka.wait_seconds, common.countdown("Kafka"))
    for identity in ensure_topics(chosen.kafka.bootstrap, wiring.topics(chosen)).values():
        common.out.print(f"{identity.name}: {identity.partitions} partitions, log {identity.log}")


@topics_app.command()
def check(context: typer.Context) -> None:
    """Check that every topic is there with the partitions that are set. Exit code 2 if not.

    Example:  tracker topics check
    """
    from tracker.kafka_admin import check_topics, wait_for_kafka

    chosen = common.settings(context)
    wait_for_kafka(chosen.kafka.bootstrap, chosen.kafka.wait_seconds, common.countdown("Kafka"))
    for identity in check_topics(chosen.kafka.bootstrap, wiring.topics(chosen)).values():
        common.out.print(f"{identity.name}: {identity.partitions} partitions, log {identity.log}")


@views_app.command("list")
def list_(context: typer.Context) -> None:
    """List the views that have keys in Redis, and say which one is active.

    Example:  tracker views list
    """
    active, found = asyncio.run(wiring.list_views(common.settings(context), common.countdown("Redis")))
    for view in sorted({active, *found}):
        common.out.print(f"{view}{'  (active)' if view == active else ''}")


@views_app.command()
def drop(
    context: typer.Context,
    view: Annotated[str, typer.Argument(help="Name of a view that is not active.", metavar="VIEW")],
) -> None:
    """Remove a view's keys, in small steps. The active view is never dropped.

    Example:  tracker views drop v1
    """
    settings = common.settings(context)
    active, found = asyncio.run(wiring.list_views(settings, common.countdown("Redis")))
    if view not in {active, *found}:
        raise common.Impossible(
            f"no view `{view}` in Redis. Nothing was dropped. There are: {', '.join(sorted(found))}"
        )
    with common.err.status("dropping …") as progress:
        count = asyncio.run(
            wiring.remove_view(
                settings,
                view,
                common.countdown("Redis"),
                lambda done: progress.update(f"{done:,} keys"),
            )
        )
    common.out.print(f"{view}: {count:,} keys removed.")


def import_(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="JSON Lines: raw payloads, or facts.", metavar="FILE", exists=True, dir_okay=False)
    ],
    *,
    from_line: Annotated[int, typer.Option(min=1, help="Go on from this line, as an import that stopped said.")] = 1,
) -> None:
    """Import a file of payloads: what a platform sent earlier, or facts from another system.

    One line is one payload, {"platform": "instagram", "received_at": 1767225600000, "body": "…"}, or one fact,
    {"type": "reaction.observed", "platform": "instagram", …} (docs/reference/events.md). They go the way of a webhook.
    A line that cannot be read stops the import with its number; what came before it is imported.

    Example:  tracker import history.jsonl  ·  tracker import history.jsonl --from-line 1204
    """
    size = file.stat().st_size
    with Progress(*Progress.get_default_columns(), console=common.err, transient=True) as bars:
        bar = bars.add_task(file.name, total=size)
        imported = asyncio.run(
            wiring.run_import(
                common.settings(context),
                file,
                common.countdown,
                from_line,
                lambda _lines, done: bars.update(bar, completed=done),
            )
        )
    common.out.print(f"{common.counted(imported.records, 'payload')} imported.")
