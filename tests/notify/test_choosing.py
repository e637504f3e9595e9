"""Whom to tell of what, and when to try again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.domain.alerting import an_alert
from tests.notify.told import a_notifier
from tracker.codec import alerts as codec
from tracker.notify.choosing import pause_ms, trial, wants
from tracker_notifiers.slack import Slack
from tracker_notifiers.webhook import Webhook

ALERT = an_alert()
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("chosen", "wanted"),
    [
        ({}, "yes"),
        ({"campaigns": ("spring-glow", "other")}, "yes"),
        ({"campaigns": ("other",)}, "no"),
        ({"categories": ("speed", "engagement")}, "yes"),
        ({"categories": ("speed",)}, "no"),
        ({"at_least": "info"}, "yes"),
        ({"at_least": "critical"}, "no"),
        ({"enabled": False}, "no"),
    ],
)
def test_a_notifier_is_told_of_what_it_chose(chosen: dict[str, Any], wanted: str) -> None:
    assert wants(a_notifier(**chosen), Webhook(), ALERT) == wanted


def test_the_pipelines_alerts_go_to_those_who_chose_no_campaign() -> None:
    alert = replace(ALERT, campaign="", category="system")
    assert wants(a_notifier(), Webhook(), alert) == "yes"
    assert wants(a_notifier(campaigns=("spring-glow",)), Webhook(), alert) == "no"


def test_that_it_is_resolved_is_told_to_those_who_were_told_of_it_though_its_severity_fell() -> None:
    resolved = replace(ALERT, what="resolved", state="resolved", severity="info")
    assert wants(a_notifier(at_least="critical"), Webhook(), resolved) == "if_told"
    assert wants(a_notifier(at_least="critical", campaigns=("other",)), Webhook(), resolved) == "no"


@pytest.mark.parametrize("what", ["silenced", "noted"])
def test_people_are_not_told_of_what_is_silenced_and_programs_are(what: Any) -> None:
    alert = replace(ALERT, what=what)
    assert [wants(a_notifier(), each, alert) for each in (Slack(), None, Webhook())] == ["no", "no", "yes"]


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_pause_grows_to_a_limit_and_is_never_short(attempts: int, dice: float) -> None:
    assert 4_000 <= pause_ms(attempts, dice) <= 12_960_000
    assert pause_ms(attempts, dice) <= pause_ms(attempts + 1, dice)


def test_pauses_double() -> None:
    assert [pause_ms(attempts, 0.5) for attempts in (1, 2, 3, 12, 13, 99)] == [
        5_000, 10_000, 20_000, 10_240_000, 3 * HOUR, 3 * HOUR,
    ]  # fmt: skip


def test_a_trial_says_that_it_is_one_and_its_event_reads_like_any_other() -> None:
    notice = trial(a_notifier(), "abc", 5_000)
    assert (notice.type, notice.is_test, notice.id) == ("alert.test", True, "test-abc-1")
    assert codec.decode(notice.event).data == notice.alert
    assert "test" in notice.summary("en")
    assert "テスト" in notice.summary("ja")
