"""The laws of the reaction curve (tracker/domain/curve.py)."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.domain.curve import AGES_MS, BUCKETS, INTERVALS, Reached, Row, bucket, half_life, keep, placed, reached
from tracker.domain.events import METRICS

N = len(METRICS)
ages = st.one_of(
    st.sampled_from([age + step for age in AGES_MS for step in (-1, 0, 1)]), st.integers(0, 4 * AGES_MS[-1])
)
totals = st.lists(st.sampled_from((None, 0, 1, 2, 5, 9)), min_size=N, max_size=N)


def row(age: int, values: list[int | None], definition: str = "1") -> Row:
    names = sum(1 << index for index, value in enumerate(values) if value is not None)
    return (age, names, definition, *values)  # type: ignore[return-value]  # seven values


def likes(*points: tuple[int, int] | tuple[int, int, str]) -> list[Row]:
    rows: list[Row] = []
    for age, value, *definition in points:
        keep(rows, row(age, [value] + [None] * (N - 1), *definition), INTERVALS[bucket(age)])
    return rows


rows = st.builds(row, ages, totals, st.sampled_from(("1", "2"))).filter(lambda one: one[1] != 0)


def curve(of: list[Row]) -> list[Row]:
    kept: list[Row] = []
    for one in of:
        keep(kept, one, INTERVALS[bucket(one[0])])
    return kept


def points(of: list[Row], metric: int) -> list[tuple[int, Any, str]]:
    return [(one[0], one[3 + metric], one[2]) for one in of if one[3 + metric] is not None]


def naive(of: list[Row], metric: int) -> list[tuple[int, Any, str]]:
    """The rule, word by word: of each interval the first and the last; at one age the greatest."""
    kept: set[tuple[int, Any, str]] = set()
    for interval in INTERVALS:
        inside = [point for point in points(of, metric) if interval.low < point[0] <= interval.high]
        if inside:
            first_age = min(inside)[0]
            kept |= {max(point for point in inside if point[0] == first_age), max(inside)}
    return sorted(kept)


@given(st.lists(rows, max_size=15))
def test_of_each_interval_the_first_and_the_last_are_kept(observed: list[Row]) -> None:
    kept = curve(observed)
    assert kept == sorted(kept, key=lambda one: one[0])
    for metric in range(N):
        assert points(kept, metric) == naive(observed, metric)


@given(st.lists(rows, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(observed: list[Row], luck: Any) -> None:
    shuffled = observed.copy()
    luck.shuffle(shuffled)
    for metric in range(N):
        assert points(curve(observed), metric) == points(curve(shuffled), metric)


@given(st.lists(rows, max_size=12), st.integers(0, AGES_MS[-1]))
def test_a_curve_that_waited_is_the_curve_that_did_not(observed: list[Row], published_at: int) -> None:
    waited = placed(observed, published_at)
    assert waited == curve([(max(0, one[0] - published_at), *one[1:]) for one in observed])


@given(st.lists(rows, max_size=12))
def test_a_metric_has_at_most_36_points(observed: list[Row]) -> None:
    for metric in range(N):
        assert len(points(curve(observed), metric)) <= 36


def test_a_value_at_the_very_age_is_exact() -> None:
    assert reached(likes((30_000, 1), (60_000, 4), (90_000, 9)), 0, 60_000) == Reached(4, interpolated=False)


@pytest.mark.parametrize(
    ("known", "age", "expected"),
    [
        (((120_000, 10),), 60_000, 5),  # between the anchor (0, 0) and a point as far away as may be
        (((120_000, 3),), 60_000, 2),  # 1.5 is rounded up
        (((30_000, 10), (90_000, 5)), 60_000, 8),  # a count that falls: 7.5 is rounded up too
        (((30_000, 0), (90_000, 1)), 60_000, 1),
    ],
)
def test_between_two_near_points_it_is_interpolated(known: Any, age: int, expected: int) -> None:
    assert reached(likes(*known), 0, age) == Reached(expected, interpolated=True)


@pytest.mark.parametrize(
    "known",
    [
        ((120_001, 10),),  # too far from the anchor
        ((30_000, 1), (150_001, 9)),  # too far apart
        ((30_000, 1),),  # nothing after
        ((30_000, 1, "1"), (90_000, 2, "2")),  # measured otherwise
        (),
    ],
)
def test_what_cannot_be_interpolated_is_unknown(known: Any) -> None:
    assert reached(likes(*known), 0, 60_000) is None


def test_the_half_life_is_the_age_of_the_first_point_with_half_of_the_value() -> None:
    curve_of_likes = likes((10_000, 1), (100_000, 4), (200_000, 5), (4_000_000, 9))
    assert half_life(curve_of_likes, 0, 9, 0) == 200_000


@given(ages)
def test_a_bucket_is_the_smallest_age_of_interest_that_is_not_below(age: int) -> None:
    name = BUCKETS[bucket(age)]
    if name == "later":
        assert age > AGES_MS[-1]
    else:
        assert age <= int(name) * 1000
        assert all(int(other) * 1000 < age for other in BUCKETS[: bisect_left(AGES_MS, age)])
