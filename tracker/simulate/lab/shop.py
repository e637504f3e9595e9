"""What is clicked and bought: clicks follow the posts and the day, orders follow the clicks, refunds the orders."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from tracker.simulate.lab.arrival import online
from tracker.simulate.lab.behaviour import (
    BY_CODE_ONLY,
    CURVES,
    CVR,
    DAY,
    HOUR,
    MINUTE,
    ORDERS_A_DAY,
    REFUND_AFTER_DAYS,
    REFUND_SHARE,
    Range,
)
from tracker.simulate.lab.chance import log_within, lognormal, poisson, within
from tracker.simulate.lab.story import Clicks, LabOrder, LabRefund, Person, Shop

STEP = 10 * MINUTE
STEADY = 0.4
"""Of all clicks, those that come from the profile's link whatever is posted [I]."""
USUAL_AMOUNT = 3_800
_AMOUNT_SPREAD = 0.45


def draw_shop(rng: Random, people: Sequence[Person], starts_at: int, ends_at: int, sells: Range = ORDERS_A_DAY) -> Shop:
    """All clicks, orders and refunds of a campaign. `sells`: orders a day."""
    cvr = within(rng, CVR)
    orders_a_day = log_within(rng, sells)
    total_clicks = orders_a_day * (1 - BY_CODE_ONLY) / cvr * (ends_at - starts_at) / DAY
    weights = [person.followers[0][1] ** 0.7 for person in people]
    clicks: list[Clicks] = []
    orders: list[LabOrder] = []
    for place, person in enumerate(people):
        share = total_clicks * weights[place] / sum(weights)
        for at, mean in _clicks(person, share, starts_at, ends_at):
            count = poisson(rng, mean)
            if count:
                clicks.append(Clicks(at, place, count))
            orders += _orders(rng, count * cvr, at, place, by_code=False)
            orders += _orders(rng, mean * cvr * BY_CODE_ONLY / (1 - BY_CODE_ONLY), at, place, by_code=True)
    share_refunded = within(rng, REFUND_SHARE)
    refunds = [draw_refund(rng, order) for order in orders if rng.random() < share_refunded]
    return Shop(
        cvr=cvr,
        clicks=tuple(sorted(clicks, key=lambda one: (one.at, one.person))),
        orders=in_order(orders),
        refunds=tuple(sorted(refunds, key=lambda one: one.at)),
    )


def _orders(rng: Random, mean: float, at: int, person: int, *, by_code: bool) -> list[LabOrder]:
    """The orders that follow from ten minutes: a click's mostly at once, a code's when it is remembered [I]."""
    lag = 5 * HOUR if by_code else 40 * MINUTE
    return [
        draw_order(rng, at + int(rng.expovariate(1 / lag)), person, by_code=by_code) for _ in range(poisson(rng, mean))
    ]


def in_order(orders: Sequence[LabOrder]) -> tuple[LabOrder, ...]:
    return tuple(sorted(orders, key=lambda one: one.at))


def draw_order(rng: Random, at: int, person: int, *, by_code: bool) -> LabOrder:
    return LabOrder(at, person, round(USUAL_AMOUNT * lognormal(rng, _AMOUNT_SPREAD)), "code" if by_code else "click")


def draw_refund(rng: Random, order: LabOrder) -> LabRefund:
    amount = order.amount if rng.random() < 0.7 else order.amount // 2
    return LabRefund(order.at + round(within(rng, REFUND_AFTER_DAYS) * DAY), order.person, amount)


def _clicks(person: Person, total: float, starts_at: int, ends_at: int) -> list[tuple[int, float]]:
    """(end of ten minutes, mean number of clicks) of the whole campaign."""
    curve = CURVES[person.platform]
    steps = range(starts_at, ends_at, STEP)
    steady = [online(person.language, at) for at in steps]
    driven = [0.0] * len(steady)
    for post in person.posts:
        for number, at in enumerate(steps):
            age = at - post.published
            if age >= 0:
                gain = curve.share(age + STEP) - curve.share(age)
                driven[number] += gain * steady[number] / len(person.posts)
    whole, driven_whole = sum(steady), sum(driven) or 1.0
    return [
        (at + STEP, total * (STEADY * steady[number] / whole + (1 - STEADY) * driven[number] / driven_whole))
        for number, at in enumerate(steps)
    ]
