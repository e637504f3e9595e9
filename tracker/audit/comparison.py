"""Every counter of a view, compared with a naive recount of the log.

1. Nothing is written, neither to the store nor to Kafka.
2. A partition is read from the store at one moment: its cursor before is its cursor after. The log is counted up to
   that cursor, so the worker may go on meanwhile.
3. Every field of every partial, every minute and hour of the series, every freshness is compared, in both directions:
   what only one side knows is a difference. Then the totals are compared with the sums of the partials.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from tracker.audit.log import Log, Span
from tracker.audit.report import AuditImpossible, Counted, Difference, Report, Table
from tracker.codec.events import UnreadableEvent, decode
from tracker.domain.events import AnyEvent
from tracker.recount import Counters, recount_log
from tracker.store.base import Cursor, Partition, Scope, Store
from tracker.topics import Stage, Topics

COUNTED: tuple[Stage, ...] = ("activity", "commerce")
_PAUSE_S = 0.25
_TELL_EVERY = 2_000

Progress = Callable[[Partition, int, int], None]
"""Told while a partition is counted: the partition, how many offsets are done, and of how many."""
Sums = Mapping[Scope, Mapping[str, int]]


async def audit(
    store: Store,
    log: Log,
    topics: Topics,
    *,
    incomplete: bool = False,
    patience_seconds: float = 15.0,
    progress: Progress = lambda _partition, _done, _of: None,
) -> Report:
    """Count the log again and compare. `incomplete`: also where the log no longer holds its first records.

    What moves is read again for `patience_seconds`: a partition that is being counted, totals that are yet to follow.
    Raises AuditImpossible, LogUnreadable, StoreUnreachable.
    """
    tries = 1 + int(patience_seconds / _PAUSE_S)
    found: list[Counted] = []
    differences: list[Difference] = []
    for partition in partitions_of(topics):
        stored = await _at_one_moment(store, partition, tries)
        span = await asyncio.to_thread(log.span, partition)
        _check(partition, stored.cursor, span, incomplete=incomplete)
        reading = _Reading(partition, log, span.begin, stored.cursor.next_offset, progress)
        expected = await asyncio.to_thread(reading.recount)
        compared = list(_compare(partition, expected, stored))
        differences += [difference for _, each in compared for difference in each]
        found.append(
            Counted(
                partition=partition,
                begin=span.begin,
                next_offset=stored.cursor.next_offset,
                behind=span.end - stored.cursor.next_offset,
                unreadable=reading.unreadable,
                refused=len(expected.refused),
                fields=sum(number for number, _ in compared),
            )
        )
    totals, wrong = await _compare_totals(store, topics, tries)
    return Report(store.view, tuple(found), (*differences, *wrong), totals)


def partitions_of(topics: Topics) -> list[Partition]:
    """Every partition that is counted."""
    return [Partition(stage, number) for stage in COUNTED for number in range(topics.partitions)]


class _Stored(Struct):
    """What the store holds of one partition, of one moment."""

    cursor: Cursor
    tables: dict[Table, Sums]


async def _at_one_moment(store: Store, partition: Partition, tries: int) -> _Stored:
    for left in reversed(range(tries)):
        head = await store.open(partition)
        scopes = sorted(head.scopes)
        tables: dict[Table, Sums] = {
            "partial": await store.partials(partition),
            "minutes": {scope: await store.series(partition, scope, unit="minute") for scope in scopes},
            "hours": {scope: await store.series(partition, scope, unit="hour") for scope in scopes},
            "fresh": {scope: await store.freshness(partition, scope) for scope in scopes},
        }
        if (await store.open(partition)).cursor == head.cursor:
            return _Stored(head.cursor, tables)
        await asyncio.sleep(_PAUSE_S if left else 0)
    raise AuditImpossible(
        f"{partition}: its counters changed while they were read, {tries} times. Nothing was compared. Stop the "
        "workers (or wait until they have caught up), and audit again."
    )


def _check(partition: Partition, cursor: Cursor, span: Span, *, incomplete: bool) -> None:
    if cursor.log not in ("", span.log):
        raise AuditImpossible(
            f"{partition}@{cursor.next_offset}: the counters were made from log {cursor.log}, the topic there now is "
            f"log {span.log}: it was deleted and created anew, or this is another cluster. Nothing was compared. Point "
            "kafka.bootstrap at the right cluster, or count anew from what is there: tracker rebuild"
        )
    if cursor.next_offset > span.end:
        raise AuditImpossible(
            f"{partition}@{cursor.next_offset}: the log ends at {span.end}: records that were counted are gone from "
            "its end. Nothing was compared. Restore the topic, or count anew from what is there: tracker rebuild"
        )
    if span.begin > 0 and not incomplete:
        raise AuditImpossible(
            f"{partition}: the log now begins at {span.begin}, its first records are gone (retention?), so the "
            "counters cannot be proved. Nothing was compared. Restore the topic; or compare what is left all the same "
            "(--incomplete): what only the lost records told will show as differences"
        )


class _Reading:
    """One partition's log on its way to the recount."""

    def __init__(self, partition: Partition, log: Log, begin: int, end: int, progress: Progress) -> None:
        self.partition = partition
        self.log = log
        self.begin, self.end = begin, end
        self.progress = progress
        self.unreadable = 0

    def recount(self) -> Counters:
        counters = recount_log(self._events())
        self.progress(self.partition, max(0, self.end - self.begin), max(0, self.end - self.begin))
        return counters

    def _events(self) -> Iterator[_Placed]:
        for number, (offset, value) in enumerate(self.log.read(self.partition, self.begin, self.end)):
            if number % _TELL_EVERY == 0:
                self.progress(self.partition, offset - self.begin, self.end - self.begin)
            try:
                event = decode(value or b"")
            except UnreadableEvent:
                self.unreadable += (
                    1  # The worker made a dead letter of it, as it does of every record that is no event.
                )
                continue
            yield _Placed(offset, event)


class _Placed(Struct, frozen=True):
    offset: int
    event: AnyEvent


def _compare(partition: Partition, expected: Counters, stored: _Stored) -> Iterator[tuple[int, list[Difference]]]:
    wanted: dict[Table, Sums] = {
        "partial": expected.partial,
        "minutes": expected.minutes,
        "hours": expected.hours,
        "fresh": expected.fresh,
    }
    for table, sums in wanted.items():
        yield compare(partition, table, sums, stored.tables[table])


def compare(partition: Partition | None, table: Table, expected: Sums, stored: Sums) -> tuple[int, list[Difference]]:
    """How many numbers there are on either side, and those that differ. A number that is absent is no zero."""
    number, differences = 0, []
    for scope in sorted({*expected, *stored}):
        wanted, found = expected.get(scope, {}), stored.get(scope, {})
        for field in sorted({*wanted, *found}):
            number += 1
            if wanted.get(field) != found.get(field):
                differences.append(Difference(partition, table, scope, field, wanted.get(field), found.get(field)))
    return number, differences


async def _compare_totals(store: Store, topics: Topics, tries: int) -> tuple[int, Sequence[Difference]]:
    """Totals against the sums of the partials. They follow after a moment, so a difference is looked at again."""
    number, wrong = 0, list[Difference]()
    for left in reversed(range(tries)):
        sums: dict[Scope, dict[str, int]] = {}
        campaigns: set[str] = set()
        for partition in partitions_of(topics):
            campaigns.update(scope.campaign for scope in await store.scopes(partition))
            for scope, fields in (await store.partials(partition)).items():
                into = sums.setdefault(scope, {})
                for field, amount in fields.items():
                    into[field] = into.get(field, 0) + amount
        totals: dict[Scope, Mapping[str, int]] = {}
        for campaign in sorted(campaigns):
            totals.update(await store.totals(campaign))
        number, wrong = compare(None, "total", _without_zeros(sums), _without_zeros(totals))
        if not wrong:
            break
        await asyncio.sleep(_PAUSE_S if left else 0)
    return number, wrong


def _without_zeros(sums: Sums) -> Sums:
    return {scope: {field: amount for field, amount in fields.items() if amount} for scope, fields in sums.items()}
