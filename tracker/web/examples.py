"""Examples of answers and bodies, as the reference shows them. Made up; tests/web/test_document.py reads each back."""

from __future__ import annotations

from typing import Any, Final

LIKES: Final[dict[str, Any]] = {
    "name": "likes",
    "value": 1204,
    "unit": "count",
    "basis": "last known value of each post; 3 of 4 posts known",
    "known": 3,
    "unknown": 1,
    "currency": None,
    "sources": ["poll", "webhook"],
    "at": 1780000000000,
    "age_ms": 42000,
}
CAMPAIGNS: Final = {
    "items": [
        {
            "id": "spring-glow",
            "name": "Spring Glow",
            "client": "Aurora Cosmetics",
            "state": "running",
            "starts_at": 1779900000000,
            "ends_at": 1782500000000,
            "creators": 2,
            "numbers": [LIKES],
        }
    ],
    "next": None,
}
SERIES: Final = {
    "campaign": "spring-glow",
    "who": "",
    "field": "likes",
    "unit": "hour",
    "from": 1779998400000,
    "to": 1780005600000,
    "before": 10,
    "points": [{"at": 1779998400000, "change": 5, "total": 15}, {"at": 1780002000000, "change": -2, "total": 13}],
    "basis": "changes of likes by the hour in which they were observed; a fall is negative",
    "sources": ["poll"],
    "at": 1780003000000,
    "age_ms": 60000,
}
DEFINITIONS: Final = {
    "campaigns": [
        {
            "id": "spring-glow",
            "name": "Spring Glow",
            "starts_at": "2026-05-28T00:00:00+09:00",
            "ends_at": "2026-06-28T00:00:00+09:00",
            "hashtags": ["springglow"],
        }
    ]
}
SILENCE: Final = {
    "campaign": "spring-glow",
    "rule": "engagement.*",
    "minutes": 120,
    "note": "known: a platform's outage",
}
PROBLEM: Final = {
    "type": "urn:tracker:problem:bad-parameter",
    "title": "Bad request",
    "status": 400,
    "detail": "the parameters cannot be accepted; nothing was done",
    "request": "5f0c2b7e9a1d4c38",
    "errors": [{"field": "limt", "detail": "no such parameter; did you mean `limit`? Allowed: cursor, limit"}],
}
