"""Numbers for a person's terminal: every table fits 80 columns, and no id and no number is ever cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct
from rich import box
from rich.table import Table

from tracker.domain.currencies import exponent
from tracker.domain.events import METRICS, Metric
from tracker.domain.figures import Figure

WIDTH: Final = 80
METRICS_BESIDE: Final = 4
"""So many metrics stand beside each other in a table of ages: a cell of 16 characters each."""


class Reached(Struct, frozen=True):
    """What a metric's posts had reached at an age: the sum, over how many posts, how many of them interpolated."""

    metric: Metric
    age_seconds: int
    value: int
    known: int
    interpolated: int


def reached(total: Mapping[str, int]) -> list[Reached]:
    """The age buckets of a total that at least one post is known for; the youngest age first."""
    found = []
    for field, known in total.items():
        metric, _, rest = field.partition(".age.")
        seconds, _, last = rest.partition(".")
        if metric in METRICS and last == "known":
            prefix = f"{metric}.age.{seconds}"
            numbers = total.get(prefix, 0), known, total.get(f"{prefix}.interpolated", 0)
            found.append(Reached(metric, int(seconds), *numbers))
    return sorted(found, key=lambda each: (each.age_seconds, METRICS.index(each.metric)))


def figures_table(figures: Iterable[Figure]) -> Table:
    """Figure, value, and what it rests on."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("what it rests on", overflow="fold", style="dim")
    for figure in figures:
        table.add_row(figure.name, shown(figure), figure.basis)
    return table


def age_tables(found: Sequence[Reached]) -> list[Table]:
    """A row an age, a column a metric; several tables where the metrics do not fit beside each other."""
    metrics = [metric for metric in METRICS if any(each.metric == metric for each in found)]
    cells = {(each.metric, each.age_seconds): _cell(each) for each in found}
    tables = []
    for first in range(0, len(metrics), METRICS_BESIDE):
        beside = metrics[first : first + METRICS_BESIDE]
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("by age", no_wrap=True)
        for metric in beside:
            table.add_column(metric, justify="right", no_wrap=True)
        for age in sorted({each.age_seconds for each in found if each.metric in beside}):
            table.add_row(duration(age * 1000), *(cells.get((metric, age), "") for metric in beside))
        tables.append(table)
    return tables


def _cell(each: Reached) -> str:
    guessed = f" ~{each.interpolated}" if each.interpolated else ""
    return f"{each.value:,} [dim]({each.known}{guessed})[/]"


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
    digits = exponent(currency)
    return f"{Decimal(amount).scaleb(-digits):,.{digits}f} {currency}"


def duration(ms: int) -> str:
    """A span for people: its two largest units."""
    seconds = ms // 1000
    parts = [(seconds // 86_400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    named = [f"{n} {unit}" for n, unit in parts if n]
    return " ".join(named[:2]) or "0 s"
