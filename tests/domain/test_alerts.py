"""An alert's life, as its laws and as stories."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.alerting import MINUTE, POST, an_alert, judged
from tracker.domain.alerts import (
    OPEN,
    RAISES,
    Acknowledged,
    Act,
    Alert,
    Noted,
    Silence,
    Timing,
    advance,
    alert_id,
    is_told,
    place,
    silenced_by,
)
from tracker.domain.verdicts import Outcome, Subject

SLOW = Timing(hold_ms=5 * MINUTE, clear_ms=10 * MINUTE, repeat_ms=60 * MINUTE)
OUTCOMES = st.sampled_from(["pass", "near", "fail", "needs_human", "not_assessable", None])


class Life:
    """One subject under one rule, told what happens to it."""

    def __init__(self, timing: Timing = SLOW) -> None:
        self.timing = timing
        self.now = 0
        self.alert: Alert | None = None
        self.acts: list[Act] = []
        self.told: list[tuple[str, int]] = []

    def is_judged(self, outcome: Outcome | None, *, after: int = 0, **changed: Any) -> Life:
        self.now += after * MINUTE
        before = self.alert
        self.alert = advance(before, judged(outcome, timing=self.timing, **changed), self.acts, self.now)
        if is_told(before, self.alert):
            assert self.alert is not None
            self.told.append((self.alert.what, self.now // MINUTE))
        return self

    def is_taken(self, *, serial: int | None = None) -> Life:
        assert self.alert is not None
        seen = self.alert.serial if serial is None else serial
        self.acts.append(Acknowledged(alert=self.alert.id, serial=seen, by="mei", at=self.now, note="on it"))
        return self

    def is_silenced(self, *, minutes: int, **named: str) -> Life:
        silence = Silence(id="quiet", by="mei", at=self.now, until=self.now + minutes * MINUTE, **named)
        self.acts = [act for act in self.acts if not isinstance(act, Silence)] + [silence]
        return self

    @property
    def state(self) -> str:
        return "none" if self.alert is None else self.alert.state


def test_it_fires_only_after_it_failed_for_as_long_as_the_rule_is_patient() -> None:
    life = Life().is_judged("fail").is_judged("fail", after=4)
    assert (life.state, life.told) == ("pending", [])
    life.is_judged("fail", after=1)
    assert (life.state, life.told) == ("firing", [("firing", 5)])


def test_a_failure_that_passes_before_that_is_never_told() -> None:
    life = Life().is_judged("fail").is_judged("pass", after=2).is_judged("fail", after=4).is_judged("fail", after=4)
    assert life.told == []
    assert life.alert is not None
    assert (life.state, life.alert.episode, life.alert.began_at) == ("pending", 2, 6 * MINUTE)


def test_it_is_resolved_only_after_it_passed_for_long_enough() -> None:
    life = Life().is_judged("fail").is_judged("fail", after=5).is_judged("pass", after=1).is_judged("pass", after=9)
    assert life.state == "firing"
    life.is_judged("pass", after=1)
    assert life.told == [("firing", 5), ("resolved", 16)]
    assert life.alert is not None
    assert life.alert.reason == "passed"


def test_flapping_between_pass_and_fail_is_one_episode() -> None:
    life = Life().is_judged("fail").is_judged("fail", after=5)
    for outcome in ("pass", "fail", "pass", "near", "pass", "fail"):
        life.is_judged(outcome, after=4)
    assert life.told == [("firing", 5)]


def test_a_subject_that_is_no_longer_judged_is_resolved_at_once_and_says_why() -> None:
    life = Life().is_judged("fail").is_judged("fail", after=5).is_judged(None, after=1)
    assert life.alert is not None
    assert (life.state, life.alert.reason) == ("resolved", "gone")


def test_what_cannot_be_judged_neither_fires_nor_resolves() -> None:
    life = Life().is_judged("fail").is_judged("not_assessable", after=9)
    assert life.state == "pending"
    life.is_judged("fail", after=1)
    assert life.state == "firing"
    life.is_judged("not_assessable", after=500)
    assert life.state == "firing"


def test_the_next_episode_has_the_next_number_and_an_id_of_its_own() -> None:
    life = Life(Timing()).is_judged("fail")
    first = life.alert
    life.is_judged("pass", after=1).is_judged("fail", after=1)
    assert first is not None
    assert life.alert is not None
    assert (life.alert.episode, first.id != life.alert.id) == (2, True)
    assert life.alert.id == alert_id("engagement.quiet", "spring-glow", POST, "", 2)
    assert place(life.alert) == place(first)


def test_it_is_told_again_until_somebody_takes_it() -> None:
    life = Life().is_judged("fail").is_judged("fail", after=5)
    life.is_judged("fail", after=59).is_judged("fail", after=1).is_judged("fail", after=60)
    assert life.told == [("firing", 5), ("repeated", 65), ("repeated", 125)]
    life.is_taken().is_judged("fail", after=1).is_judged("fail", after=500)
    assert life.told[3:] == [("acknowledged", 126)]
    life.is_judged("pass", after=1).is_judged("pass", after=10)
    assert life.told[-1] == ("resolved", 637)


def test_who_took_it_stays_with_it() -> None:
    life = Life(Timing()).is_judged("fail").is_taken().is_judged("fail", after=1)
    assert life.alert is not None
    assert life.alert.acknowledged is not None
    assert (life.alert.acknowledged.by, life.alert.acknowledged.text) == ("mei", "on it")


def test_taking_it_does_not_take_what_is_raised_later() -> None:
    life = Life(Timing()).is_judged("fail").is_taken().is_judged("fail", after=1)
    life.is_judged("fail", after=1, severity="critical")
    assert life.told == [("firing", 0), ("acknowledged", 1), ("firing", 2)]
    life.is_judged("fail", after=1, severity="critical")
    assert life.state == "firing"
    life.is_taken().is_judged("fail", after=1, severity="critical")
    assert life.state == "acknowledged"


def test_taking_one_episode_does_not_take_the_next() -> None:
    life = Life(Timing()).is_judged("fail").is_taken().is_judged("fail", after=1)
    life.is_judged("pass", after=1).is_judged("fail", after=1)
    assert life.state == "firing"


def test_a_silence_holds_it_and_its_end_tells_of_it_again() -> None:
    life = Life(Timing()).is_judged("fail").is_silenced(minutes=30, rule="engagement.*").is_judged("fail", after=1)
    assert life.state == "silenced"
    life.is_judged("fail", after=28)
    assert life.state == "silenced"
    life.is_judged("fail", after=1)
    assert life.told == [("firing", 0), ("silenced", 1), ("firing", 30)]


def test_what_is_silenced_from_the_start_is_never_told_as_firing() -> None:
    life = Life(Timing()).is_silenced(minutes=30, campaign="spring-glow").is_judged("fail", after=1)
    assert life.told == [("silenced", 1)]
    life.is_judged("pass", after=1)
    assert life.told[-1] == ("resolved", 2)


def test_a_silence_that_is_ended_early_ends() -> None:
    life = Life(Timing()).is_judged("fail").is_silenced(minutes=30).is_judged("fail", after=1)
    life.is_silenced(minutes=0).is_judged("fail", after=1)
    assert life.state == "firing"


@pytest.mark.parametrize(
    "named",
    [
        {"rule": "engagement.qu"},
        {"rule": "engage.*"},
        {"rule": "speed.*"},
        {"campaign": "spring"},
        {"creator": "bob"},
        {"platform": "youtube"},
        {"post": "7"},
        {"alert": "al-other"},
        {"rule": "engagement.quiet", "creator": "bob"},
    ],
)
def test_a_silence_of_something_else_does_not_hold_it(named: dict[str, str]) -> None:
    silence = Silence(id="s", by="mei", at=0, until=10_000, **named)
    assert silenced_by(an_alert(), [silence], 5_000) is None


@pytest.mark.parametrize(
    "named", [{}, {"rule": "engagement.quiet"}, {"rule": "engagement.*"}, {"creator": "ana", "post": "7001"}]
)
def test_a_silence_that_fits_holds_it_for_its_half_open_time(named: dict[str, str]) -> None:
    silence = Silence(id="s", by="mei", at=1_000, until=10_000, **named)
    held = [silenced_by(an_alert(), [silence], now) is not None for now in (999, 1_000, 9_999, 10_000)]
    assert held == [False, True, True, False]


def test_a_note_is_told_and_changes_no_state() -> None:
    life = Life(Timing()).is_judged("fail")
    assert life.alert is not None
    life.acts.append(Noted(id="n1", alert=life.alert.id, by="mei", at=1, note="asked Ana"))
    life.is_judged("fail", after=1).is_judged("fail", after=1)
    assert life.told == [("firing", 0), ("noted", 1)]
    assert life.state == "firing"
    assert [note.text for note in life.alert.notes] == ["asked Ana"]


def test_what_needs_a_human_is_of_severity_info() -> None:
    life = Life(Timing()).is_judged("needs_human", severity="critical")
    assert life.alert is not None
    assert (life.state, life.alert.severity) == ("firing", "info")


@given(st.lists(st.tuples(OUTCOMES, st.integers(0, 30), st.booleans(), st.booleans()), max_size=40))
def test_whatever_happens_the_laws_hold(story: list[tuple[Outcome | None, int, bool, bool]]) -> None:
    life = Life()
    serials: list[tuple[int, int]] = []
    for outcome, after, taken, silenced in story:
        before = life.alert
        life.is_judged(outcome, after=after)
        if life.alert is None:
            assert outcome not in RAISES
            continue
        if outcome not in RAISES and (before is None or before.state == "resolved"):
            assert life.alert == before, "only a verdict that raises opens an episode"
        if before is not None and before.state == "pending" and life.alert.state in OPEN - {"pending"}:
            assert outcome in RAISES, "only a verdict that raises fires"
        again = advance(life.alert, judged(outcome, timing=SLOW), life.acts, life.now)
        assert again == life.alert, "asked twice at one time it says the same"
        serials.append((life.alert.episode, life.alert.serial))
        if taken and life.alert.state in OPEN:
            life.is_taken()
        if silenced:
            life.is_silenced(minutes=15)
    assert serials == sorted(serials)
    assert life.told == [] or life.told[0][0] in ("firing", "silenced")


SUBJECTS = st.builds(Subject, campaign=st.text("a/=%|", max_size=3), post=st.text("a/=%|", max_size=3))


@given(SUBJECTS, SUBJECTS)
def test_two_subjects_read_alike_only_if_they_are_alike(one: Subject, other: Subject) -> None:
    assert (one.text == other.text) == (one == other)
