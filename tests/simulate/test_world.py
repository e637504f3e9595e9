"""The simulated world: what is true at an instant."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulate.builders import START, post, world
from tracker.simulate.cast import FAN, HINA, KAITO, LENA, MIO
from tracker.simulate.curves import HOUR, LIKES, curve
from tracker.simulate.model import Absence, Comment, PlatformName, Purge
from tracker.simulate.script import generate, submitted_address
from tracker.simulate.world import (
    count,
    followers,
    instant_of,
    reaction_age,
    shown_counts,
    shown_followers,
    signals,
)

PLATFORM_NAMES: tuple[PlatformName, ...] = ("instagram", "tiktok", "youtube")
PLATFORMS = st.sampled_from(PLATFORM_NAMES)


@given(PLATFORMS, st.integers(0, 10**10), st.integers(0, 10**10))
def test_a_curve_never_falls_and_never_passes_one(platform: PlatformName, earlier: int, later: int) -> None:
    earlier, later = sorted((earlier, later))
    for name in ("likes", "comments"):
        shares = curve(platform, name).share(earlier), curve(platform, name).share(later)
        assert 0 <= shares[0] <= shares[1] <= 1


@given(PLATFORMS, st.integers(1, 10**9))
def test_comments_are_ahead_of_likes_at_every_age(platform: PlatformName, age: int) -> None:
    assert curve(platform, "comments").share(age) > curve(platform, "likes").share(age)


@pytest.mark.parametrize(("platform", "day", "five_days"), [("instagram", 0.80, 0.95), ("youtube", 0.60, 0.75)])
def test_the_shares_at_a_day_and_at_five_are_those_measured(
    platform: PlatformName, day: float, five_days: float
) -> None:
    assert LIKES[platform].share(24 * HOUR) == pytest.approx(day, abs=0.02)
    assert LIKES[platform].share(120 * HOUR) == pytest.approx(five_days, abs=0.02)


@given(PLATFORMS, st.floats(0.1, 0.95))
def test_the_age_of_a_share_has_that_share(platform: PlatformName, share: float) -> None:
    assert LIKES[platform].share(LIKES[platform].age(share)) == pytest.approx(share, abs=0.001)


@given(st.integers(-(10**7), 10**4), st.integers(0, 10**7), st.integers(1, 1_000))
def test_an_instant_of_an_age_is_the_first_that_has_it(born: int, age: int, pace: int) -> None:
    made = post(HINA, "1", published=START + born)
    small = world(made, pace=pace)
    instant = instant_of(small, made, age)
    assert reaction_age(small, made, instant) >= age
    assert age == 0 or reaction_age(small, made, instant - 1) < age


@given(st.integers(0, 20_000), st.integers(0, 20_000))
def test_no_count_falls_without_a_purge(earlier: int, later: int) -> None:
    made = post(MIO, "v")
    small = world(made, pace=600)
    earlier, later = sorted((earlier, later))
    before, after = (shown_counts(small, made, START + at) for at in (earlier, later))
    assert all(before[name] <= after[name] for name in before)


def test_a_purge_takes_its_share_back_and_the_count_goes_on_from_there() -> None:
    plain = post(LENA, "1")
    purged = post(LENA, "1", purges=(Purge(at=START + 5_000, count="likes", permille=500),))
    small = world(plain, pace=600)
    before = count(small, plain, "likes", START + 5_000)
    assert count(small, purged, "likes", START + 4_999) == count(small, plain, "likes", START + 4_999)
    assert count(small, purged, "likes", START + 5_000) == before - before * 500 // 1000
    gained = count(small, plain, "likes", START + 9_000) - before
    assert count(small, purged, "likes", START + 9_000) == before - before * 500 // 1000 + gained
    assert count(small, purged, "views", START + 9_000) == count(small, plain, "views", START + 9_000)


def test_nothing_moves_after_the_freeze_nor_in_a_post_that_stands_still() -> None:
    moving, still = post(KAITO, "1"), post(KAITO, "2", still_from=START + 2_000)
    small = world(moving, still, pace=600)
    assert shown_counts(small, moving, small.freeze) == shown_counts(small, moving, small.freeze + 10**9)
    assert shown_counts(small, moving, START + 2_000) != shown_counts(small, moving, small.freeze)
    assert shown_counts(small, still, START + 2_000) == shown_counts(small, still, small.freeze)
    assert followers(small, HINA, small.freeze) == followers(small, HINA, small.freeze + 10**9)


def test_comments_count_while_they_are_visible() -> None:
    comment = Comment(
        id="c", at=START + 1, author="a", text="t", hidden_at=START + 2, shown_at=START + 3, removed_at=START + 4
    )
    made = post(KAITO, "1", comments=(comment,))
    small = world(made)
    assert [count(small, made, "comments", START + at) for at in range(5)] == [0, 1, 0, 1, 0]


def test_a_hidden_count_is_not_shown_and_a_platform_shows_its_own_counts_only() -> None:
    shown = shown_counts(world(), post(MIO, "v", hidden=frozenset({"likes"})), START)
    assert set(shown) == {"views", "comments"}
    assert set(shown_counts(world(), post(HINA, "1"), START)) == {"likes", "comments", "shares", "saves", "views"}
    assert set(shown_counts(world(), post(KAITO, "1"), START)) == {"likes", "comments", "shares", "views"}


def test_youtube_rounds_its_subscribers_down_to_three_figures() -> None:
    assert shown_followers(world(), MIO, START) == 88_400
    assert shown_followers(world(), FAN, START) == 1_320
    assert shown_followers(world(), KAITO, START) == 63_018


def test_a_post_cannot_be_seen_before_its_birth_nor_while_it_is_absent() -> None:
    made = post(KAITO, "1", published=START, absences=(Absence(since=START + 10, until=START + 20),))
    assert [made.visible(START + at) for at in (-1, 0, 9, 10, 19, 20)] == [False, True, True, False, False, True]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 5_000))
def test_a_seed_gives_the_same_world_again(seed: int) -> None:
    assert msgspec.json.encode(generate(seed, START, 20)) == msgspec.json.encode(generate(seed, START, 20))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**12))
def test_the_agreed_address_does_not_depend_on_when_the_world_begins(later: int) -> None:
    addresses = {submitted_address(generate(1, START + moved, 15)) for moved in (0, later)}
    assert len(addresses) == 1


def test_another_seed_gives_another_world() -> None:
    assert generate(1, START, 20).posts != generate(2, START, 20).posts


@pytest.mark.parametrize("seconds", [15, 40, 600])
def test_every_trap_is_in_the_story_and_happens_before_the_freeze(seconds: int) -> None:
    told = generate(3, START, seconds)
    kinds = {signal.kind for signal in signals(told)}
    assert kinds == {
        "appeared", "changed", "vanished", "returned", "mentioned", "story_ended",
        "comment_created", "comment_hidden", "comment_shown", "comment_removed",
    }  # fmt: skip
    assert any("likes" in made.hidden for made in told.posts)
    assert any("comments" in made.hidden for made in told.posts)
    assert any(made.purges and made.purges[0].at < told.freeze for made in told.posts)
    roles = {role.by for made in told.posts for version in made.versions for role in version.roles}
    assert roles == {"agreement", "submitted", "word_of_mouth"}
    assert submitted_address(told).startswith("https://www.tiktok.com/@kaito.mixes/video/")
    assert {order.by for order in told.orders} == {"code", "click", None}
    assert any(order.repeats for order in told.orders)
    assert any(refund.at < next(o.at for o in told.orders if o.id == refund.order) for refund in told.refunds)


def test_ids_are_unique_and_tiktoks_are_beyond_what_a_double_holds() -> None:
    told = generate(1, START, 60)
    ids = [made.id for made in told.posts] + [comment.id for made in told.posts for comment in made.comments]
    assert len(ids) == len(set(ids))
    assert all(int(made.id) > 2**53 for made in told.posts if made.account.platform == "tiktok")
    assert all(made.published % 1000 == 0 for made in told.posts)


def test_no_comment_is_written_while_its_post_cannot_be_seen() -> None:
    told = generate(1, START, 60)
    assert all(made.visible(comment.at) for made in told.posts for comment in made.comments)
    assert all(made.published <= comment.at < START + 60_000 for made in told.posts for comment in made.comments)


def test_signals_come_in_order_of_time_and_none_from_before_the_start() -> None:
    told = generate(1, START, 60)
    times = [signal.at for signal in signals(told)]
    assert times == sorted(times)
    assert times[0] >= START
    assert times[-1] < told.freeze
