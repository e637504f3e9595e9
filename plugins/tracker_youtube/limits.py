"""The Data API's limits: 10,000 units a day, given anew at midnight Pacific time; and its errors.

An error is `{"error": {"code", "errors": [{"reason", "domain"}]}}`; the reason says what is the matter.
https://developers.google.com/youtube/v3/docs/errors
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tracker.domain.events import Instant
from tracker.plugin import Headers, Quota, Unreadable
from tracker.plugin.limits import answered_at, retry_after_ms
from tracker.plugin.reading import Node, read_json

PACIFIC = ZoneInfo("America/Los_Angeles")
HOLD_MS = 60_000
UNTOLD_HOLD_MS = (
    3_600_000  # the day's units are used up, and the answer has no Date to count from: ask again in an hour
)

DAY_REASONS = frozenset({"quotaExceeded", "dailyLimitExceeded"})
PACE_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "servingLimitExceeded"})
KEY_REASONS = frozenset(
    {
        "accessNotConfigured",
        "authError",
        "badRequest.keyInvalid",
        "ipRefererBlocked",
        "keyExpired",
        "keyInvalid",
        "required",
        "unauthorized",
    }
)
# About the asking: keys, permissions, outages.
ASKING_REASONS = KEY_REASONS | {"backendError", "forbidden", "internalError"}
ABSENT_REASONS = frozenset({"channelNotFound", "playlistNotFound", "playlistItemsNotAccessible", "videoNotFound"})


def quota(status: int, headers: Headers, body: bytes) -> Quota:
    """How long to wait: to the next midnight Pacific where the day's units are used up, else as the answer asks.

    And whether the key was refused.
    """
    if status < 400:
        return Quota()
    reasons = _reasons_or_none(body)
    if reasons & DAY_REASONS:
        now = answered_at(headers)
        return Quota(used_share=1.0, wait_ms=UNTOLD_HOLD_MS if now is None else until_midnight_pacific(now))
    if status == 429 or reasons & PACE_REASONS:
        return Quota(wait_ms=retry_after_ms(headers) or HOLD_MS)
    return Quota(token_refused=bool(reasons & KEY_REASONS) if reasons else None)


def until_midnight_pacific(now: Instant) -> int:
    """Milliseconds from `now` to the next midnight in Los Angeles: 23 to 25 hours at most, as its clocks change."""
    here = datetime.fromtimestamp(now / 1000, tz=UTC).astimezone(PACIFIC)
    midnight = datetime.combine(here.date() + timedelta(days=1), time(), tzinfo=PACIFIC)
    return int(midnight.timestamp() * 1000) - now


def reasons(error: Node) -> frozenset[str]:
    """The reasons of an error object."""
    listed = error.maybe("errors")
    if listed is None:
        return frozenset()
    found = [each.maybe("reason") for each in listed.elements()]
    return frozenset(reason.string() for reason in found if reason is not None)


def _reasons_or_none(body: bytes) -> frozenset[str]:
    try:
        return reasons(read_json(body).member("error"))
    except Unreadable:
        return frozenset()  # an error page of something in between: the status alone speaks
