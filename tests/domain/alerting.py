"""Alerts and verdicts for tests, in few words."""

from __future__ import annotations

from typing import Any

from tracker.domain.alerts import Alert, Judged, Timing, advance
from tracker.domain.verdicts import Evidence, Outcome, Severity, Subject, Verdict

POST = Subject(campaign="spring-glow", creator="ana", platform="tiktok", account="_1", post="7001")
MINUTE = 60_000


def said(outcome: Outcome, *, severity: Severity | None = None, subject: Subject = POST, number: int = 3) -> Verdict:
    """A verdict on a post."""
    return Verdict(
        subject=subject,
        outcome=outcome,
        severity=severity,
        summary={"en": f"{number} of 10 likes", "ja": f"いいねは10件中{number}件"},
        evidence=(Evidence(name="likes", value=number, unit="count", limit=10, basis="last known value"),),
    )


def judged(outcome: Outcome | None, **changed: Any) -> Judged:
    """A rule's word on a post; None: it has none any more."""
    timing = changed.pop("timing", Timing())
    verdict = None if outcome is None else said(outcome, **changed)
    return Judged(
        rule="engagement.quiet",
        category="engagement",
        severity="warning",
        timing=timing,
        campaign="spring-glow",
        subject=changed.get("subject", POST),
        verdict=verdict,
    )


def an_alert(*, now: int = 1_000, **changed: Any) -> Alert:
    """An alert that has just fired."""
    alert = advance(None, judged("fail", **changed), (), now)
    assert alert is not None
    return alert
