"""The laws of the fold, over whole histories. That it agrees with the naive recount is a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.domain.world import DAY, DEAL, SCENE, SPRING, T, World
from tests.strategies import activity_facts, commerce_facts, cuts, histories
from tracker.domain import events as ev
from tracker.domain.contribution import contribution
from tracker.domain.counters import Scope, scopes_of
from tracker.domain.definitions import Link
from tracker.domain.events import AnyEvent, Fact
from tracker.domain.fold import Folded, Located, PartitionState, fold
from tracker.domain.pieces import encode_state
from tracker.domain.posts import Post


def counted(world: World) -> tuple[Any, ...]:
    return world.partials, world.minutes, world.hours, world.fresh, world.due, world.refused


def run(events: Sequence[AnyEvent], *cut: int) -> World:
    world = World(polls={"instagram": frozenset({"post", "account"}), "tiktok": frozenset({"post"})})
    for start, end in pairwise(cut or (0, len(events))):
        world.fold(*events[start:end])
    return world


def unplaced(fact: Fact) -> Fact:
    return structs.replace(fact, origin=ev.UNPLACED)


@settings(deadline=None)
@given(st.data(), histories("activity"))
def test_batching_does_not_matter_to_posts(data: st.DataObject, history: list[AnyEvent]) -> None:
    cut = data.draw(cuts(len(history)))
    assert counted(run(history, *cut)) == counted(run(history))


@settings(deadline=None)
@given(st.data(), histories("commerce"))
def test_batching_does_not_matter_to_orders(data: st.DataObject, history: list[AnyEvent]) -> None:
    cut = data.draw(cuts(len(history)))
    assert counted(run(history, *cut)) == counted(run(history))


@settings(deadline=None)
@given(histories("activity"), st.data())
def test_what_we_publish_twice_counts_once(history: list[AnyEvent], data: st.DataObject) -> None:
    placed = [
        structs.replace(event, data=structs.replace(event.data, origin=ev.Origin("log", 0, number, 0)))
        for number, event in enumerate(history)
    ]
    back = data.draw(st.integers(0, len(placed)))
    again = [event for event in placed[back:] if not isinstance(event.data, ev.DefinitionChanged)]
    assert counted(run([*placed, *again])) == counted(run(placed))


def on_one_account(fact: Fact) -> Fact:
    """The same about Anna's account; whatever says when it was published says the same, and nothing is too old."""
    said: dict[str, Any] = {"origin": ev.UNPLACED, "platform": "youtube", "account": "UC-anna"}
    if isinstance(fact, ev.PostPublished):
        said["occurred_at"] = None if fact.occurred_at is None else T
    elif isinstance(fact, ev.ReactionObserved):
        said["published_at"] = None if fact.published_at is None else T
    elif isinstance(fact, ev.ReactionAdded | ev.ReactionRemoved):
        said["occurred_at"] = T + (fact.observed_at - T) % DAY
        said["observed_at"] = said["occurred_at"]
    return structs.replace(fact, **said)


def increments_once(facts: Sequence[Fact]) -> list[Fact]:
    """Two increments with one id that differ are decided by their order: leave the first of each id."""
    seen: set[str] = set()
    kept: list[Fact] = []
    for fact in facts:
        if isinstance(fact, ev.ReactionAdded | ev.ReactionRemoved):
            if fact.reaction in seen:
                continue
            seen.add(fact.reaction)
        kept.append(fact)
    return kept


statements = st.lists(activity_facts.map(on_one_account), max_size=12).map(increments_once)


def near(fact: Fact) -> bool:
    return abs(fact.observed_at - T) < 7 * DAY


@settings(deadline=None)
@given(statements, st.randoms(use_true_random=False))
def test_the_order_of_statements_does_not_matter(facts: list[Fact], luck: Any) -> None:
    facts = [fact for fact in facts if near(fact)]
    shuffled = facts.copy()
    luck.shuffle(shuffled)
    told, told_otherwise = World().defines(*SCENE), World().defines(*SCENE)
    told.says(*facts)
    told_otherwise.says(*shuffled)
    assert told.partials == told_otherwise.partials
    assert told.fresh == told_otherwise.fresh


@settings(deadline=None)
@given(statements)
def test_what_they_send_twice_counts_once(facts: list[Fact]) -> None:
    facts = [fact for fact in facts if near(fact)]
    once, twice = World().defines(*SCENE).says(*facts), World().defines(*SCENE).says(*facts).says(*facts)
    assert once.partials == twice.partials


@settings(deadline=None)
@given(statements)
def test_a_definition_after_the_posts_counts_as_one_before(facts: list[Fact]) -> None:
    assert World().defines(*SCENE).says(*facts).partials == World().says(*facts).defines(*reversed(SCENE)).partials


@settings(deadline=None)
@given(st.lists(commerce_facts.map(unplaced), max_size=12))
def test_links_and_codes_after_the_orders_count_as_ones_before(facts: list[Fact]) -> None:
    known = (SPRING, DEAL, Link(id="l1", campaign="spring", creator="anna", destination="https://shop.example/"))
    before, after = World(stage="commerce"), World(stage="commerce")
    assert before.defines(*known).says(*facts).partials == after.says(*facts).defines(*known).partials


@settings(deadline=None)
@given(histories("activity"))
def test_a_series_sums_up_to_its_counter(history: list[AnyEvent]) -> None:
    world = run(history)
    for scope, partial in world.partials.items():
        for metric in ev.METRICS:
            hours = {name: n for name, n in world.hours.get(scope, {}).items() if name.startswith(f"{metric}@")}
            assert sum(hours.values()) == partial.get(metric, 0)


@settings(deadline=None)
@given(histories("activity"))
def test_every_post_is_known_or_unknown_in_each_metric(history: list[AnyEvent]) -> None:
    for partial in run(history).partials.values():
        for metric in (*ev.METRICS, "followers"):
            assert partial.get(f"{metric}.known", 0) + partial.get(f"{metric}.unknown", 0) == partial["posts"]
            assert partial.get(f"{metric}.known") or metric not in partial
            assert partial.get(metric, 0) >= 0


@settings(deadline=None)
@given(histories("activity"))
def test_a_fold_changes_nothing_of_its_partition(history: list[AnyEvent]) -> None:
    half = len(history) // 2
    world = World()
    world.fold(*history[:half])
    partition = world.partition
    assert partition is not None

    def stored() -> Any:
        states = {key: None if state is None else encode_state(state) for key, state in partition.states.items()}
        return (
            states,
            dict(partition.terms),
            dict(partition.origins),
            dict(partition.marks),
            partition.rules.versions.copy(),
        )

    before = stored()
    batch = [Located(number, event) for number, event in enumerate(history[half:])]
    result = fold(partition, batch)
    assert stored() == before
    again = fold(partition, batch)
    if isinstance(result, Folded):
        assert isinstance(again, Folded)
        assert (again.pieces(), again.increments, again.due) == (result.pieces(), result.increments, result.due)
    else:
        assert again == result


@settings(deadline=None)
@given(histories("activity"))
def test_the_sum_of_all_changes_is_what_the_posts_contribute_now(history: list[AnyEvent]) -> None:
    world = run(history)
    assert world.partition is not None
    expected: dict[Scope, dict[str, int]] = {}
    for state in world.partition.states.values():
        if isinstance(state, Post):
            for match in state.matches:
                for scope in scopes_of(match):
                    row = expected.setdefault(scope, {})
                    for name, amount in {**contribution(state), f"posts.by.{match.how}": 1}.items():
                        row[name] = row.get(name, 0) + amount
    assert world.partials == expected


def test_an_empty_batch_changes_nothing() -> None:
    folded = fold(PartitionState(stage="activity"), [])
    assert isinstance(folded, Folded)
    assert not any((folded.states, folded.increments, folded.marks, folded.due, folded.touched, folded.refused))
