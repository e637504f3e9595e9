"""A case judged through time, and what its alerts were worth.

1. Rules see what a poller would have seen, with their own default settings; alerts live by the core's `advance`.
2. An alert is the moment at which an episode fires. It is *right* if a truth of the case that must raise its rule fits
   its subject and the instant; it *follows* if a truth says that it may; else it is *false*.
3. A truth is *found* by a rule if one of its alerts is right about it, else *missed*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracker.domain.alerts import Alert, Judged, advance, is_told
from tracker.domain.verdicts import Subject, Verdict
from tracker.simulate.lab.behaviour import DAY, HOUR, MINUTE
from tracker.simulate.lab.cases import CLEAN
from tracker.simulate.lab.seen import Known, Seen
from tracker.simulate.lab.story import Case, Truth

WEEK = 7 * DAY
Place = tuple[Subject, str]
"""What stays the same of an alert from episode to episode: its subject and check."""
_DENSE = tuple(minutes * MINUTE for minutes in (10, 30, 60, 105, 180, 300, 480, 720, 1_080))
_BEFORE = (10 * HOUR, HOUR)


_COUNTS = (
    "campaigns", "right", "false", "follows", "found", "missed",
    "other_campaigns", "other_alarms", "clean_weeks", "clean_alarms",
)  # fmt: skip


@dataclass
class Score:
    """How one rule did. `notes` name each false alarm and each miss."""

    campaigns: int = 0
    """Cases that have a truth of the rule's own; `right`, `false`, `found` and `missed` are of these."""
    right: int = 0
    false: int = 0
    follows: int = 0
    found: int = 0
    missed: int = 0
    other_campaigns: int = 0
    """Disturbed cases without one, and (`other_alarms`) the false alarms in them."""
    other_alarms: int = 0
    clean_weeks: int = 0
    clean_alarms: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, other: Score) -> None:
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.notes += other.notes


def ticks(case: Case) -> list[int]:
    """When a case is judged: a clean one every three hours of a week, a disturbed one around what is wrong with it."""
    start = case.world.campaign.starts_at
    if case.kind == CLEAN:
        first = start + (case.world.seed % 2) * 3 * DAY  # the campaign's first week, or its last
        return [first + hour * HOUR + 7 * MINUTE for hour in range(3, WEEK // HOUR + 1, 3)]
    found = set()
    for truth in case.truths:
        found |= {truth.since - before for before in _BEFORE}
        found |= {truth.since + after for after in _DENSE if truth.since + after < truth.until}
        found |= set(range(truth.since + DAY + 5 * HOUR, truth.until, 8 * HOUR))
        found.add(truth.until)
    return sorted(at for at in found if at > start)


def alerts(case: Case, rules: Iterable[Any], known: Known | None = None) -> list[Alert]:
    """Every alert that fires, as it was when it fired."""
    seen = Seen(case.world, known)
    campaign = case.world.campaign.id
    rules = tuple(rules)
    standing: dict[str, dict[Place, Alert]] = {rule.name: {} for rule in rules}
    fired: list[Alert] = []
    for now in ticks(case):
        facts = seen.facts(now)
        for rule in rules:
            verdicts = rule.judge(facts, rule.settings(), now)
            fired += _advanced(rule, campaign, verdicts, standing[rule.name], now)
    return fired


def _advanced(
    rule: Any, campaign: str, verdicts: Iterable[Verdict], standing: dict[Place, Alert], now: int
) -> Iterable[Alert]:
    """Bring one rule's alerts up to date. What fires now."""
    judged: dict[Place, Judged] = {}
    for verdict in verdicts:
        key = (verdict.subject, verdict.check)
        assert key not in judged, f"{rule.name} says two things of {key}"
        judged[key] = _judged(rule, campaign, verdict.subject, verdict.check, verdict)
    for key, alert in standing.items():
        if key not in judged:
            judged[key] = _judged(rule, campaign, alert.subject, alert.check, None)
    for key, one in judged.items():
        before = standing.get(key)
        after = advance(before, one, (), now)
        if after is None:
            continue
        standing[key] = after
        if is_told(before, after) and after.what == "firing" and after.raised == after.serial:
            yield after


def _judged(rule: Any, campaign: str, subject: Subject, check: str, verdict: Verdict | None) -> Judged:
    return Judged(
        rule=rule.name,
        category=rule.category,
        severity=rule.severity,
        timing=rule.timing,
        campaign=campaign,
        subject=subject,
        check=check,
        verdict=verdict,
    )


def score(case: Case, fired: Sequence[Alert], rules: Iterable[Any]) -> Mapping[str, Score]:
    """What each rule's alerts were worth in one case."""
    scores = {}
    for rule in rules:
        name = rule.name
        mine = [alert for alert in fired if alert.rule == name]
        truths = [truth for truth in case.truths if name in truth.rules]
        one = scores[name] = Score()
        if case.kind == CLEAN:
            one.clean_weeks, one.clean_alarms = 1, len(mine)
            one.notes += [f"{_where(case)} clean: {_told(case, alert)}" for alert in mine]
            continue
        right = [alert for alert in mine if any(_fits(truth, alert) for truth in truths)]
        follows = [alert for alert in mine if alert not in right and any(_may(t, alert) for t in case.truths)]
        false = [alert for alert in mine if alert not in right and alert not in follows]
        missed = [truth for truth in truths if not any(_fits(truth, alert) for alert in right)]
        one.right, one.follows = len(right), len(follows)
        one.found, one.missed = len(truths) - len(missed), len(missed)
        if truths:
            one.campaigns, one.false = 1, len(false)
        else:
            one.other_campaigns, one.other_alarms = 1, len(false)
        one.notes += [f"{_where(case)} false: {_told(case, alert)}" for alert in false]
        one.notes += [f"{_where(case)} missed: {truth.subject.text}" for truth in missed]
    return scores


def _fits(truth: Truth, alert: Alert) -> bool:
    return truth.since <= alert.at <= truth.until and compatible(truth.subject, alert.subject)


def _may(truth: Truth, alert: Alert) -> bool:
    """Whether an alert follows from a truth: from when it began on, about it or about more than it."""
    names = (*truth.besides, *truth.rules)
    named = any(alert.rule == name or (name.endswith(".*") and alert.rule.startswith(name[:-1])) for name in names)
    return named and alert.rule not in truth.rules and alert.at >= truth.since


def compatible(one: Subject, other: Subject) -> bool:
    """Whether two subjects may be the same thing: what both name is equal."""
    names = ("campaign", "creator", "agreement", "platform", "account", "post", "code")
    pairs = ((getattr(one, name), getattr(other, name)) for name in names)
    return all(not mine or not theirs or mine == theirs for mine, theirs in pairs)


def _where(case: Case) -> str:
    return f"{case.kind} seed {case.world.seed}"


def _told(case: Case, alert: Alert) -> str:
    hours = (alert.at - case.world.campaign.starts_at) / HOUR
    return f"{alert.subject.text}{' ' + alert.check if alert.check else ''} at hour {hours:.1f}: {alert.summary['en']}"
