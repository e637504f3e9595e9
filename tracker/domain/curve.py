"""How fast the audience reacted: a metric's running totals by the age of the post.

1. Eighteen intervals of age; of each only a metric's first and last value are kept: at most 36 of a metric.
2. What is kept depends on the set of observations, never on the order of their arrival.
3. A value between two points is interpolated only if they are near enough and were measured under one definition, and
   is marked as interpolated. All else is unknown: nothing is extrapolated.

The exact rules: docs/explanation/counting.md, section 2, "The curve".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

AGES: tuple[int, ...] = (
    60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 172_800, 259_200, 604_800, 1_209_600, 2_592_000,
)  # fmt: skip
"""Ages of interest, in seconds."""
AGES_MS: tuple[int, ...] = tuple(age * 1000 for age in AGES)
BUCKETS: tuple[str, ...] = (*map(str, AGES), "later")
FIRST_HOUR = AGES.index(3_600)
_OPEN = 2**63


Row = tuple[int, int, str, int | None, int | None, int | None, int | None, int | None, int | None, int | None]
"""One observation: the post's age (ms), which metrics it names (a bit each, in the order of METRICS), the definition of
the metrics, and their seven running totals, None where not named (or no longer kept).

One row for all metrics, because most observations name the same ones: it costs a seventh of a curve for each. A plain
tuple, because a named one costs four times as much to make. While it is unknown when the post was published, the
instant of the observation stands in place of the age.
"""
VALUES = 3
"""The column of the first metric in a row."""


class Reached(NamedTuple):
    """How many a metric had reached by an age."""

    value: int
    interpolated: bool


class Interval(NamedTuple):
    """An interval of age, `low < age <= high` (ms)."""

    low: int
    high: int


INTERVALS: tuple[Interval, ...] = tuple(
    Interval(low, high) for low, high in zip((-1, *AGES_MS), (*AGES_MS, _OPEN), strict=True)
)


class Change(IntEnum):
    """What may be reached otherwise after a row was kept."""

    NOTHING = 0
    TAIL = 1
    """By ages from the last point before on."""
    ANY = 2


def bucket(age: int) -> int:
    """The index in BUCKETS of the smallest age of interest that is not below `age` (ms); the last: `later`."""
    return bisect_left(AGES_MS, age)


def keep(rows: list[Row], row: Row, interval: Interval) -> Change:
    """Put a row into a curve that is sorted by age, and drop what need not be kept.

    `interval` is the one that the row's age lies in. Of an interval a metric's first and last value are kept; at one
    age the greatest value (of equal values the one with the greatest definition).
    """
    age, names = row[0], row[1]
    low, high = interval
    if rows and age <= rows[-1][0]:
        _keep_earlier(rows, row, interval)
        return Change.ANY
    start = len(rows)
    if start > 1 and rows[-2][0] > low:
        first, last = rows[-2], rows[-1]
        if last[1] & first[1] & names == last[1] and (start == 2 or rows[-3][0] <= low):
            rows[-1] = row  # The interval has its first already: this is its last, instead of the former.
            return Change.TAIL if age == high or names & ~first[1] else Change.NOTHING
    while start and rows[start - 1][0] > low:
        start -= 1
    named_before = 0
    for other in rows[start:]:
        named_before |= other[1]
    rows[start:] = _pruned([*rows[start:], row])
    return Change.TAIL if age == high or names & ~named_before else Change.NOTHING


def _keep_earlier(rows: list[Row], row: Row, interval: Interval) -> None:
    start = bisect_left(rows, (interval.low + 1,))
    end = bisect_left(rows, (interval.high + 1,))
    inside = merged(rows[start:end], row)
    rows[start:end] = _pruned(inside)


def merged(rows: list[Row], row: Row) -> list[Row]:
    """The rows with one more, by age; at one age each metric is named by the row with its greatest value alone."""
    start, end = bisect_left(rows, (row[0],)), bisect_left(rows, (row[0] + 1,))
    same: list[Row] = []
    for other in rows[start:end]:
        lost_here, lost_there = 0, 0
        for column in _columns(row[1] & other[1]):
            if (_value(row, column), row[2]) > (_value(other, column), other[2]):
                lost_there |= 1 << (column - VALUES)
            else:
                lost_here |= 1 << (column - VALUES)
        row = _without(row, lost_here)
        rest = _without(other, lost_there)
        if rest[1]:
            same.append(rest)
    if row[1]:
        same.append(row)
    return [*rows[:start], *same, *rows[end:]]


def _pruned(rows: list[Row]) -> list[Row]:
    """Of the rows of one interval what each metric's first or last is in."""
    named_after = []
    names = 0
    for row in reversed(rows):
        named_after.append(names)
        names |= row[1]
    kept: list[Row] = []
    named_before = 0
    for row, after in zip(rows, reversed(named_after), strict=True):
        middle = row[1] & named_before & after
        named_before |= row[1]
        if middle != row[1]:
            kept.append(_without(row, middle))
    return kept


def _without(row: Row, names: int) -> Row:
    if not names:
        return row
    values = (None if names >> index & 1 else value for index, value in enumerate(row[VALUES:]))
    return (row[0], row[1] & ~names, row[2], *values)  # type: ignore[return-value]  # seven values, as before


def _columns(names: int) -> Iterator[int]:
    return (VALUES + index for index in range(names.bit_length()) if names >> index & 1)


def _value(row: Row, column: int) -> int:
    value = row[column]
    assert isinstance(value, int)
    return value


def placed(waiting: Sequence[Row], published_at: int) -> list[Row]:
    """The curve of the rows that waited, now that it is known when the post was published."""
    rows: list[Row] = []
    for row in waiting:
        age = max(0, row[0] - published_at)
        keep(rows, (age, *row[1:]), INTERVALS[bucket(age)])
    return rows


def reached(rows: Sequence[Row], metric: int, age: int) -> Reached | None:
    """What a metric (its index in METRICS) had reached by an age (ms), or None where that is unknown."""
    column = VALUES + metric
    after = bisect_left(rows, (age + 1,))
    before = after - 1
    while before >= 0 and rows[before][column] is None:
        before -= 1
    at, value = (rows[before][0], _value(rows[before], column)) if before >= 0 else (0, 0)
    if before >= 0 and at == age:
        return Reached(value, interpolated=False)
    while after < len(rows) and rows[after][column] is None:
        after += 1
    if after == len(rows):
        return None
    span = rows[after][0] - at
    if span > 2 * age or (before >= 0 and rows[before][2] != rows[after][2]):
        return None
    rise = (_value(rows[after], column) - value) * (age - at)
    return Reached(value + (2 * rise + span) // (2 * span), interpolated=True)


def last_age(rows: Sequence[Row], metric: int) -> int:
    """The age of a metric's last value; -1 where there is none."""
    column = VALUES + metric
    if rows and rows[-1][column] is not None:
        return rows[-1][0]
    return next((row[0] for row in reversed(rows) if row[column] is not None), -1)


def half_life(rows: Sequence[Row], metric: int, value: int, start: int) -> int:
    """The age of the first row, from the age `start` on, in which a metric has at least half of `value`."""
    column = VALUES + metric
    half = (value + 1) // 2
    for index in range(bisect_left(rows, (start,)) if start else 0, len(rows)):
        known = rows[index][column]
        if isinstance(known, int) and known >= half:
            return rows[index][0]
    raise AssertionError("the value that stands is in the curve itself")
