"""Every installed rule finds what is wrong, and is quiet where nothing is: measured over simulated campaigns."""

from __future__ import annotations

import pytest

from tests.rules.measure import REFERENCE, SEEDS, campaign_rules, measure, measured
from tests.rules.scoring import Score
from tracker.plugin.manager import load_plugins
from tracker.plugin.rules_reference import read_measured, rules_page
from tracker.simulate.lab.cases import CLEAN, KINDS, disturbed
from tracker.simulate.lab.world import draw_world

WRITE = "run: python -m tests.rules.measure"


@pytest.fixture(scope="module")
def scores() -> dict[str, Score]:
    return measure()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_rule_reaches_the_wanted_figures(scores: dict[str, Score]) -> None:
    figures = measured(scores)
    assert set(figures) == {rule.name for rule in campaign_rules()}
    short = {name: one.misses for name, one in figures.items() if one.misses}
    told = [line for name in short for line in (f"{name}: {figures[name]}", *scores[name].notes[:10])]
    assert short == {}, "\n".join(told)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_figures_that_are_written_down_are_the_measured_ones(scores: dict[str, Score]) -> None:
    assert read_measured(REFERENCE) == measured(scores), WRITE


def test_the_page_of_rules_is_the_generated_one() -> None:
    page = (REFERENCE / "rules.md").read_text(encoding="utf-8")
    assert page == rules_page(load_plugins().rules, read_measured(REFERENCE)), WRITE


def test_every_rule_about_campaigns_has_a_disturbance_that_it_must_find() -> None:
    world = draw_world(0, "ja")
    wanted = {name for kind in KINDS for truth in disturbed(kind, world).truths for name in truth.rules}
    assert {rule.name for rule in campaign_rules()} - wanted == set()


def test_there_are_fifty_campaigns_of_each_kind_and_clean_is_none_of_them() -> None:
    assert SEEDS >= 50
    assert CLEAN not in KINDS
