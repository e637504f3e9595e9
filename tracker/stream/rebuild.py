"""A new view of the counters, filled from the log beside the old one, then put in its place.

1. The old view stays as it is and readable; workers go on counting in it. Nothing is switched before the new view has
   caught up with it.
2. It uses the worker's own fold and the store's own apply: a rebuild that is cut off goes on where it stood.
3. The new view is never ahead of the old one: dead letters are the worker's to write, before its cursor moves.
4. The inbox is not adapted again: its cursors are taken over. What the workers adapt between that and the switch is
   adapted twice, and dropped by its origins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from typing import Literal, cast

from msgspec import Struct

from tracker.audit import Log, Span, partitions_of
from tracker.codec.events import UnreadableEvent, decode
from tracker.domain.fold import fold
from tracker.domain.partition import Located, Missing, PartitionState, commit
from tracker.domain.schedule import Cadence, Polls
from tracker.sending import partition_of
from tracker.store.base import Change, Cursor, Partition, Store
from tracker.stream.processor import change_of
from tracker.stream.view import View
from tracker.topics import Topics

Progress = Callable[[Partition, int, int], None]
"""Told after every batch: the partition, its cursor in the new view, and where it must get to."""
_ROUNDS = 1_000


class RebuildImpossible(Exception):
    """The new view cannot be filled or switched to. The old one is untouched and stays active."""


class Rebuilt(Struct, frozen=True):
    """What a rebuild did."""

    view: str
    records: int
    """Records counted by this run; fewer than the log holds where it went on with a view begun before."""
    unreadable: int
    left: tuple[Partition, ...]
    """Partitions whose log is another one than the old view's: left empty, the workers count them after the switch."""


class RebuildParts(Struct, frozen=True, kw_only=True):
    """What a rebuild is made of. `switch` makes the new view the active one, if the old one still is."""

    old: Store
    new: Store
    log: Log
    topics: Topics
    cadence: Cadence
    polls: Polls
    switch: Callable[[], Awaitable[None]]
    batch_records: int = 4_000
    state_pieces: int = 50_000
    near: int = 1_000
    """It is switched when no partition is further behind the old view; the workers catch up on the rest."""


async def rebuild(parts: RebuildParts, progress: Progress = lambda _partition, _cursor, _goal: None) -> Rebuilt:
    """Fill the new view up to where the old one stands, merge its totals, switch.

    Raises RebuildImpossible, LogUnreadable, StoreUnreachable; ViewMoved where somebody else switched meanwhile.
    """
    filling = [_Filling(parts, partition) for partition in partitions_of(parts.topics)]
    for each in filling:
        await each.open()
    for _ in range(_ROUNDS):
        behind = 0
        for each in filling:
            behind = max(behind, await each.catch_up(progress))
        if behind <= parts.near:
            break
    else:
        raise RebuildImpossible(
            f"view {parts.new.view} does not catch up: the workers count faster than it is filled. It was not switched "
            "to. Stop the workers, and start the rebuild again: it goes on where it stands."
        )
    await _take_over_inbox(parts)
    await _merge_totals(parts)
    await parts.switch()
    return Rebuilt(
        view=parts.new.view,
        records=sum(each.records for each in filling),
        unreadable=sum(each.unreadable for each in filling),
        left=tuple(each.partition for each in filling if each.foreign),
    )


class _Filling:
    """One partition of the new view, while it is filled."""

    def __init__(self, parts: RebuildParts, partition: Partition) -> None:
        self._parts = parts
        self.partition = partition
        self.records = 0
        self.unreadable = 0
        self.foreign = False
        """Whether the old view counted another log than the one that is there."""
        self._cursor = Cursor()
        self._log = ""
        self._state: PartitionState | None = None

    async def open(self) -> None:
        """Read where both views stand, and whether the log can still fill the new one."""
        span = await asyncio.to_thread(self._parts.log.span, self.partition)
        old = (await self._parts.old.open(self.partition)).cursor
        head = await self._parts.new.open(self.partition)
        self.foreign = old.log not in ("", span.log)
        self._check(head.cursor, span)
        self._cursor, self._log = head.cursor, span.log
        count = self._parts.topics.partitions
        self._state = PartitionState(
            stage=cast(Literal["activity", "commerce"], self.partition.stage),
            definitions=head.definitions,
            origins=head.origins,
            marks=head.marks,
            owns=lambda key: partition_of(key.encode(), count) == self.partition.number,
            cadence=self._parts.cadence,
            polls=self._parts.polls,
        )

    def _check(self, cursor: Cursor, span: Span) -> None:
        if cursor.log not in ("", span.log):
            raise RebuildImpossible(
                f"{self.partition}@{cursor.next_offset}: view {self._parts.new.view} was begun with log {cursor.log}, "
                f"the topic there now is log {span.log}. Nothing was changed. Rebuild into a view of another name, or "
                "drop this one first."
            )
        if span.begin > cursor.next_offset:
            raise RebuildImpossible(
                f"{self.partition}@{cursor.next_offset}: the log now begins at {span.begin}, so "
                f"{span.begin - cursor.next_offset} records are gone (retention?). Nothing was changed and the old "
                "view stays active: it still counts them. Restore the topic first."
            )

    async def catch_up(self, progress: Progress) -> int:
        """Count up to where the old view stands now. How far behind it the new view was before."""
        if self.foreign:
            return 0
        goal = (await self._parts.old.open(self.partition)).cursor.next_offset
        behind = goal - self._cursor.next_offset
        records = self._parts.log.read(self.partition, self._cursor.next_offset, goal)
        while batch := await asyncio.to_thread(self._batch, records):
            await self._count(batch, min(goal, batch[-1][0] + 1))
            progress(self.partition, self._cursor.next_offset, goal)
        if self._cursor.next_offset < goal:
            await self._count([], goal)  # The log may end in a hole: the cursor moves over it.
        return behind

    def _batch(self, records: Iterator[tuple[int, bytes | None]]) -> list[tuple[int, bytes | None]]:
        return list(islice(records, self._parts.batch_records))

    async def _count(self, batch: Sequence[tuple[int, bytes | None]], next_offset: int) -> None:
        assert self._state is not None
        events: list[Located] = []
        for offset, value in batch:
            try:
                events.append(Located(offset, decode(value or b"")))
            except UnreadableEvent:
                self.unreadable += 1  # The worker has made a dead letter of it.
        while isinstance(folded := fold(self._state, events), Missing):
            loaded = await self._parts.new.load(self.partition, folded.pieces, folded.terms)
            seen = await self._parts.new.seen(self.partition, folded.ids) if folded.ids else frozenset()
            self._state.learn(folded, loaded.pieces, loaded.terms, seen)
        after = Cursor(next_offset, self._log)
        await self._parts.new.apply(self.partition, change_of(folded, self._cursor, after))
        commit(self._state, folded)
        self._state.shrink(self._parts.state_pieces)
        self._cursor = after
        self.records += len(batch)


async def _take_over_inbox(parts: RebuildParts) -> None:
    for number in range(parts.topics.partitions):
        partition = Partition("inbox", number)
        old = (await parts.old.open(partition)).cursor
        new = (await parts.new.open(partition)).cursor
        if old != new:
            await parts.new.apply(partition, Change(expected=new, next=old))


async def _merge_totals(parts: RebuildParts) -> None:
    scopes = [scope for partition in partitions_of(parts.topics) for scope in await parts.new.scopes(partition)]
    await View(parts.new, parts.topics, debounce_ms=0).merge({scope.campaign for scope in scopes})
