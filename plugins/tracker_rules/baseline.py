"""A creator's own normal posts, as something to compare with: what they had reached, and how they grew, at an age.

1. Only what was seen counts: a value lies between two observations that are near enough, or it is unknown.
2. Values measured under another definition of the metric than the newest are left out.
3. Growth is above the highest value so far: a count that falls and comes back (a purge, a faulty answer) did not grow.
4. Medians and median deviations: one odd post among a creator's normal ones changes little.
5. Integers throughout: shares in millionths (`ppm`), so that equal facts give equal verdicts everywhere.
6. A curve, and a creator's normal posts, are read once for all rules: what was read is kept by the identity of the
   (frozen) facts that it was read from, for the newest of them. It saves time and changes no answer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Generic, NamedTuple, TypeVar, cast

from tracker.domain.curve import AGES_MS, VALUES, Row
from tracker.domain.events import METRICS, Metric
from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts

PPM = 1_000_000
NEWEST = 12
"""So many of the newest normal posts are compared with: habits change, and more posts say little more."""
_NEAR_NUM, _NEAR_DEN = 26, 10
"""A value is interpolated where the later of two observations is at most 2.6 times as old as the earlier: one interval
of the curve (tracker.domain.curve.AGES), of which only the first and the last observation are kept."""


_UNSEEN = -1
"""No count is below zero."""


class Series:
    """A metric of one post by age (ms), ascending. `peaks` are the highest values so far.

    What was asked once is remembered.
    """

    __slots__ = ("_reached", "ages", "peaks", "values")

    def __init__(self, ages: list[int], values: list[int]) -> None:
        self.ages = ages
        self.values = values
        self.peaks = list(accumulate(values, max))
        self._reached: dict[int, int | None] = {}

    def at(self, age: int) -> int | None:
        """The highest value that was reached by an age; None where no near observations say so."""
        known = self._reached.get(age, _UNSEEN)
        if known == _UNSEEN:
            known = self._reached[age] = self._at(age)
        return known

    def _at(self, age: int) -> int | None:
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


EMPTY = Series([], [])

T = TypeVar("T")
_READ = 4_096
"""So many series are kept: of a campaign of hundreds of posts all that its rules read more than once."""


class _Same(Generic[T]):
    """A key that is equal to that of the very same object: to compare what it holds would cost more than to read it."""

    __slots__ = ("it",)

    def __init__(self, it: T) -> None:
        self.it = it

    def __hash__(self) -> int:
        return id(self.it)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.it is other.it


def series(rows: tuple[Row, ...], metric: Metric) -> Series:
    """What the curve says of a metric, under the definition it was last measured by."""
    return _series(_Same(rows), metric)


@lru_cache(_READ)
def _series(same: _Same[tuple[Row, ...]], metric: Metric) -> Series:
    column = VALUES + METRICS.index(metric)
    known = [row for row in same.it if row[column] is not None]
    if not known:
        return EMPTY
    definition = known[-1][2]
    if len({row[2] for row in known}) > 1:
        known = known[1 + max(at for at, row in enumerate(known) if row[2] != definition) :]
    return Series([row[0] for row in known], cast("list[int]", [row[column] for row in known]))


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
    return _middle(sorted(values))


def _middle(ordered: Sequence[int]) -> int:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) // 2


def level(values: Iterable[int]) -> Level | None:
    """None where there are no values."""
    ordered = sorted(values)
    if not ordered:
        return None
    median = _middle(ordered)
    deviation = _middle(sorted([abs(value - median) for value in ordered])) * 14_826 // 10_000
    out = max(1, len(ordered) // 10) if len(ordered) > 3 else 0
    return Level(median, deviation, len(ordered), ordered[0], ordered[-1], ordered[-1 - out])


_EXACT = Context(prec=16)
"""Decimal's logarithms are rounded correctly, the same on every machine; those of floats are not."""


@lru_cache(_READ)
def log_ppm(part: int, whole: int) -> int:
    """The natural logarithm of a ratio, in millionths; of no part that of a part of 1."""
    ratio = _EXACT.divide(Decimal(max(1, part)), Decimal(whole))
    return int(_EXACT.ln(ratio).scaleb(6))


@lru_cache(_READ)
def exp_ppm(log: int) -> int:
    """The ratio (ppm) of which it is the logarithm."""
    return int(_EXACT.exp(Decimal(log).scaleb(-6)).scaleb(6))


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
        """What they had reached by an age, the least first."""
        if age not in self._values:
            self._values[age] = sorted([value for each in self.series if (value := each.at(age)) is not None])
        return self._values[age]

    def growth(self, since: int, until: int) -> Level | None:
        """By which shares (ppm) they grew between two ages."""
        key = (since, until)
        if key not in self._growths:
            self._growths[key] = level(
                [share for each in self.series if (share := growth(each, since, until)) is not None]
            )
        return self._growths[key]


def baselines(facts: CampaignFacts) -> tuple[Baseline, ...]:
    """What the campaign's creators are to be compared with, in their order."""
    return _baselines(_Same(facts.creators))


@lru_cache(1)
def _baselines(same: _Same[tuple[CreatorFacts, ...]]) -> tuple[Baseline, ...]:
    return tuple(Baseline(creator) for creator in same.it)


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
