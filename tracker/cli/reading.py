"""tracker show: a campaign's numbers, each with its basis, source and age."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import orjson
import typer
from rich.markup import escape

from tracker import wiring
from tracker.cli import common, tables
from tracker.clock import now_ms
from tracker.definitions.references import did_you_mean
from tracker.domain.counters import CAMPAIGN_SCOPE, WORD_OF_MOUTH
from tracker.domain.figures import Figure, figures, velocity
from tracker.settings import Settings

SPED = ("likes", "comments", "views", "clicks")
NAMES = {CAMPAIGN_SCOPE: "agreed posts", WORD_OF_MOUTH: "word of mouth"}


class Seen(msgspec.Struct, frozen=True):
    """One scope of a campaign as read: whom it is of, its figures, and what was reached by age."""

    who: str
    figures: Sequence[Figure]
    reached: Sequence[tables.Reached]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel="Numbers")(show)


def show(
    context: typer.Context,
    campaign: Annotated[
        str | None, typer.Argument(help="Id of a campaign; left out: lists them.", metavar="CAMPAIGN")
    ] = None,
    *,
    creators: Annotated[bool, typer.Option("--creators", help="Each creator's figures as well.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also the figures that are unknown.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines, for programs; always all.")] = False,
) -> None:
    """Show a campaign's counters and what follows from them, each with what it rests on.

    Unknown is not zero: a figure for which no platform has said a number yet is left out, or says so with --all.
    The reactions by age say what the posts had reached so long after publishing, how many posts that is known of, and
    (after ~) how many of these are interpolated between two looks.

    Example:  tracker show  ·  tracker show spring --creators  ·  tracker show spring --json | jq .value
    """
    settings = common.settings(context)
    if campaign is None:
        names = asyncio.run(_campaigns(settings))
        common.out.print(
            "\n".join(sorted(names)) if names else "No campaign has counters yet. Define one: tracker apply --help"
        )
        return
    seen = asyncio.run(_read(settings, campaign))
    for each in seen:
        if json:
            for line in _lines(campaign, each):
                typer.echo(orjson.dumps(line, default=str))
        elif creators or each.who in NAMES:
            _print(campaign, each, everything=everything)


async def _campaigns(settings: Settings) -> set[str]:
    async with wiring.store(settings, on_wait=common.countdown("Redis")) as store:
        found = [await store.scopes(partition) for partition in wiring.partitions(settings)]
    return {scope.campaign for scopes in found for scope in scopes}


async def _read(settings: Settings, campaign: str) -> list[Seen]:
    now = now_ms()
    partitions = wiring.partitions(settings)
    async with wiring.store(settings, on_wait=common.countdown("Redis")) as store:
        totals = await store.totals(campaign)
        if not totals:
            names = {scope.campaign for partition in partitions for scope in await store.scopes(partition)}
            raise common.Impossible(
                f"nothing is counted for a campaign `{campaign}`{did_you_mean(campaign, names)}\n"
                "A campaign appears here with its first matching post, click or order: `tracker get campaigns` lists "
                "what is defined, `tracker status` says whether the workers are behind."
            )
        made = []
        for scope in sorted(totals):
            fresh = [await store.freshness(partition, scope) for partition in partitions]
            found = figures(totals[scope], _latest(fresh), now)
            if scope.who == CAMPAIGN_SCOPE:
                minutes = _summed([await store.series(partition, scope, unit="minute") for partition in partitions])
                found += [_velocity(totals[scope], minutes, field, now) for field in SPED]
            made.append(Seen(scope.who, found, tables.reached(totals[scope])))
        return made


def _velocity(total: Mapping[str, int], minutes: Mapping[str, int], field: str, now: int) -> Figure:
    """How fast a counter grows; unknown while the counter itself is."""
    figure = velocity(minutes, field, now)
    is_known = field == "clicks" or total.get(f"{field}.known", 0) > 0
    return figure if is_known else msgspec.structs.replace(figure, value=None)


def _latest(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    latest: dict[str, int] = {}
    for part in parts:
        for source, at in part.items():
            latest[source] = max(at, latest.get(source, at))
    return latest


def _summed(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for field, number in part.items():
            total[field] = total.get(field, 0) + number
    return total


def _lines(campaign: str, seen: Seen) -> Iterator[dict[str, Any]]:
    scope = {"campaign": campaign, "who": seen.who}
    for figure in seen.figures:
        yield {**scope, **msgspec.to_builtins(figure, builtin_types=(Decimal,))}
    for each in seen.reached:
        yield {**scope, "name": f"{each.metric}.by_age", "unit": "count", **msgspec.to_builtins(each)}


def _print(campaign: str, seen: Seen, *, everything: bool) -> None:
    unknown = [figure.name for figure in seen.figures if figure.value is None]
    newest = next((figure for figure in seen.figures if figure.age_ms is not None), None)
    who = NAMES.get(seen.who, seen.who)
    said = (
        ""
        if newest is None
        else f"  (newest statement {tables.duration(newest.age_ms or 0)} ago, by {', '.join(newest.sources)})"
    )
    common.out.print(f"[bold]{escape(campaign)}: {escape(who)}[/]{said}")
    common.out.print(tables.figures_table(f for f in seen.figures if everything or f.value is not None))
    if unknown and not everything:
        common.out.print(f"{common.counted(len(unknown), 'figure')} not known yet and left out: --all names them.\n")
    if seen.reached:
        common.out.print("Reactions by age of the posts: sum (posts known, ~ of them interpolated)")
        for table in tables.age_tables(seen.reached):
            common.out.print(table)


__all__ = ["register", "show"]
