"""Disturbances of the shop: sales that stop or never begin, a code that leaks, a wave of refunds."""

from __future__ import annotations

from collections import Counter
from random import Random

from msgspec.structs import replace

from tracker.domain.verdicts import Subject
from tracker.simulate.lab.behaviour import DAY, HOUR, Range
from tracker.simulate.lab.chance import poisson, within
from tracker.simulate.lab.reactions_wrong import FALLS_SHORT, of_creator
from tracker.simulate.lab.shop import draw_order, draw_shop, in_order
from tracker.simulate.lab.story import Case, LabRefund, Shop, Truth, World

BUSY = Range(60.0, 120.0)
NOTICEABLE = 20
"""So many orders are missed within a day: a stop that nobody could notice is no disturbance."""


def sales_stop(rng: Random, world: World) -> Case:
    """The shop's checkout breaks: clicks go on, and no order comes any more."""
    start, end = world.campaign.starts_at, world.campaign.ends_at
    at = start + round(within(rng, Range(3.0, 7.5)) * DAY)
    shop = world.shop
    while sum(at <= order.at < at + DAY for order in shop.orders) < NOTICEABLE:
        shop = draw_shop(rng, world.people, start, end, BUSY)
    orders = tuple(order for order in shop.orders if order.at < at)
    truth = Truth(
        kind="sales_stop",
        subject=Subject(campaign=world.campaign.id),
        since=at,
        until=at + DAY,
        rules=("conversion.sales_stopped",),
        besides=("conversion.clicks_without_sales", *FALLS_SHORT),
    )
    return _case("sales_stop", world, replace(shop, orders=orders), truth)


def broken_link(rng: Random, world: World) -> Case:
    """One creator's link leads to a page on which nothing can be bought, from the beginning; the others sell."""
    start, end = world.campaign.starts_at, world.campaign.ends_at
    shop = world.shop
    while not (places := _sellers(shop, start, start + 3 * DAY)):
        shop = draw_shop(rng, world.people, start, end, BUSY)
    place = rng.choice(places)
    orders = tuple(order for order in shop.orders if order.person != place or order.by == "code")
    refunds = tuple(refund for refund in shop.refunds if refund.person != place)
    truth = Truth(
        kind="broken_link",
        subject=of_creator(world, world.people[place]),
        since=start,
        until=start + 4 * DAY,
        rules=("conversion.clicks_without_sales",),
        besides=FALLS_SHORT,
    )
    return _case("broken_link", world, replace(shop, orders=orders, refunds=refunds), truth)


def _sellers(shop: Shop, since: int, until: int) -> list[int]:
    """Whose missing sales would be noticed."""
    sold = Counter(order.person for order in shop.orders if since <= order.at < until and order.by == "click")
    return sorted(place for place, orders in sold.items() if orders >= NOTICEABLE)


def never_a_sale(rng: Random, world: World) -> Case:
    """The shop never reports an order: its side of the tracking was forgotten."""
    start = world.campaign.starts_at
    shop = world.shop
    while sum(order.at < start + 3 * DAY for order in shop.orders) < NOTICEABLE:
        shop = draw_shop(rng, world.people, start, world.campaign.ends_at, BUSY)
    truth = Truth(
        kind="never_a_sale",
        subject=Subject(campaign=world.campaign.id),
        since=start,
        until=start + 4 * DAY,
        rules=("conversion.clicks_without_sales",),
        besides=("conversion.sales_stopped", *FALLS_SHORT),
    )
    return _case("never_a_sale", world, replace(shop, orders=(), refunds=()), truth)


def leaked_code(rng: Random, world: World) -> Case:
    """A creator's code stands on a coupon site: several times as many orders carry it, and no click led to them."""
    place = rng.randrange(len(world.people))
    at = world.campaign.starts_at + round(within(rng, Range(2.0, 7.0)) * DAY)
    until = world.campaign.ends_at
    own = sum(order.person == place for order in world.shop.orders)
    per_hour = max(1.5, own / 240) * within(rng, Range(3.0, 8.0))
    leaked = [
        draw_order(rng, hour * HOUR + rng.randrange(HOUR), place, by_code=True)
        for hour in range(at // HOUR + 1, until // HOUR)
        for _ in range(poisson(rng, per_hour))
    ]
    truth = Truth(
        kind="leaked_code",
        subject=of_creator(world, world.people[place]),
        since=at,
        until=at + 36 * HOUR,
        rules=("conversion.sales_without_clicks",),
    )
    shop = replace(world.shop, orders=in_order((*world.shop.orders, *leaked)))
    return _case("leaked_code", world, shop, truth)


def refund_wave(rng: Random, world: World) -> Case:
    """A bad batch: of what was bought in the last three days much is given back within a day and a half."""
    start, end = world.campaign.starts_at, world.campaign.ends_at
    at = start + round(within(rng, Range(4.0, 7.5)) * DAY)
    shop = world.shop
    while sum(at - 3 * DAY <= order.at < at for order in shop.orders) < 2 * NOTICEABLE:
        shop = draw_shop(rng, world.people, start, end, BUSY)
    share = within(rng, Range(0.35, 0.6))
    wave = [
        LabRefund(at + rng.randrange(36 * HOUR), order.person, order.amount)
        for order in shop.orders
        if at - 3 * DAY <= order.at < at and rng.random() < share
    ]
    refunds = tuple(sorted((*shop.refunds, *wave), key=lambda one: one.at))
    truth = Truth(
        kind="refund_wave",
        subject=Subject(campaign=world.campaign.id),
        since=at,
        until=at + 60 * HOUR,
        rules=("conversion.refund_rate",),
    )
    return _case("refund_wave", world, replace(shop, refunds=refunds), truth)


def _case(kind: str, world: World, shop: Shop, truth: Truth) -> Case:
    return Case(kind=kind, world=replace(world, shop=shop), truths=(truth,))
