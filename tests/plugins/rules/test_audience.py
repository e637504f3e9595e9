"""Followers that jump, counts that fall (plugins/tracker_rules/audience_*.py)."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.plugins.rules.facts import (
    DAY,
    HOUR,
    MINUTE,
    T,
    account,
    ana,
    but,
    facts,
    judged,
    outcome,
    post,
    shop,
    the,
    totals,
    value,
)
from tracker.domain.curve import Row
from tracker.domain.facts import CampaignFacts, PostFacts
from tracker.domain.verdicts import Verdict
from tracker_rules.audience_jumps import FollowerJump, changes, rounded_to
from tracker_rules.audience_rollbacks import CounterRolledBack, campaign_falls

JUMP, ROLLED = FollowerJump(), CounterRolledBack()
STEADY = [10_000, 10_012, 10_019, 10_034, 10_041, 10_060, 10_068, 10_081, 10_090, 10_103]


def daily(counts: Sequence[int], *posts: PostFacts) -> CampaignFacts:
    """A creator with a count at each midnight from T on."""
    points = [(T + number * DAY, followers) for number, followers in enumerate(counts)]
    return facts(ana(accounts=[account(followers=points)], posts=posts))


def jump(counts: Sequence[int], *posts: PostFacts, **settings: object) -> Verdict:
    """Judged an hour after the last count."""
    return the(judged(JUMP, daily(counts, *posts), T + (len(counts) - 1) * DAY + HOUR, **settings))


def test_a_steady_account_passes() -> None:
    assert jump(STEADY).outcome == "pass"


@pytest.mark.parametrize(("last", "said"), [(10_503, "fail"), (9_703, "fail"), (10_400, "near"), (10_250, "pass")])
def test_a_day_far_outside_the_usual_is_a_jump_up_or_down(last: int, said: str) -> None:
    assert jump([*STEADY, last]).outcome == said


def test_a_jump_says_what_is_usual() -> None:
    found = jump([*STEADY, 10_903])
    assert value(found, "change_a_day") == 800
    assert value(found, "usual_change_a_day") == 12
    assert found.summary["en"] == (
        "Ana (instagram) gained 800 followers (7.92 %) up to 2024-10-14 00:00 UTC; usual is 12 a day."
    )


def test_a_jump_is_told_for_three_days_and_does_not_hide_itself_in_what_is_usual() -> None:
    after = [*STEADY, 12_000, 12_010, 12_022]
    assert jump(after).outcome == "fail"
    assert jump([*after, 12_030]).outcome == "pass"


def test_an_account_that_always_moves_much_does_not_jump() -> None:
    chance = random.Random(1)
    counts = [100_000]
    for _ in range(20):
        counts.append(counts[-1] + chance.randrange(-4_000, 6_000))
    assert jump(counts).outcome == "pass"


def test_fewer_counts_than_needed_and_old_ones_are_not_assessable() -> None:
    assert jump([*STEADY[:6], 20_000]).outcome == "not_assessable"
    assert jump([*STEADY[:7], 20_000]).outcome == "fail"
    assert outcome(JUMP, daily([*STEADY, 20_000]), T + 10 * DAY + 3 * DAY - 1) == "fail"
    assert outcome(JUMP, daily([*STEADY, 20_000]), T + 10 * DAY + 3 * DAY) == "not_assessable"
    assert outcome(JUMP, facts(ana()), T) == "not_assessable"


def test_a_count_that_a_platform_rounds_does_not_jump() -> None:
    assert rounded_to([101_000, 102_000]) == 1_000
    assert rounded_to([5_000, 5_000]) == 10
    assert rounded_to([500, 600]) == 1
    assert jump([101_000] * 6 + [102_000] * 5 + [104_000]).outcome == "pass"
    assert jump([101_000] * 6 + [102_000] * 5 + [109_000]).outcome == "fail"


def test_a_handful_of_followers_is_no_jump() -> None:
    small = [200, 201, 201, 202, 203, 203, 204, 205]
    assert jump([*small, 290]).outcome == "near"
    assert jump([*small, 306]).outcome == "fail"


def test_over_days_without_a_count_the_change_a_day_is_judged() -> None:
    points = [*((T + number * DAY, followers) for number, followers in enumerate(STEADY)), (T + 19 * DAY, 11_500)]
    found = facts(ana(accounts=[account(followers=points)]))
    assert outcome(JUMP, found, T + 19 * DAY) == "pass"


def test_two_counts_around_midnight_are_one() -> None:
    points = [(T - MINUTE, 100), (T, 150), (T + DAY, 160)]
    assert [(one.before, one.after) for one in changes(points)] == [(100, 160)]


def viewed(id: str, views: int, at: int) -> PostFacts:
    return post(id, at=at, totals=totals(views=views))


def test_followers_that_came_with_a_widely_viewed_post_have_a_reason() -> None:
    usual = [viewed(f"p{number}", 1_000, T) for number in range(4)]
    wide = viewed("wide", 5_000, T + 4 * DAY)
    assert jump([*STEADY, 12_000], *usual, wide).outcome == "near"
    assert jump([*STEADY, 12_000], *usual, viewed("wide", 4_999, T + 4 * DAY)).outcome == "fail"
    assert jump([*STEADY, 12_000], *usual, viewed("wide", 5_000, T + 2 * DAY - 1)).outcome == "fail"
    assert jump([*STEADY, 9_000], *usual, wide).outcome == "fail"


@pytest.mark.parametrize("seed", range(5))
def test_growth_by_chance_is_no_jump_in_a_month(seed: int) -> None:
    chance = random.Random(seed)  # heavy-tailed growth: an account that posts now and then
    counts = [chance.randrange(2_000, 200_000)]
    for _ in range(30):
        counts.append(counts[-1] + int(counts[-1] * 0.0008 * chance.lognormvariate(0, 1)))
    assert all(jump(counts[:days]).outcome in ("pass", "not_assessable", "near") for days in range(2, 31))


NOW = T + 3 * DAY
NOW_HOUR = NOW // HOUR


def totalled(likes: int, hours: dict[int, int], minutes: dict[int, int] | None = None) -> CampaignFacts:
    """A campaign with so many likes now, which changed so in the hours (and minutes) before NOW."""
    return but(
        shop({"": {"likes": likes}}),
        hours={f"likes@{NOW_HOUR - ago}": change for ago, change in hours.items()},
        minutes={f"likes@{NOW // MINUTE - ago}": change for ago, change in (minutes or {}).items()},
    )


def test_a_total_that_falls_by_three_in_a_hundred_within_an_hour_was_rolled_back() -> None:
    for fell, said in ((-300, "fail"), (-299, "near"), (-150, "near"), (-149, "pass"), (500, "pass")):
        assert outcome(ROLLED, totalled(10_000 + fell, {5: fell, 9: 10_000}), NOW) == said


def test_what_fell_is_compared_with_what_was_there_before_it() -> None:
    (fall,) = campaign_falls(totalled(1_900, {1: 1_000, 5: -100, 9: 1_000}), NOW - DAY)
    assert (fall.before, fall.after) == (1_000, 900)


def test_growth_in_the_same_hour_does_not_hide_a_fall() -> None:
    assert outcome(ROLLED, totalled(1_100, {5: 100, 9: 1_000}, {305: -400, 310: 500}), NOW) == "fail"


def test_a_fall_is_told_for_a_day() -> None:
    assert outcome(ROLLED, totalled(500, {24: -500, 30: 1_000}), NOW) == "fail"
    assert outcome(ROLLED, totalled(500, {25: -500, 30: 1_000}), NOW) == "pass"


def test_few_likes_less_are_no_news() -> None:
    assert outcome(ROLLED, totalled(10, {5: -19, 9: 29}), NOW) == "pass"
    assert outcome(ROLLED, totalled(10, {5: -20, 9: 30}), NOW) == "fail"


def curve(*points: tuple[int, int], definition: str = "1") -> tuple[Row, ...]:
    """Likes by age."""
    return tuple((age, 1, definition, likes, None, None, None, None, None, None) for age, likes in points)


def of_post(found: PostFacts, now: int = NOW) -> Verdict:
    return the(judged(ROLLED, facts(ana(posts=[found])), now), post="p1")


def test_a_posts_count_that_falls_from_one_look_to_the_next_was_rolled_back() -> None:
    rolled = post(at=T, curve=curve((DAY, 1_000), (2 * DAY, 1_200), (3 * DAY - HOUR, 900)))
    found = of_post(rolled)
    assert (found.outcome, value(found, "likes.fell_by")) == ("fail", "0.25")
    assert found.summary["en"] == "The likes of https://example.com/p1 by Ana fell from 1200 to 900 (25 %)."
    assert of_post(rolled, NOW + DAY).outcome == "pass"


def test_a_count_that_a_platform_measures_otherwise_was_not_rolled_back() -> None:
    two = (*curve((2 * DAY, 1_200)), *curve((3 * DAY - HOUR, 900), definition="2"))
    assert of_post(post(at=T, curve=two)).outcome == "pass"


def test_a_post_of_which_nothing_is_known_has_not_fallen() -> None:
    assert of_post(post(published_at=None)).outcome == "pass"


def test_a_rollback_accuses_nobody() -> None:
    assert ROLLED.severity == "info"
