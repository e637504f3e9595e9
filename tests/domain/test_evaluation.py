"""One evaluation of a campaign's alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.domain.alerting import MINUTE, POST, said
from tracker.domain.alerts import Act, Alert, Silence, Timing, place
from tracker.domain.evaluation import RuleTerms, Step, after, evaluate, next_look
from tracker.domain.in_force import InForce
from tracker.domain.verdicts import Subject, Verdict

QUIET, LATE = "engagement.quiet", "speed.late"
OTHER = Subject(campaign="spring-glow", creator="ben", platform="tiktok", account="_2", post="7002")
PROMPT = Timing()
PATIENT = Timing(hold_ms=5 * MINUTE, clear_ms=10 * MINUTE, repeat_ms=60 * MINUTE)


def terms(*, timing: Timing = PROMPT, enabled: bool = True) -> dict[str, RuleTerms]:
    force = InForce(enabled=enabled, severity="warning", timing=timing, settings={})
    return {
        QUIET: RuleTerms(category="engagement", in_force=force),
        LATE: RuleTerms(category="speed", in_force=force),
    }


def run(
    known: Mapping[str, Alert],
    answers: Mapping[str, Sequence[Verdict]],
    now: int,
    *,
    acts: Sequence[Act] = (),
    of: Mapping[str, RuleTerms] | None = None,
) -> tuple[dict[str, Alert], list[Step]]:
    steps = evaluate("spring-glow", known, terms() if of is None else of, answers, acts, now)
    return after(known, steps), steps


def states(known: Mapping[str, Alert]) -> dict[str, str]:
    return {f"{alert.rule} {alert.subject.post}": alert.state for alert in known.values()}


def test_each_rule_and_subject_has_an_alert_of_its_own() -> None:
    known, steps = run({}, {QUIET: [said("fail"), said("fail", subject=OTHER)], LATE: [said("fail")]}, 1_000)
    assert states(known) == {f"{QUIET} 7001": "firing", f"{QUIET} 7002": "firing", f"{LATE} 7001": "firing"}
    assert [step.before for step in steps] == [None] * 3
    assert len({alert.id for alert in known.values()}) == 3


def test_nothing_changes_while_all_is_as_it_was() -> None:
    known, _ = run({}, {QUIET: [said("fail"), said("pass", subject=OTHER)]}, 1_000)
    assert len(known) == 1
    _, steps = run(known, {QUIET: [said("not_assessable"), said("pass", subject=OTHER)]}, 2_000)
    assert steps == []


def test_what_a_rule_no_longer_names_is_gone() -> None:
    known, _ = run({}, {QUIET: [said("fail")]}, 1_000)
    known, steps = run(known, {QUIET: []}, 2_000)
    assert states(known) == {f"{QUIET} 7001": "resolved"}
    assert [step.after.reason for step in steps] == ["gone"]
    assert run(known, {QUIET: []}, 3_000)[1] == []


def test_the_alerts_of_a_rule_that_could_not_answer_stay() -> None:
    known, _ = run({}, {QUIET: [said("fail")]}, 1_000)
    assert states(run(known, {}, 2_000)[0]) == {f"{QUIET} 7001": "firing"}


@pytest.mark.parametrize("without", [{}, terms(enabled=False)])
def test_the_alerts_of_a_rule_that_is_disabled_or_uninstalled_are_gone(without: dict[str, RuleTerms]) -> None:
    known, _ = run({}, {QUIET: [said("fail")]}, 1_000)
    assert states(run(known, {}, 2_000, of=without)[0]) == {f"{QUIET} 7001": "resolved"}


def test_of_two_verdicts_on_one_thing_the_worse_counts() -> None:
    for pair in (["fail", "pass"], ["pass", "fail"]):
        known, steps = run({}, {QUIET: [said(outcome) for outcome in pair]}, 1_000)  # type: ignore[arg-type]
        assert states(known) == {f"{QUIET} 7001": "firing"}
        assert len(steps) == 1


def test_a_silence_counts_for_a_rule_that_could_not_answer_too() -> None:
    known, _ = run({}, {QUIET: [said("fail")]}, 1_000)
    silence = Silence(id="s", by="mei", at=1_500, until=9_000)
    assert states(run(known, {}, 2_000, acts=[silence])[0]) == {f"{QUIET} 7001": "silenced"}


def test_the_next_look_is_when_time_alone_changes_something() -> None:
    patient = terms(timing=PATIENT)
    known, _ = run({}, {QUIET: [said("fail")]}, 0, of=patient)
    assert next_look(known.values(), patient, [], 0) == 5 * MINUTE
    known, _ = run(known, {QUIET: [said("fail")]}, 5 * MINUTE, of=patient)
    assert next_look(known.values(), patient, [], 5 * MINUTE) == 65 * MINUTE
    known, _ = run(known, {QUIET: [said("pass")]}, 6 * MINUTE, of=patient)
    assert next_look(known.values(), patient, [], 6 * MINUTE) == 16 * MINUTE
    silence = Silence(id="s", by="mei", at=0, until=9 * MINUTE)
    assert next_look(known.values(), patient, [silence], 6 * MINUTE) == 9 * MINUTE
    known, _ = run(known, {QUIET: [said("pass")]}, 16 * MINUTE, of=patient)
    assert next_look(known.values(), patient, [silence], 16 * MINUTE) is None


def test_alerts_are_kept_by_what_stays_the_same_from_episode_to_episode() -> None:
    known, _ = run({}, {QUIET: [said("fail")]}, 0)
    known, _ = run(known, {QUIET: [said("pass")]}, 1)
    known, _ = run(known, {QUIET: [said("fail")]}, 2)
    (alert,) = known.values()
    assert (list(known), alert.episode, alert.subject) == ([place(alert)], 2, POST)
