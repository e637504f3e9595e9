# ruff: noqa: RUF001  a definition may be written in full-width letters
"""Stories with numbers worked out by hand: they are what makes the recount an oracle. All data is synthetic."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct

from tracker.domain import events as ev
from tracker.domain.counters import Scope
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition, Link
from tracker.recount import Counters, recount, recount_log
from tracker.recount.post import kept_points, reached_by
from tracker.store.base import Partition

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
T = 20_000 * DAY  # midnight UTC
GLOW = Scope("glow")
MIO = Scope("glow", "mio")
WOM = Scope("glow", "~wom")


class Record(Struct, frozen=True):
    offset: int
    event: ev.AnyEvent


class Log:
    """A partition's log under construction. Instants are given relative to T."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.versions: dict[tuple[str, str], int] = {}

    def hears(self, fact: ev.Fact, source: ev.Source = "webhook") -> Log:
        offset = len(self.records)
        self.records.append(Record(offset, ev.wrap(fact, id=f"e{offset}", source=source)))
        return self

    def says(self, kind: type[ev.Fact], at: int, source: ev.Source = "webhook", **said: Any) -> Log:
        """A statement about post p1 of account a1 on instagram, unless said otherwise."""
        where = {"platform": "instagram"}
        if issubclass(kind, ev.AccountFact):
            where["account"] = "a1"
        if issubclass(kind, ev.PostFact):
            where["post"] = "p1"
        for name in ("occurred_at", "published_at", "clicked_at"):
            if said.get(name) is not None:
                said[name] += T
        return self.hears(kind(**{**where, "observed_at": T + at, **said}), source)

    def published(self, at: int = 0, text: str | None = "#glow", **said: Any) -> Log:
        return self.says(ev.PostPublished, at, text=text, **{"occurred_at": at, **said})

    def observed(self, at: int, source: ev.Source = "webhook", **counts: Any) -> Log:
        return self.says(ev.ReactionObserved, at, source, **counts)

    def defines(self, *definitions: Definition, at: int = -DAY) -> Log:
        for definition in definitions:
            self._change(definition.__struct_config__.tag, definition.id, definition, at)
        return self

    def deletes(self, kind: str, id: str, at: int = 0) -> Log:
        self._change(kind, id, None, at)
        return self

    def _change(self, kind: Any, id: str, definition: Definition | None, at: int) -> None:
        version = self.versions[kind, id] = self.versions.get((kind, id), 0) + 1
        self.hears(
            ev.DefinitionChanged(
                platform="direct", observed_at=T + at, kind=kind, id=id, version=version, definition=definition
            )
        )

    def counted(self) -> Counters:
        return recount_log(self.records)

    def field(self, name: str, scope: Scope = GLOW) -> int | None:
        """None where the field is absent: unknown, or nothing."""
        return self.counted().partial.get(scope, {}).get(name)


CAMPAIGN = Campaign(id="glow", name="Glow", starts_at=T - 10 * DAY, ends_at=T + 10 * DAY, hashtags=("Glow",))
CREATOR = Creator(id="mio", name="Mio (synthetic)", accounts=(AccountRef(platform="instagram", account="a1"),))
AGREEMENT = Agreement(id="glow-mio", campaign="glow", creator="mio", hashtags=("#glow",), codes=("MIO10",))
LINK = Link(id="g1", campaign="glow", creator="mio", destination="https://shop.example/glow")


def agreed() -> Log:
    return Log().defines(CAMPAIGN, CREATOR, AGREEMENT, LINK)


def fields(log: Log, *prefixes: str, scope: Scope = GLOW) -> dict[str, int]:
    partial = log.counted().partial.get(scope, {})
    return {name: value for name, value in partial.items() if name.startswith(prefixes)}


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


def test_rates_need_all_of_their_parts() -> None:
    log = agreed().published().observed(MINUTE, likes=10, comments=1, views=50)
    assert fields(log, "er.") == {}
    log.observed(2 * MINUTE, shares=4, reach=30)
    assert fields(log, "er.") == {
        "er.views.num": 15, "er.views.den": 50, "er.views.posts": 1,
        "er.reach.num": 15, "er.reach.den": 30, "er.reach.posts": 1,
    }  # fmt: skip
    assert fields(log.observed(3 * MINUTE, reach=0), "er.reach") == {}


# -- matching --------------------------------------------------------------------------------------------------------


def test_a_tag_without_an_agreement_is_word_of_mouth_and_counts_nowhere_else() -> None:
    log = agreed().published(account="stranger").observed(MINUTE, likes=3, account="stranger")
    assert set(log.counted().partial) == {WOM}
    assert fields(log, "posts.by", "likes", scope=WOM)["posts.by.word_of_mouth"] == 1
    assert log.field("likes", WOM) == 3


def test_a_submitted_address_counts_whatever_the_post_says_and_whoever_posted_it() -> None:
    agreement = Agreement(
        id="s", campaign="glow", creator="ken", submitted=("http://www.instagram.com/p/X/?utm_source=a",)
    )
    log = Log().defines(CAMPAIGN, CREATOR, AGREEMENT, agreement)
    log.published(0, None, permalink="https://instagram.com/p/X")
    assert set(log.counted().partial) == {GLOW, Scope("glow", "ken")}
    assert log.field("posts.by.submitted") == 1
    assert log.published(-9 * DAY, None, post="p2", permalink="https://instagram.com/p/x").field("posts") == 1


def test_the_window_is_half_open_and_falls_back_to_the_campaigns() -> None:
    own = Agreement(id="o", campaign="glow", creator="mio", starts_at=T, ends_at=T + HOUR, hashtags=("g",))
    for at, counted in ((-1, None), (0, 1), (HOUR - 1, 1), (HOUR, None)):
        assert Log().defines(CAMPAIGN, CREATOR, own).published(at, "#g").field("posts") == counted
    for at, counted in ((-10 * DAY - 1, None), (-10 * DAY, 1), (10 * DAY - 1, 1), (10 * DAY, None)):
        assert agreed().published(at).field("posts") == counted


def test_without_a_publishing_time_the_earliest_statement_decides() -> None:
    log = agreed().published(11 * DAY, occurred_at=None)
    assert log.field("posts") is None
    assert log.says(ev.CommentHidden, 9 * DAY, comment="c").field("posts") == 1


@pytest.mark.parametrize(
    ("wanted", "text", "counts"),
    [
        ({"hashtags": ("＃ＧＬＯＷ",)}, "new #glow!", True),
        ({"hashtags": ("glow",)}, "#glowing", False),
        ({"mentions": ("@Brand.Official",)}, "thanks @brand.official!", True),
        ({"mentions": ("brand",)}, "brand", False),
        ({"links": ("https://shop.com/glow",)}, "see shop.com/glow/red", True),
        ({"links": ("https://shop.com/glow",)}, "see shop.com/glowing", False),
        ({"hashtags": ("a",), "mentions": ("b",)}, "@b", True),
        ({}, None, True),
        ({"platforms": ("tiktok",)}, None, False),
        ({"platforms": ("tiktok", "instagram")}, None, True),
    ],
)
def test_an_agreed_post_carries_one_of_what_the_agreement_names(wanted: Any, text: str | None, counts: bool) -> None:
    log = Log().defines(untagged(CAMPAIGN), CREATOR, Agreement(id="a", campaign="glow", creator="mio", **wanted))
    assert (log.published(0, text).field("posts.by.agreement") == 1) is counts


def untagged(campaign: Campaign) -> Campaign:
    """The campaign without hashtags: nothing is word of mouth."""
    return Campaign(id=campaign.id, name=campaign.name, starts_at=campaign.starts_at, ends_at=campaign.ends_at)


def test_the_title_carries_as_the_text_does() -> None:
    assert agreed().published(0, None, title="#glow").field("posts") == 1
    assert agreed().published(0, "low", title="#g").field("posts") is None


def test_the_least_agreement_id_decides_for_whom_a_post_counts() -> None:
    ken = Creator(id="ken", name="Ken (synthetic)", accounts=CREATOR.accounts)
    log = agreed().defines(ken, Agreement(id="a-ken", campaign="glow", creator="ken", hashtags=("glow",))).published()
    assert set(log.counted().partial) == {GLOW, Scope("glow", "ken")}


def test_a_post_counts_once_for_each_of_two_campaigns() -> None:
    other = Campaign(id="aqua", name="Aqua", starts_at=T, ends_at=T + DAY, hashtags=("aqua",))
    log = agreed().defines(other).published(0, "#glow #aqua")
    assert set(log.counted().partial) == {GLOW, MIO, Scope("aqua", "~wom")}


def test_an_agreement_whose_campaign_is_gone_matches_nothing() -> None:
    assert agreed().published().deletes("campaign", "glow").counted().partial == {}


def test_an_agreement_whose_creator_is_gone_leaves_word_of_mouth() -> None:
    assert set(agreed().published().deletes("creator", "mio").counted().partial) == {WOM}


def test_definitions_that_come_after_the_posts_count_them() -> None:
    log = Log().published().observed(MINUTE, likes=4)
    assert log.counted().partial == {}
    assert log.defines(CAMPAIGN, CREATOR, AGREEMENT, at=HOUR).field("likes") == 4


def test_an_older_version_of_a_definition_is_ignored() -> None:
    log = agreed()
    log.versions["agreement", "glow-mio"] = 0
    gone = Agreement(id="glow-mio", campaign="glow", creator="mio", hashtags=("other",))
    assert log.defines(gone).published().field("posts.by.agreement") == 1


# -- clicks and orders -----------------------------------------------------------------------------------------------


def click(log: Log, id: str, at: int = 0, link: str = "g1") -> Log:
    return log.says(ev.LinkClicked, at, platform="direct", click=id, link=link)


def order(log: Log, id: str = "o1", at: int = 0, amount: int = 1_000, currency: str = "JPY", **said: Any) -> Log:
    return log.says(ev.ConversionRecorded, at, platform="direct", order=id, amount=amount, currency=currency, **said)


def refund(log: Log, id: str, amount: int, order: str = "o1", currency: str = "JPY", at: int = 0) -> Log:
    return log.says(
        ev.ConversionRefunded, at, platform="direct", order=order, refund=id, amount=amount, currency=currency
    )


def test_a_click_counts_once_for_the_campaign_and_the_creator_of_its_link() -> None:
    log = click(click(click(agreed(), "c1"), "c1"), "c2")
    assert (log.field("clicks"), log.field("clicks", MIO)) == (2, 2)


def test_a_click_of_an_unknown_link_waits_for_its_definition() -> None:
    log = click(agreed(), "c1", link="new")
    assert log.counted().partial == {}
    log.defines(Link(id="new", campaign="glow", destination="https://shop.example/"))
    assert log.counted().partial == {GLOW: {"clicks": 1}}


def test_an_order_is_attributed_by_code_before_click() -> None:
    other = Link(id="k", campaign="glow", creator="ken", destination="https://shop.example/")
    log = order(agreed().defines(other), code=" mio10 ", link="k", clicked_at=-1)
    assert log.counted().partial[MIO] == {"conversions": 1, "conversions.by.code": 1, "revenue.JPY": 1_000}
    assert set(log.counted().partial) == {GLOW, MIO}


@pytest.mark.parametrize(("clicked_at", "counts"), [(-30 * DAY, True), (-30 * DAY - 1, False), (0, True), (1, False)])
def test_a_click_is_good_for_the_attribution_window(clicked_at: int, counts: bool) -> None:
    log = order(agreed(), at=HOUR, occurred_at=0, link="g1", clicked_at=clicked_at, code="unknown")
    assert (log.field("conversions.by.click") == 1) is counts


def test_an_unattributed_order_waits_for_a_definition_that_fits() -> None:
    log = order(agreed(), code="LATER")
    assert log.counted().partial == {}
    log.defines(Agreement(id="late", campaign="glow", creator="ken", codes=("later",)))
    assert log.field("conversions", Scope("glow", "ken")) == 1


def test_refunds_may_come_before_their_order_and_keep_their_currency() -> None:
    log = refund(refund(refund(agreed(), "r1", 300), "r1", 300), "r2", 5, currency="USD")
    assert log.counted().partial == {}
    assert order(log, code="MIO10").counted().partial[GLOW] == {
        "conversions": 1, "conversions.by.code": 1, "revenue.JPY": 1_000,
        "refunds": 2, "refunds.JPY": 300, "refunds.USD": 5,
    }  # fmt: skip


def test_a_repeat_is_ignored_and_a_contradiction_refused() -> None:
    log = order(order(order(agreed(), code="MIO10"), code="other"), amount=999)
    refund(refund(log, "r", 10), "r", 11)
    assert [refused.offset for refused in log.counted().refused] == [6, 8]
    assert (log.field("revenue.JPY"), log.field("refunds.JPY")) == (1_000, 10)


# -- series, freshness, partitions -----------------------------------------------------------------------------------


def test_a_series_is_the_history_of_its_counter() -> None:
    log = agreed().published().observed(MINUTE, likes=10).observed(HOUR, likes=8, views=3)
    first, second = (T + MINUTE) // MINUTE, (T + HOUR) // MINUTE
    counted = log.counted()
    assert counted.minutes == {GLOW: {f"likes@{first}": 10, f"likes@{second}": -2, f"views@{second}": 3}}
    hours = {f"likes@{T // HOUR}": 10, f"likes@{T // HOUR + 1}": -2, f"views@{T // HOUR + 1}": 3}
    assert counted.hours == {GLOW: hours, MIO: hours}


def test_word_of_mouth_has_a_minute_series_of_its_own() -> None:
    log = agreed().published(account="b").observed(MINUTE, likes=1, account="b")
    assert set(log.counted().minutes) == {WOM}


def test_a_definition_books_what_it_changes_at_its_own_instant() -> None:
    log = agreed().published().observed(MINUTE, likes=10).deletes("campaign", "glow", at=2 * HOUR)
    assert log.counted().minutes == {GLOW: {f"likes@{T // MINUTE + 1}": 10, f"likes@{T // MINUTE + 120}": -10}}


def test_counts_of_posts_have_no_series() -> None:
    names = {
        name.split("@")[0] for row in order(agreed().published(), code="mio10").counted().hours.values() for name in row
    }
    assert names == {"conversions", "revenue.JPY"}


def test_fresh_is_the_latest_statement_of_each_source_about_what_counts() -> None:
    log = agreed().published().observed(HOUR, "poll", likes=1).observed(MINUTE, "poll", likes=1)
    log.says(ev.AudienceObserved, DAY, followers=1).observed(DAY, likes=1, post="unmatched")
    assert log.counted().fresh == {GLOW: {"webhook": T, "poll": T + HOUR}, MIO: {"webhook": T, "poll": T + HOUR}}


def test_each_partition_is_counted_by_itself() -> None:
    posts, money = agreed().published(), order(agreed(), code="MIO10")
    found = recount({0: posts.records, 1: agreed().records}, {0: money.records})
    assert {str(partition): bool(counters.partial) for partition, counters in found.items()} == {
        "activity[0]": True, "activity[1]": False, "commerce[0]": True,
    }  # fmt: skip
    assert found[Partition("commerce", 0)].partial[GLOW]["conversions"] == 1
