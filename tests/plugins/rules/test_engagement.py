"""Rules about engagement: targets when they are due and ahead of it, habits, and sizes."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.plugins.rules.builders import (
    DAY,
    HOUR,
    T0,
    Crowd,
    a_campaign,
    a_post,
    facts_of,
    judged,
    lived,
    normal_posts,
    rows_of,
)
from tracker.domain.curve import Row
from tracker.domain.definitions import Agreement, Link, Targets
from tracker.domain.facts import CampaignFacts, PostFacts
from tracker.domain.verdicts import Verdict
from tracker_rules.engagement import BelowTarget, BelowTargetSettings
from tracker_rules.engagement_compared import BelowBaseline, BelowBenchmark, BelowBenchmarkSettings
from tracker_rules.forecast import ForecastMiss, usual_share

TARGET, BASELINE, BENCHMARK, FORECAST = BelowTarget(), BelowBaseline(), BelowBenchmark(), ForecastMiss()
END = T0 + 14 * DAY
CROWD = Crowd(night=0.3, spread=0.2)
NORMAL = normal_posts(CROWD, Random(3), 8)


def with_likes(*likes: int | None, target: int = 1_000, followers: int | None = 50_000) -> CampaignFacts:
    """A campaign with a target, and a post for each number of likes; None: hidden."""
    posts = [
        a_post(
            f"p{number}", rows_of([(2 * DAY, {"comments": 10} if each is None else {"likes": each, "comments": 10})])
        )
        for number, each in enumerate(likes)
    ]
    posts = [PostFacts(**{**_fields(post), "followers": followers}) for post in posts]
    return facts_of(posts, campaign=a_campaign(targets=Targets(likes=target)))


def _fields(post: PostFacts) -> dict[str, Any]:
    return {name: getattr(post, name) for name in post.__struct_fields__}


def one(verdicts: list[Verdict]) -> Verdict:
    (verdict,) = verdicts
    return verdict


@pytest.mark.parametrize(("likes", "outcome"), [(949, "fail"), (950, "near"), (999, "near"), (1_000, "pass")])
def test_a_target_is_missed_at_the_end_below_its_limit(likes: int, outcome: str) -> None:
    verdict = one(judged(TARGET, with_likes(likes), END))
    assert (verdict.outcome, verdict.check) == (outcome, "likes")
    assert (verdict.evidence[0].value, verdict.evidence[0].limit) == (likes, 1_000)


def test_a_target_that_is_not_due_is_not_missed() -> None:
    facts = with_likes(10)
    assert one(judged(TARGET, facts, END - 1)).outcome == "pass"
    assert one(judged(TARGET, facts, END - HOUR, BelowTargetSettings(due_hours=1))).outcome == "fail"


def test_a_hidden_count_that_could_have_made_up_for_it_leaves_a_target_open() -> None:
    assert one(judged(TARGET, with_likes(600, None), END)).outcome == "not_assessable"
    assert one(judged(TARGET, with_likes(400, None), END)).outcome == "fail"
    assert one(judged(TARGET, with_likes(None), END)).outcome == "not_assessable"


def test_clicks_are_unknown_where_no_link_could_count_them() -> None:
    campaign = a_campaign(targets=Targets(clicks=10))
    assert one(judged(TARGET, CampaignFacts(campaign=campaign), END)).outcome == "not_assessable"
    link = Link(id="l1", campaign="glow", destination="https://shop.example/")
    assert one(judged(TARGET, CampaignFacts(campaign=campaign, links=(link,)), END)).outcome == "fail"


def test_a_rate_is_written_as_one() -> None:
    facts = with_likes(90)
    campaign = a_campaign(targets=Targets(engagement_rate="0.03"))
    verdict = one(judged(TARGET, facts_of(facts.creators[0].posts, campaign=campaign), END))
    assert (verdict.outcome, verdict.evidence[0].value, verdict.evidence[0].limit) == ("fail", "0.002", "0.03")
    assert "0.2 %" in verdict.summary["en"]


def lasting(natural: float, *, age: int = 2 * DAY, seed: int = 5) -> PostFacts:
    return a_post(rows=lived(CROWD, Random(seed), T0, age, natural=natural), followers=50_000)


@pytest.mark.parametrize(("natural", "outcome"), [(0.1, "fail"), (1.0, "pass"), (2.0, "pass")])
def test_a_creator_is_compared_with_their_own_normal_posts_at_the_same_age(natural: float, outcome: str) -> None:
    for age in (25 * HOUR, 2 * DAY):
        verdict = one(judged(BASELINE, facts_of([lasting(natural, age=age)], NORMAL), T0 + age))
        assert verdict.outcome == outcome
        assert verdict.subject.post == ""
        assert [each.post for each in verdict.evidence if each.post] == ["p1"]


def test_without_enough_normal_posts_a_creator_is_not_compared() -> None:
    verdict = one(judged(BASELINE, facts_of([lasting(0.1)], NORMAL[:3]), T0 + 2 * DAY))
    assert verdict.outcome == "not_assessable"
    assert (verdict.evidence[0].value, verdict.evidence[0].limit) == (3, 4)


def test_a_young_post_is_not_compared() -> None:
    assert one(judged(BASELINE, facts_of([lasting(0.1, age=23 * HOUR)], NORMAL), T0 + DAY)).outcome == "not_assessable"


def reached(*shares: float) -> Verdict:
    """Posts that have these shares of what the median normal post has after two days."""
    usual = sorted(post.total("likes") or 0 for post in EVEN)[4]
    posts = [a_post(f"p{number}", seen(round(share * usual))) for number, share in enumerate(shares)]
    return one(judged(BASELINE, facts_of(posts, EVEN), T0 + 2 * DAY))


def seen(likes: int, age: int = 2 * DAY) -> tuple[Row, ...]:
    return rows_of([(age, {"likes": likes, "comments": 0})])


EVEN = [
    a_post(f"n{number}", seen(likes), published_at=T0 - 9 * DAY, followers=50_000)
    for number, likes in enumerate((500, 600, 700, 850, 1_000, 1_150, 1_400, 1_700, 2_000))
]


def test_the_fewer_posts_there_are_the_lower_is_the_limit() -> None:
    """A third of the usual is bad luck of one post, and none of two; half is no luck of six."""
    assert [reached(0.3).outcome, reached(0.3, 0.3).outcome] == ["pass", "fail"]
    assert [reached(0.46, 0.46).outcome, reached(*[0.46] * 6).outcome] == ["pass", "fail"]
    assert reached(0.12).outcome == "fail"


def test_posts_below_the_limit_are_near_until_a_fifth_above_it() -> None:
    verdict = reached(0.3, 0.3)
    limit = float(str(verdict.evidence[0].limit))
    assert [reached(share, share).outcome for share in (limit * 0.98, limit * 1.1, limit * 1.25)] == [
        "fail",
        "near",
        "pass",
    ]


def test_a_creator_whose_posts_differ_much_is_given_more_room() -> None:
    wild = [
        a_post(f"n{number}", seen(likes), published_at=T0 - 9 * DAY)
        for number, likes in enumerate((60, 150, 300, 600, 1_000, 1_600, 3_000, 6_000, 15_000))
    ]
    posts = [a_post(f"p{number}", seen(300)) for number in range(2)]
    assert one(judged(BASELINE, facts_of(posts, EVEN), T0 + 2 * DAY)).outcome == "fail"
    assert one(judged(BASELINE, facts_of(posts, wild), T0 + 2 * DAY)).outcome == "pass"


@pytest.mark.parametrize(
    ("likes", "followers", "outcome"),
    [
        (599, 50_000, "fail"),
        (600, 50_000, "near"),
        (720, 50_000, "pass"),
        (100, 5_000, "near"),
        (99, 5_000, "fail"),
        (1, 500_000, "not_assessable"),
        (1, None, "not_assessable"),
        (None, 50_000, "not_assessable"),
    ],
)
def test_likes_are_compared_with_what_is_usual_at_that_size(
    likes: int | None, followers: int | None, outcome: str
) -> None:
    facts = with_likes(likes, likes, followers=followers)
    assert one(judged(BENCHMARK, facts, T0 + 2 * DAY)).outcome == outcome


def test_a_benchmark_of_ones_own_fills_a_gap() -> None:
    settings = BelowBenchmarkSettings(rates=("middle=0.02",))
    verdict = one(judged(BENCHMARK, with_likes(100, 100, followers=500_000), T0 + 2 * DAY, settings))
    assert verdict.outcome == "fail"
    assert {each.name: each.value for each in verdict.evidence}["benchmark"] == "0.02"


def benchmarked(likes: int, *, normal: int | None = None, platform: str = "instagram", age: int = 2 * DAY) -> str:
    """Two posts, or one beside five normal ones, of an account with 50,000 followers: 1,200 likes are usual."""
    many = 2 if normal is None else 1
    posts = [a_post(f"p{each}", seen(likes, age), platform=platform, followers=50_000) for each in range(many)]
    usual = [
        a_post(f"n{each}", seen(normal), platform=platform, followers=50_000, published_at=T0 - 9 * DAY)
        for each in range(5)
        if normal is not None
    ]
    return one(judged(BENCHMARK, facts_of(posts, usual, platform=platform), T0 + 9 * DAY)).outcome


def test_the_published_benchmark_says_nothing_of_other_platforms() -> None:
    assert [benchmarked(100, platform=platform) for platform in ("instagram", "x", "youtube")] == [
        "fail",
        "not_assessable",
        "not_assessable",
    ]


def test_likes_that_were_last_seen_on_the_first_day_are_not_compared_with_what_posts_have_in_the_end() -> None:
    assert [benchmarked(100, age=age) for age in (47 * HOUR, 48 * HOUR)] == ["not_assessable", "fail"]


def test_a_creator_who_is_as_good_as_others_of_that_size_has_but_a_poor_post() -> None:
    assert [benchmarked(500, normal=likes) for likes in (700, 719, 720, 1_200)] == ["fail", "fail", "pass", "pass"]


def test_one_post_alone_says_little_of_a_creator() -> None:
    assert one(judged(BENCHMARK, with_likes(1), T0 + 2 * DAY)).outcome == "not_assessable"


def forecast(target: int, *, posts: int = 1, age: int = 2 * DAY, normal: bool = True, **targets: Any) -> Verdict:
    campaign = a_campaign(targets=Targets(**(targets or {"likes": target})))
    agreed = Agreement(id="a1", campaign="glow", creator="ana", posts=posts)
    facts = facts_of([lasting(1.0, age=age)], NORMAL if normal else (), campaign=campaign, agreements=(agreed,))
    return one(judged(FORECAST, facts, T0 + age))


@pytest.mark.parametrize("normal", [True, False])
def test_a_forecast_holds_what_then_comes(normal: bool) -> None:
    """Two days in, of what a post has after seven: the range holds it, and is no wider than it need be."""
    came = lasting(1.0, age=13 * DAY).total("likes")
    assert came is not None
    evidence = {each.name: each.value for each in forecast(1, normal=normal).evidence}
    least, expected, most = (evidence[name] for name in ("at_least", "expected", "at_most"))
    assert isinstance(least, int)
    assert isinstance(expected, int)
    assert isinstance(most, int)
    assert least <= came <= most
    assert abs(expected - came) < came // 8
    assert most - least < came // 2


def test_a_target_is_forecast_missed_only_beyond_the_upper_end() -> None:
    evidence = {each.name: each.value for each in forecast(1).evidence}
    expected, most = evidence["expected"], evidence["at_most"]
    assert isinstance(expected, int)
    assert isinstance(most, int)
    assert expected < most
    assert [forecast(target).outcome for target in (expected, expected + 1, most, most + 1)] == [
        "pass",
        "near",
        "near",
        "fail",
    ]


def test_posts_that_are_still_owed_may_save_a_target() -> None:
    assert forecast(5_000).outcome == "fail"
    assert forecast(5_000, posts=4).outcome in ("pass", "near")


def test_it_is_too_early_on_the_first_day_and_over_at_the_end() -> None:
    assert forecast(10**6, age=20 * HOUR).outcome == "not_assessable"
    facts = facts_of([lasting(1.0)], NORMAL, campaign=a_campaign(targets=Targets(likes=10**6)))
    assert judged(FORECAST, facts, END) == []


def clicks(before: int, yesterday: int, target: int) -> Verdict:
    """Four days in, ten to go."""
    now = T0 // HOUR + 96
    hours = {f"clicks@{now - 30}": before, f"clicks@{now - 5}": yesterday}
    total = {"": {"clicks": before + yesterday}}
    facts = CampaignFacts(campaign=a_campaign(targets=Targets(clicks=target)), totals=total, hours=hours)
    return one(judged(FORECAST, facts, now * HOUR))


def test_clicks_fade_as_they_did_and_at_most_not_at_all() -> None:
    """200, 100, then 50, 25, 12, 6, 3, 1: and not a hundred every day, which is the upper end."""
    evidence = {each.name: each.value for each in clicks(200, 100, 1).evidence}
    assert (evidence["expected"], evidence["at_most"]) == (300 + 50 + 25 + 12 + 6 + 3 + 1, 300 + 1_000)
    assert [clicks(200, 100, target).outcome for target in (397, 398, 1_300, 1_301)] == ["pass", "near", "near", "fail"]


def test_few_clicks_say_nothing_of_how_they_fade() -> None:
    assert clicks(9, 20, 10**6).outcome == "not_assessable"


@pytest.mark.parametrize(("platform", "day", "five_days"), [("instagram", 0.80, 0.95), ("youtube", 0.60, 0.75)])
def test_the_usual_curves_are_those_of_their_source(platform: str, day: float, five_days: float) -> None:
    assert usual_share(platform, DAY) == pytest.approx(day, abs=0.01)
    assert usual_share(platform, 5 * DAY) == pytest.approx(five_days, abs=0.01)
