"""A creator's own normal posts, as something to compare with: what they had reached, and how they grew, at an age.

1. Only what was seen counts: a value lies between two observations that are near enough, or it is unknown.
2. Values measured under another definition of the metric than the newest are left out.
3. Growth is above the highest value so far: a count that falls and comes back (a purge, a faulty answer) did not grow.
4. Medians and median deviations: one odd post among a creator's normal ones changes little.
5. Integers throughout: shares in millionths (`ppm`), so that equal facts give equal verdicts everywhere.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple, cast

from tracker.domain.curve import AGES_MS, VALUES, Row
from tracker.domain.events import METRICS, Metric
from tracker.domain.facts import CreatorFacts, PostFacts

PPM = 1_000_000
NEWEST = 12
"""So many of the newest normal posts are compared with: habits change, and more posts say little more."""
_NEAR_NUM, _NEAR_DEN = 26, 10
"""A value is interpolated where the later of two observations is at most 2.6 times as old as the earlier: one interval
of the curve (tracker.domain.curve.AGES), of which only the first and the last observation are kept."""


class Series(NamedTuple):
    """A metric of one post by age (ms), ascending. `peaks` are the highest values so far; `observed_at` of the last."""

    ages: list[int]
    values: list[int]
    peaks: list[int]

    def at(self, age: int) -> int | None:
        """The highest value that was reached by an age; None where no near observations say so."""
        after = bisect_left(self.ages, age)
        if after == len(self.ages):
            return None
        if self.ages[after] == age:
            return self.peaks[after]
        if after == 0:
            return None
        before_age, after_age = self.ages[after - 1], self.ages[after]
        if after_age * _NEAR_DEN > before_age * _NEAR_NUM:
            return None
        before, rise = self.peaks[after - 1], self.peaks[after] - self.peaks[after - 1]
        return before + rise * (age - before_age) // (after_age - before_age)

    @property
    def last_age(self) -> int:
        """-1: nothing is known."""
        return self.ages[-1] if self.ages else -1

    def falls(self, tolerance_ppm: int = 20_000) -> list[int]:
        """The ages at which more than a tolerated share of its highest value so far was lost."""
        if self.values == self.peaks:
            return []
        points = zip(self.ages, self.values, self.peaks, strict=True)
        return [age for age, value, peak in points if (peak - value) * PPM > peak * tolerance_ppm]


def any_between(ages: Sequence[int], since: int, until: int) -> bool:
    """Whether any of these ages lies between two (both included)."""
    return any(since <= age <= until for age in ages)


EMPTY = Series([], [], [])


def series(rows: Sequence[Row], metric: Metric) -> Series:
    """What the curve says of a metric, under the definition it was last measured by."""
    column = VALUES + METRICS.index(metric)
    known = [row for row in rows if row[column] is not None]
    if not known:
        return EMPTY
    definition = known[-1][2]
    if any(row[2] != definition for row in known):
        known = known[1 + max(at for at, row in enumerate(known) if row[2] != definition) :]
    values = cast("list[int]", [row[column] for row in known])
    return Series([row[0] for row in known], values, list(accumulate(values, max)))


class Level(NamedTuple):
    """The middle of what normal posts show, how far they commonly are from it, and how many they are."""

    median: int
    deviation: int
    """1.4826 times the median absolute deviation: the standard deviation, if they are distributed normally."""
    posts: int
    least: int
    most: int
    high: int
    """The highest, without the tenth of them that is highest: of fewer than ten the highest but one, of three it."""

    def above(self, deviations_ppm: int, floor: int) -> int:
        """Where the unusual begins upwards: so many deviations above the median, `floor` at the least."""
        return self.median + max(self.deviation * deviations_ppm // PPM, floor)

    def below(self, deviations_ppm: int, floor: int) -> int:
        """Where the unusual begins downwards."""
        return self.median - max(self.deviation * deviations_ppm // PPM, floor)


def middle(values: Sequence[int]) -> int:
    """The median of at least one value; of an even number the mean of the two in the middle, rounded down."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) // 2


def level(values: Iterable[int]) -> Level | None:
    """None where there are no values."""
    known = list(values)
    if not known:
        return None
    median = middle(known)
    deviation = middle([abs(value - median) for value in known]) * 14_826 // 10_000
    ordered = sorted(known)
    out = max(1, len(ordered) // 10) if len(ordered) > 3 else 0
    return Level(median, deviation, len(known), ordered[0], ordered[-1], ordered[-1 - out])


def growth(of: Series, since: int, until: int) -> int | None:
    """By which share (ppm) a metric grew between two ages; None: unknown, or there was nothing to grow from."""
    before = of.at(since)
    if not before:
        return None
    after = of.at(until)
    return None if after is None else (after - before) * PPM // before


class Normals:
    """One metric of a creator's normal posts on one platform. What was asked once is remembered."""

    __slots__ = ("_growths", "_values", "by_post", "series")

    def __init__(self, posts: Sequence[PostFacts], metric: Metric) -> None:
        self.by_post = [series(post.curve, metric) for post in posts]
        """In the order of `Baseline.posts`; `series` has those of which anything is known."""
        self.series = [known for known in self.by_post if known.ages]
        self._growths: dict[tuple[int, int], Level | None] = {}
        self._values: dict[int, list[int]] = {}

    def values(self, age: int) -> list[int]:
        """What they had reached by an age."""
        if age not in self._values:
            self._values[age] = [value for value in (each.at(age) for each in self.series) if value is not None]
        return self._values[age]

    def growth(self, since: int, until: int) -> Level | None:
        """By which shares (ppm) they grew between two ages."""
        key = (since, until)
        if key not in self._growths:
            grown = (growth(each, since, until) for each in self.series)
            self._growths[key] = level(share for share in grown if share is not None)
        return self._growths[key]


class Baseline:
    """A creator's normal posts by platform and metric; made when asked for, and once."""

    __slots__ = ("_creator", "_normals", "_posts")

    def __init__(self, creator: CreatorFacts) -> None:
        self._creator = creator
        self._posts: dict[str, list[PostFacts]] = {}
        self._normals: dict[tuple[str, Metric], Normals] = {}

    def posts(self, platform: str) -> list[PostFacts]:
        """The newest of them, of which it is known when they were published."""
        if platform not in self._posts:
            placed = [p for p in self._creator.normal if p.platform == platform and p.published_at is not None]
            placed.sort(key=lambda post: (post.at, post.account, post.post))
            self._posts[platform] = placed[-NEWEST:]
        return self._posts[platform]

    def of(self, platform: str, metric: Metric) -> Normals:
        key = (platform, metric)
        if key not in self._normals:
            self._normals[key] = Normals(self.posts(platform), metric)
        return self._normals[key]


def windows(since: int, until: int) -> list[tuple[int, int]]:
    """The intervals of the curve between two ages (ms); the last one ends at `until`."""
    edges = [age for age in AGES_MS if since <= age < until]
    return list(pairwise([*edges, until]))
