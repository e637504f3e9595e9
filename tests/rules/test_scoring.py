"""The measuring measured: what rules of known quality score."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from tests.rules import tiny
from tests.rules.measure import measure_rules, measured
from tests.rules.scoring import WEEK, alerts, compatible, score, ticks
from tracker.domain.alerts import Timing
from tracker.domain.verdicts import Subject
from tracker.plugin.rules_reference import Measured
from tracker.simulate.lab.behaviour import DAY, HOUR
from tracker.simulate.lab.cases import CLEAN, case_of

SEEDS = range(3)
NAME = tiny.Tiny.name


def measured_of(rule: Any) -> Measured:
    totals = [measured(measure_rules([rule], seed, (CLEAN, "wrong_medium", "removed")))[NAME] for seed in SEEDS]
    sums = {name: sum(getattr(one, name) for one in totals) for name in Measured.__struct_fields__}
    return Measured(**sums)


def test_a_perfect_rule_scores_one_and_one_and_cries_for_nothing() -> None:
    got = measured_of(tiny.Perfect())
    assert (got.campaigns, got.found, got.missed, got.right) == (3, 3, 0, 3)
    assert [got.precision, got.recall] == [Decimal(1)] * 2
    assert [got.alarms_a_week, got.alarms_elsewhere] == [Decimal(0)] * 2
    assert got.misses == []


def test_a_rule_that_always_fires_has_low_precision_and_false_alarms() -> None:
    got = measured_of(tiny.Always())
    assert got.precision is not None
    assert got.precision < 0.3
    assert got.alarms_elsewhere is not None
    assert got.alarms_elsewhere >= 4
    assert got.alarms_a_week is not None
    assert got.alarms_a_week >= 4
    assert len(got.misses) >= 2


@pytest.mark.parametrize("rule", [tiny.Never(), tiny.Cannot()])
def test_a_rule_that_never_fires_finds_nothing(rule: Any) -> None:
    got = measured_of(rule)
    assert got.recall == 0
    assert got.precision is None
    assert got.alarms_a_week == 0
    assert len(got.misses) == 2


def test_an_alert_that_comes_too_late_is_false_and_leaves_the_disturbance_missed() -> None:
    case = case_of("wrong_medium", 1)
    (truth,) = case.truths
    rule: Any = tiny.Perfect()
    (alert,) = alerts(case, [rule])
    late = replace(case, truths=(replace(truth, since=truth.since - 2 * DAY, until=alert.at - 1),))
    got = score(late, [alert], [rule])[NAME]
    assert (got.found, got.missed, got.right, got.false) == (0, 1, 0, 1)


def test_what_follows_from_a_disturbance_is_neither_right_nor_false() -> None:
    case = case_of("wrong_medium", 1)
    (truth,) = case.truths
    rule: Any = tiny.Perfect()
    fired = alerts(case, [rule])
    besides = replace(case, truths=(replace(truth, rules=("agreement.other",), besides=("agreement.*",)),))
    got = score(besides, fired, [rule])[NAME]
    assert (got.right, got.follows, got.other_alarms, got.found, got.missed) == (0, 1, 0, 0, 0)


def test_a_rule_must_fail_for_as_long_as_its_patience() -> None:
    class Patient(tiny.Perfect):
        timing = Timing(hold_ms=6 * HOUR)

    case = case_of("wrong_medium", 1)
    (quick,), (patient,) = alerts(case, [tiny.Perfect()]), alerts(case, [Patient()])
    assert patient.at - quick.at >= 6 * HOUR


def test_a_clean_campaign_is_judged_every_three_hours_of_one_week() -> None:
    for seed in (0, 1):
        found = ticks(case_of(CLEAN, seed))
        assert {later - earlier for earlier, later in pairwise(found)} == {3 * HOUR}
        assert len(found) * 3 * HOUR == WEEK


@pytest.mark.parametrize(
    ("other", "fits"),
    [
        (Subject(campaign="autumn"), True),
        (Subject(campaign="autumn", creator="aoi"), True),
        (Subject(campaign="autumn", creator="aoi", post="p1"), True),
        (Subject(campaign="autumn", creator="ben"), False),
        (Subject(campaign="autumn", creator="aoi", post="p2"), False),
    ],
)
def test_subjects_fit_when_nothing_that_both_name_differs(other: Subject, fits: bool) -> None:
    assert compatible(Subject(campaign="autumn", creator="aoi", post="p1"), other) is fits
