"""When what is looked at again (tracker/domain/schedule.py)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.world import ANNA, DAY, DEAL, HOUR, MINUTE, SCENE, SPRING, T, World, observation, post
from tracker.domain import events as ev
from tracker.domain.fold import PartitionState
from tracker.domain.schedule import Cadence, DueItem, item, parse_item

ACCOUNT, POST = "youtube|UC-anna", "youtube|UC-anna|p"


@pytest.fixture
def world() -> World:
    return World(polls={"youtube": frozenset({"post", "account"})}).defines(*SCENE)


def audience(at: int, followers: int | None = 5) -> ev.Fact:
    return ev.AudienceObserved(platform="youtube", account="UC-anna", observed_at=at, followers=followers)


ids = st.text(min_size=1, max_size=20)


@given(ids, ids, st.none() | ids)
def test_an_item_reads_back_whatever_its_ids_hold(platform: str, account: str, post: str | None) -> None:
    due = DueItem(platform=platform, account=account, post=post)
    assert parse_item(item(due)) == due


@pytest.mark.parametrize("name", ["", "youtube", "a|b|c|d"])
def test_what_is_no_item_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="schedule item"):
        parse_item(name)


def test_the_last_definition_that_an_account_needs_puts_it_on_the_schedule() -> None:
    world = World(polls={"youtube": frozenset({"account"})})
    world.defines(SPRING, at=T).defines(DEAL, at=T + 1)
    assert world.due == {}
    world.defines(ANNA, at=T + 2)
    assert world.due == {ACCOUNT: T + 2}


def test_a_poll_of_an_account_puts_its_next_look_off_even_if_it_hides_its_followers(world: World) -> None:
    world.says(audience(T + HOUR, followers=None), source="poll")
    assert world.due[ACCOUNT] == T + HOUR + 5 * MINUTE


def test_a_webhook_is_no_answer_to_a_poll(world: World) -> None:
    world.says(audience(T + HOUR), post(T + HOUR))
    assert world.due == {ACCOUNT: T, POST: T + HOUR + 5 * MINUTE}
    world.says(observation(T + 2 * HOUR, likes=1))
    assert world.due[POST] == T + HOUR + 5 * MINUTE


@pytest.mark.parametrize(("age", "wait"), [(0, MINUTE), (HOUR, 5 * MINUTE), (DAY, HOUR), (7 * DAY, DAY)])
def test_a_post_is_looked_at_by_its_age(world: World, age: int, wait: int) -> None:
    world.says(post(T + age), source="poll")
    assert world.due[POST] == T + age + wait


def test_a_removed_post_is_looked_at_rarely(world: World) -> None:
    gone = ev.PostRemoved(platform="youtube", account="UC-anna", post="p", observed_at=T + MINUTE)
    world.says(post(), gone, source="poll")
    assert world.due[POST] == T + MINUTE + DAY


def test_after_the_end_of_the_agreement_nothing_is_due(world: World) -> None:
    world.says(audience(T), post(), source="poll")
    assert set(world.due) == {ACCOUNT, POST}
    world.says(audience(T + 30 * DAY - 1), observation(T + 30 * DAY - 1, likes=1), source="poll")
    assert world.due == {}


def test_a_deleted_campaign_takes_accounts_and_posts_off(world: World) -> None:
    world.says(post())
    world.deletes(SPRING)
    assert world.due == {}


def test_what_an_adapter_cannot_ask_for_is_not_due() -> None:
    world = World(polls={"youtube": frozenset({"account"})}).defines(*SCENE).says(post())
    assert world.due == {ACCOUNT: T}


def test_another_partitions_account_is_not_put_on_the_schedule() -> None:
    world = World()
    world.partition = PartitionState(
        stage="activity", polls={"youtube": frozenset({"account"})}, owns=lambda key: key != "youtube:UC-anna"
    )
    world.defines(*SCENE)
    assert world.due == {}


def test_orders_put_nobody_on_the_schedule() -> None:
    assert World(stage="commerce", polls={"youtube": frozenset({"account"})}).defines(*SCENE).due == {}


def test_beyond_its_last_step_a_cadence_goes_on_as_in_it() -> None:
    assert Cadence(steps=((10, 1), (20, 2))).every(10**9) == 2
