from __future__ import annotations

from typing import Any

from tracker.domain.alerts import Timing
from tracker.domain.definitions import RuleDefinition
from tracker.domain.in_force import InForce, in_force

OWN = Timing(hold_ms=60_000, clear_ms=120_000, repeat_ms=3_600_000)
QUIET = "engagement.quiet"


def of(*definitions: RuleDefinition, campaign: str = "spring") -> InForce:
    return in_force(QUIET, "warning", OWN, definitions, campaign)


def defined(id: str, **fields: Any) -> RuleDefinition:
    return RuleDefinition(**{"id": id, "rule": QUIET, **fields})


def test_without_a_definition_a_rule_works_as_it_is() -> None:
    assert of() == InForce(enabled=True, severity="warning", timing=OWN, settings={})
    assert of(defined("other", rule="speed.late_burst", enabled=False), defined("theirs", campaign="tea")) == of()


def test_what_a_definition_leaves_out_is_as_the_rule_has_it() -> None:
    found = of(defined("all", severity="critical", hold_minutes=0, settings={"least": 3}))
    assert found == InForce(
        enabled=True,
        severity="critical",
        timing=Timing(hold_ms=0, clear_ms=120_000, repeat_ms=3_600_000),
        settings={"least": 3},
        definition="all",
    )


def test_a_campaigns_own_definition_stands_alone_before_the_one_for_all() -> None:
    everybody, spring = defined("zz-all", settings={"least": 3}, severity="info"), defined("a", campaign="spring")
    assert of(everybody, spring).definition == "a"
    assert of(spring, everybody).settings == {}
    assert of(spring, everybody, campaign="tea").definition == "zz-all"


def test_the_pipeline_is_set_by_definitions_for_all_only() -> None:
    assert of(defined("a", campaign="spring"), campaign="").definition is None
    assert of(defined("b"), campaign="").definition == "b"


def test_a_repeat_of_zero_minutes_is_never() -> None:
    assert of(defined("a", repeat_minutes=0)).timing.repeat_ms is None
