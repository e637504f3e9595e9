"""The alerts of one campaign (or of the pipeline) in memory: judged, changed by people, moved on by time. Pure.

1. Every known alert is advanced at every evaluation: with its verdict; as gone, when its rule was asked and no longer
   names it, or is no longer in force; unchanged, when its rule could not answer.
2. When to look again follows from the alerts: a hold, a clearing, a silence or a repeat ends at a known instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from tracker.domain.alerts import OPEN, Act, Alert, Judged, Silence, Timing, advance, place, place_of, silenced_by
from tracker.domain.events import Instant
from tracker.domain.in_force import InForce
from tracker.domain.verdicts import Category, Outcome, Verdict

_WEIGHT: Mapping[Outcome, int] = {"pass": 0, "not_assessable": 1, "near": 2, "needs_human": 3, "fail": 4}


class RuleTerms(Struct, frozen=True, kw_only=True):
    """A rule's category, and how it works for the campaign at hand."""

    category: Category
    in_force: InForce


class Step(Struct, frozen=True):
    """One alert's way from one evaluation to the next. `before` None: it was not known."""

    before: Alert | None
    after: Alert


def evaluate(
    campaign: str,
    known: Mapping[str, Alert],
    terms: Mapping[str, RuleTerms],
    said: Mapping[str, Sequence[Verdict]],
    acts: Sequence[Act],
    now: Instant,
) -> list[Step]:
    """What changes. `terms`: of every installed rule. `said`: the verdicts of those rules that could answer."""
    judged = {
        place_of(rule, campaign, verdict.subject, verdict.check): _judged(rule, campaign, terms[rule], verdict)
        for rule, verdicts in said.items()
        for verdict in sorted(verdicts, key=lambda verdict: _WEIGHT[verdict.outcome])  # of two on one thing the worse
    }
    steps = [_step(known.get(key), each, acts, now) for key, each in judged.items()]
    for key, alert in known.items():
        if key in judged or alert.state not in OPEN:
            continue
        of_rule = terms.get(alert.rule)
        if of_rule is None or not of_rule.in_force.enabled or alert.rule in said:
            steps.append(_step(alert, _gone(alert, of_rule), acts, now))
        else:
            steps.append(_step(alert, _unanswered(alert, of_rule), acts, now))
    return [step for step in steps if step is not None]


def _step(before: Alert | None, judged: Judged, acts: Sequence[Act], now: Instant) -> Step | None:
    after = advance(before, judged, acts, now)
    return None if after is None or after == before else Step(before, after)


def _judged(rule: str, campaign: str, terms: RuleTerms, verdict: Verdict) -> Judged:
    return Judged(
        rule=rule,
        category=terms.category,
        severity=terms.in_force.severity,
        timing=terms.in_force.timing,
        campaign=campaign,
        subject=verdict.subject,
        check=verdict.check,
        verdict=verdict,
    )


def _gone(alert: Alert, terms: RuleTerms | None) -> Judged:
    return Judged(
        rule=alert.rule,
        category=alert.category,
        severity=alert.severity,
        timing=Timing() if terms is None else terms.in_force.timing,
        campaign=alert.campaign,
        subject=alert.subject,
        check=alert.check,
    )


def _unanswered(alert: Alert, terms: RuleTerms) -> Judged:
    """As if it could not be judged: people's acts and the time still count."""
    verdict = Verdict(subject=alert.subject, outcome="not_assessable", summary=alert.summary, check=alert.check)
    return _judged(alert.rule, alert.campaign, terms, verdict)


def after(known: Mapping[str, Alert], steps: Iterable[Step]) -> dict[str, Alert]:
    """The alerts as they stand after these steps."""
    return {**known, **{place(step.after): step.after for step in steps}}


def next_look(
    alerts: Iterable[Alert], terms: Mapping[str, RuleTerms], silences: Sequence[Silence], now: Instant
) -> Instant | None:
    """The next instant at which time alone changes one of these alerts. None: it never does."""
    ends = (
        end for alert in alerts if alert.state in OPEN for end in _ends(alert, terms.get(alert.rule), silences, now)
    )
    return min((end for end in ends if end > now), default=None)


def _ends(alert: Alert, terms: RuleTerms | None, silences: Sequence[Silence], now: Instant) -> list[Instant]:
    timing = Timing() if terms is None else terms.in_force.timing
    ends: list[Instant] = []
    if alert.state == "pending":
        ends.append(alert.began_at + timing.hold_ms)
    if alert.clear_since is not None:
        ends.append(alert.clear_since + timing.clear_ms)
    if alert.state == "firing" and alert.told_at is not None and timing.repeat_ms is not None:
        ends.append(alert.told_at + timing.repeat_ms)
    silence = silenced_by(alert, silences, now)
    if silence is not None:
        ends.append(silence.until)
    return ends
