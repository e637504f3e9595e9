"""When a poller looks, as the core schedules it: the next look follows from the last one and the age of the post then.

1. The cadence is the core's own default (tracker.domain.schedule.Cadence).
2. A poll may be late, or missed; in a gap of the feed there is none. After `until` nothing is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tracker.domain.schedule import Cadence
from tracker.simulate.lab.behaviour import P_POLL_LATE, P_POLL_MISSED

_CADENCE = Cadence()


def looks(rng: Random, published: int, until: int, gaps: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """The instants at which a post was seen. The first follows within one look at its account."""
    found: list[int] = []
    at = published + 1 + int(rng.random() * _CADENCE.account_every)
    draw = rng.random
    while at < until:
        gap_end = next((end for start, end in gaps if start <= at < end), None)
        if gap_end is not None:
            at = gap_end + int(draw() * 60_000)
            continue
        every = _CADENCE.every(at - published)
        chance = draw()
        if chance >= P_POLL_MISSED or not found:
            found.append(at)
        late = int(every * 3 * draw()) if chance > 1 - P_POLL_LATE else int(2_000 * draw())
        at += every + late
    return tuple(found)
