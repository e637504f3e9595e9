"""The view: a campaign's totals, merged from the partials of all partitions, overwritten whenever one of them changed.

1. Totals are derived and idempotent: merging once too often does no harm, and a lost touch is made up for at the next
   start (`assign` merges every campaign that the worker is now responsible for).
2. A campaign is merged at most once in `debounce_ms`, however often it is touched.
3. No merge begun before an assignment writes after it: another worker may have written newer totals by then. What a
   worker that was thought dead writes late is put right by the assignment that its return brings about.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import orjson

from tracker.sending import Outgoing, Place, Sender, partition_of
from tracker.store.base import Partition, Scope, Store
from tracker.stream.transport import Batch
from tracker.topics import Stage, Topics

COUNTED: tuple[Stage, ...] = ("activity", "commerce")
_AT_ONCE = 50
"""Campaigns merged in one go: an assignment waits for no more than these."""
_GATHER_S = 0.1
"""Touches are gathered for so long: a campaign under load is announced ten times a second, not once for each batch."""


class Touches:
    """Announces which campaigns changed, on the topic of touches."""

    def __init__(self, topics: Topics, sender: Sender) -> None:
        self._topics = topics
        self._sender = sender
        self._waiting: dict[str, Partition] = {}
        self._some = asyncio.Event()

    def add(self, partition: Partition, campaigns: set[str]) -> None:
        """Note that a partition changed these campaigns."""
        for campaign in campaigns:
            self._waiting[campaign] = partition
        if campaigns:
            self._some.set()

    async def run(self) -> None:
        """Announce what is noted, until cancelled. Raises NotSent."""
        while True:
            await self._some.wait()
            await asyncio.sleep(_GATHER_S)
            self._some.clear()
            waiting, self._waiting = self._waiting, {}
            await self._sender.send(self._records(waiting))

    def _records(self, waiting: Mapping[str, Partition]) -> dict[Place, list[Outgoing]]:
        records: dict[Place, list[Outgoing]] = {}
        for campaign, partition in waiting.items():
            key = campaign.encode()
            place = (self._topics.name("touched"), partition_of(key, self._topics.partitions))
            records.setdefault(place, []).append(Outgoing(key, orjson.dumps({"partition": str(partition)})))
        return records


class View:
    """Merges totals for the campaigns of the touched partitions that are assigned to this worker."""

    def __init__(self, store: Store, topics: Topics, *, debounce_ms: int) -> None:
        self._store = store
        self._topics = topics
        self._debounce = debounce_ms / 1000
        self._waiting: set[str] = set()
        self._some = asyncio.Event()
        self._turn = asyncio.Lock()
        self.merged = 0
        """Campaigns merged since the start."""

    async def assign(self, touched: Sequence[int]) -> None:
        """Take over these partitions of the topic of touches: merge every campaign whose touches come there."""
        mine = set(touched)
        async with self._turn:
            self._waiting.clear()
            campaigns = {scope.campaign for scopes in (await self._scopes()).values() for scope in scopes}
            count = self._topics.partitions
            self._touch({campaign for campaign in campaigns if partition_of(campaign.encode(), count) in mine})

    async def read(self, batches: AsyncIterator[Batch]) -> None:
        """Note which campaigns are touched, until cancelled."""
        async for batch in batches:
            self._touch({record.key.decode(errors="replace") for record in batch.records if record.key})

    async def run(self) -> None:
        """Merge what was touched, until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._waiting:
                async with self._turn:
                    waiting = {self._waiting.pop() for _ in range(min(_AT_ONCE, len(self._waiting)))}
                    await self.merge(waiting)
            await asyncio.sleep(self._debounce)

    async def merge(self, campaigns: set[str]) -> None:
        """Overwrite the totals of these campaigns with the sums of their partials; a name never counted for is none."""
        totals: dict[str, dict[Scope, dict[str, int]]] = {}
        for partition, known in (await self._scopes()).items():
            for scope in known:
                if scope.campaign in campaigns:
                    into = totals.setdefault(scope.campaign, {}).setdefault(scope, {})
                    add_up(into, await self._store.partial(partition, scope))
        for campaign, total in totals.items():
            await self._store.write_totals(campaign, total)
        self.merged += len(totals)

    async def _scopes(self) -> dict[Partition, frozenset[Scope]]:
        partitions = [Partition(stage, n) for stage in COUNTED for n in range(self._topics.partitions)]
        return {partition: await self._store.scopes(partition) for partition in partitions}

    def _touch(self, campaigns: set[str]) -> None:
        self._waiting |= campaigns
        if campaigns:
            self._some.set()


def add_up(into: dict[str, int], partial: Mapping[str, int]) -> None:
    """Add a partial to a total, field by field."""
    for field, number in partial.items():
        into[field] = into.get(field, 0) + number
