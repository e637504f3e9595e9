"""Meta's limits and errors: usage headers (percent), error codes.

X-App-Usage: one object of percentages. X-Business-Use-Case-Usage: by business id, a list of such objects, each with
`estimated_time_to_regain_access` in minutes. https://developers.facebook.com/docs/graph-api/overview/rate-limiting
"""

from __future__ import annotations

from collections.abc import Iterator

from tracker.plugin import Headers, Quota, Unreadable
from tracker.plugin.limits import DAY_MS, retry_after_ms
from tracker.plugin.reading import Node, read_json

MINUTE_MS = 60_000
HOLD_MS = 15 * MINUTE_MS  # over the limit and not told how long: the window is a rolling hour

# Application, user, page, custom and business use case limits.
RATE_CODES = frozenset({4, 17, 32, 613, *range(80_000, 80_015)})
TRANSIENT_CODES = frozenset({1, 2})
TOKEN_CODES = frozenset({102, 190})
# 10, 200-299, 3: what the token may do. Neither they nor the token's own say anything about a post.
ACCESS_CODES = TOKEN_CODES | {3, 10, *range(200, 300)}
GONE_CODES = frozenset({803})
GONE_SUBCODES = frozenset({33})  # code 100: "Object with ID ... does not exist, cannot be loaded ..."

_PERCENTAGES = ("call_count", "total_time", "total_cputime")


def quota(status: int, headers: Headers, body: bytes) -> Quota:
    """The greatest share used, how long to wait where a limit was met, and whether the token was refused."""
    uses = [*_usages(headers.get("x-app-usage")), *_by_business(headers.get("x-business-use-case-usage"))]
    percentages = [number for use in uses for key in _PERCENTAGES if (number := _number(use, key)) is not None]
    minutes = max((_number(use, "estimated_time_to_regain_access") or 0 for use in uses), default=0)
    wait = min(int(minutes) * MINUTE_MS, DAY_MS) or None
    code = _error_code(body) if status >= 400 else None
    if wait is None and (status == 429 or code in RATE_CODES):
        wait = retry_after_ms(headers) or HOLD_MS
    refused = None if code is None else code in TOKEN_CODES
    return Quota(used_share=max(percentages) / 100 if percentages else None, wait_ms=wait, token_refused=refused)


def is_gone(error: Node) -> bool:
    """Whether an error object says that what was asked for is not there (or no longer ours to see)."""
    code, subcode = error.member("code").integer(), error.maybe("error_subcode")
    return code in GONE_CODES or (code == 100 and subcode is not None and subcode.integer() in GONE_SUBCODES)


def is_about_the_asking(error: Node) -> bool:
    """Whether an error object is about limits, outages or tokens: nothing is said about what was asked for."""
    return error.member("code").integer() in RATE_CODES | TRANSIENT_CODES | ACCESS_CODES


def _error_code(body: bytes) -> int | None:
    try:
        return read_json(body).member("error").member("code").integer()
    except Unreadable:
        return None  # an error page of something in between: the status alone speaks


def _usages(written: str | None) -> Iterator[Node]:
    if written is not None:
        yield from _objects(written)


def _by_business(written: str | None) -> Iterator[Node]:
    for businesses in _usages(written):
        for _, uses in businesses.members():
            if uses.is_array():
                yield from (use for use in uses.elements() if use.is_object())


def _objects(written: str) -> Iterator[Node]:
    try:
        usage = read_json(written.encode("utf-8", "replace"))
    except Unreadable:
        return  # advice that cannot be read is no advice
    if usage.is_object():
        yield usage


def _number(use: Node, key: str) -> float | None:
    value = use.value.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**6 else None
