"""Orders, refunds and clicks: attributed once, repeated safely, each currency by itself."""

from __future__ import annotations

import pytest

from tests.domain.world import DAY, LINK, SCENE, T, World
from tracker.domain import events as ev
from tracker.domain.definitions import Campaign


@pytest.fixture
def shop() -> World:
    return World(stage="commerce").defines(*SCENE)


def order(amount: int = 1_000, currency: str = "EUR", *, at: int = T, id: str = "o", **said: object) -> ev.Fact:
    return ev.ConversionRecorded(
        platform="direct",
        observed_at=at,
        order=id,
        amount=amount,
        currency=currency,
        **said,  # type: ignore[arg-type]
    )


def refund(id: str, amount: int, currency: str = "EUR") -> ev.Fact:
    return ev.ConversionRefunded(
        platform="direct", observed_at=T, order="o", refund=id, amount=amount, currency=currency
    )


def click(id: str = "k", link: str = "go") -> ev.Fact:
    return ev.LinkClicked(platform="direct", observed_at=T, click=id, link=link)


def test_a_code_counts_for_its_creator_however_it_is_typed(shop: World) -> None:
    shop.says(order(code=" anna10 "))
    assert shop.of() == shop.of(who="anna") == {"conversions": 1, "conversions.by.code": 1, "revenue.EUR": 1_000}


def test_a_code_beats_a_click(shop: World) -> None:
    shop.says(order(code="ANNA10", link="go", clicked_at=T - 1))
    assert shop.of()["conversions.by.code"] == 1
    assert "conversions.by.click" not in shop.of()


def test_an_unknown_code_leaves_the_order_to_its_click(shop: World) -> None:
    shop.says(order(code="NOBODY", link="go", clicked_at=T - 30 * DAY))
    assert shop.of()["conversions.by.click"] == 1


@pytest.mark.parametrize("clicked_at", [T + 1, T - 30 * DAY - 1, None])
def test_a_click_outside_the_window_attributes_nothing(shop: World, clicked_at: int | None) -> None:
    shop.says(order(link="go", clicked_at=clicked_at))
    assert shop.partials == {}


def test_a_longer_window_attributes_what_was_too_old(shop: World) -> None:
    shop.says(order(link="go", clicked_at=T - 31 * DAY))
    shop.defines(Campaign(id="spring", name="Spring", starts_at=T, ends_at=T + DAY, attribution_days=31))
    assert shop.of()["conversions"] == 1


def test_an_order_repeated_counts_once(shop: World) -> None:
    shop.says(order(code="ANNA10")).says(order(code="ANNA10", at=T + DAY))
    assert shop.of()["revenue.EUR"] == 1_000
    assert shop.refused == []


@pytest.mark.parametrize("other", [order(1_001, code="ANNA10"), order(currency="USD", code="ANNA10")])
def test_an_order_that_contradicts_itself_is_refused_and_the_first_stands(shop: World, other: ev.Fact) -> None:
    shop.says(order(code="ANNA10")).says(other)
    assert shop.of()["revenue.EUR"] == 1_000
    assert "was reported before as 1000 EUR" in shop.refused[0]


def test_refunds_are_summed_in_their_own_currency_and_may_come_first(shop: World) -> None:
    shop.says(refund("r1", 100), refund("r1", 100), refund("r2", 50, "USD"))
    assert (shop.partials, shop.refused) == ({}, [])
    shop.says(order(code="ANNA10"))
    assert (shop.of()["refunds"], shop.of()["refunds.EUR"], shop.of()["refunds.USD"]) == (2, 100, 50)


def test_a_refund_that_contradicts_itself_is_refused(shop: World) -> None:
    shop.says(order(code="ANNA10"), refund("r1", 100), refund("r1", 101))
    assert shop.of()["refunds.EUR"] == 100
    assert len(shop.refused) == 1


def test_a_click_counts_once_and_only_while_its_link_is_defined(shop: World) -> None:
    shop.says(click(), click(), click("other", "undefined"))
    assert shop.of() == shop.of(who="anna") == {"clicks": 1}
    shop.deletes(LINK)
    assert shop.partials == {}
