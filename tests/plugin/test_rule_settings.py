"""A rule's settings: what fits is as it was written, what does not is told with what would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from tracker.domain.verdicts import Category, Language, Severity, Verdict
from tracker.plugin import CampaignFacts, RuleSettings, Timing
from tracker.plugin.rule_settings import WrongSettings, rule_settings, settings_fault
from tracker.plugin.rules import Kind


class Settings(RuleSettings, frozen=True, kw_only=True):
    least: Annotated[int, Meta(ge=0, le=100, description="So many likes at least")] = 10
    rate: Annotated[Decimal, Meta(description="A share")] = Decimal("0.02")
    words: Annotated[tuple[str, ...], Meta(description="Words that count")] = ()
    metric: Annotated[Literal["likes", "views"], Meta(description="What is counted")] = "likes"


class Quiet:
    """Too quiet."""

    name = "engagement.quiet"
    title: Mapping[Language, str] = {"en": "Too quiet"}
    category: Category = "engagement"
    kind: Kind = "absolute"
    severity: Severity = "warning"
    timing = Timing()
    settings: type[RuleSettings] = Settings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: Any, now: int) -> Iterable[Verdict]:
        return []


class Plain(Quiet):
    """Has nothing to set."""

    settings: type[RuleSettings] = RuleSettings


def test_what_is_left_out_is_as_the_rule_has_it() -> None:
    assert rule_settings(Quiet(), {}) == Settings()
    assert rule_settings(Quiet(), {"least": 5}) == Settings(least=5)


def test_a_decimal_written_as_text_stays_exact() -> None:
    made: Any = rule_settings(Quiet(), {"rate": "0.10", "words": ("a", "b")})
    assert (str(made.rate), made.words) == ("0.10", ("a", "b"))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"leest": 5}, "'leest' is no setting of engagement.quiet; did you mean 'least'?"),
        ({"xyz": 5}, "'xyz' is no setting of engagement.quiet; it has least, rate, words, metric"),
        ({"least": "5"}, "Expected `int`, got `str` - at `least`"),
        ({"least": 101}, "Expected `int` <= 100 - at `least`"),
        ({"rate": "a lot"}, "Invalid decimal string - at `rate`"),
        ({"words": ("a", 1)}, "Expected `str`, got `int` - at `words[1]`"),
        ({"metric": "saves"}, "Invalid enum value 'saves' - at `metric`"),
    ],
)
def test_what_does_not_fit_is_told_with_its_name(settings: dict[str, Any], told: str) -> None:
    assert settings_fault(Quiet(), settings) == told
    with pytest.raises(WrongSettings) as error:
        rule_settings(Quiet(), settings)
    assert (error.value.rule, error.value.fault) == ("engagement.quiet", told)


def test_a_rule_without_settings_says_that_it_has_none() -> None:
    assert settings_fault(Plain(), {}) is None
    assert settings_fault(Plain(), {"least": 1}) == "'least' is no setting of engagement.quiet; it has none"
