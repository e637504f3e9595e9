"""The page of rules says what a rule says of itself, and what was measured of it."""

from __future__ import annotations

import inspect
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from tests.rules import tiny
from tracker.domain.alerts import Timing
from tracker.plugin.manager import load_plugins
from tracker.plugin.rules import RuleSettings
from tracker.plugin.rules_reference import Measured, read_measured, rules_page, write_measured

FIGURES = Measured(
    campaigns=50,
    found=46,
    missed=4,
    right=47,
    false=3,
    other_campaigns=100,
    other_alarms=2,
    clean_weeks=50,
    clean_alarms=5,
)


class Settings(RuleSettings, frozen=True, kw_only=True):
    least: Annotated[int, Meta(ge=1, le=9, description="So many at least")] = 3
    share: Annotated[str, Meta(pattern=r"^0\.[0-9]+|x$", description="Of the whole")] = "0.5"
    metrics: tuple[Literal["likes", "views"], ...] = ("likes",)
    limit: Annotated[int, Meta(gt=0, description="None: no limit")] | None = None


class Documented(tiny.Perfect):
    """Looks at the form of posts.

    It is not assessable where nobody told it.
    """

    settings: type[RuleSettings] = Settings
    timing = Timing(hold_ms=90 * 60_000, clear_ms=3_600_000, repeat_ms=None)


def page(**measured: Measured) -> str:
    rule: Any = Documented()
    return rules_page({rule.name: rule}, measured)


def test_a_rule_is_shown_with_its_words_its_patience_and_its_settings() -> None:
    shown = page()
    assert "## agreement.wrong_medium\n" in shown
    assert (inspect.getdoc(Documented) or "no words") in shown
    assert "hold 90 min · clear 1 h · repeat never" in shown
    assert "| `least` | int | `3` | ≥ 1, ≤ 9 | So many at least |" in shown
    assert r"| `share` | str | `0.5` | `^0\.[0-9]+\|x$` | Of the whole |" in shown
    assert "| `limit` | int or none | `None` | > 0 | None: no limit |" in shown
    assert "| `metrics` | tuple of `likes` or `views` | `('likes',)` |" in shown


def test_a_rule_is_shown_with_what_was_measured_or_that_nothing_was() -> None:
    measured = rules_page({Documented.name: Documented()}, {Documented.name: FIGURES})  # type: ignore[dict-item]
    assert "| [`agreement.wrong_medium`](#agreementwrong_medium) | 50 | 0.920 | 0.940 | 0.100 | 0.020 |" in measured
    assert "| [`agreement.wrong_medium`](#agreementwrong_medium) | not measured |" in page()


def test_figures_read_back_as_they_were_written(tmp_path: Path) -> None:
    write_measured(tmp_path, {"b.rule": FIGURES, "a.rule": FIGURES})
    assert list(read_measured(tmp_path).items()) == [("a.rule", FIGURES), ("b.rule", FIGURES)]


def test_what_a_rule_does_not_reach_is_named() -> None:
    assert FIGURES.misses == [f"precision {Decimal('0.940')} < 0.95"]


def test_every_installed_rule_is_documented_in_words() -> None:
    for name, rule in load_plugins().rules.items():
        assert len((type(rule).__doc__ or "").split()) > 10, f"{name} has no docstring"
