"""Running totals taken in a run at a time: it comes to the same as one at a time, whatever befalls a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.world import HOUR, MINUTE, SCENE, T, World, observation, post
from tracker.domain import events as ev
from tracker.domain.counters import Scope

STEPS = (0, 1, MINUTE, 7 * MINUTE, HOUR)
NAMES = ("likes", "comments", "views", "reach")


@st.composite
def looks(draw: st.DrawFn) -> list[tuple[ev.Fact, ev.Source]]:
    """What pollers see of one post: mostly in the order of time and growing, mostly the same metrics."""
    made: list[tuple[ev.Fact, ev.Source]] = []
    at, counts = T, dict.fromkeys(NAMES, 0)
    for _ in range(draw(st.integers(1, 25))):
        at += draw(st.sampled_from(STEPS)) * draw(st.sampled_from((1, 1, 1, 1, -1)))
        named = draw(st.sampled_from((NAMES, NAMES, NAMES, ("likes",), ("likes", "views"), ())))
        for name in named:
            counts[name] = max(0, counts[name] + draw(st.integers(-2, 9)))
        fact = observation(max(T - HOUR, at), **{name: counts[name] for name in named})  # type: ignore[arg-type]
        made.append((fact, draw(st.sampled_from(("poll", "poll", "poll", "webhook")))))
    return made


def world(*before: ev.Fact) -> World:
    return World(polls={"youtube": frozenset({"post"})}).defines(*SCENE).says(*before)


def told(world: World, looks: Sequence[tuple[ev.Fact, ev.Source]], *, at_once: bool) -> tuple[Any, ...]:
    events = [ev.wrap(fact, id="synthetic", source=source) for fact, source in looks]
    for batch in [events] if at_once else [[event] for event in events]:
        world.fold(*batch)
    return world.partials, world.minutes, world.hours, world.fresh, world.due, world.pieces


@settings(deadline=None)
@given(looks(), st.booleans())
def test_many_looks_at_once_come_to_the_same_as_one_by_one(looks: list[Any], known: bool) -> None:
    before = [post()] if known else []
    assert told(world(*before), looks, at_once=True) == told(world(*before), looks, at_once=False)


@settings(deadline=None)
@given(looks(), st.integers(0, 24), st.sampled_from(("edit", "like", "removal", "end")))
def test_what_comes_between_finds_all_that_was_seen_before_it(looks: list[Any], where: int, what: str) -> None:
    between: dict[str, ev.Fact] = {
        "edit": ev.PostEdited(platform="youtube", account="UC-anna", post="p", observed_at=T + HOUR, text="no tag"),
        "like": ev.ReactionAdded(
            platform="youtube", account="UC-anna", post="p", observed_at=T + MINUTE, reaction="r", metric="likes"
        ),
        "removal": ev.PostRemoved(platform="youtube", account="UC-anna", post="p", observed_at=T + HOUR),
        "end": world()._change(SCENE[2], None, T + HOUR),
    }
    looks.insert(min(where, len(looks)), (between[what], "webhook"))
    assert told(world(post()), looks, at_once=True) == told(world(post()), looks, at_once=False)


def test_each_minute_of_a_run_gets_its_own_rise() -> None:
    seen = [observation(T + minute * MINUTE, likes=likes) for minute, likes in ((1, 4), (2, 9), (2, 9), (61, 7))]
    counted = world(post()).says(*seen, source="poll")
    minute, hour = T // MINUTE, T // HOUR
    assert counted.minutes[Scope("spring")] == {
        f"likes@{minute + 1}": 4,
        f"likes@{minute + 2}": 5,
        f"likes@{minute + 61}": -2,
    }
    assert counted.hours[Scope("spring", "anna")] == {f"likes@{hour}": 9, f"likes@{hour + 1}": -2}


@pytest.mark.parametrize("late", [T - MINUTE, T + MINUTE, T + 90_000])
def test_a_look_that_is_late_or_repeated_changes_no_total(late: int) -> None:
    counted = world(post()).says(observation(T + MINUTE, likes=4), observation(T + 2 * MINUTE, likes=9), source="poll")
    before = counted.of()["likes"]
    assert counted.says(observation(late, likes=3), source="poll").of()["likes"] == before == 9
