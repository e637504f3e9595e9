"""Counting: a batch of canonical records becomes one atomic change of its partition.

1. The store's cursor decides what is new. What is before it is trimmed; what begins beyond it is a gap, and is read
   again from the cursor.
2. A batch is applied whole, with the cursor, or not at all. Dead letters are written first: a crash in between repeats
   them, with the same ids.
3. What is held in memory is what the store has, plus applies under way. A refused apply drops it all.
4. The next batch is folded while the store applies this one; it is sent only after that apply succeeded.
5. What the next batch needs is read before this one is sent: a store that is applying answers nobody.

A crash between any two lines: docs/failure-scenarios.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import Literal, cast

from msgspec import Struct

from tracker.codec import events as codec
from tracker.codec.dead import DeadLetter
from tracker.domain.fold import fold, wanted
from tracker.domain.partition import Folded, Located, Missing, PartitionState, commit
from tracker.domain.schedule import Cadence, Polls
from tracker.sending import Sender, partition_of
from tracker.store.base import ApplyUnknown, Change, Cursor, Loaded, Partition, StaleCursor, Store
from tracker.stream.cursors import checked
from tracker.stream.letters import DeadLetters
from tracker.stream.transport import Batch, Record
from tracker.topics import Stage, Topics

log = logging.getLogger(__name__)

Rewind = Callable[[str, int, int], Awaitable[None]]
"""Read a topic's partition from this offset on again."""
Clock = Callable[[], int]


_TURNS = 4  # twice what it took when it was counted


class Parts(Struct, frozen=True, kw_only=True):
    """What a processor is made of."""

    store: Store
    topics: Topics
    logs: Mapping[Stage, str]
    sender: Sender
    letters: DeadLetters
    cadence: Cadence
    polls: Polls
    clock: Clock
    state_pieces: int = 50_000
    stages: tuple[Stage, ...] = ("activity", "commerce")


class Held:
    """One partition in memory: its state, the cursor after the last batch that was handed to the store."""

    def __init__(self, partition: Partition, cursor: Cursor, state: PartitionState) -> None:
        self.partition = partition
        self.cursor = cursor
        self.state = state
        self.applying: asyncio.Task[None] | None = None
        self.rewound_to: int | None = None


class Ahead(Struct, frozen=True):
    """The batch that comes next, decoded, with what it needs loaded. Void when its partition was opened anew since."""

    batch: Batch
    held: Held
    events: list[Located]
    letters: list[DeadLetter]


class Prepared(Struct, frozen=True):
    """The next batch, and what the store answered for it."""

    ahead: Ahead
    asked: Missing
    loaded: Loaded
    seen: Collection[str]

    def taken_in(self) -> Ahead:
        """Take the answers into the partition's state: after the batch before it is committed there."""
        self.ahead.held.state.learn(self.asked, self.loaded.pieces, {}, self.seen)
        return self.ahead


Following = asyncio.Future[Batch | None]
"""The next batch, as soon as it is there; None at the end."""


class Processor:
    """Counts the batches of its stages, one at a time."""

    def __init__(self, parts: Parts, rewind: Rewind, touched: Callable[[Partition, set[str]], None]) -> None:
        self._parts = parts
        self._rewind = rewind
        self._touched = touched
        self._held: dict[Partition, Held] = {}
        self._turn = asyncio.Lock()
        self._failed: asyncio.Queue[Held] = asyncio.Queue()
        self._ahead: Ahead | None = None
        self.counted = 0
        """Records counted since the start, for the rate."""

    async def assign(self, partitions: Sequence[Partition]) -> dict[Partition, Cursor]:
        """Take over these partitions, and no others; where to read each from. What is still true in memory is kept."""
        async with self._turn:
            before, self._held = self._held, {}
            kept = {partition: held for partition, held in before.items() if await self._drained(held)}
            for partition in partitions:
                self._held[partition] = await self._open(partition, kept.get(partition))
            return {partition: held.cursor for partition, held in self._held.items()}

    async def run(self, batches: AsyncIterator[Batch]) -> None:
        """Count what comes, until cancelled."""
        following: Following = asyncio.ensure_future(_next_of(batches))
        try:
            while (batch := await following) is not None:
                following = asyncio.ensure_future(_next_of(batches))
                async with self._turn:
                    await self.process(batch, following)
        finally:
            following.cancel()

    async def process(self, batch: Batch, following: Following | None = None) -> None:
        """Count one batch, and prepare the `following` one if it is there. Raises what stops the worker."""
        ahead, self._ahead = self._ahead, None
        held = self._held.get(Partition(self._parts.topics.stage(batch.topic), batch.partition))
        if held is None or not await self._continues(held, batch):
            return
        try:
            await self._count(held, batch, ahead, following)
        except (StaleCursor, ApplyUnknown) as error:
            await self._start_over(held, error)

    async def _count(self, held: Held, batch: Batch, ahead: Ahead | None, following: Following | None) -> None:
        records = trim(batch, held.cursor)
        if ahead is not None and ahead.batch is batch and ahead.held is held and len(records) == len(batch.records):
            events, letters = ahead.events, ahead.letters
        else:
            events, letters = self._decode(held, records)
        folded = await self._fold(held, events)
        letters += self._refused(held, folded, records)
        await self._send_letters(batch, letters)
        await self._settle(held)
        await _turns_for(following)
        prepared = await self._prepare(following, held, folded)
        self._apply(held, folded, Cursor(batch.next_offset, self._log(held.partition)))
        if prepared is not None:
            self._ahead = prepared.taken_in()
        self.counted += len(records)
        # Lets the apply's bytes leave before the next batch keeps this thread busy.
        await asyncio.sleep(0)

    async def watch(self) -> None:
        """Notice an apply that failed while no further batch came. Raises what stops the worker."""
        while True:
            held = await self._failed.get()
            async with self._turn:
                if self._held.get(held.partition) is held:
                    try:
                        await self._settle(held)
                    except (StaleCursor, ApplyUnknown) as error:
                        await self._start_over(held, error)

    async def check(self) -> None:
        """Compare the cursors in memory with the store's: one that lost its last writes is noticed while all is idle.

        Raises what stops the worker.
        """
        for partition in list(self._held):
            async with self._turn:
                held = self._held.get(partition)
                if held is not None and held.cursor.log:
                    try:
                        await self._settle(held)
                        await self._parts.store.apply(partition, Change(expected=held.cursor, next=held.cursor))
                    except (StaleCursor, ApplyUnknown) as error:
                        await self._start_over(held, error)

    def known_versions(self) -> dict[Partition, Mapping[str, int]]:
        """The definitions that each partition knows: `{kind}:{id}` → version."""
        return {partition: held.state.rules.versions for partition, held in self._held.items()}

    def cursors(self) -> dict[Partition, Cursor]:
        """How far each partition is handed to the store."""
        return {partition: held.cursor for partition, held in self._held.items()}

    async def settle(self) -> None:
        """Wait for the applies under way, before the worker ends. What was refused is counted by whoever comes next."""
        async with self._turn:
            self._held = {partition: held for partition, held in self._held.items() if await self._drained(held)}

    async def _open(self, partition: Partition, before: Held | None) -> Held:
        head = await self._parts.store.open(partition)
        topic = self._parts.topics.name(cast(Stage, partition.stage))
        cursor = checked(partition, topic, head.cursor, self._log(partition))
        if before is not None and before.cursor == cursor:
            before.rewound_to = None
            return before
        count = self._parts.topics.partitions
        state = PartitionState(
            stage=cast(Literal["activity", "commerce"], partition.stage),
            definitions=head.definitions,
            origins=head.origins,
            marks=head.marks,
            owns=lambda key: partition_of(key.encode(), count) == partition.number,
            cadence=self._parts.cadence,
            polls=self._parts.polls,
        )
        self._touched(partition, {scope.campaign for scope in head.scopes})
        return Held(partition, cursor, state)

    async def _continues(self, held: Held, batch: Batch) -> bool:
        """Whether the batch holds anything new that follows what was counted. A gap is read again from the cursor."""
        at = held.cursor.next_offset
        if batch.first_offset <= at < batch.next_offset:
            held.rewound_to = None
            return True
        if batch.first_offset > at and held.rewound_to != at:
            log.warning("%s: begins beyond the cursor %d; reading again from there", batch, at)
            held.rewound_to = at
            await self._rewind(batch.topic, batch.partition, at)
        return False

    def _decode(self, held: Held, records: Sequence[Record]) -> tuple[list[Located], list[DeadLetter]]:
        events: list[Located] = []
        letters: list[DeadLetter] = []
        for record in records:
            try:
                events.append(Located(record.offset, codec.decode(record.value or b"")))
            except codec.UnreadableEvent as error:
                letters.append(self._letter(held, record, str(error)))
        return events, letters

    async def _fold(self, held: Held, events: Sequence[Located]) -> Folded:
        while isinstance(outcome := fold(held.state, events), Missing):
            await self._learn(held, outcome)
        return outcome

    async def _prepare(self, following: Following | None, now: Held, folded: Folded) -> Prepared | None:
        """Decode the next batch if it is there, and load what it needs and `now`'s batch does not write."""
        if following is None or not following.done() or following.cancelled() or following.exception() is not None:
            return None
        batch = following.result()
        if batch is None:
            return None
        held = self._held.get(Partition(self._parts.topics.stage(batch.topic), batch.partition))
        if held is None or (held.applying is not None and not held.applying.done()):
            return None
        events, letters = self._decode(held, batch.records)
        asked = wanted(events)
        # What the batch before writes is among what is known: it was looked up to be folded.
        asked.pieces = {key for key in asked.pieces if key not in held.state.states}
        # Whether this batch counts an id that comes again in the next one is the fold's to ask.
        counted = folded.seen if held is now else {}
        asked.ids = {day: ids - counted.get(day, set()) for day, ids in asked.ids.items()}
        loaded = await self._parts.store.load(held.partition, asked.pieces, ())
        seen = await self._parts.store.seen(held.partition, asked.ids) if asked.ids else frozenset()
        return Prepared(Ahead(batch, held, events, letters), asked, loaded, seen)

    async def _learn(self, held: Held, asked: Missing) -> None:
        # What an apply under way writes must be there before it is read back.
        await self._settle(held)
        store, partition = self._parts.store, held.partition
        loaded = await store.load(partition, asked.pieces, asked.terms)
        seen = await store.seen(partition, asked.ids) if asked.ids else frozenset()
        held.state.learn(asked, loaded.pieces, loaded.terms, seen)

    def _refused(self, held: Held, folded: Folded, records: Sequence[Record]) -> list[DeadLetter]:
        if not folded.refused:
            return []
        by_offset = {record.offset: record for record in records}
        return [self._letter(held, by_offset[refusal.offset], refusal.reason) for refusal in folded.refused]

    def _letter(self, held: Held, record: Record, reason: str) -> DeadLetter:
        now = self._parts.clock()
        return self._parts.letters.letter(held.partition, record, reason, refused_by="count", now=now)

    async def _send_letters(self, batch: Batch, letters: Sequence[DeadLetter]) -> None:
        if letters:
            await self._parts.sender.send(self._parts.letters.outgoing(batch, letters, self._parts.clock()))

    def _apply(self, held: Held, folded: Folded, after: Cursor) -> None:
        change = change_of(folded, held.cursor, after)
        commit(held.state, folded)
        held.state.shrink(self._parts.state_pieces)
        held.cursor = after
        held.applying = asyncio.create_task(self._applied(held.partition, change, folded.touched))
        held.applying.add_done_callback(lambda task: self._note(held, task))

    def _note(self, held: Held, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failed.put_nowait(held)

    async def _applied(self, partition: Partition, change: Change, touched: set[str]) -> None:
        await self._parts.store.apply(partition, change)
        if touched:
            self._touched(partition, touched)

    async def _settle(self, held: Held) -> None:
        """Wait for the apply under way. Raises what it raised."""
        applying, held.applying = held.applying, None
        if applying is not None:
            await applying

    async def _drained(self, held: Held) -> bool:
        """Wait for the apply under way; whether what is in memory is still what the store has."""
        try:
            await self._settle(held)
        except (StaleCursor, ApplyUnknown) as error:
            log.info("%s", error)
            return False
        return True

    async def _start_over(self, held: Held, error: Exception) -> None:
        """Forget what is in memory and go on from the store's cursor: its answer tells what was applied."""
        log.warning("%s", error)
        fresh = await self._open(held.partition, None)
        self._held[held.partition] = fresh
        topic = self._parts.topics.name(cast(Stage, held.partition.stage))
        fresh.rewound_to = fresh.cursor.next_offset
        await self._rewind(topic, held.partition.number, fresh.cursor.next_offset)

    def _log(self, partition: Partition) -> str:
        return self._parts.logs[cast(Stage, partition.stage)]


async def _next_of(batches: AsyncIterator[Batch]) -> Batch | None:
    return await anext(batches, None)


async def _turns_for(following: Following | None) -> None:
    """Let the next batch come, if it waits in Faust's buffer: it is handed on in two turns of the loop."""
    for _ in range(_TURNS):
        if following is None or following.done():
            return
        await asyncio.sleep(0)


def trim(batch: Batch, cursor: Cursor) -> Sequence[Record]:
    """The records that are not counted yet."""
    if batch.first_offset >= cursor.next_offset:
        return batch.records
    return [record for record in batch.records if record.offset >= cursor.next_offset]


def change_of(folded: Folded, expected: Cursor, after: Cursor) -> Change:
    """A folded batch as the store applies it."""
    return Change(
        expected=expected,
        next=after,
        pieces=folded.pieces(),
        increments=folded.increments,
        minutes=folded.minutes,
        hours=folded.hours,
        fresh=folded.fresh,
        definitions=folded.definitions,
        origins=folded.origins,
        marks=folded.marks,
        term_adds=folded.term_adds,
        term_drops=folded.term_drops,
        due=folded.due,
        seen=folded.seen,
        forget_days_before=folded.forget_days_before,
    )
