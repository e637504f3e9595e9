"""Logs in memory, and a worker as plain as can be, for audits and rebuilds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

from tracker.audit import Span
from tracker.codec.events import UnreadableEvent, decode, encode
from tracker.domain.events import AnyEvent
from tracker.domain.fold import Located, Missing, PartitionState, commit, fold
from tracker.store.base import Cursor, Partition, Store
from tracker.stream.processor import change_of
from tracker.topics import Topics

TOPICS = Topics(partitions=2)


class MemoryLog:
    """Implements `tracker.audit.Log`."""

    def __init__(self, values: Mapping[Partition, Sequence[bytes]], *, log: str = "log-1", begin: int = 0) -> None:
        self.values = {partition: list(each) for partition, each in values.items()}
        self.log = log
        self.begin = begin

    @classmethod
    def of(cls, events: Mapping[Partition, Sequence[AnyEvent]]) -> MemoryLog:
        return cls({partition: [encode(event) for event in each] for partition, each in events.items()})

    def span(self, partition: Partition) -> Span:
        return Span(self.begin, len(self.values.get(partition, ())), self.log)

    def read(self, partition: Partition, start: int, end: int) -> Iterator[tuple[int, bytes | None]]:
        for offset in range(max(start, self.begin), end):
            yield offset, self.values[partition][offset]


async def count(store: Store, log: MemoryLog, cut: Sequence[int] | None = None) -> None:
    """Count what the log holds beyond the store's cursors, as a worker does; `cut`: where batches begin and end."""
    for partition in log.values:
        head = await store.open(partition)
        stage: Literal["activity", "commerce"] = "commerce" if partition.stage == "commerce" else "activity"
        state = PartitionState(stage=stage, definitions=head.definitions, origins=head.origins, marks=head.marks)
        end = len(log.values[partition])
        begin = head.cursor.next_offset
        cursor = head.cursor
        for start, stop in pairwise(sorted({begin, end, *(at for at in cut or () if begin < at < end)})):
            events = [Located(at, event) for at in range(start, stop) if (event := _read(log.values[partition][at]))]
            while isinstance(folded := fold(state, events), Missing):
                loaded = await store.load(partition, folded.pieces, folded.terms)
                state.learn(folded, loaded.pieces, loaded.terms, await store.seen(partition, folded.ids))
            after = Cursor(stop, log.log)
            await store.apply(partition, change_of(folded, cursor, after))
            commit(state, folded)
            cursor = after


async def merge(store: Store) -> None:
    """Write the totals, as the view does."""
    totals: dict[str, dict[object, dict[str, int]]] = {}
    for stage in ("activity", "commerce"):
        for number in range(TOPICS.partitions):
            for scope, fields in (await store.partials(Partition(stage, number))).items():
                into = totals.setdefault(scope.campaign, {}).setdefault(scope, {})
                for name, amount in fields.items():
                    into[name] = into.get(name, 0) + amount
    for campaign, total in totals.items():
        await store.write_totals(campaign, total)  # type: ignore[arg-type]  # the keys are scopes


def _read(value: bytes) -> AnyEvent | None:
    try:
        return decode(value)
    except UnreadableEvent:
        return None
