"""How many followed an account, day by day.

1. Of each UTC day one point is kept: the earliest observation (at one instant the greater number).
2. A post is measured by the last point before it; where there is none, by the first after it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter

from msgspec import Struct

from tracker.domain.counters import DAY

Points = tuple[tuple[int, int], ...]
"""(`observed_at`, followers), one a day, sorted."""

_at = itemgetter(0)


class Account(Struct, array_like=True, gc=False, tag="account"):
    """What one partition knows of one account."""

    platform: str
    account: str
    followers: Points = ()
    newest: int = -1
    """No post of the account is newer than this."""
    polled_at: int | None = None
    watched_since: int | None = None
    """When a definition put the account on the polling schedule; None: it is not watched."""
    due: int | None = None


def observed(points: Points, at: int, followers: int) -> Points:
    """The points after one more observation; the same object where it changes nothing."""
    day = at // DAY
    place = bisect_left(points, day * DAY, key=_at)
    if place == len(points) or points[place][0] // DAY != day:
        return (*points[:place], (at, followers), *points[place:])
    known = points[place]
    if (at, -followers) >= (known[0], -known[1]):
        return points
    return (*points[:place], (at, followers), *points[place + 1 :])


def followers_at(points: Points, at: int) -> int | None:
    """How many followed at an instant, as far as known."""
    if not points:
        return None
    return points[max(0, bisect_right(points, at, key=_at) - 1)][1]


def unchanged_after(before: Points, after: Points) -> int:
    """The instant before which `followers_at` is the same for both (-1: for no instant at all)."""
    if not before:
        return -1
    return min(point[0] for point in set(before) ^ set(after)) if before[0] == after[0] else -1
