"""How one post's counts grow: a path by age, drawn once, that answers for every instant.

1. A path starts at 0 and never falls; only an `Extra` may take away.
2. All counts of a post breathe together: day and night, and the noise of each stretch of time, are common to them.
3. Between two drawn points it is a straight line, rounded down.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from random import Random

from msgspec import Struct

from tracker.domain.events import METRICS
from tracker.simulate.curves import Weibull
from tracker.simulate.lab.behaviour import (
    CELL_NOISE,
    COMMENTS_FASTER,
    CURVES,
    DAY,
    HOUR,
    MINUTE,
    ONLINE,
    UTC_OFFSET,
    LabLanguage,
    LabPlatform,
)
from tracker.simulate.lab.chance import lognormal, poisson

GRID: tuple[int, ...] = (
    *(minutes * MINUTE for minutes in (0, 1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 40, 50, 60, 75, 90, 105, 120)),
    *(half * HOUR // 2 for half in range(5, 13)),
    *(hour * HOUR for hour in range(7, 25)),
    *(hour * HOUR for hour in range(26, 73, 2)),
    *(hour * HOUR for hour in range(76, 169, 4)),
    *(day * DAY for day in range(8, 61)),
)
"""Ages (ms) at which a path is drawn."""
_MID = tuple((low + high) // 2 for low, high in pairwise(GRID))
_COMMENTS = METRICS.index("comments")


class Wave(Struct, frozen=True):
    """A second life: from the age `after` (ms) on as much as `boost` of the whole comes again, along the same curve."""

    after: int
    boost: float


class Plan(Struct, frozen=True, kw_only=True):
    """What a path is drawn from. `means` are what each metric would reach; None: the platform does not tell it."""

    platform: LabPlatform
    language: LabLanguage
    published: int
    means: tuple[float | None, ...]
    scale: float = 1.0
    wave: Wave | None = None


class Path(Struct, frozen=True):
    """The running totals of each metric at the ages of GRID; None: not told."""

    published: int
    counts: tuple[tuple[int, ...] | None, ...]


class Extra(Struct, frozen=True):
    """What comes (or goes) besides: a metric's additional total by instant, straight between the points, sorted."""

    metric: int
    points: tuple[tuple[int, int], ...]

    def at(self, now: int) -> int:
        points = self.points
        after = bisect_right(points, (now, 2**62))
        if after == 0:
            return 0
        if after == len(points):
            return points[-1][1]
        (t0, v0), (t1, v1) = points[after - 1], points[after]
        return v0 + (v1 - v0) * (now - t0) // (t1 - t0)


def online(language: LabLanguage, now: int) -> float:
    """How much of an audience is about."""
    return ONLINE[(now // HOUR + UTC_OFFSET[language]) % 24]


def grow(rng: Random, plan: Plan) -> Path:
    """Draw a post's path."""
    base = CURVES[plan.platform]
    about = [online(plan.language, plan.published + age) for age in _MID]
    noise = [lognormal(rng, CELL_NOISE) for _ in _MID]
    likes = _weights(Weibull(base.scale_hours * plan.scale, base.shape), about, noise, plan.wave)
    faster = Weibull(base.scale_hours * plan.scale * COMMENTS_FASTER, base.shape)
    comments = _weights(faster, about, noise, plan.wave)
    counts: list[tuple[int, ...] | None] = []
    for metric, mean in enumerate(plan.means):
        if mean is None:
            counts.append(None)
            continue
        total, path = 0, [0]
        for weight in comments if metric == _COMMENTS else likes:
            total += poisson(rng, mean * weight)
            path.append(total)
        counts.append(tuple(path))
    return Path(plan.published, tuple(counts))


def _weights(curve: Weibull, about: list[float], noise: list[float], wave: Wave | None) -> list[float]:
    """The share of the whole that each cell of GRID brings; they sum up to the curve's share at the last age."""
    shares = [curve.share(age) for age in GRID]
    boost, after = (0.0, 0) if wave is None else (wave.boost, wave.after)
    again = [boost * curve.share(age - after) if age > after else 0.0 for age in GRID] if boost else [0.0] * len(GRID)
    masses = [
        (shares[cell + 1] - shares[cell] + again[cell + 1] - again[cell]) * about[cell] for cell in range(len(about))
    ]
    scale = (shares[-1] + again[-1]) / sum(masses)
    return [mass * scale * one for mass, one in zip(masses, noise, strict=True)]


def count_at(path: Path, metric: int, now: int) -> int | None:
    """What a metric has reached at an instant, extras aside; None: not told."""
    counts = path.counts[metric]
    if counts is None:
        return None
    age = now - path.published
    if age <= 0:
        return 0
    after = bisect_left(GRID, age)
    if after == len(GRID):
        return counts[-1]
    before = after - 1
    low, high = counts[before], counts[after]
    return low + (high - low) * (age - GRID[before]) // (GRID[after] - GRID[before])
