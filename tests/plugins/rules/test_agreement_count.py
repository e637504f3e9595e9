"""Posts that are due, and how many (plugins/tracker_rules/agreement_count.py)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugins.rules.facts import (
    DAY,
    END,
    HOUR,
    LATER,
    MINUTE,
    T,
    account,
    agreement,
    ana,
    facts,
    judged,
    outcome,
    outcomes,
    post,
    the,
    value,
)
from tracker.domain.facts import CampaignFacts
from tracker_rules.agreement_count import PostOverdue, TooFewPosts, still_possible
from tracker_rules.agreement_posts import deals

OVERDUE, TOO_FEW = PostOverdue(), TooFewPosts()
DUE = T + 3 * DAY


def one_due(**said: Any) -> CampaignFacts:
    return facts(ana(agreement(due_at=DUE), **said))


def test_a_post_is_overdue_from_the_due_instant_on_and_not_before() -> None:
    assert outcome(OVERDUE, one_due(), DUE - 1) == "pass"
    assert outcome(OVERDUE, one_due(), DUE) == "fail"


def test_a_post_that_is_up_is_not_overdue() -> None:
    assert outcome(OVERDUE, one_due(posts=[post()]), LATER) == "pass"


def test_a_post_that_comes_late_lets_the_alert_go() -> None:
    assert outcome(OVERDUE, one_due(posts=[post(at=DUE + HOUR)]), DUE + HOUR) == "pass"


def test_without_a_due_date_the_first_post_is_due_by_the_end_of_the_agreements_own_window() -> None:
    early = facts(ana(agreement(ends_at=T + 2 * DAY)))
    assert outcome(OVERDUE, early, T + 2 * DAY - 1) == "pass"
    assert outcome(OVERDUE, early, T + 2 * DAY) == "fail"
    assert outcome(OVERDUE, facts(ana()), END - 1) == "pass"
    assert outcome(OVERDUE, facts(ana()), END) == "fail"


def test_a_due_date_after_the_window_is_its_end_for_later_posts_count_for_nothing() -> None:
    assert outcome(OVERDUE, facts(ana(agreement(due_at=END + DAY))), END) == "fail"


def test_by_a_due_date_all_agreed_posts_are_due() -> None:
    asked = agreement(due_at=DUE, posts=2)
    found = the(judged(OVERDUE, facts(ana(asked, posts=[post()])), DUE))
    assert (found.outcome, value(found, "posts")) == ("fail", 1)


def test_what_can_no_longer_be_made_up_is_critical() -> None:
    assert the(judged(OVERDUE, one_due(), END - 1)).severity is None
    assert the(judged(OVERDUE, one_due(), END)).severity == "critical"


def test_a_post_that_was_removed_is_not_overdue_but_removed() -> None:
    assert outcome(OVERDUE, one_due(posts=[post(live=False)]), DUE) == "pass"


@pytest.mark.parametrize(
    ("polled", "said"), [(None, "not_assessable"), (DUE - 2 * HOUR - 1, "not_assessable"), (DUE - 2 * HOUR, "fail")]
)
def test_what_was_not_looked_for_is_not_overdue(polled: int | None, said: str) -> None:
    found = the(judged(OVERDUE, one_due(accounts=[account(polled=polled)]), DUE + DAY))
    assert found.outcome == said
    assert value(found, "looked_at.instagram") == polled


def test_every_account_on_which_the_post_might_be_must_have_been_looked_at() -> None:
    accounts = [account(), account(platform="tiktok", polled=None)]
    assert outcome(OVERDUE, facts(ana(agreement(due_at=DUE), accounts=accounts)), DUE) == "not_assessable"
    only = agreement(due_at=DUE, platforms=("instagram",))
    assert outcome(OVERDUE, facts(ana(only, accounts=accounts)), DUE) == "fail"


def test_without_an_account_nothing_is_overdue() -> None:
    assert outcome(OVERDUE, one_due(accounts=[]), DUE) == "not_assessable"


def test_of_an_account_that_is_not_polled_what_was_last_heard_decides() -> None:
    heard = post("other", how=None, at=DUE)
    assert outcome(OVERDUE, one_due(accounts=[account(polled=None)], normal=[heard]), DUE) == "fail"


def test_word_of_mouth_fulfils_no_agreement() -> None:
    assert outcome(OVERDUE, one_due(posts=[post(how="word_of_mouth")]), DUE) == "fail"


def test_a_submitted_post_of_an_account_that_is_nobodys_counts_for_its_agreement() -> None:
    asked = agreement(due_at=DUE, submitted=("http://www.example.com/p9/",))
    found = facts(ana(asked), others=(post("p9", how="submitted", creator="", account="x"),))
    assert outcome(OVERDUE, found, DUE) == "pass"


def test_posts_are_of_the_agreement_that_they_fit() -> None:
    one = agreement(id="one", hashtags=("glow",), due_at=DUE)
    two = agreement(id="two", hashtags=("aqua",), due_at=DUE)
    found = judged(OVERDUE, facts(ana(one, two, posts=[post(text="#aqua")])), DUE)
    assert the(found, agreement="one").outcome == "fail"
    assert the(found, agreement="two").outcome == "pass"


def test_a_post_edited_out_of_the_agreement_is_named_beside_the_missing_one() -> None:
    asked = agreement(hashtags=("glow",), due_at=DUE)
    edited = post("lost", how=None, edited=True)
    found = the(judged(OVERDUE, facts(ana(asked, normal=[edited, post("usual", how=None)])), DUE))
    hints = [one.post for one in found.evidence if one.name == "edited_post_without_agreed_item"]
    assert (found.outcome, hints) == ("fail", ["lost"])


def test_no_number_agreed_means_none_is_overdue() -> None:
    assert outcome(OVERDUE, facts(ana(agreement(posts=0))), LATER) == "pass"


def three(*posts: Any, **said: Any) -> CampaignFacts:
    return facts(ana(agreement(posts=3), posts=posts, **said))


def test_a_single_agreed_post_is_the_business_of_another_rule() -> None:
    assert judged(TOO_FEW, facts(ana()), LATER) == []


def test_too_few_posts_fail_from_the_end_of_the_window_on() -> None:
    two = [post("p1"), post("p2")]
    assert outcome(TOO_FEW, three(*two), END - HOUR) == "near"
    assert outcome(TOO_FEW, three(*two), END - 1) == "near"
    assert outcome(TOO_FEW, three(*two), END) == "fail"
    assert outcome(TOO_FEW, three(*two, post("p3")), END) == "pass"


def test_more_posts_missing_than_can_still_come_fail_before_the_end() -> None:
    assert outcome(TOO_FEW, three(), END - DAY - 1) == "near"
    assert outcome(TOO_FEW, three(), END - DAY) == "fail"
    assert outcome(TOO_FEW, three(), END - 5 * DAY) == "pass"


def test_a_dense_agreement_is_not_hopeless_from_the_beginning() -> None:
    dense = facts(ana(agreement(posts=40)))
    assert outcome(TOO_FEW, dense, T - DAY) == "pass"
    assert outcome(TOO_FEW, dense, T) == "pass"
    assert still_possible(deals(dense)[0], 2, T - DAY) == 80


def test_nothing_can_come_after_the_end() -> None:
    assert still_possible(deals(three())[0], 2, END) == 0
    assert still_possible(deals(three())[0], 2, END - 1) == 1


def test_what_was_not_looked_for_is_not_missing() -> None:
    assert outcome(TOO_FEW, three(accounts=[account(polled=END - 121 * MINUTE)]), END) == "not_assessable"
    assert outcome(TOO_FEW, three(accounts=[account(polled=END - 120 * MINUTE)]), LATER) == "fail"


def test_verdicts_are_said_in_two_languages() -> None:
    found = the(judged(OVERDUE, one_due(), DUE + HOUR + 61 * MINUTE))
    assert found.summary == {
        "en": "Ana has made 0 of the 1 posts that were due by 2024-10-07 00:00 UTC, 2 h ago.",
        "ja": "Anaさんの投稿は1件中0件です。2024-10-07 00:00 UTCの期限から2時間過ぎています。",
    }
    assert outcomes([found]) == {"": "fail"}
