"""Stories of clicks, orders and series, worked out by hand: they make the recount an oracle. All data is synthetic."""

from __future__ import annotations

from typing import Any

import pytest

from tests.recount.story import (
    DAY,
    GLOW,
    HOUR,
    MINUTE,
    MIO,
    WOM,
    Log,
    T,
    agreed,
)
from tracker.domain import events as ev
from tracker.domain.counters import Scope
from tracker.domain.definitions import Agreement, Link
from tracker.recount import recount
from tracker.store.base import Partition

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
