"""Whose last answer stands: never one that decides, never one by other definitions, and never for long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.domain.alerting import POST, judged, said
from tests.harness.brokers import Broker
from tests.watch.watching import Quiet, Town, Watching, campaign
from tracker.domain.alerts import Alert, Timing, advance
from tracker.domain.evaluation import RuleTerms
from tracker.domain.facts import CampaignFacts, PipelineFacts
from tracker.domain.in_force import InForce
from tracker.watch.judging import Judgement
from tracker.watch.pacing import SHARE, Answer, Answers

RULE, OF = "engagement.quiet", POST.campaign
T = 1_780_000_000_000
HOLD, CLEAR = 600_000, 30_000
STANDS = HOLD // SHARE


def terms(*, hold: int = HOLD, enabled: bool = True) -> dict[str, RuleTerms]:
    timing = Timing(hold_ms=hold, clear_ms=CLEAR)
    works = InForce(enabled=enabled, severity="warning", timing=timing, settings={})
    return {RULE: RuleTerms(category="engagement", in_force=works)}


def answered(at: int = T, version: int = 3) -> Answers:
    answers = Answers()
    answers.take(OF, {RULE: Answer((said("fail"),), at, version)})
    return answers


def alert(*outcomes: tuple[int, Any]) -> Alert:
    """As it stands after these verdicts at these instants."""
    known: Alert | None = None
    for at, outcome in outcomes:
        known = advance(known, judged(outcome, timing=Timing(hold_ms=HOLD, clear_ms=CLEAR)), (), at)
    assert known is not None
    return known


@given(hold=st.integers(0, 10**8), beyond=st.integers(-10_000, 10_000))
def test_an_answer_stands_for_a_hundredth_of_the_hold_and_not_a_moment_longer(hold: int, beyond: int) -> None:
    later = hold // 100 + beyond
    standing = answered().standing(OF, terms(hold=hold), [], 3, T + later)
    assert (RULE in standing) == (later >= 0 and beyond < 0)


@pytest.mark.parametrize(
    ("changed", "version"), [(terms(enabled=False), 3), ({}, 3), (terms(), 4)], ids=["disabled", "gone", "redefined"]
)
def test_no_answer_outlives_the_definitions_by_which_it_was_given(
    changed: Mapping[str, RuleTerms], version: int
) -> None:
    assert answered().standing(OF, changed, [], version, T) == {}


@pytest.mark.parametrize(
    ("before", "decided_at"),
    [
        (alert((T, "fail")), T + HOLD),
        (alert((T, "fail"), (T + HOLD, "fail"), (T + HOLD + 5, "pass")), T + HOLD + 5 + CLEAR),
    ],
    ids=["about to fire", "about to be resolved"],
)
def test_an_old_answer_never_decides_whether_an_alert_fires_or_is_resolved(before: Alert, decided_at: int) -> None:
    answers = answered(at=decided_at - STANDS + 1)
    assert RULE in answers.standing(OF, terms(), [before], 3, decided_at - 1)
    assert RULE not in answers.standing(OF, terms(), [before], 3, decided_at)
    other = replace(before, rule="engagement.other")
    assert RULE in answers.standing(OF, terms(), [other], 3, decided_at), "another rule's alert is not its matter"


def test_a_rule_that_could_not_answer_this_time_has_no_answer_that_stands() -> None:
    answers = answered()
    answers.take(OF, {})
    assert answers.standing(OF, terms(), [], 3, T) == {}


def test_a_campaign_that_is_given_up_is_forgotten() -> None:
    answers = answered()
    answers.forget([OF, "never known"])
    assert answers.standing(OF, terms(), [], 3, T) == {}


class Counting(Town):
    """Counts how often each rule is asked about a campaign."""

    asked: list[str]

    async def judge(
        self, facts: CampaignFacts | PipelineFacts, settings: Mapping[str, Mapping[str, object]], now: int
    ) -> Judgement:
        if isinstance(facts, CampaignFacts):
            self.asked += settings
        return await super().judge(facts, settings, now)


async def test_a_watcher_asks_a_patient_rule_once_while_it_asks_an_urgent_one_at_every_look_and_shelves_both(
    kafka: Broker, redis_url: str, topic_prefix: str
) -> None:
    town = Counting(kafka.bootstrap, redis_url, topic_prefix)
    town.asked, patient = [], Quiet("engagement.patient")
    patient.timing = Timing(hold_ms=100 * 3_600_000)  # its answer stands for an hour
    town.rules["engagement.patient"] = patient
    town.define(campaign("spring"))
    town.says("spring", "fail")
    async with Watching(town) as watching:
        await watching.until(lambda: town.asked.count(RULE) >= 1)
        for looks in range(2, 5):
            town.touch("spring")
            await watching.until(lambda looks=looks: town.asked.count(RULE) >= looks)
        assert town.asked.count("engagement.patient") == 1
        shelved = {alert.rule: alert.state for alert in await town.shelved("spring")}
        assert shelved == {RULE: "firing", "engagement.patient": "pending"}
        looked = town.asked.count(RULE)
        town.define(campaign("tea"))
        await watching.until(lambda: "tea" in watching.watcher._due)
        town.touch("spring")
        await watching.until(lambda: town.asked.count(RULE) > looked)
        assert town.asked.count("engagement.patient") == 2, "what is defined anew is judged anew"
