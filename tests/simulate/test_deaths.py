"""When a service is killed: every few seconds, and only in the midst of its work."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tracker.simulate.deaths import EVERY_S, FIRST_S, SPARED_S, Deaths
from tracker.simulate.services import Service


@pytest.fixture
def deaths(tmp_path: Path) -> Deaths:
    service = Service("watcher", "watch", settings=tmp_path / "settings.yaml", directory=tmp_path)
    return Deaths(service, seed=1, began=100.0)


def test_a_service_at_work_dies_again_and_again(deaths: Deaths) -> None:
    died = [second / 10 for second in range(1_000, 1_600) if deaths.are_due(second / 10, second)]
    assert died[0] == pytest.approx(100.0 + FIRST_S, abs=0.11)
    assert all(EVERY_S[0] <= later - earlier <= EVERY_S[1] + 0.11 for earlier, later in pairwise(died))
    assert len(died) >= 8


def test_one_that_has_done_nothing_since_its_last_death_is_spared_for_a_while(deaths: Deaths) -> None:
    assert deaths.are_due(105.0, 7)
    assert not deaths.are_due(105.0 + SPARED_S - 0.1, 7)
    assert deaths.are_due(105.0 + SPARED_S, 7)


def test_it_dies_as_soon_as_it_has_worked_again(deaths: Deaths) -> None:
    assert deaths.are_due(105.0, 7)
    assert deaths.are_due(105.0 + EVERY_S[1], 8)
