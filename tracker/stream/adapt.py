"""Adapting: a batch of raw payloads becomes canonical events, or dead letters; never half of a payload.

1. Everything made of a batch is acknowledged before the inbox cursor moves. A crash in between makes the same events
   again, with the same origins; the counting stage drops what it has seen.
2. A payload becomes all of its events, in its order, or one dead letter with the reason. That holds for whatever an
   adapter raises: a fault in a plugin is a reason, not a crash.
3. A statement about a time more than a day after its payload came is refused: it would stand above all that follows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from tracker.codec import events as codec
from tracker.codec import inbox
from tracker.codec.dead import DeadLetter
from tracker.domain.events import EVENTS, DefinitionChanged, Fact, Origin, wrap
from tracker.plugin.api import PlatformAdapter, RawPayload, Unreadable
from tracker.sending import Outgoing, Place, partition_of
from tracker.store.base import ApplyUnknown, Change, Cursor, Partition, StaleCursor
from tracker.stream.cursors import checked
from tracker.stream.processor import Parts, Rewind, trim
from tracker.stream.transport import Batch, Record
from tracker.topics import place

log = logging.getLogger(__name__)

AHEAD_MS = 86_400_000
"""How far a statement may be ahead of the clock of who received it: a day takes in every time zone's mistakes."""


class Refused(Exception):
    """A record that becomes a dead letter: by whom it was refused, and why."""

    def __init__(self, by: str, reason: str) -> None:
        super().__init__(reason)
        self.by = by
        self.reason = reason


class Adapter:
    """Adapts the batches of the inbox, one at a time."""

    def __init__(self, parts: Parts, platforms: Mapping[str, PlatformAdapter], rewind: Rewind) -> None:
        self._parts = parts
        self._platforms = platforms
        self._rewind = rewind
        self._cursors: dict[Partition, Cursor] = {}
        self._rewound: dict[Partition, int] = {}
        """Where each partition was asked to be read again from, while that has not come yet."""
        self._turn = asyncio.Lock()
        self.adapted = 0
        """Payloads adapted since the start, for the rate."""

    async def assign(self, partitions: Sequence[Partition]) -> dict[Partition, Cursor]:
        """Take over these partitions, and no others; where to read each from."""
        async with self._turn:
            self._cursors = {partition: await self._open(partition) for partition in partitions}
            self._rewound = {}
            return dict(self._cursors)

    async def run(self, batches: AsyncIterator[Batch]) -> None:
        """Adapt what comes, until cancelled."""
        async for batch in batches:
            async with self._turn:
                await self.process(batch)

    async def process(self, batch: Batch) -> None:
        """Adapt one batch. Raises what stops the worker."""
        partition = Partition("inbox", batch.partition)
        cursor = self._cursors.get(partition)
        if cursor is None or not await self._continues(cursor, batch):
            return
        records = trim(batch, cursor)
        sent, letters = self._adapt(partition, records)
        now = self._parts.clock()
        await self._parts.sender.send(self._parts.letters.outgoing(batch, letters, now))
        await self._parts.sender.send(sent)
        await self._move(partition, cursor, Cursor(batch.next_offset, self._parts.logs["inbox"]))
        self.adapted += len(records)

    async def check(self) -> None:
        """Compare the cursors in memory with the store's: one that lost its last writes is noticed while all is idle.

        Raises what stops the worker.
        """
        for partition in list(self._cursors):
            async with self._turn:
                cursor = self._cursors.get(partition)
                if cursor is not None and cursor.log:
                    await self._move(partition, cursor, cursor)

    def cursors(self) -> dict[Partition, Cursor]:
        """How far each partition is adapted."""
        return dict(self._cursors)

    async def _continues(self, cursor: Cursor, batch: Batch) -> bool:
        """Whether the batch holds anything new that follows what was adapted. A gap is read again from the cursor."""
        at = cursor.next_offset
        place = Partition("inbox", batch.partition)
        if batch.first_offset <= at < batch.next_offset:
            self._rewound.pop(place, None)
            return True
        if batch.first_offset > at and self._rewound.get(place) != at:
            log.warning("%s: begins beyond the cursor %d; reading again from there", batch, at)
            self._rewound[place] = at
            await self._rewind(batch.topic, batch.partition, at)
        return False

    async def _move(self, partition: Partition, before: Cursor, after: Cursor) -> None:
        """Move the cursor in the store. If it stands elsewhere there, go on from where it stands."""
        try:
            await self._parts.store.apply(partition, Change(expected=before, next=after))
        except (StaleCursor, ApplyUnknown) as error:
            log.warning("%s", error)
            after = await self._open(partition)
            self._rewound[partition] = after.next_offset
            await self._rewind(self._parts.topics.name("inbox"), partition.number, after.next_offset)
        self._cursors[partition] = after

    async def _open(self, partition: Partition) -> Cursor:
        head = await self._parts.store.open(partition)
        return checked(partition, self._parts.topics.name("inbox"), head.cursor, self._parts.logs["inbox"])

    def _adapt(
        self, partition: Partition, records: Sequence[Record]
    ) -> tuple[dict[Place, list[Outgoing]], list[DeadLetter]]:
        sent: dict[Place, list[Outgoing]] = {}
        letters: list[DeadLetter] = []
        for record in records:
            try:
                made = self._events(partition, record)
            except Refused as refused:
                letter, now = self._parts.letters.letter, self._parts.clock()
                letters.append(letter(partition, record, refused.reason, refused_by=refused.by, now=now))
                continue
            for where, outgoing in made:
                sent.setdefault(where, []).append(outgoing)
        return sent, letters

    def _events(self, partition: Partition, record: Record) -> list[tuple[Place, Outgoing]]:
        """All events of one payload with where they go. Raises Refused."""
        raw = self._raw(record)
        made: list[tuple[Place, Outgoing]] = []
        for index, fact in enumerate(self._facts(raw)):
            origin = Origin(self._parts.logs["inbox"], partition.number, record.offset, index)
            made.append(self._placed(raw, fact, origin))
        return made

    def _raw(self, record: Record) -> RawPayload:
        try:
            return inbox.decode(record.value, record.headers)
        except inbox.UnreadableRecord as error:
            raise Refused("inbox", error.reason) from error

    def _facts(self, raw: RawPayload) -> Sequence[Fact]:
        adapter = self._platforms.get(raw.platform)
        if adapter is None:
            known = ", ".join(sorted(self._platforms))
            raise Refused(
                "adapt", f"no plugin for platform `{raw.platform}` (there are: {known}); install it, then replay"
            )
        try:
            facts: object = adapter.parse(raw)
        except Unreadable as error:
            raise Refused(raw.platform, error.reason) from error
        except (
            Exception
        ) as error:  # a plugin's fault costs one payload, and is kept with it; it does not stop the others
            log.exception("plugin of platform %s failed on a payload", raw.platform)
            raise Refused(raw.platform, f"the plugin failed: {type(error).__name__}: {error}") from error
        if not isinstance(facts, (list, tuple)):
            raise Refused(raw.platform, f"the plugin returned a {type(facts).__name__}, not a list of facts")
        return facts

    def _placed(self, raw: RawPayload, fact: Fact, origin: Origin) -> tuple[Place, Outgoing]:
        if type(fact) not in EVENTS or isinstance(fact, DefinitionChanged):
            raise Refused(raw.platform, f"the plugin returned a {type(fact).__name__}, which is no fact of a platform")
        try:
            located = msgspec.structs.replace(fact, origin=origin)
            id = f"{origin.log[:8]}-{origin.partition}-{origin.offset}-{origin.index}"
            value = codec.checked(wrap(located, id=id, source=raw.source))
            stage, key = place(located)
        except codec.UnreadableEvent as error:
            raise Refused(raw.platform, f"event {origin.index}: {error}") from error
        if fact.observed_at > raw.received_at + AHEAD_MS:
            late = f"it speaks of {fact.observed_at} ms, the payload came at {raw.received_at} ms"
            raise Refused("adapt", f"event {origin.index}: {late}; more than a day ahead cannot be right")
        topic = self._parts.topics.name(stage)
        bytes_key = key.encode()
        return (topic, partition_of(bytes_key, self._parts.topics.partitions)), Outgoing(bytes_key, value)


__all__ = ["AHEAD_MS", "Adapter", "Refused"]
