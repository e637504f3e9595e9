"""A rebuilt view is the old one made anew: from the log alone, beside it, never ahead of it. All data is synthetic."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.logs import TOPICS, MemoryLog, count
from tests.strategies import histories
from tracker.audit import audit
from tracker.domain import events as ev
from tracker.domain.schedule import Cadence
from tracker.store.base import Change, Cursor, Partition
from tracker.store.memory import MemoryStore
from tracker.stream.rebuild import RebuildImpossible, RebuildParts, Rebuilt, rebuild

POSTS, MONEY, INBOX = Partition("activity", 0), Partition("commerce", 1), Partition("inbox", 1)


class Two:
    """An old view and a new one, and which is active."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.old, self.new = MemoryStore("old"), MemoryStore("new")
        self.active = "old"

    async def switch(self) -> None:
        self.active = "new"

    async def rebuilt(self, batch_records: int = 3, near: int = 0) -> Rebuilt:
        parts = RebuildParts(
            old=self.old,
            new=self.new,
            log=self.log,
            topics=TOPICS,
            cadence=Cadence(),
            polls={},
            switch=self.switch,
            batch_records=batch_records,
            state_pieces=2,
            near=near,
        )
        return await rebuild(parts)

    async def differences(self) -> int:
        """Of the new view from the log; its totals too."""
        return len((await audit(self.new, self.log, TOPICS, patience_seconds=0)).differences)


def clicks(number: int) -> list[ev.AnyEvent]:
    facts = [ev.LinkClicked(platform="direct", observed_at=at, click=f"c{at}", link="l") for at in range(number)]
    return [ev.wrap(fact, id=f"e{at}", source="webhook") for at, fact in enumerate(facts)]


async def test_the_new_view_becomes_active_and_stands_where_the_old_one_stands() -> None:
    two = Two(MemoryLog.of({MONEY: clicks(10)}))
    await count(two.old, two.log)
    done = await two.rebuilt()
    assert (done.records, done.left, two.active) == (10, (), "new")
    assert (await two.new.open(MONEY)).cursor == (await two.old.open(MONEY)).cursor == Cursor(10, "log-1")


async def test_it_is_never_ahead_of_the_old_view_whatever_the_log_holds() -> None:
    two = Two(MemoryLog.of({MONEY: clicks(4)}))
    await count(two.old, two.log)
    two.log.values[MONEY] += two.log.values[MONEY]
    await two.rebuilt()
    assert (await two.new.open(MONEY)).cursor.next_offset == 4


async def test_the_inbox_is_not_adapted_again() -> None:
    two = Two(MemoryLog({}))
    await two.old.apply(INBOX, Change(expected=Cursor(), next=Cursor(77, "inbox-log")))
    await two.rebuilt()
    assert (await two.new.open(INBOX)).cursor == Cursor(77, "inbox-log")


async def test_what_is_no_event_is_passed_over() -> None:
    two = Two(MemoryLog.of({MONEY: clicks(3)}))
    two.log.values[MONEY][1:1] = [b"nothing", b""]
    await count(two.old, two.log)
    assert (await two.rebuilt()).unreadable == 2
    assert await two.differences() == 0


class Interrupted(MemoryLog):
    """A log that breaks off after some records, once."""

    left = 5

    def read(self, partition: Partition, start: int, end: int) -> Iterator[tuple[int, bytes | None]]:
        for record in super().read(partition, start, end):
            if self.left == 0:
                self.left = -1
                raise ConnectionError("broken off")
            self.left -= 1
            yield record


async def test_a_rebuild_that_was_cut_off_goes_on_where_it_stood_and_nothing_was_switched() -> None:
    log = Interrupted({MONEY: MemoryLog.of({MONEY: clicks(10)}).values[MONEY]})
    two = Two(log)
    await count(two.old, log)
    with pytest.raises(ConnectionError):
        await two.rebuilt(batch_records=2)
    assert two.active == "old"
    assert (await two.new.open(MONEY)).cursor.next_offset == 4
    assert (await two.rebuilt(batch_records=2)).records == 6
    assert two.active == "new"
    assert await two.differences() == 0


async def test_a_recreated_topic_is_left_to_the_workers() -> None:
    two = Two(MemoryLog.of({MONEY: clicks(3)}))
    await count(two.old, two.log)
    two.log.log = "log-2"
    done = await two.rebuilt()
    assert MONEY in done.left
    assert (await two.new.open(MONEY)).cursor == Cursor()


async def test_a_log_that_lost_its_beginning_cannot_fill_a_view() -> None:
    two = Two(MemoryLog.of({MONEY: clicks(3)}))
    await count(two.old, two.log)
    two.log.begin = 2
    with pytest.raises(RebuildImpossible, match="the log now begins at 2, so 2 records are gone"):
        await two.rebuilt()
    assert two.active == "old"


async def test_a_view_begun_with_another_log_is_not_gone_on_with() -> None:
    two = Two(MemoryLog.of({MONEY: clicks(3)}))
    await two.new.apply(MONEY, Change(expected=Cursor(), next=Cursor(1, "log-0")))
    with pytest.raises(RebuildImpossible, match="was begun with log log-0"):
        await two.rebuilt()


@settings(deadline=None, max_examples=40)
@given(histories("activity"), histories("commerce"), st.integers(1, 7))
def test_a_rebuilt_view_passes_the_audit_whatever_the_batches(
    posts: list[ev.AnyEvent], money: list[ev.AnyEvent], batch: int
) -> None:
    async def differences() -> int:
        two = Two(MemoryLog.of({POSTS: posts, MONEY: money}))
        await count(two.old, two.log)
        await two.rebuilt(batch)
        return await two.differences()

    assert asyncio.run(differences()) == 0
