"""The tracker itself (plugins/tracker_rules/system*.py)."""

from __future__ import annotations

import pytest

from tests.plugins.rules.facts import DAY, HOUR, MINUTE, T, judged, outcome, outcomes, the, value
from tracker.domain.facts import PartitionFacts, QuotaFacts, RuleFailure, UnattributedCode
from tracker.plugin.rules import PipelineFacts
from tracker_rules.system import RULES
from tracker_rules.system_feed import DeadLetters, FeedStale, Lag, QuotaExhausted
from tracker_rules.system_own import CodeUnregistered, RuleFailing

STALE, LAG, LETTERS, QUOTA = FeedStale(), Lag(), DeadLetters(), QuotaExhausted()
FAILING, CODES = RuleFailing(), CodeUnregistered()


def heard(**ago: int) -> PipelineFacts:
    """YouTube is watched, and was last heard so long before T."""
    return PipelineFacts(watched=("youtube",), heard={"youtube": {source: T - ms for source, ms in ago.items()}})


@pytest.mark.parametrize(
    ("ago", "said"), [(0, "pass"), (30 * MINUTE, "pass"), (60 * MINUTE, "near"), (60 * MINUTE + 1, "fail")]
)
def test_a_platform_that_polls_show_nothing_of_for_an_hour_is_stale(ago: int, said: str) -> None:
    assert outcome(STALE, heard(poll=ago), T) == said


def test_each_source_is_stale_by_itself_and_webhooks_are_patient() -> None:
    found = judged(STALE, heard(poll=HOUR + 1, webhook=HOUR + 1), T)
    assert the(found, part="feed:youtube:poll").outcome == "fail"
    assert the(found, part="feed:youtube:webhook").outcome == "pass"
    silent = the(judged(STALE, heard(webhook=2 * DAY + 1), T))
    assert (silent.outcome, silent.severity) == ("fail", "warning")


def test_a_statement_from_the_future_is_not_stale() -> None:
    assert outcome(STALE, heard(poll=-HOUR), T) == "pass"


def test_what_was_never_heard_of_is_not_stale_but_unknown() -> None:
    assert outcome(STALE, PipelineFacts(watched=("youtube",)), T) == "not_assessable"


def test_what_nobody_watches_and_imports_are_not_judged() -> None:
    assert judged(STALE, PipelineFacts(heard={"youtube": {"poll": 0}}), T) == []
    assert judged(STALE, heard(**{"import": 300 * DAY}), T) == []
    assert judged(STALE, heard(poll=300 * DAY), T, poll_minutes=0) == []


@pytest.mark.parametrize(
    ("lag", "said"),
    [(None, "not_assessable"), (0, "pass"), (9_999, "pass"), (10_000, "near"), (49_999, "near"), (50_000, "fail")],
)
def test_a_partition_far_behind_fails(lag: int | None, said: str) -> None:
    found = PipelineFacts(partitions=(PartitionFacts(stage="activity", number=3, lag=lag),))
    verdict = the(judged(LAG, found, T))
    assert (verdict.outcome, verdict.subject.part, value(verdict, "lag")) == (said, "partition:activity:3", lag)


def letters(*ago: int) -> PipelineFacts:
    return PipelineFacts(letters=tuple(sorted(T - ms for ms in ago)))


def test_a_burst_of_dead_letters_is_rising_and_a_steady_trickle_is_not() -> None:
    assert outcome(LETTERS, letters(), T) == "pass"
    assert outcome(LETTERS, letters(*[MINUTE] * 4), T) == "pass"
    assert outcome(LETTERS, letters(*[MINUTE] * 5), T) == "fail"
    trickle = [hour * HOUR + part * MINUTE for hour in range(24) for part in range(0, 60, 10)]
    assert outcome(LETTERS, letters(*trickle), T) == "pass"
    assert outcome(LETTERS, letters(*trickle, *[MINUTE] * 14), T) == "fail"


def test_very_many_dead_letters_are_too_many_however_usual() -> None:
    steady = [number * 10 * MINUTE for number in range(144)]
    assert outcome(LETTERS, letters(*steady * 9), T) == "near"
    assert outcome(LETTERS, letters(*steady * 17), T) == "fail"


def test_a_dead_letter_of_an_hour_ago_is_not_recent_and_one_of_a_day_ago_is_over() -> None:
    verdict = the(judged(LETTERS, letters(HOUR - 1, HOUR, DAY - 1, DAY), T))
    assert (value(verdict, "recent"), value(verdict, "last_day")) == (1, 3)


def blocked(until: int | None, reason: str = "quota") -> PipelineFacts:
    return PipelineFacts(quotas=(QuotaFacts(platform="youtube", blocked_until=until, reason=reason, at=T - HOUR),))  # type: ignore[arg-type]


def test_a_platform_is_blocked_until_it_may_be_asked_again() -> None:
    assert outcome(QUOTA, blocked(T + 1), T) == "fail"
    assert outcome(QUOTA, blocked(T), T) == "pass"
    assert outcome(QUOTA, blocked(None), T) == "pass"


def test_a_refused_token_is_critical_for_no_time_heals_it() -> None:
    assert the(judged(QUOTA, blocked(T + 1, "token"), T)).severity == "critical"
    assert the(judged(QUOTA, blocked(T + 1), T)).severity is None


def failure(rule: str, ago: int, campaign: str = "spring", reason: str = "KeyError: 'x'") -> RuleFailure:
    return RuleFailure(rule=rule, plugin="made-up", campaign=campaign, reason=reason, at=T - ago)


def test_each_failing_rule_is_one_alert_until_its_last_failure_is_an_hour_old() -> None:
    found = judged(
        FAILING,
        PipelineFacts(
            failures=(
                failure("speed.x", HOUR - 1),
                failure("speed.x", 2 * HOUR, "autumn"),
                failure("speed.x", 0, "winter", "ran too long"),
                failure("speed.y", HOUR),
            )
        ),
        T,
    )
    x = the(found, part="rule:speed.x")
    assert (x.outcome, value(x, "failures"), value(x, "reason")) == ("fail", 2, "ran too long")
    assert value(x, "campaigns") == "spring, winter"
    assert the(found, part="rule:speed.y").outcome == "pass"


def codes(orders: int, ago: int = 0, code: str = "GLOW10") -> PipelineFacts:
    return PipelineFacts(codes=(UnattributedCode(code=code, orders=orders, last_at=T - ago),))


def test_a_code_that_nobody_has_needs_a_person_once_it_is_used_often() -> None:
    assert outcome(CODES, codes(2), T) == "pass"
    assert outcome(CODES, codes(3), T) == "needs_human"
    assert outcome(CODES, codes(3, 7 * DAY), T) == "needs_human"
    assert outcome(CODES, codes(3, 7 * DAY + 1), T) == "pass"
    assert the(judged(CODES, codes(3), T)).subject.code == "GLOW10"


def test_codes_of_the_whole_shop_are_ignored() -> None:
    assert judged(CODES, codes(3), T, ignored=(" glow10",)) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rules_about_the_pipeline_say_nothing_bad_of_one_that_is_idle(rule: object) -> None:
    assert set(outcomes(judged(rule, PipelineFacts(), T)).values()) <= {"pass"}
