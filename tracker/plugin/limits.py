"""What HTTP itself says about limits: Retry-After, read against the answer's own Date. No clock is read here."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from tracker.domain.events import Instant
from tracker.plugin.api import Headers

DAY_MS = 86_400_000


def answered_at(headers: Headers) -> Instant | None:
    """The instant the answer was made by its `date` header (RFC 9110); None where there is none that reads."""
    moment = _http_date(headers.get("date"))
    return None if moment is None else int(moment.timestamp()) * 1000


def retry_after_ms(headers: Headers) -> int | None:
    """How long `retry-after` asks to wait, in ms: seconds or an HTTP date, at most a day. None: nothing that reads."""
    written = headers.get("retry-after", "").strip()
    if written.isascii() and written.isdecimal() and len(written) < 10:
        return min(int(written) * 1000, DAY_MS)
    until, now = _http_date(written), answered_at(headers)
    if until is None or now is None:
        return None
    return min(max(0, int(until.timestamp()) * 1000 - now), DAY_MS)


def _http_date(written: str | None) -> datetime | None:
    if not written:
        return None
    try:
        moment = parsedate_to_datetime(written)
    except ValueError:
        return None  # an unreadable advice is none
    return moment if moment.tzinfo is not None else None
