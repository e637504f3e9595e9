"""How fast the audience reacted: a metric's running totals by the age of the post.

1. Eighteen intervals of age; of each only the first and the last point are kept, so a curve has at most 36 points.
2. What is kept depends on the set of points, never on the order of their arrival.
3. A value between two points is interpolated only if they are near enough and were measured under one definition, and
   is marked as interpolated. All else is unknown: nothing is extrapolated.

The exact rules: docs/explanation/counting.md, section 2, "The curve".
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import itemgetter
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


Point = tuple[int, int, str]
"""Age of the post (ms), running total, and the definition of the metric under which it was measured.

While it is unknown when the post was published, the instant of the observation stands in place of the age. A plain
tuple: a named one costs four times as much to make, and one is made for every number that comes in.
"""


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
_age = itemgetter(0)


def bucket(age: int) -> int:
    """The index in BUCKETS of the smallest age of interest that is not below `age` (ms); the last: `later`."""
    return bisect_left(AGES_MS, age)


def keep(points: list[Point], point: Point, interval: Interval) -> bool:
    """Put a point into a curve that is sorted by age, and drop what need not be kept.

    True: what was reached by some age may differ now.

    `interval` is the one that the point's age lies in. Points of one age differ in nothing that is kept: the greater
    value stands (of equal values the one with the greater definition).
    """
    age = point[0]
    if not points or age > points[-1][0]:
        if len(points) > 1 and points[-2][0] > interval.low:
            points[-1] = point  # The interval has its first already, so this is its last instead of the former.
            return age == interval.high
        points.append(point)
        return len(points) == 1 or points[-2][0] <= interval.low or age == interval.high
    return _keep_earlier(points, point, interval)


def _keep_earlier(points: list[Point], point: Point, interval: Interval) -> bool:
    start = bisect_right(points, interval.low, key=_age)
    end = bisect_right(points, interval.high, key=_age)
    inside = points[start:end]
    place = bisect_left(inside, point[0], key=_age)
    if place < len(inside) and inside[place][0] == point[0]:
        if point[1:] <= inside[place][1:]:
            return False
        inside[place] = point
    else:
        inside.insert(place, point)
    kept = [inside[0], inside[-1]] if len(inside) > 1 else inside
    if kept == points[start:end]:
        return False
    points[start:end] = kept
    return True


def wait(points: list[Point], point: Point) -> None:
    """Keep a point until it is known when the post was published; of one instant the greatest value is enough."""
    place = bisect_left(points, point[0], key=_age)
    if place < len(points) and points[place][0] == point[0]:
        points[place] = max(points[place], point)
    else:
        points.insert(place, point)


def placed(waiting: Sequence[Point], published_at: int) -> list[Point]:
    """The curve of the points that waited, now that it is known when the post was published."""
    points: list[Point] = []
    for at, value, definition in waiting:
        age = max(0, at - published_at)
        keep(points, (age, value, definition), INTERVALS[bucket(age)])
    return points


def reached(points: Sequence[Point], age: int) -> Reached | None:
    """What a curve had reached by an age (ms), or None where that is unknown."""
    after = bisect_right(points, age, key=_age)
    if after and points[after - 1][0] == age:
        return Reached(points[after - 1][1], interpolated=False)
    if after == len(points):
        return None
    later = points[after]
    before = points[after - 1] if after else None
    at, value = (before[0], before[1]) if before else (0, 0)
    span = later[0] - at
    if span > 2 * age or (before is not None and before[2] != later[2]):
        return None
    rise = (later[1] - value) * (age - at)
    return Reached(value + (2 * rise + span) // (2 * span), interpolated=True)


def half_life(points: Sequence[Point], value: int, start: int = 0) -> int:
    """The index of the first point, from `start` on, that has at least half of `value`; their number where none has."""
    for index in range(start, len(points)):
        if 2 * points[index][1] >= value:
            return index
    return len(points)
