"""Numbers for people: what is unknown is None and says so; every figure has a basis."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tracker.domain.figures import Figure, figures, median_bucket, share, velocity


def by_name(total: dict[str, int], now: int = 0) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures(total, {"poll": 0} if total else {}, now)}


def test_an_empty_campaign_has_no_likes_to_speak_of_rather_than_zero() -> None:
    made = by_name({})
    assert made["likes"].value is None
    assert made["engagement_rate.followers"].value is None
    assert made["cvr"].value is None
    assert made["posts"].value == 0
    assert made["likes"].age_ms is None


def test_zero_likes_on_a_known_post_are_zero() -> None:
    assert by_name({"posts": 1, "likes.known": 1})["likes"].value == 0


def test_hidden_likes_stay_out_of_the_sum_and_are_counted_as_unknown() -> None:
    likes = by_name({"posts": 3, "likes": 70, "likes.known": 2, "likes.unknown": 1})["likes"]
    assert (likes.value, likes.known, likes.unknown) == (70, 2, 1)
    assert "2 of 3 posts known" in likes.basis


def test_the_engagement_rates_stand_side_by_side_each_over_its_own_posts() -> None:
    made = by_name(
        {"posts": 2, "er.followers.num": 30, "er.followers.den": 1000, "er.followers.posts": 2}
        | {"er.views.num": 20, "er.views.den": 300, "er.views.posts": 1}
    )
    assert made["engagement_rate.followers"].value == Decimal("0.03")
    assert made["engagement_rate.views"].value == Decimal("0.066667")
    assert made["engagement_rate.views"].unknown == 1
    assert made["engagement_rate.reach"].value is None


def test_net_revenue_is_kept_apart_by_currency() -> None:
    made = figures({"revenue.JPY": 5000, "refunds.JPY": 1200, "refunds": 1, "revenue.USD": 99}, {"webhook": 40}, 100)
    net = {figure.currency: figure.value for figure in made if figure.name == "revenue.net"}
    assert net == {"JPY": 3800, "USD": 99}
    assert {figure.age_ms for figure in made} == {60}


def test_orders_by_code_alone_do_not_raise_the_conversion_rate_of_clicks() -> None:
    cvr = by_name({"clicks": 10, "conversions": 3, "conversions.by.click": 2, "conversions.by.code": 1})["cvr"]
    assert cvr.value == Decimal("0.2")
    assert "1 orders by code alone" in cvr.basis


def test_the_median_post_decides_the_half_life() -> None:
    assert median_bucket({"likes.half_life.60": 1, "likes.half_life.3600": 2}, "likes.half_life.") == (3600, 3)
    assert median_bucket({"likes.half_life.later": 3, "likes.half_life.60": 1}, "likes.half_life.") == (None, 4)
    assert median_bucket({}, "likes.half_life.") == (None, 0)


def test_velocity_counts_whole_minutes_only() -> None:
    minutes = {"likes@9": 40, "likes@10": 1000, "likes@0": 10, "views@9": 5}
    assert velocity(minutes, "likes", 10 * 60_000 + 30_000).value == Decimal("5.00")


@given(part=st.integers(0, 2**53), whole=st.integers(0, 2**53))
def test_a_share_of_nothing_is_unknown_and_any_other_is_exact_to_six_digits(part: int, whole: int) -> None:
    value = share(part, whole)
    if whole == 0:
        assert value is None
    else:
        assert value is not None
        assert abs(value * whole - part) <= Decimal(whole) / 2_000_000


@given(
    st.dictionaries(
        st.sampled_from(["likes", "likes.known", "posts", "clicks", "revenue.JPY", "er.views.den"]), st.integers(0, 9)
    )
)
def test_any_total_gives_figures_with_a_basis(total: dict[str, int]) -> None:
    assert all(figure.basis for figure in figures(total, {}, 0))
