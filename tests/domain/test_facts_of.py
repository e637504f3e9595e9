"""State turned into facts says neither more nor less than the state."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given, settings

from tests.domain.world import DAY, DEAL, HOUR, MINUTE, SCENE, SPRING, T, World, observation, post
from tests.strategies import histories
from tracker.domain import events as ev
from tracker.domain.audience import Account
from tracker.domain.contribution import contribution
from tracker.domain.facts import AccountFacts, PostFacts, Said
from tracker.domain.facts_of import account_facts, post_facts
from tracker.domain.pieces import decode_state, post_piece
from tracker.domain.posts import Post

KEY = post_piece("youtube", "UC-anna", "p")


def facts(world: World, *, campaign: str | None = "spring") -> PostFacts:
    value = world.pieces[KEY]
    assert value is not None
    return post_facts(cast(Post, decode_state(KEY, value)), campaign=campaign, creator="anna")


@pytest.fixture
def world() -> World:
    return World().defines(*SCENE)


def test_of_a_post_merely_heard_of_all_else_is_unknown(world: World) -> None:
    world.says(ev.PostRestored(platform="youtube", account="UC-anna", post="p", observed_at=T))
    one = facts(world)
    assert one == PostFacts(
        platform="youtube", account="UC-anna", post="p", creator="anna", seen_at=T, live=True, live_at=T
    )
    assert (one.paid_label, one.followers, set(one.totals), set(one.observed_at)) == (None, None, {None}, {None})


def test_that_it_is_live_is_assumed_until_somebody_saw_it(world: World) -> None:
    comment = ev.CommentCreated(platform="youtube", account="UC-anna", post="p", comment="c", observed_at=T)
    assert (facts(world.says(comment)).live, facts(world).live_at) == (True, None)
    world.says(ev.PostRemoved(platform="youtube", account="UC-anna", post="p", observed_at=T + 5))
    assert (facts(world).live, facts(world).live_at) == (False, T + 5)


def test_a_label_that_is_off_is_known(world: World) -> None:
    world.says(
        ev.PostPublished(platform="youtube", account="UC-anna", post="p", observed_at=T, paid_label=False, text="a #ad")
    )
    assert (facts(world).paid_label, facts(world).text) == (Said(T, False), Said(T, "a #ad"))


def test_zero_is_known_and_has_its_instant(world: World) -> None:
    world.says(post(), observation(T + HOUR, likes=0))
    assert (facts(world).total("likes"), facts(world).observed_at[0]) == (0, T + HOUR)
    assert (facts(world).total("views"), facts(world).observed_at[4]) == (None, None)


def test_rows_that_wait_for_the_instant_of_publishing_are_no_curve(world: World) -> None:
    world.says(observation(T + HOUR, likes=5))
    assert facts(world).curve == ()
    world.says(post(T + 2 * HOUR, published=T + 30 * MINUTE))
    assert [(row[0], row[3]) for row in facts(world).curve] == [(30 * MINUTE, 5)]


def test_how_it_counts_is_of_the_campaign_that_asks(world: World) -> None:
    world.says(post())
    assert (facts(world).how, facts(world).campaigns) == ("agreement", ("spring",))
    assert (facts(world, campaign="autumn").how, facts(world, campaign=None).how) == (None, None)
    assert facts(world, campaign=None).campaigns == ("spring",)


def test_a_definition_that_goes_takes_the_match_along(world: World) -> None:
    world.says(post()).deletes(DEAL, at=T + DAY)
    assert (facts(world).how, facts(world).campaigns) == (None, ())
    assert SPRING.starts_at <= facts(world).at < SPRING.ends_at


def test_of_an_account_never_heard_of_only_its_name_is_known() -> None:
    assert account_facts("youtube", "UC-anna", None) == AccountFacts(platform="youtube", account="UC-anna")
    known = Account("youtube", "UC-anna", ((T, 5),), polled_at=T)
    assert account_facts("youtube", "UC-anna", known) == AccountFacts(
        platform="youtube", account="UC-anna", followers=((T, 5),), polled_at=T
    )


@settings(deadline=None)
@given(histories("activity"))
def test_facts_tell_the_numbers_that_the_post_contributes(history: list[ev.AnyEvent]) -> None:
    world = World()
    world.fold(*history)
    states = [decode_state(key, value) for key, value in world.pieces.items() if value is not None]
    for state in states:
        if isinstance(state, Post):
            told = post_facts(state, campaign="glow", creator="")
            counted = contribution(state)
            assert {metric: told.total(metric) or None for metric in ev.METRICS} == {
                metric: counted.get(metric) for metric in ev.METRICS
            }
            assert told.live == ("posts.live" in counted)
            assert told.followers == (counted.get("followers", 0) if "followers.known" in counted else None)
            assert told.newest_at >= told.seen_at
            assert (told.how is not None) == ("glow" in told.campaigns)
