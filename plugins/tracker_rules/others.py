"""A post's other counts, as witnesses: what an audience does by itself raises all of them, and at the same hours.

1. Comments, shares and saves are counted together: they are few, and few buy them.
2. Views (or reach, or impressions) bear witness for reactions, but reactions not for views: who sells likes may bring
   views along, and who brings views sells likes.
3. A count that is not known at every one of the ages bears no witness.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracker.domain.events import Metric
from tracker.domain.facts import PostFacts
from tracker_rules.baseline import Series, series

_VOICES: tuple[Metric, ...] = ("comments", "shares", "saves")
_EXPOSURE: tuple[Metric, ...] = ("views", "reach", "impressions")


def voices(post: PostFacts, name: Metric, ages: Sequence[int]) -> list[int] | None:
    """How many comments, shares and saves there were at these ages, `name` aside; None: none of them is known."""
    known = [reached for each in _VOICES if each != name and (reached := _at(post, each, ages)) is not None]
    return [sum(column) for column in zip(*known, strict=True)] if known else None


def exposure(post: PostFacts, name: Metric, ages: Sequence[int]) -> list[int] | None:
    """How often it was seen by these ages; None: unknown, or that is what `name` says itself."""
    if name in _EXPOSURE:
        return None
    return next((reached for each in _EXPOSURE if (reached := _at(post, each, ages)) is not None), None)


def _at(post: PostFacts, name: Metric, ages: Sequence[int]) -> list[int] | None:
    of: Series = series(post.curve, name)
    found = [value for value in (of.at(age) for age in ages) if value is not None]
    return found if len(found) == len(ages) else None
