"""Posts that must stay (plugins/tracker_rules/agreement_kept.py)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugins.rules.facts import (
    DAY,
    END,
    HOUR,
    LATER,
    T,
    agreement,
    ana,
    facts,
    judged,
    outcome,
    post,
    the,
    value,
)
from tracker.domain.events import METRICS
from tracker.domain.facts import CampaignFacts, PostFacts, Said
from tracker_rules.agreement_kept import PostEdited, PostRemoved

REMOVED, EDITED = PostRemoved(), PostEdited()
UP_AT = T + DAY
KEPT = UP_AT + 5 * DAY
"""The end of five days after a post's publication."""


def seen(at: int) -> tuple[int | None, ...]:
    """Numbers observed at an instant."""
    return (at, *(None,) * (len(METRICS) - 1))


def gone(at: int, last_seen: int = UP_AT, **said: Any) -> PostFacts:
    return post(at=UP_AT, live=False, live_at=at, observed_at=seen(last_seen), **said)


def five_days(*posts: PostFacts, **said: Any) -> CampaignFacts:
    return facts(ana(agreement(keep_days=5, **said), posts=posts))


def test_a_post_that_was_seen_lately_is_up() -> None:
    assert outcome(REMOVED, five_days(post(at=UP_AT)), UP_AT + HOUR) == "pass"


def test_a_post_that_nobody_looked_at_for_long_may_be_gone() -> None:
    up = five_days(post(at=UP_AT))
    assert outcome(REMOVED, up, UP_AT + 72 * HOUR) == "pass"
    assert outcome(REMOVED, up, UP_AT + 72 * HOUR + 1) == "not_assessable"
    assert outcome(REMOVED, five_days(post(at=UP_AT, live_at=None)), UP_AT) == "not_assessable"


def test_after_the_period_the_last_look_before_its_end_suffices_for_ever() -> None:
    assert outcome(REMOVED, five_days(post(at=UP_AT, live_at=KEPT - HOUR)), LATER) == "pass"


@pytest.mark.parametrize(
    ("away", "last_seen", "said"),
    [
        (KEPT - 1, UP_AT, "fail"),
        (KEPT, KEPT - 1, "not_assessable"),
        (KEPT + DAY, KEPT - HOUR, "not_assessable"),
        (KEPT + DAY, KEPT, "pass"),
    ],
)
def test_the_agreed_period_is_half_open_and_what_lies_across_its_end_is_not_known(
    away: int, last_seen: int, said: str
) -> None:
    assert outcome(REMOVED, five_days(gone(away, last_seen)), LATER) == said


def test_numbers_that_came_after_the_removal_do_not_show_a_post_up() -> None:
    found = the(judged(REMOVED, five_days(gone(UP_AT + DAY, last_seen=KEPT + DAY)), LATER))
    assert (found.outcome, value(found, "last_seen_up_at")) == ("fail", UP_AT)


def test_without_a_number_of_days_a_post_stays_until_the_window_ends() -> None:
    for away, said in ((END - 1, "fail"), (END, "not_assessable")):
        assert outcome(REMOVED, facts(ana(posts=[gone(away)])), LATER) == said


def test_a_period_that_depends_on_an_unknown_publication_is_not_known() -> None:
    unknown = gone(UP_AT + HOUR, published_at=None)
    assert outcome(REMOVED, five_days(unknown), UP_AT + HOUR) == "not_assessable"
    assert outcome(REMOVED, facts(ana(posts=[unknown])), UP_AT + HOUR) == "fail"


def test_a_story_is_to_stay_for_23_hours() -> None:
    for away, said in ((UP_AT + 23 * HOUR - 1, "fail"), (UP_AT + 24 * HOUR, "not_assessable")):
        assert outcome(REMOVED, five_days(gone(away, medium="story")), LATER) == said
    shown = gone(UP_AT + 24 * HOUR, last_seen=UP_AT + 23 * HOUR, medium="story")
    assert outcome(REMOVED, five_days(shown), LATER) == "pass"


def test_what_went_like_a_story_and_is_of_an_unknown_kind_is_not_assessable() -> None:
    day = UP_AT + DAY
    assert outcome(REMOVED, five_days(gone(day, last_seen=day - HOUR, medium=None)), LATER) == "not_assessable"
    assert outcome(REMOVED, five_days(gone(day + HOUR, last_seen=day, medium=None)), LATER) == "fail"
    assert outcome(REMOVED, five_days(gone(UP_AT + HOUR, medium=None)), LATER) == "fail"


def test_a_post_that_may_have_been_put_up_anew_needs_a_person() -> None:
    anew = post("p2", at=UP_AT + HOUR)
    found = judged(REMOVED, five_days(gone(UP_AT + HOUR), anew), UP_AT + HOUR)
    assert the(found, post="p1").outcome == "needs_human"
    found = judged(REMOVED, five_days(gone(UP_AT + HOUR), anew, posts=2), UP_AT + HOUR)
    assert the(found, post="p1").outcome == "fail"


def test_a_post_that_came_back_is_up() -> None:
    assert outcome(REMOVED, five_days(post(at=UP_AT, live_at=UP_AT + DAY)), UP_AT + DAY) == "pass"


def test_a_post_as_it_was_passes() -> None:
    assert outcome(EDITED, five_days(post()), UP_AT) == "pass"


def test_a_post_edited_within_the_period_fails_then_and_afterwards() -> None:
    edited = five_days(post(at=UP_AT, edited=True))
    assert outcome(EDITED, edited, KEPT - 1) == "fail"
    assert outcome(EDITED, edited, LATER) == "fail"


def test_an_edit_that_may_have_come_after_the_period_is_not_assessable() -> None:
    for told_at, said in ((KEPT - 1, "fail"), (KEPT, "not_assessable")):
        told = post(at=UP_AT, edited=True, title=Said(told_at, "a title"))
        assert outcome(EDITED, five_days(told), LATER) == said


def test_an_edit_cannot_be_seen_in_a_text_that_is_unknown() -> None:
    assert outcome(EDITED, five_days(post(text=None)), UP_AT) == "not_assessable"
    assert outcome(EDITED, five_days(post(text=None, edited=True)), UP_AT) == "fail"
    assert outcome(EDITED, five_days(post(text=None, edited=True)), KEPT) == "not_assessable"


def test_an_edit_is_told_once() -> None:
    assert EDITED.timing.repeat_ms is None
