"""How often one token may ask: a bucket of requests that fills steadily.

1. A token may make `burst` requests at once, and `per_minute` a minute over time.
2. What is known of a token that has not asked for long is forgotten: a full bucket needs no memory.
"""

from __future__ import annotations

from tracker.domain.events import Instant

_MINUTE_MS = 60_000
_SWEEP_AT = 1_000


class RateLimit:
    """The buckets of one process. Reckoned in whole parts (`per_minute` in a millisecond): nothing is rounded."""

    def __init__(self, per_minute: int, burst: int) -> None:
        self._parts = per_minute
        self._depth = burst * _MINUTE_MS
        self._full_at: dict[str, int] = {}
        """By token: when its bucket will be full again, in parts."""

    def take(self, token: str, now: Instant) -> int:
        """Take one request out of a token's bucket. 0: it may go on; else the ms after which it may."""
        at = now * self._parts
        full_at = max(at, self._full_at.get(token, 0)) + _MINUTE_MS
        lacking = full_at - at - self._depth
        if lacking > 0:
            return -(-lacking // self._parts)
        self._full_at[token] = full_at
        if len(self._full_at) > _SWEEP_AT:
            self._full_at = {known: full for known, full in self._full_at.items() if full > at}
        return 0
