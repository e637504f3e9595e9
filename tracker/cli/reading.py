"""tracker show: a campaign's numbers, each with its basis, source and age."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated

import msgspec
import orjson
import typer
from rich.table import Table

from tracker import wiring
from tracker.cli import common
from tracker.definitions.reading import did_you_mean
from tracker.domain.counters import CAMPAIGN_SCOPE, WORD_OF_MOUTH, Scope
from tracker.domain.figures import Figure, figures, velocity
from tracker.settings import Settings


class Seen(msgspec.Struct, frozen=True):
    """One scope of a campaign as read: its figures, and whom they are of."""

    who: str
    figures: Sequence[Figure]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel="Numbers")(show)


def show(
    context: typer.Context,
    campaign: Annotated[str | None, typer.Argument(help="Id of a campaign; left out: lists them.")] = None,
    *,
    creators: Annotated[bool, typer.Option("--creators", help="Each creator's figures as well.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines, for programs.")] = False,
) -> None:
    """Show a campaign's counters and what follows from them, each with its basis, sources and age.

    `unknown` is not zero: it stands where no platform has said a number yet.

    Example:  tracker show  ·  tracker show spring --creators  ·  tracker show spring --json
    """
    settings = common.settings(context)
    if campaign is None:
        names = asyncio.run(_campaigns(settings))
        common.out.print(
            "\n".join(sorted(names)) if names else "No campaign has counters yet. Define one: tracker apply --help"
        )
        return
    seen = asyncio.run(_read(settings, campaign))
    wanted = [each for each in seen if creators or each.who in ("", WORD_OF_MOUTH)]
    for each in wanted:
        if json:
            for figure in each.figures:
                line = {"campaign": campaign, "who": each.who, **msgspec.to_builtins(figure, builtin_types=(Decimal,))}
                typer.echo(orjson.dumps(line, default=str))
        else:
            common.out.print(_table(campaign, each))


async def _campaigns(settings: Settings) -> set[str]:
    async with wiring.store(settings, on_wait=common.countdown("Redis")) as store:
        found = [await store.scopes(partition) for partition in wiring.partitions(settings)]
    return {scope.campaign for scopes in found for scope in scopes}


async def _read(settings: Settings, campaign: str) -> list[Seen]:
    now = common.now_ms()
    partitions = wiring.partitions(settings)
    async with wiring.store(settings, on_wait=common.countdown("Redis")) as store:
        totals = await store.totals(campaign)
        if not totals:
            names = {scope.campaign for partition in partitions for scope in await store.scopes(partition)}
            raise typer.BadParameter(f"no counters of a campaign `{campaign}`{did_you_mean(campaign, names)}")
        made = []
        for scope in sorted(totals):
            fresh = [await store.freshness(partition, scope) for partition in partitions]
            found = figures(totals[scope], _latest(fresh), now)
            if scope.who == CAMPAIGN_SCOPE:
                minutes = [await store.series(partition, scope, unit="minute") for partition in partitions]
                found += [velocity(_summed(minutes), field, now) for field in ("likes", "comments", "views", "clicks")]
            made.append(Seen(scope.who, found))
    return made


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


def _table(campaign: str, seen: Seen) -> Table:
    names = {CAMPAIGN_SCOPE: "agreed posts", WORD_OF_MOUTH: "word of mouth"}
    ages = [figure for figure in seen.figures if figure.age_ms is not None]
    newest = f"; newest statement {duration(ages[0].age_ms or 0)} ago ({', '.join(ages[0].sources)})" if ages else ""
    table = Table(title=f"{campaign}: {names.get(seen.who, seen.who)}{newest}", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("basis", overflow="fold")
    for figure in seen.figures:
        table.add_row(figure.name, shown(figure), figure.basis)
    return table


def shown(figure: Figure) -> str:
    """A figure's value for people; what is unknown says so."""
    value = figure.value
    if value is None:
        return "unknown"
    match figure.unit:
        case "share":
            return f"{value:.2%}"
        case "seconds":
            return f"≤ {duration(int(value) * 1000)}"
        case "minor":
            return money(int(value), figure.currency or "")
        case "per_minute":
            return f"{value:,}/min"
        case _:
            return f"{value:,}"


def money(amount: int, currency: str) -> str:
    """Minor units as an amount, by the currency's ISO 4217 exponent."""
    digits = EXPONENTS.get(currency, 2)
    return f"{Decimal(amount).scaleb(-digits):,.{digits}f} {currency}"


EXPONENTS: Mapping[str, int] = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,  # ISO 4217, list one
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}


def duration(ms: int) -> str:
    """A span for people: its two largest units."""
    seconds = ms // 1000
    parts = [(seconds // 86_400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    named = [f"{n} {unit}" for n, unit in parts if n]
    return " ".join(named[:2]) or "0 s"


__all__ = ["Scope", "duration", "money", "register", "show", "shown"]
