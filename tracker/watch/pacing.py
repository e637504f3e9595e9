"""How often a rule is asked: one that waits before it alerts need not be asked at every look.

1. A rule that alerts at once is asked at every look. One that must have failed for a while (its hold) is asked once in
   a hundredth of that: for so long its last answer stands. So its alert comes at most a hundredth of its hold later.
2. An answer stands only while the definitions are those by which it was given, and not beyond the moment at which one
   of its rule's alerts is about to fire or to be resolved: that is never decided on an old answer.
3. A rule that could not answer is asked again at the next look.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from tracker.domain.alerts import Alert, Timing
from tracker.domain.evaluation import RuleTerms
from tracker.domain.events import Instant
from tracker.domain.verdicts import Verdict

SHARE = 100
"""Rules that hold judge whole curves: asked at every look they take most of an evaluation's time."""


class Answer(Struct, frozen=True):
    """What a rule said of a campaign, when it was asked, and by which version of the definitions."""

    verdicts: Sequence[Verdict]
    at: Instant
    version: int


class Answers:
    """The last answers of the rules, by campaign."""

    def __init__(self) -> None:
        self._last: dict[str, dict[str, Answer]] = {}

    def standing(
        self, campaign: str, terms: Mapping[str, RuleTerms], alerts: Collection[Alert], version: int, now: Instant
    ) -> dict[str, Answer]:
        """The answers that still stand: those of the rules that need not be asked now."""
        deciding = {
            alert.rule
            for alert in alerts
            if alert.rule in terms and _decides(alert, terms[alert.rule].in_force.timing, now)
        }
        return {
            rule: answer
            for rule, answer in self._last.get(campaign, {}).items()
            if rule in terms
            and terms[rule].in_force.enabled
            and rule not in deciding
            and answer.version == version
            and answer.at <= now < answer.at + terms[rule].in_force.timing.hold_ms // SHARE
        }

    def take(self, campaign: str, answers: Mapping[str, Answer]) -> None:
        """Remember these, and forget whatever else was said of the campaign."""
        self._last[campaign] = dict(answers)

    def forget(self, campaigns: Iterable[str]) -> None:
        for campaign in campaigns:
            self._last.pop(campaign, None)


def _decides(alert: Alert, timing: Timing, now: Instant) -> bool:
    """Whether the alert fires or is resolved now if its rule still says what it said."""
    if alert.state == "pending" and now >= alert.began_at + timing.hold_ms:
        return True
    return alert.clear_since is not None and now >= alert.clear_since + timing.clear_ms
