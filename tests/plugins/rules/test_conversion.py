"""Clicks, sales and refunds (plugins/tracker_rules/conversion*.py)."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from tests.plugins.rules.facts import (
    DAY,
    END,
    HOUR,
    T,
    but,
    campaign,
    hourly,
    judged,
    outcome,
    outcomes,
    shop,
    store,
    the,
    value,
)
from tracker.domain.facts import CampaignFacts
from tracker_rules.conversion_orders import RefundRate, SalesWithoutClicks
from tracker_rules.conversion_stops import ClicksWithoutSales, SalesStopped, longest_silence
from tracker_rules.conversion_sums import Hours

CLICKS, STOPPED, LEAK, REFUNDS = ClicksWithoutSales(), SalesStopped(), SalesWithoutClicks(), RefundRate()
NOON = T + 5 * DAY


def row(clicks: int, click: int = 0, code: int = 0, **more: int) -> dict[str, int]:
    fields = {"clicks": clicks, "conversions": click + code, "conversions.by.click": click, "conversions.by.code": code}
    return {name: number for name, number in {**fields, **more}.items() if number}


def two(ana: dict[str, int], ben: dict[str, int]) -> CampaignFacts:
    return shop({"ana": ana, "ben": ben})


def of(found: CampaignFacts, who: str = "ana", **settings: object) -> str:
    return the(judged(CLICKS, found, NOON, **settings), creator=who).outcome


def test_a_creator_whose_many_clicks_sell_nothing_fails() -> None:
    found = two(row(1_500), row(2_000, click=40))
    verdict = the(judged(CLICKS, found, NOON), creator="ana")
    assert verdict.outcome == "fail"
    assert value(verdict, "usual_rate") == "0.02"
    # (2000 / (2000 + 0.3 * 1500)) ** 40, by hand
    assert str(value(verdict, "probability")).startswith("0.00029823")
    assert verdict.summary["en"] == "Ana has 0 sales from 1500 clicks; usual (2 %) is about 30."


def test_a_creator_who_sells_as_the_others_do_passes() -> None:
    assert of(two(row(1_500, click=30), row(2_000, click=40))) == "pass"


def test_a_creator_who_sells_half_as_well_is_no_alert() -> None:
    assert of(two(row(20_000, click=200), row(20_000, click=400))) == "pass"


def test_sales_by_code_are_sales_of_the_creators_clicks_too() -> None:
    assert of(two(row(1_500, code=30), row(2_000, click=40))) == "pass"


def test_orders_by_code_as_the_others_have_them_are_no_sales_of_the_clicks() -> None:
    assert of(two(row(1_500, code=8), row(2_000, click=40, code=10))) == "fail"
    assert of(two(row(1_500, code=24), row(2_000, click=40, code=10))) == "pass"


def test_few_clicks_are_not_judged() -> None:
    assert of(two(row(199), row(2_000, click=400))) == "pass"
    assert of(two(row(200), row(2_000, click=400))) == "fail"


def test_without_enough_sales_to_compare_with_nothing_fails() -> None:
    assert of(two(row(50_000), row(2_000, click=9))) == "not_assessable"
    assert of(two(row(50_000), row(2_000, click=10))) == "fail"
    assert of(two(row(50_000), row(0, code=50))) == "not_assessable"


def test_what_is_neither_good_nor_bad_is_near() -> None:
    assert of(two(row(700), row(2_000, click=40))) == "near"


def test_a_least_rate_that_was_set_is_compared_with_instead() -> None:
    found = two(row(1_500, click=3), row(0))
    assert of(found, minimum_cvr="0.01") == "fail"
    assert of(found, minimum_cvr="0.002") == "pass"


def test_nothing_is_judged_before_the_campaign_or_after_it() -> None:
    found = two(row(1_500), row(2_000, click=40))
    for rule in (CLICKS, STOPPED):
        assert judged(rule, found, T - 1) == judged(rule, found, END) == []
        assert judged(rule, found, T) != []
        assert judged(rule, found, END - 1) != []


def whole(found: CampaignFacts, hour: int, **settings: object) -> str:
    verdicts = judged(CLICKS, found, T + hour * HOUR, **settings)
    return next(one.outcome for one in verdicts if not one.subject.creator)


def test_a_campaign_that_sells_far_less_than_it_did_fails() -> None:
    found = store([100] * 72, [2] * 47 + [0, 1] * 2 + [0] * 21)
    assert whole(found, 71) == "fail"
    assert whole(store([100] * 72, [2] * 72), 71) == "pass"


def test_sales_that_stopped_altogether_are_left_to_the_rule_for_that() -> None:
    found = store([100] * 72, [2] * 40 + [0] * 32)
    assert whole(found, 71) == "near"
    assert whole(found, 71, minimum_cvr="0.01") == "fail"


def test_a_campaign_that_never_sold_is_judged_only_by_a_target() -> None:
    found = store([100] * 48, [0] * 48)
    assert whole(found, 47) == "not_assessable"
    aimed = but(found, campaign=campaign(targets={"clicks": 10_000, "conversions": 200}))
    assert whole(aimed, 47) == "fail"


def test_clicks_of_a_creator_that_fails_are_not_held_against_the_campaign_too() -> None:
    hours = hourly(T // HOUR, [100] * 60 + [1_600] * 12, [2] * 72)
    bots = shop({"ana": row(18_000), "ben": row(7_200, click=144)}, hours=hours)
    assert of(bots) == "fail"
    assert whole(bots, 71) == "pass"
    assert whole(store([100] * 60 + [1_600] * 12, [2] * 72), 71) == "fail"


def stopped(found: CampaignFacts, hour: int, **settings: object) -> str:
    return outcome(STOPPED, found, T + hour * HOUR, **settings)


def test_sales_that_stop_while_clicks_go_on_fail() -> None:
    found = store([100] * 72, [2] * 60 + [0] * 12)
    assert stopped(found, 61) == "pass"
    assert [stopped(found, hour) for hour in (65, 66)] == ["near", "fail"]
    verdict = the(judged(STOPPED, found, T + 72 * HOUR))
    assert value(verdict, "clicks_since_last_sale") == 1_200
    assert value(verdict, "last_sale_before") == T + 60 * HOUR


def test_clicks_of_creators_who_never_sold_say_nothing_of_a_stop() -> None:
    hours = hourly(T // HOUR, [100] * 60 + [1_000] * 12, [2] * 60 + [0] * 12)
    found = shop({"ana": row(11_500), "ben": row(6_500, click=120)}, hours=hours)
    assert stopped(found, 72) == "near"
    assert stopped(but(found, creators=()), 72) == "fail"


def test_one_sale_lets_it_go() -> None:
    assert stopped(store([100] * 72, [2] * 60 + [0] * 11 + [1]), 72) == "pass"


def test_no_clicks_no_stop() -> None:
    assert stopped(store([100] * 60, [2] * 60), 90) == "pass"


def test_clicks_of_the_last_hour_have_their_sales_to_come() -> None:
    sudden = store([100] * 60 + [5_000], [2] * 60 + [0])
    assert stopped(sudden, 60) == "pass"
    assert stopped(sudden, 61) == "fail"


def test_a_shop_that_reports_once_a_day_has_not_stopped_by_the_evening() -> None:
    daily = [0] * 23 + [48]
    found = store([100] * 96, daily * 3 + [0] * 24)
    assert stopped(found, 95) == "near"
    assert stopped(store([100] * 115, daily * 3 + [0] * 43), 115) == "fail"


def test_few_sales_are_too_few_to_have_stopped() -> None:
    assert stopped(store([100] * 72, [1] * 9 + [0] * 63), 72) == "not_assessable"
    assert stopped(store([100] * 72, [1] * 10 + [0] * 62), 72) == "fail"
    assert stopped(store([0] * 10 + [100] * 62, [1] * 10 + [0] * 62), 72) == "not_assessable"


def test_the_longest_silence_lies_between_two_sales() -> None:
    hours = Hours({0: 900, 1: 5, 2: 7, 3: 1, 5: 4, 6: 800}, {1: 1, 4: 1, 5: 2})
    assert longest_silence(hours, [1, 4, 5]) == 8


@pytest.mark.parametrize("seed", range(3))
def test_a_healthy_campaign_raises_no_alarm_in_a_week_by_chance_and_a_stop_is_found(seed: int) -> None:
    chance = random.Random(seed)  # a day and a night, and sales by chance at 2 %
    clicks = [chance.randrange(20, 60) if 8 <= hour % 24 < 23 else chance.randrange(8) for hour in range(9 * 24)]
    sales = [sum(chance.random() < 0.02 for _ in range(number)) for number in clicks]
    alarms = {
        stopped(store(clicks[: hour + 1], sales[: hour + 1]), hour) == "fail"
        or whole(store(clicks[: hour + 1], sales[: hour + 1]), hour) == "fail"
        for hour in range(24, 9 * 24, 3)
    }
    assert alarms == {False}
    broken = sales[: 4 * 24] + [0] * (5 * 24)
    assert stopped(store(clicks[: 7 * 24], broken[: 7 * 24]), 7 * 24 - 1) == "fail"


def leak(found: CampaignFacts, check: str, who: str = "ana", **settings: object) -> str:
    return the(judged(LEAK, found, NOON, **settings), creator=who, check=check).outcome


def linked(ana: dict[str, int], ben: dict[str, int]) -> CampaignFacts:
    return shop({"ana": ana, "ben": ben}, linked=("ana", "ben"))


def test_many_orders_by_code_without_clicks_need_a_person() -> None:
    assert leak(linked(row(0, code=20), row(0)), "code") == "needs_human"
    assert leak(linked(row(0, code=19), row(0)), "code") == "pass"
    assert leak(linked(row(20, code=20), row(0)), "code") == "pass"


def test_orders_by_code_far_above_the_others_per_click_need_a_person() -> None:
    assert leak(linked(row(500, code=210), row(2_000, click=40, code=40)), "code") == "needs_human"
    assert leak(linked(row(500, code=40), row(2_000, click=40, code=40)), "code") == "pass"


def test_a_creator_without_a_link_sells_by_code_alone() -> None:
    found = shop({"ana": row(0, code=500), "ben": row(100)}, linked=("ben",))
    assert leak(found, "code") == "not_assessable"


def test_more_orders_by_click_than_clicks_need_a_person() -> None:
    assert leak(linked(row(20, click=21), row(0)), "click") == "needs_human"
    assert leak(linked(row(20, click=20), row(0)), "click") == "pass"
    assert leak(linked(row(2, click=19), row(0)), "click") == "pass"


def burst(sales: int, *, before: int = 1, gap: int = 0) -> str:
    """Three days at a hundred clicks an hour, sales now and then, and `sales` in the last hour of the fourth."""
    found = store([100] * 96, [before] * 60 + [0] * gap + [before] * (35 - gap) + [sales])
    return the(judged(LEAK, found, T + 95 * HOUR), check="burst").outcome


def test_many_more_sales_per_click_than_before_need_a_person() -> None:
    assert burst(20) == "pass"
    assert burst(80) == "needs_human"


def test_a_shop_that_reports_seldom_and_one_that_hardly_sold_are_not_assessable() -> None:
    assert burst(80, gap=24) == "not_assessable"
    assert burst(80, gap=23) == "needs_human"
    assert burst(80, before=0) == "not_assessable"


def test_a_burst_is_not_judged_after_the_campaign() -> None:
    assert all(one.check != "burst" for one in judged(LEAK, store([100] * 96, [9] * 96), END))


def refunds(orders: int, refunds: int, **money: int) -> CampaignFacts:
    sums = {"conversions": orders, "refunds": refunds, **{k.replace("_", "."): v for k, v in money.items()}}
    return shop({"": sums})


def test_refunds_are_judged_in_each_currency_by_itself() -> None:
    found = refunds(40, 12, revenue_EUR=100_000, refunds_EUR=30_001, revenue_JPY=90_000, refunds_JPY=9_000)
    assert outcomes(judged(REFUNDS, found, NOON)) == {"EUR": "fail", "JPY": "pass"}


@pytest.mark.parametrize(
    ("given_back", "said"), [(24_999, "pass"), (25_000, "near"), (30_000, "near"), (30_001, "fail")]
)
def test_an_alert_for_refunds_is_not_let_go_before_it_is_well(given_back: int, said: str) -> None:
    assert outcome(REFUNDS, refunds(40, 12, revenue_EUR=100_000, refunds_EUR=given_back), NOON) == said


def test_few_orders_or_refunds_say_nothing() -> None:
    assert outcome(REFUNDS, refunds(29, 12, revenue_EUR=100, refunds_EUR=90), NOON) == "not_assessable"
    assert outcome(REFUNDS, refunds(30, 4, revenue_EUR=100, refunds_EUR=90), NOON) == "near"
    assert outcome(REFUNDS, refunds(30, 5, revenue_EUR=100, refunds_EUR=90), NOON) == "fail"


def wave(given_back: int, *, revenue: int = 1_000, orders: int = 1, hours: int = 9 * 24) -> str:
    """A shop that sells evenly, and gives back so much within the last three days."""
    sums = {"conversions": orders * hours, "refunds": 9, "revenue.EUR": revenue * hours, "refunds.EUR": given_back}
    first = T // HOUR
    series = {f"revenue.EUR@{first + hour}": revenue for hour in range(hours)}
    series |= {f"conversions@{first + hour}": orders for hour in range(hours) if orders}
    series[f"refunds.EUR@{first + hours - 60}"] = given_back
    return outcome(REFUNDS, shop({"": sums}, hours=series), T + (hours - 1) * HOUR)


def test_a_wave_of_refunds_shows_beside_the_sales_of_as_many_hours() -> None:
    assert wave(21_600) == "near"  # 30 % of three days' revenue, 10 % of all
    assert wave(22_000) == "fail"
    assert wave(22_000, hours=71) == "fail"  # before that it is all there is
    assert wave(21_000, hours=71) == "near"


def test_a_wave_is_not_made_of_dwindling_sales() -> None:
    sums = {"conversions": 240, "refunds": 9, "revenue.EUR": 240_000, "refunds.EUR": 20_000}
    series = {f"revenue.EUR@{T // HOUR}": 239_000, f"revenue.EUR@{T // HOUR + 215}": 1_000}
    series[f"refunds.EUR@{T // HOUR + 200}"] = 20_000
    assert outcome(REFUNDS, shop({"": sums}, hours=series), T + 216 * HOUR) == "near"


def test_refunds_without_revenue_in_their_currency_have_no_rate() -> None:
    verdict = the(judged(REFUNDS, refunds(40, 12, refunds_EUR=90), NOON))
    assert (verdict.outcome, value(verdict, "refund_rate")) == ("not_assessable", None)


def test_a_probability_is_written_out_however_small() -> None:
    found = the(judged(CLICKS, two(row(900_000), row(200_000, click=4_000)), NOON), creator="ana")
    assert Decimal(str(value(found, "probability"))) == Decimal("1e-12")
