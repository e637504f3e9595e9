"""Stories with numbers worked out by hand, which make the recount an oracle: posts. All data is synthetic."""

from __future__ import annotations

from tests.recount.story import (
    DAY,
    GLOW,
    HOUR,
    MINUTE,
    MIO,
    agreed,
    fields,
)
from tracker.domain import events as ev
from tracker.recount.post import kept_points, reached_by

# -- posts and their registers ---------------------------------------------------------------------------------------


def test_an_agreed_post_counts_for_its_campaign_and_its_creator_alike() -> None:
    log = agreed().published().observed(MINUTE, likes=5)
    counted = log.counted()
    assert counted.partial[GLOW] == counted.partial[MIO]
    assert set(counted.partial) == {GLOW, MIO}
    assert fields(log, "posts") == {"posts": 1, "posts.live": 1, "posts.by.agreement": 1}


def test_every_field_of_one_post_is_as_worked_out_by_hand() -> None:
    log = agreed()
    log.says(ev.AudienceObserved, -HOUR, followers=1_000)
    log.published(0)
    log.observed(60_000, "poll", likes=10, comments=2, views=100)
    assert log.counted().partial[GLOW] == {
        "posts": 1,
        "posts.live": 1,
        "posts.by.agreement": 1,
        "likes": 10,
        "likes.known": 1,
        "comments": 2,
        "comments.known": 1,
        "views": 100,
        "views.known": 1,
        "shares.unknown": 1,
        "saves.unknown": 1,
        "reach.unknown": 1,
        "impressions.unknown": 1,
        "likes.age.60": 10,
        "likes.age.60.known": 1,
        "comments.age.60": 2,
        "comments.age.60.known": 1,
        "views.age.60": 100,
        "views.age.60.known": 1,
        "likes.half_life.60": 1,
        "comments.half_life.60": 1,
        "views.half_life.60": 1,
        "first_reaction.60": 1,
        "followers": 1_000,
        "followers.known": 1,
        "er.followers.num": 12,
        "er.followers.den": 1_000,
        "er.followers.posts": 1,
    }


def test_a_like_count_that_falls_takes_back_what_it_gave() -> None:
    assert agreed().published().observed(MINUTE, likes=120).observed(2 * MINUTE, likes=80).field("likes") == 80


def test_a_late_observation_changes_no_count() -> None:
    assert agreed().published().observed(HOUR, likes=50).observed(MINUTE, likes=9).field("likes") == 50


def test_of_two_observations_of_one_instant_the_greater_stands() -> None:
    assert agreed().published().observed(HOUR, likes=50).observed(HOUR, likes=40).field("likes") == 50


def test_hidden_likes_keep_the_last_value_and_never_become_zero() -> None:
    log = agreed().published().observed(MINUTE, likes=7).observed(HOUR, comments=1)
    assert fields(log, "likes")["likes"] == 7
    hidden = agreed().published().observed(HOUR, comments=1)
    assert fields(hidden, "likes") == {"likes.unknown": 1}


def test_a_known_zero_is_known() -> None:
    assert fields(agreed().published().observed(HOUR, likes=0), "likes.", "likes")["likes.known"] == 1
    assert agreed().published().observed(HOUR, likes=0).field("likes") is None


def test_a_removed_post_keeps_its_last_values() -> None:
    log = agreed().published().observed(MINUTE, likes=7).says(ev.PostRemoved, HOUR)
    assert (log.field("likes"), log.field("posts.live"), log.field("posts.removed")) == (7, None, 1)


def test_removed_wins_over_live_of_the_same_instant_and_a_later_poll_brings_it_back() -> None:
    log = agreed().published().says(ev.PostRemoved, HOUR).says(ev.PostRestored, HOUR)
    assert log.field("posts.removed") == 1
    assert log.observed(2 * HOUR, "webhook", likes=1).field("posts.removed") == 1
    assert log.observed(2 * HOUR, "poll", likes=1).field("posts.live") == 1


def test_a_post_is_edited_when_told_so_or_when_two_texts_differ() -> None:
    assert agreed().published(0, "#glow").published(HOUR, "#glow").field("posts.edited") is None
    assert agreed().published(0, "#glow").published(HOUR, "#glow!").field("posts.edited") == 1
    assert agreed().published(0, "#glow").published(HOUR, None, title="#glow").field("posts.edited") is None
    assert agreed().published().says(ev.PostEdited, HOUR).field("posts.edited") == 1


def test_an_edit_that_takes_the_tag_away_takes_everything_back() -> None:
    log = agreed().published().observed(MINUTE, likes=7).says(ev.PostEdited, HOUR, text="no tag")
    assert log.counted().partial == {}


def test_an_older_text_that_comes_later_changes_nothing() -> None:
    assert agreed().published(HOUR, "#glow", occurred_at=0).says(ev.PostEdited, MINUTE, text="").field("posts") == 1


def test_comments_stand_as_their_latest_statement_says() -> None:
    log = agreed().published()
    later: list[list[type[ev.CommentFact]]] = [
        [],
        [ev.CommentHidden],
        [ev.CommentRemoved],
        [ev.CommentHidden, ev.CommentEdited],
    ]
    for number, kinds in enumerate(later):
        log.says(ev.CommentCreated, MINUTE, comment=f"c{number}")
        for step, kind in enumerate(kinds):
            log.says(kind, (2 + step) * MINUTE, comment=f"c{number}")
    log.says(ev.CommentRemoved, MINUTE, comment="c9").says(ev.CommentHidden, MINUTE, comment="c9")
    assert fields(log, "comment.") == {"comment.visible": 2, "comment.hidden": 1, "comment.removed": 2}


# -- increments ------------------------------------------------------------------------------------------------------


def test_increments_count_from_zero_where_nothing_was_observed() -> None:
    log = agreed().published()
    log.says(ev.ReactionAdded, 1, reaction="r1", metric="likes").says(
        ev.ReactionAdded, 2, reaction="r2", metric="likes"
    )
    assert log.says(ev.ReactionRemoved, 3, reaction="r3", metric="likes").field("likes") == 1


def test_a_sum_below_zero_is_unknown() -> None:
    log = agreed().published().says(ev.ReactionRemoved, 1, reaction="r1", metric="likes")
    assert fields(log, "likes") == {"likes.unknown": 1}


def test_only_increments_after_the_minute_of_the_observation_are_added_to_it() -> None:
    log = agreed().published().observed(90_000, likes=10)
    for number, at in enumerate((30_000, 60_000, 119_999, 120_000, 180_000)):
        log.says(ev.ReactionAdded, at, reaction=f"r{number}", metric="likes")
    assert log.field("likes") == 12


def test_an_increment_counts_once_a_day_of_when_it_happened() -> None:
    log = agreed().published()
    for at in (1, HOUR, DAY):
        log.says(ev.ReactionAdded, at, reaction="r", metric="likes")
    log.says(ev.ReactionAdded, 2 * DAY, occurred_at=5, reaction="r", metric="likes")
    assert log.field("likes") == 2


def test_an_increment_more_than_seven_days_late_is_refused() -> None:
    log = agreed().published().observed(9 * DAY, views=1)
    log.says(ev.ReactionAdded, 2 * DAY, reaction="seven", metric="likes")
    log.says(ev.ReactionAdded, 2 * DAY - 1, reaction="eight", metric="likes")
    assert [refused.offset for refused in log.counted().refused] == [len(log.records) - 1]
    assert log.field("likes") == 1


# -- duplicates of ours ----------------------------------------------------------------------------------------------


def test_what_is_not_beyond_the_highest_origin_is_dropped_whole() -> None:
    log = agreed().published()
    for offset, index, partition, likes in ((7, 0, 3, 10), (7, 1, 3, 20), (7, 1, 3, 99), (6, 5, 3, 99), (0, 0, 4, 30)):
        log.observed(MINUTE, likes=likes, origin=ev.Origin("inbox", partition, offset, index))
    assert log.field("likes") == 30
    assert agreed().published().observed(1, likes=1).observed(2, likes=2).field("likes") == 2


def test_a_dropped_event_does_not_make_others_late() -> None:
    log = agreed().published()
    log.observed(MINUTE, likes=1, origin=ev.Origin("inbox", 0, 5, 0))
    log.observed(30 * DAY, likes=1, origin=ev.Origin("inbox", 0, 5, 0))
    assert log.says(ev.ReactionAdded, 2 * MINUTE, reaction="r", metric="likes").counted().refused == []


# -- the curve -------------------------------------------------------------------------------------------------------


def test_between_two_near_points_the_value_is_interpolated_half_up() -> None:
    # (0,0) .. (100 s, 5): by 60 s 3 exactly; (100 s, 5) .. (130 s, 8): by 120 s 7
    log = agreed().published().observed(100_000, likes=5).observed(130_000, likes=8)
    assert fields(log, "likes.age") == {
        "likes.age.60": 3,
        "likes.age.60.known": 1,
        "likes.age.60.interpolated": 1,
        "likes.age.120": 7,
        "likes.age.120.known": 1,
        "likes.age.120.interpolated": 1,
    }
    assert reached_by([(40_000, 1, "1"), (80_000, 2, "1")], 60_000) == (2, "interpolated")
    assert reached_by([(40_000, 2, "1"), (80_000, 1, "1")], 60_000) == (2, "interpolated")
    assert reached_by([(40_000, 4, "1"), (80_000, 1, "1")], 60_000) == (3, "interpolated")


def test_between_points_too_far_apart_the_value_is_unknown() -> None:
    assert reached_by([(120_000, 8, "1")], 60_000) == (4, "interpolated")
    assert reached_by([(120_001, 8, "1")], 60_000) is None
    assert reached_by([(50_000, 8, "1")], 60_000) is None


def test_points_under_different_definitions_are_not_joined() -> None:
    assert reached_by([(50_000, 1, "1"), (70_000, 3, "2")], 60_000) is None
    assert reached_by([(60_000, 1, "1"), (70_000, 3, "2")], 60_000) == (1, "exact")
    assert reached_by([(70_000, 7, "2")], 60_000) == (6, "interpolated")


def test_of_each_interval_the_first_and_the_last_point_are_kept() -> None:
    points = [(0, 1, "1"), (30_000, 9, "1"), (60_000, 3, "1"), (60_001, 4, "1"), (90_000, 5, "1"), (90_000, 6, "1")]
    assert kept_points(points) == [(0, 1, "1"), (60_000, 3, "1"), (60_001, 4, "1"), (90_000, 6, "1")]
    assert kept_points([(0, 1, "1"), (0, 5, "1"), (1, 2, "1")]) == [(0, 5, "1"), (1, 2, "1")]
    assert kept_points([(3_000_000_000, 1, "1"), (2_592_000_001, 2, "1"), (2_700_000_000, 3, "1")]) == [
        (2_592_000_001, 2, "1"),
        (3_000_000_000, 1, "1"),
    ]


def test_the_first_hour_share_has_its_denominator_where_the_first_hour_is_known() -> None:
    log = agreed().published().observed(HOUR, views=40).observed(DAY, views=100)
    assert (log.field("views.age.3600"), log.field("views.age.3600.of")) == (40, 100)
    late = agreed().published().observed(DAY, views=100)
    assert (late.field("views.age.3600"), late.field("views.age.3600.of")) == (None, None)


def test_half_life_is_when_half_of_what_is_observed_now_was_reached() -> None:
    log = agreed().published().observed(MINUTE, likes=49).observed(5 * MINUTE, likes=50).observed(DAY, likes=100)
    assert fields(log, "likes.half_life") == {"likes.half_life.300": 1}
    assert fields(log.observed(40 * DAY, likes=1_000), "likes.half_life") == {"likes.half_life.later": 1}


def test_without_a_publishing_time_there_is_no_curve_until_it_is_known() -> None:
    log = agreed().published(0, occurred_at=None).observed(MINUTE, likes=5)
    assert fields(log, "likes.", "first_reaction") == {"likes.known": 1}
    log.observed(2 * MINUTE, published_at=0)
    assert log.field("likes.age.60") == 5
    assert log.field("first_reaction.60") == 1


def test_the_first_publishing_time_in_the_log_stands() -> None:
    log = (
        agreed()
        .observed(2 * MINUTE, likes=5, published_at=MINUTE)
        .published(0)
        .observed(3 * MINUTE, likes=6, published_at=2)
    )
    assert log.field("likes.age.60") == 5


def test_the_first_reaction_is_the_earliest_of_likes_increments_and_comments() -> None:
    log = agreed().published().observed(10 * MINUTE, likes=0, views=9).observed(2 * HOUR, likes=1)
    assert fields(log, "first_reaction") == {"first_reaction.7200": 1}
    log.says(ev.CommentCreated, 3 * HOUR, occurred_at=HOUR, comment="c")
    assert fields(log, "first_reaction") == {"first_reaction.3600": 1}
    log.says(ev.ReactionAdded, 15 * MINUTE, reaction="r", metric="saves")
    assert fields(log, "first_reaction") == {"first_reaction.900": 1}
    log.says(ev.CommentCreated, -MINUTE, comment="early")
    assert fields(log, "first_reaction") == {"first_reaction.60": 1}


# -- the audience ----------------------------------------------------------------------------------------------------


def test_followers_are_those_of_the_last_day_before_the_post_taken_early_in_the_day() -> None:
    log = agreed()
    log.says(ev.AudienceObserved, -DAY + 5 * HOUR, followers=80)
    log.says(ev.AudienceObserved, -DAY + 2 * HOUR, followers=70)
    log.says(ev.AudienceObserved, HOUR, followers=90)
    log.says(ev.AudienceObserved, -2 * HOUR, posts=4)
    assert log.published(0).field("followers") == 70
    assert log.published(2 * HOUR, post="p2").field("followers") == 160


def test_followers_seen_only_after_the_post_are_better_than_none() -> None:
    log = agreed().published(0)
    assert fields(log, "followers") == {"followers.unknown": 1}
    log.says(ev.AudienceObserved, 3 * DAY, followers=95).says(ev.AudienceObserved, 2 * DAY, followers=90)
    assert fields(log, "followers") == {"followers.known": 1, "followers": 90}


def test_of_two_counts_of_one_instant_the_greater_stands_and_the_instant_of_the_post_is_not_after_it() -> None:
    log = agreed().says(ev.AudienceObserved, -DAY, followers=50)
    log.says(ev.AudienceObserved, 0, followers=80).says(ev.AudienceObserved, 0, followers=90)
    assert log.published(0).field("followers") == 90


def test_rates_need_all_of_their_parts() -> None:
    log = agreed().published().observed(MINUTE, likes=10, comments=1, views=50)
    assert fields(log, "er.") == {}
    log.observed(2 * MINUTE, shares=4, reach=30)
    assert fields(log, "er.") == {
        "er.views.num": 15, "er.views.den": 50, "er.views.posts": 1,
        "er.reach.num": 15, "er.reach.den": 30, "er.reach.posts": 1,
    }  # fmt: skip
    assert fields(log.observed(3 * MINUTE, reach=0), "er.reach") == {}
