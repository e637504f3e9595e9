"""An audit finds every wrong number, names it, and says when it cannot tell. All data is synthetic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.logs import TOPICS, MemoryLog, count, merge
from tests.strategies import DAY, MINUTE, T, histories
from tracker.audit import DIFFERENT, EXACT, IMPOSSIBLE, AuditImpossible, Difference, Report, audit
from tracker.domain import events as ev
from tracker.domain.counters import Scope
from tracker.domain.definitions import Campaign, Definition, DefinitionKind, Link
from tracker.store.base import Change, Cursor, Head, Partition
from tracker.store.memory import MemoryStore

POSTS, MONEY = Partition("activity", 0), Partition("commerce", 1)
GLOW, WOM = Scope("glow"), Scope("glow", "~wom")
CAMPAIGN = Campaign(id="glow", name="Glow", starts_at=T - DAY, ends_at=T + DAY, hashtags=("glow",))
LINK = Link(id="l", campaign="glow", destination="https://shop.example/")


def defined(definition: Definition) -> ev.DefinitionChanged:
    kind: DefinitionKind = "campaign" if isinstance(definition, Campaign) else "link"
    return ev.DefinitionChanged(
        platform="direct", observed_at=T, kind=kind, id=definition.id, version=1, definition=definition
    )


def logged(*facts: ev.Fact) -> list[ev.AnyEvent]:
    return [ev.wrap(fact, id=f"e{number}", source="poll") for number, fact in enumerate(facts)]


def small_log() -> MemoryLog:
    """One post told of by word of mouth, with 7 likes; two clicks."""
    post: dict[str, Any] = {"platform": "instagram", "account": "a", "post": "p"}
    return MemoryLog.of(
        {
            POSTS: logged(
                defined(CAMPAIGN),
                ev.PostPublished(observed_at=T, occurred_at=T, text="#glow", **post),
                ev.ReactionObserved(observed_at=T + MINUTE, likes=7, **post),
            ),
            MONEY: logged(
                defined(CAMPAIGN),
                defined(LINK),
                *(ev.LinkClicked(platform="direct", observed_at=T, click=click, link="l") for click in "ab"),
            ),
        }
    )


async def counted(log: MemoryLog) -> MemoryStore:
    store = MemoryStore()
    await count(store, log)
    await merge(store)
    return store


async def tampered(change: Callable[[Cursor], Change], partition: Partition = POSTS) -> Report:
    log = small_log()
    store = await counted(log)
    cursor = (await store.open(partition)).cursor
    await store.apply(partition, change(cursor))
    await merge(store)
    return await audit(store, log, TOPICS)


async def test_what_was_counted_rightly_has_no_difference() -> None:
    log = small_log()
    report = await audit(await counted(log), log, TOPICS)
    assert report.differences == ()
    assert report.exit_code == EXACT
    assert report.compared > 20
    assert {str(each.partition): each.next_offset for each in report.partitions} == {
        "activity[0]": 3,
        "activity[1]": 0,
        "commerce[0]": 0,
        "commerce[1]": 4,
    }


async def test_a_wrong_partial_is_named_with_both_numbers() -> None:
    report = await tampered(lambda at: Change(expected=at, next=at, increments={WOM: {"likes": 1}}))
    assert report.differences == (Difference(POSTS, "partial", WOM, "likes", 7, 8),)
    assert report.exit_code == DIFFERENT
    assert str(report.differences[0]) == "activity[0] glow/~wom partial likes: the log says 7, the store 8"


async def test_a_missing_field_and_a_field_too_many_are_found() -> None:
    report = await tampered(
        lambda at: Change(expected=at, next=at, increments={WOM: {"likes": -7}, Scope("ghost"): {"posts": 1}})
    )
    assert set(report.differences) == {
        Difference(POSTS, "partial", WOM, "likes", 7, None),
        Difference(POSTS, "partial", Scope("ghost"), "posts", None, 1),
    }


async def test_wrong_series_and_freshness_are_found() -> None:
    minute, hour = (T + MINUTE) // MINUTE, T // (60 * MINUTE)
    report = await tampered(
        lambda at: Change(
            expected=at,
            next=at,
            minutes={WOM: {f"likes@{minute}": 2}},
            hours={WOM: {f"likes@{hour}": -7}},
            fresh={WOM: {"poll": T + DAY}},
        )
    )
    assert set(report.differences) == {
        Difference(POSTS, "minutes", WOM, f"likes@{minute}", 7, 9),
        Difference(POSTS, "hours", WOM, f"likes@{hour}", 7, None),
        Difference(POSTS, "fresh", WOM, "poll", T + MINUTE, T + DAY),
    }


async def test_a_total_that_is_not_the_sum_of_its_partials_is_found() -> None:
    log = small_log()
    store = await counted(log)
    await store.write_totals("glow", {WOM: {"likes": 7}, GLOW: {"clicks": 3}})
    report = await audit(store, log, TOPICS, patience_seconds=0.5)
    assert Difference(None, "total", GLOW, "clicks", 2, 3) in report.differences
    assert {each.table for each in report.differences} == {"total"}


async def test_totals_that_follow_a_moment_later_are_no_difference() -> None:
    log = small_log()
    store = await counted(log)
    await store.write_totals("glow", {})

    async def follow() -> None:
        await merge(store)

    report, _ = await asyncio.gather(audit(store, log, TOPICS), follow())
    assert report.differences == ()


async def test_records_that_are_no_events_are_told_and_no_difference() -> None:
    log = small_log()
    log.values[POSTS].insert(1, b"{not json")
    report = await audit(await counted(log), log, TOPICS)
    assert report.differences == ()
    assert [each.unreadable for each in report.partitions] == [1, 0, 0, 0]


async def test_what_the_worker_has_not_reached_is_not_counted_but_told() -> None:
    log = small_log()
    store = await counted(log)
    log.values[POSTS] += log.values[POSTS]
    report = await audit(store, log, TOPICS)
    assert report.differences == ()
    assert [each.behind for each in report.partitions] == [3, 0, 0, 0]


async def test_a_log_that_lost_its_beginning_proves_nothing_unless_told_otherwise() -> None:
    log = small_log()
    store = await counted(log)
    log.begin = 1
    with pytest.raises(AuditImpossible, match=r"activity\[0\]: the log now begins at 1") as error:
        await audit(store, log, TOPICS)
    assert error.value.exit_code == IMPOSSIBLE
    report = await audit(store, log, TOPICS, incomplete=True)
    assert report.exit_code == DIFFERENT


async def test_another_log_proves_nothing() -> None:
    log = small_log()
    store = await counted(log)
    log.log = "log-2"
    with pytest.raises(AuditImpossible, match="made from log log-1, the topic there now is log log-2"):
        await audit(store, log, TOPICS)


async def test_a_log_that_ends_before_the_cursor_proves_nothing() -> None:
    log = small_log()
    store = await counted(log)
    del log.values[POSTS][-1]
    with pytest.raises(AuditImpossible, match=r"activity\[0\]@3: the log ends at 2"):
        await audit(store, log, TOPICS)


class Restless(MemoryStore):
    """A store whose worker never pauses."""

    opened = 0

    async def open(self, partition: Partition) -> Head:
        head = await super().open(partition)
        self.opened += 1
        return Head(Cursor(self.opened, "log-1"), head.origins, head.definitions, head.marks, head.scopes)


async def test_counters_that_never_stand_still_prove_nothing() -> None:
    with pytest.raises(AuditImpossible, match="changed while they were read"):
        await audit(Restless(), small_log(), TOPICS, patience_seconds=0.5)


async def test_progress_ends_at_the_cursor_of_each_partition() -> None:
    log = small_log()
    told: dict[Partition, tuple[int, int]] = {}

    def note(partition: Partition, done: int, of: int) -> None:
        told[partition] = (done, of)

    await audit(await counted(log), log, TOPICS, progress=note)
    assert (told[POSTS], told[MONEY]) == ((3, 3), (4, 4))


@settings(deadline=None, max_examples=40)
@given(histories("activity"), histories("commerce"), st.lists(st.integers(0, 40), max_size=4))
def test_whatever_is_counted_passes_the_audit(
    posts: list[ev.AnyEvent], money: list[ev.AnyEvent], cut: list[int]
) -> None:
    async def outcome() -> Report:
        log = MemoryLog.of({POSTS: posts, MONEY: money})
        store = MemoryStore()
        await count(store, log, cut)
        await merge(store)
        return await audit(store, log, TOPICS)

    assert asyncio.run(outcome()).differences == ()
