"""The truth of small worlds, worked out by hand."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulate.builders import SPRING_HINA, START, post, world
from tracker.simulate.cast import HINA, KAITO, SPRING, STRANGER, TEA
from tracker.simulate.model import Absence, Click, Comment, Order, Refund, Role, Version
from tracker.simulate.told import ToldLog
from tracker.simulate.truth import Difference, differences, truth, unsettled
from tracker.simulate.wire import Told, Webhook
from tracker.simulate.world import Signal, SignalKind

AGREED = (Version(since=0, text="#yuzuspring", roles=(SPRING_HINA,)),)
FROZEN = START + 10_000
LATE = FROZEN + 2_000


def told(*statements: Told, began: int = LATE) -> ToldLog:
    """A log with one answer."""
    log = ToldLog()
    log.answered(statements, began=began, ended=began + 5)
    return log


def test_a_post_that_was_asked_for_after_the_freeze_counts_with_the_worlds_own_numbers() -> None:
    made = post(HINA, "1", versions=AGREED, totals={"likes": 100, "views": 1_000})
    # An hour old: the Weibull share at 1 h is 1 - exp(-(1 / 7.3)^0.4) = 0.3633…
    log = told(
        Told(account=HINA.id, followers=500),
        Told(post="1", account=HINA.id, counts={"likes": 36, "comments": 0, "shares": 0, "views": 363}, text="t"),
    )
    expected = truth(world(made, pace=0), log)
    assert expected == {
        (SPRING, who): {
            "posts": 1,
            "posts.live": 1,
            "posts.by.agreement": 1,
            "likes": 36,
            "likes.known": 1,
            "comments": 0,
            "comments.known": 1,
            "shares": 0,
            "shares.known": 1,
            "saves.unknown": 1,
            "views": 363,
            "views.known": 1,
            "reach.unknown": 1,
            "impressions.unknown": 1,
            "followers": 500,
            "followers.known": 1,
            "er.followers.num": 36,
            "er.followers.den": 500,
            "er.followers.posts": 1,
            "er.views.num": 36,
            "er.views.den": 363,
            "er.views.posts": 1,
        }
        for who in ("", "hina")
    }


def test_a_post_that_is_gone_keeps_the_last_that_was_told() -> None:
    made = post(HINA, "1", versions=AGREED, absences=(Absence(since=START + 5_000),))
    log = told(Told(post="1", counts={"likes": 17}), began=START + 4_000)
    log.answered([Told(post="1", absent=True)], began=LATE, ended=LATE)
    fields = truth(world(made), log)[SPRING, "hina"]
    assert (fields["posts.removed"], fields["posts.live"], fields["likes"]) == (1, 0, 17)


def test_what_was_never_told_is_unknown_and_not_zero() -> None:
    made = post(HINA, "1", versions=AGREED, hidden=frozenset({"likes"}))
    fields = truth(world(made), told(Told(post="1", counts={"comments": 0})))[SPRING, "hina"]
    assert (fields["likes.unknown"], fields["likes.known"]) == (1, 0)
    assert (fields["comments.known"], fields["followers.unknown"]) == (1, 1)
    assert "er.followers.posts" not in fields


def test_a_post_counts_for_what_it_says_in_the_end() -> None:
    edits = (Version(since=0, text="plain"), Version(since=START + 1_000, text="#yuzuspring", roles=(SPRING_HINA,)))
    later = (Version(since=0, text="plain"), Version(since=FROZEN + 1, text="#yuzuspring", roles=(SPRING_HINA,)))
    for versions, posts in ((edits, 1), (later, 0)):
        log = told(Told(post="1", counts={"likes": 0}, text="plain"))
        log.answered([Told(post="1", counts={"likes": 0}, text="#yuzuspring")], began=LATE, ended=LATE)
        expected = truth(world(post(HINA, "1", versions=versions)), log)
        fields = expected.get((SPRING, "hina"), Counter())
        assert (fields["posts"], fields["posts.edited"]) == (posts, posts)


def test_word_of_mouth_counts_for_nobody_but_the_campaign() -> None:
    by_mouth = Role(campaign=SPRING, by="word_of_mouth")
    made = post(STRANGER, "1", versions=(Version(since=0, text="#yuzuspring", roles=(by_mouth,)),), mentions=HINA)
    expected = truth(world(made), told(Told(post="1", counts={"likes": 3}), began=START))
    assert set(expected) == {(SPRING, "~wom")}
    assert expected[SPRING, "~wom"]["likes"] == 3


def test_a_post_counts_for_each_campaign_it_belongs_to() -> None:
    both = (SPRING_HINA, Role(campaign=TEA, by="agreement", creator="hina"))
    made = post(HINA, "1", versions=(Version(since=0, text="t", roles=both),))
    expected = truth(world(made), told(Told(post="1", counts={"likes": 0})))
    assert set(expected) == {(SPRING, ""), (SPRING, "hina"), (TEA, ""), (TEA, "hina")}


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "reversed"])
def test_a_comment_stands_as_the_latest_push_says_whatever_the_order_of_arrival(order: int) -> None:
    role = Role(campaign=SPRING, by="agreement", creator="kaito")
    made = post(KAITO, "1", versions=(Version(since=0, text="t", roles=(role,)),))
    log = told(Told(post="1", counts={"likes": 0}))
    stories: dict[str, tuple[SignalKind, ...]] = {
        "a": ("comment_created",),
        "b": ("comment_created", "comment_hidden"),
        "c": ("comment_created", "comment_hidden", "comment_shown"),
        "d": ("comment_created", "comment_removed"),
        "e": ("comment_hidden",),
    }
    for id, kinds in stories.items():
        comment = Comment(id=id, at=START, author="a", text="t")
        happened = [Signal(at=START + n, kind=kind, post=made, comment=comment) for n, kind in enumerate(kinds)]
        for signal in happened[::order]:
            log.acknowledged(Webhook(platform="tiktok", body=b"", headers={}, signals=(signal,)))
    fields = truth(world(made), log)[SPRING, "kaito"]
    assert (fields["comment.visible"], fields["comment.hidden"], fields["comment.removed"]) == (2, 2, 1)


def test_followers_are_the_first_told_of_the_latest_day_before_the_post() -> None:
    log = ToldLog()
    day = 86_400_000
    for at, followers in ((10 * day, 100), (10 * day + 1, 999), (12 * day + 5, 120)):
        log.answered([Told(account="a", followers=followers)], began=at, ended=at)
    found = [log.followers_at("a", instant) for instant in (0, 10 * day, 12 * day + 4, 12 * day + 5)]
    assert found == [100, 100, 100, 120]
    assert log.followers_at("b", 0) is None


def test_an_order_is_credited_once_with_all_of_its_refunds() -> None:
    clicks = (Click(at=START + 1, link="yuzu-hina"), Click(at=START + 2, link="yuzu-shop"))
    orders = (
        Order(at=START + 3, id="o1", amount=3_000, currency="JPY", by="code", credited=SPRING_HINA, repeats=1),
        Order(
            at=START + 4,
            id="o2",
            amount=2_000,
            currency="EUR",
            by="click",
            credited=Role(campaign=SPRING, by="agreement"),
        ),
        Order(at=START + 5, id="o3", amount=9_999, currency="EUR", code="unknown"),
    )
    refunds = (
        Refund(at=START + 6, id="r1", order="o1", amount=1_000, currency="JPY", repeats=1),
        Refund(at=START + 6, id="r2", order="o1", amount=500, currency="JPY"),
        Refund(at=START + 6, id="r3", order="o3", amount=9_999, currency="EUR"),
    )
    expected = truth(world(clicks=clicks, orders=orders, refunds=refunds), ToldLog())
    assert expected[SPRING, ""] == {
        "clicks": 2,
        "conversions": 2,
        "conversions.by.code": 1,
        "conversions.by.click": 1,
        "revenue.JPY": 3_000,
        "revenue.EUR": 2_000,
        "refunds": 2,
        "refunds.JPY": 1_500,
    }
    assert expected[SPRING, "hina"] == {
        "clicks": 1,
        "conversions": 1,
        "conversions.by.code": 1,
        "revenue.JPY": 3_000,
        "refunds": 2,
        "refunds.JPY": 1_500,
    }


def test_nothing_is_settled_by_an_answer_to_a_request_from_before_the_freeze() -> None:
    made = post(HINA, "1", versions=AGREED)
    early = told(Told(post="1", counts={"likes": 1}), began=FROZEN)
    assert unsettled(world(made), early) == [made]
    assert unsettled(world(made), told(Told(post="1", counts={"likes": 1}))) == []
    assert unsettled(world(made), told(Told(post="1", absent=True))) == []
    assert unsettled(world(post(HINA, "2")), ToldLog()) == []


def test_what_was_gone_before_anybody_looked_is_settled_unless_a_push_told_of_it() -> None:
    comment = Comment(id="c", at=START, author="a", text="t")
    made = post(HINA, "1", versions=AGREED, absences=(Absence(since=START + 1),), comments=(comment,))
    assert unsettled(world(made), ToldLog()) == []
    log = ToldLog()
    signal = Signal(at=START, kind="comment_created", post=made, comment=comment)
    log.acknowledged(Webhook(platform="instagram", body=b"", headers={}, signals=(signal,)))
    assert unsettled(world(made), log) == [made]


def test_a_list_without_figures_settles_nothing() -> None:
    made = post(HINA, "1", versions=AGREED)
    assert unsettled(world(made), told(Told(post="1", title="a"))) == [made]


def test_every_difference_is_named_and_what_only_the_recount_knows_is_left_to_it() -> None:
    expected = {("c", ""): {"likes": 5, "views": 0}, ("c", "hina"): {"posts": 1}}
    found = {("c", ""): {"likes": 4, "saves": 2, "likes.age.60": 3, "first_reaction.60": 1}, ("d", ""): {"posts": 1}}
    assert differences(expected, found) == [
        Difference("c", "", "likes", 5, 4),
        Difference("c", "", "saves", 0, 2),
        Difference("c", "hina", "posts", 1, 0),
        Difference("d", "", "posts", 0, 1),
    ]
