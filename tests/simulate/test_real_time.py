"""The three campaigns in real time: what was is certain, and what goes wrong goes wrong as it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulate.builders import START
from tracker.domain.definitions import Agreement
from tracker.domain.text import tag_spans
from tracker.simulate import campaigns, real_time
from tracker.simulate.campaigns import MATCHA, MEI, SAKURA, TRAIL, YUI
from tracker.simulate.model import Post, World
from tracker.simulate.script import generate
from tracker.simulate.world import count, signals

WORLD = generate(1, START + 9_000, 60, origin=START)
AT_SPEED = [post for post in WORLD.posts if post.account.real_time]


def burst_of(world: World) -> Post:
    (bought,) = [post for post in world.posts if post.bursts]
    return bought


@given(st.integers(0, 20_000))
def test_a_bought_burst_comes_evenly_within_its_time_and_nothing_is_bought_before_or_after(offset: int) -> None:
    post = burst_of(WORLD)
    (burst,) = post.bursts
    before = count(WORLD, post, "likes", burst.at)
    at = min(burst.at + offset, WORLD.freeze)
    expected = before * burst.permille // 1000 * min(at - burst.at, burst.until - burst.at) // (burst.until - burst.at)
    grown = count(WORLD, post, "likes", at) - before
    assert expected <= grown <= expected + 5  # what the audience itself gave in twenty seconds
    assert 0 <= count(WORLD, post, "views", at) - count(WORLD, post, "views", burst.at) < 20


@pytest.mark.parametrize("seconds", [15, 60, 600])
def test_a_burst_begins_and_ends_before_the_freeze_and_nearly_doubles_a_days_likes(seconds: int) -> None:
    world = generate(3, START, seconds)
    post = burst_of(world)
    (burst,) = post.bursts
    assert world.start < burst.at < burst.until < world.freeze
    assert burst.until - burst.at <= 20_000
    assert 19 <= (world.start - post.published) / 3_600_000 <= 21
    assert post.account == YUI


def test_one_agreed_post_has_no_label_and_it_appears_while_one_watches() -> None:
    labels = {"pr", "ad"}
    agreed = [post for post in AT_SPEED if post.versions[0].roles]
    bare = [post for post in agreed if not labels & {span.tag for span in tag_spans(post.versions[0].text)}]
    assert [post.account for post in bare] == [MEI]
    assert bare[0].published > WORLD.start
    assert [alarm.rule for alarm in bare[0].alarms] == ["compliance.disclosure"]
    of_japan = [post for post in agreed if campaigns.campaign_of(post.account) in (MATCHA, SAKURA) and post not in bare]
    assert all(post.versions[0].text.startswith("#PR ") for post in of_japan)


def test_sales_of_one_campaign_stop_hours_before_and_its_clicks_go_on() -> None:
    silent = START - real_time.SILENT_HOURS * 3_600_000
    orders = [order for order in WORLD.past_orders if WORLD.past_clicks[order.click or 0].link == "trail-omar"]
    clicks = [click.at for click in WORLD.past_clicks if click.link == "trail-omar"]
    assert len(orders) > 50
    assert max(order.at for order in orders) < silent
    assert sum(at > silent for at in clicks) > 50
    assert {order.credited.campaign for order in WORLD.orders if order.credited} & set(campaigns.CAMPAIGNS) == {MATCHA}
    assert [alarm.rule for alarm in WORLD.alarms if alarm.campaign == TRAIL] == ["conversion.sales_stopped"]


def test_a_live_order_names_the_click_that_it_came_by() -> None:
    for order in WORLD.orders:
        if order.id.startswith("live-"):
            assert order.click is not None
            click = WORLD.clicks[order.click]
            assert order.id.endswith(click.link)
            assert click.at < order.at < WORLD.freeze


def test_nothing_of_the_past_is_sent_by_the_visitors_or_pushed() -> None:
    assert all(click.at >= WORLD.start for click in WORLD.clicks)
    assert all(click.at < START for click in WORLD.past_clicks)
    assert all(order.at < START for order in WORLD.past_orders)
    assert all(signal.at >= WORLD.start for signal in signals(WORLD))


def test_every_agreed_post_carries_what_its_agreement_requires() -> None:
    agreements = {one.creator: one for one in campaigns.definitions(START) if isinstance(one, Agreement)}
    for post in AT_SPEED:
        if post.versions[0].roles:
            required = agreements[post.account.creator or ""].required
            assert required is not None
            tags = {span.tag for span in tag_spans(post.versions[0].text)}
            assert set(required.hashtags) <= tags


def test_ids_of_all_worlds_posts_and_addresses_are_unique() -> None:
    ids = [post.id for post in WORLD.posts] + [one.id for post in WORLD.posts for one in post.comments]
    assert len(ids) == len(set(ids))
    addresses = [post.permalink for post in WORLD.posts]
    assert len(addresses) == len(set(addresses))
