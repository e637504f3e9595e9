"""What a person reads: nothing cut, nothing unknown made a number, money by its currency."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tracker.cli.tables import WIDTH, age_tables, duration, figures_table, money, reached, shown
from tracker.domain.events import METRICS
from tracker.domain.figures import Figure, figures

TOTAL = {"posts": 3, "posts.live": 3} | {
    field: number
    for metric in METRICS
    for field, number in {
        metric: 123_456_789,
        f"{metric}.known": 3,
        f"{metric}.age.60": 12,
        f"{metric}.age.60.known": 2,
        f"{metric}.age.60.interpolated": 1,
        f"{metric}.age.2592000": 123_456_789,
        f"{metric}.age.2592000.known": 3,
    }.items()
}


def printed(*tables: object) -> str:
    console = Console(file=io.StringIO(), width=WIDTH, soft_wrap=True)
    for table in tables:
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_table_fits_80_columns_and_cuts_no_number() -> None:
    text = printed(figures_table(figures(TOTAL, {}, 0)), *age_tables(reached(TOTAL)))
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.count("123,456,789 (3)") == len(METRICS)


def test_an_age_says_how_many_posts_it_is_of_and_how_many_are_interpolated() -> None:
    text = printed(*age_tables(reached({"likes.age.60": 12, "likes.age.60.known": 2, "likes.age.60.interpolated": 1})))
    assert "1 min" in text
    assert "12 (2 ~1)" in text


def test_a_known_zero_is_shown_and_an_unknown_age_is_not() -> None:
    found = reached({"likes.age.60.known": 2, "views.age.60": 5, "likes.age.3600.of": 9})
    assert [(each.metric, each.age_seconds, each.value, each.known) for each in found] == [("likes", 60, 0, 2)]


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        (123_456, "EUR", "1,234.56 EUR"),
        (5, "EUR", "0.05 EUR"),
        (3_000, "JPY", "3,000 JPY"),
        (1_234, "KWD", "1.234 KWD"),
        (-150, "USD", "-1.50 USD"),
    ],
)
def test_money_has_the_decimals_of_its_currency(amount: int, currency: str, said: str) -> None:
    assert money(amount, currency) == said


def test_an_unknown_figure_says_so() -> None:
    assert shown(Figure(name="likes", value=None, unit="count", basis="")) == "unknown"


@pytest.mark.parametrize(
    ("ms", "said"), [(0, "0 s"), (61_000, "1 min 1 s"), (90_061_000, "1 d 1 h"), (2_592_000_000, "30 d")]
)
def test_a_span_has_its_two_largest_units(ms: int, said: str) -> None:
    assert duration(ms) == said
