"""Alerts in words: whatever a rule or a caption says, a terminal gets plain text, and nothing is left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.text import Text

from tests.domain.alerting import POST, an_alert
from tracker.cli import alert_words
from tracker.codec.alerts import encode, event_of
from tracker.domain.alerts import Alert, Note
from tracker.domain.definitions import Agreement, Campaign, Creator
from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts, Said
from tracker.domain.verdicts import Evidence
from tracker.plugin.manager import load_plugins

HOUR = 3_600_000
CURVE = tuple((hours * HOUR, 1, "v1", 10 * hours, None, None, None, None, None, None) for hours in (1, 2, 5, 9))
FACTS = CampaignFacts(
    campaign=Campaign(id="spring-glow", name="Spring", starts_at=0, ends_at=10**12),
    creators=(
        CreatorFacts(
            creator=Creator(id="ana", name="Ana"),
            agreements=(Agreement(id="a", campaign="spring-glow", creator="ana"),),
            posts=(
                PostFacts(
                    platform="tiktok", account="_1", post="7001", seen_at=1, published_at=HOUR, live=False, edited=True,
                    text=Said(1, "a \x1b[31mred\x07 [bold]caption[/]"), curve=CURVE, totals=(90, *(None,) * 6),
                ),
            ),
            normal=tuple(
                PostFacts(platform="tiktok", account="_1", post=str(n), seen_at=1, totals=(n, *(None,) * 6))
                for n in (100, 300, 200)
            ),
        ),
    ),
)  # fmt: skip


def shown(lines: object) -> str:
    """What a terminal shows of Rich's markup."""
    return "\n".join(Text.from_markup(line).plain for line in lines)  # type: ignore[attr-defined]


def test_everything_an_alert_knows_is_shown() -> None:
    alert = replace(
        an_alert(now=5 * HOUR),
        acknowledged=Note(by="mei", at=6 * HOUR, text="asked Ana"),
        notes=(Note(by="ken", at=7 * HOUR, text="she answered"),),
        evidence=(
            Evidence(name="likes", value=3, unit="count", limit=1_000, basis="last known value", at=4 * HOUR),
            Evidence(name="share", value="0.25", unit="share", limit="0.5"),
            Evidence(name="revenue", value=123_45, unit="minor", currency="EUR"),
            Evidence(name="age", value=90_000, unit="ms"),
            Evidence(name="views", value=None, unit="count", platform="tiktok", post="7002"),
        ),
    )
    said = shown(alert_words.whole(alert, 8 * HOUR))
    for words in (
        "3 of 10 likes", "いいねは10件中3件", "warning, firing: engagement.quiet, episode 1", "creator=ana",
        "failed since 1970-01-01 05:00:00Z (3 h ago)", "taken by mei at 1970-01-01 06:00:00Z: asked Ana",
        "ken at 1970-01-01 07:00:00Z: she answered", "likes: 3, compared with 1,000 (last known value)",
        "as of 1970-01-01 04:00:00Z", "share: 0.25, compared with 0.5", "revenue: 123.45 EUR", "age: 1 min 30 s",
        "views of post tiktok 7002: unknown",
    ):  # fmt: skip
        assert words in said


def test_an_explanation_has_the_rule_the_post_its_curve_and_what_it_is_compared_with() -> None:
    rules = load_plugins().rules
    alert = replace(an_alert(), rule="engagement.below_baseline", subject=POST)
    said = shown(alert_words.explained(alert, rules[alert.rule], FACTS, 2_000))
    for words in (
        f"The rule: {rules[alert.rule].title['en']}", "Ana on tiktok", "published 1970-01-01 01:00:00Z, not to be seen",
        "edited since", "10 after 1 h, 50 after 5 h, 90 after 9 h", "[bold]caption[/]",
        "3 normal posts with known likes, the median has 200",
    ):  # fmt: skip
        assert words in said


def test_a_rule_that_is_not_installed_is_said_so() -> None:
    assert "engagement.quiet is not installed here" in shown(alert_words.explained(an_alert(), None, None, 2_000))


@pytest.mark.parametrize(
    "hostile", ["\x1b]0;owned\x07", "\x1b[2J", "a\nb\rc", "[link=x]y[/link]", "[/bold]", "\u202egnp"]
)
def test_no_text_of_a_rule_moves_the_cursor_or_is_taken_for_markup(hostile: str) -> None:
    alert = replace(an_alert(), summary={"en": f"x{hostile}y"}, check=hostile.replace("\n", " "))
    for said in (
        shown(alert_words.whole(alert, 2_000)),
        shown([alert_words.line(alert, 2_000)]),
        alert_words.told_line(encode(event_of(alert))),
    ):
        assert not [each for each in said if not each.isprintable() and each != "\n"]


@given(st.lists(st.sampled_from(["info", "warning", "critical"]), max_size=8))
def test_the_worst_come_first(severities: list[str]) -> None:
    alerts: list[Alert] = [replace(an_alert(), severity=severity) for severity in severities]
    found = [alert.severity for alert in alert_words.worst_first(alerts)]
    assert found == sorted(found, key=["critical", "warning", "info"].index)
    assert len(found) == len(alerts)
