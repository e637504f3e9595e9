"""The hook `tracker_rules`: what is taken, and what is refused by name."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Annotated, Any

import pytest
from msgspec import Meta

from tracker.domain.verdicts import Category, Language, Severity
from tracker.plugin import CampaignFacts, RuleSettings, Timing, Verdict, hookimpl
from tracker.plugin.manager import GROUP, PluginError, load_plugins
from tracker.plugin.rules import Kind


class QuietSettings(RuleSettings, frozen=True, kw_only=True):
    least: Annotated[int, Meta(ge=0, description="So many likes at least")] = 10


class Quiet:
    """Too quiet."""

    name = "engagement.quiet"
    title: Mapping[Language, str] = {"en": "Too quiet"}
    category: Category = "engagement"
    kind: Kind = "absolute"
    severity: Severity = "warning"
    timing = Timing()
    settings: type[RuleSettings] = QuietSettings
    about = "campaign"

    def judge(self, facts: CampaignFacts, settings: Any, now: int) -> Iterable[Verdict]:
        return []


class Needy(RuleSettings, frozen=True, kw_only=True):
    least: int


@pytest.fixture
def offering() -> Iterator[Any]:
    made: list[str] = []

    def plugin(name: str, *rules: object) -> EntryPoint:
        @hookimpl
        def tracker_rules() -> list[Any]:
            return list(rules)

        module = ModuleType(f"made_up_rules_{name}")
        vars(module)["tracker_rules"] = tracker_rules
        sys.modules[module.__name__] = module
        made.append(module.__name__)
        return EntryPoint(name, module.__name__, GROUP)

    yield plugin
    for name in made:
        del sys.modules[name]


def fault_of(*points: EntryPoint) -> str:
    with pytest.raises(PluginError) as error:
        load_plugins(points)
    return error.value.fault


def test_a_rule_is_found_by_its_name_and_told_whose_it_is(offering: Any) -> None:
    rule: Any = Quiet()
    registry = load_plugins([offering("quiet", rule)])
    assert dict(registry.rules) == {"engagement.quiet": rule}
    assert [plugin.rules for plugin in registry.plugins] == [("engagement.quiet",)]


def test_two_rules_of_one_name_are_refused_and_both_plugins_named(offering: Any) -> None:
    with pytest.raises(PluginError) as error:
        load_plugins([offering("first", Quiet()), offering("second", Quiet())])
    assert "first" in str(error.value)
    assert "second" in str(error.value)
    assert "engagement.quiet" in error.value.fault


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("title", {"ja": "静か"}),
        ("kind", "relative"),
        ("severity", "loud"),
        ("timing", None),
        ("settings", dict),
        ("about", "everything"),
        ("judge", None),
    ],
)
def test_what_a_rule_has_wrong_is_named(offering: Any, part: str, value: object) -> None:
    rule = Quiet()
    setattr(rule, part, value)
    assert part in fault_of(offering("quiet", rule))


@pytest.mark.parametrize("name", ["quiet", "speed.quiet", "engagement.Quiet", ""])
def test_a_rules_name_begins_with_its_category(offering: Any, name: str) -> None:
    rule = Quiet()
    rule.name = name
    assert repr(name) in fault_of(offering("quiet", rule))


def test_a_setting_without_a_default_is_refused(offering: Any) -> None:
    rule = Quiet()
    rule.settings = Needy
    assert "least has no default" in fault_of(offering("quiet", rule))


def test_only_rules_about_the_pipeline_are_of_category_system(offering: Any) -> None:
    rule = Quiet()
    rule.about = "pipeline"
    assert "system" in fault_of(offering("quiet", rule))
