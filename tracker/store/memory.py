"""The store in this process's memory: the contract in its plainest form, for tests and simulations.

1. Nothing awaits inside a method, so each is atomic on one event loop.
2. `apply` works out everything that can be refused before it changes anything.
3. What is handed out is a copy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct, field

from tracker.store.base import (
    ApplyRefused,
    Change,
    Cursor,
    Head,
    Lease,
    Loaded,
    Partition,
    Scope,
    StaleCursor,
)

EXACT = 2**53 - 1
"""The greatest sum that every store keeps exact (Redis's scripts calculate in doubles)."""

_Table = dict[Scope, dict[str, int]]


class _Room(Struct):
    """What one partition holds."""

    cursor: Cursor = Cursor()
    pieces: dict[str, bytes] = field(default_factory=dict)
    partials: _Table = field(default_factory=dict)
    minutes: _Table = field(default_factory=dict)
    hours: _Table = field(default_factory=dict)
    fresh: _Table = field(default_factory=dict)
    scopes: set[Scope] = field(default_factory=set)
    definitions: dict[str, bytes] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    terms: dict[str, set[str]] = field(default_factory=dict)
    seen: dict[int, set[str]] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    leased: dict[str, Lease] = field(default_factory=dict)


class MemoryStore:
    """Implements `tracker.store.base.Store`."""

    def __init__(self, view: str = "memory") -> None:
        self.view = view
        self._rooms: dict[Partition, _Room] = {}
        self._totals: dict[str, _Table] = {}

    async def check(self) -> None:
        """Memory is always fit."""

    async def open(self, partition: Partition) -> Head:
        room = self._room(partition)
        return Head(
            cursor=room.cursor,
            origins=dict(room.origins),
            definitions=dict(room.definitions),
            marks=dict(room.marks),
            scopes=frozenset(room.scopes),
        )

    async def load(self, partition: Partition, pieces: Collection[str], terms: Collection[str]) -> Loaded:
        room = self._room(partition)
        return Loaded(
            pieces={key: room.pieces.get(key) for key in pieces},
            terms={term: frozenset(room.terms.get(term, ())) for term in terms},
        )

    async def seen(self, partition: Partition, ids: Mapping[int, Collection[str]]) -> frozenset[str]:
        known = self._room(partition).seen
        return frozenset(each for day, asked in ids.items() for each in asked if each in known.get(day, ()))

    async def apply(self, partition: Partition, change: Change) -> None:
        room = self._room(partition)
        if room.cursor != change.expected:
            raise StaleCursor(partition, change.expected, room.cursor)
        merged = [
            (held, self._merged(partition, change, held, wanted, add))
            for held, wanted, add in (
                (room.partials, change.increments, True),
                (room.minutes, change.minutes, True),
                (room.hours, change.hours, True),
                (room.fresh, change.fresh, False),
            )
        ]
        for held, news in merged:
            held.update(news)
            room.scopes |= news.keys()
        room.cursor = change.next
        self._write_states(room, change)
        self._write_schedule(room, change)

    async def partials(self, partition: Partition) -> Mapping[Scope, Mapping[str, int]]:
        return {scope: dict(fields) for scope, fields in self._room(partition).partials.items() if fields}

    async def partial(self, partition: Partition, scope: Scope) -> Mapping[str, int]:
        return dict(self._room(partition).partials.get(scope, {}))

    async def freshness(self, partition: Partition, scope: Scope) -> Mapping[str, int]:
        return dict(self._room(partition).fresh.get(scope, {}))

    async def scopes(self, partition: Partition) -> frozenset[Scope]:
        return frozenset(self._room(partition).scopes)

    async def series(self, partition: Partition, scope: Scope, *, unit: str) -> Mapping[str, int]:
        room = self._room(partition)
        return dict({"minute": room.minutes, "hour": room.hours}[unit].get(scope, {}))

    async def lease(self, partition: Partition, *, now: int, limit: int, lease_ms: int) -> Sequence[Lease]:
        room = self._room(partition)
        for lease in [lease for lease in room.leased.values() if lease.until <= now]:
            del room.leased[lease.item]
            room.due[lease.item] = lease.due
        ready = sorted((due, item.encode(), item) for item, due in room.due.items() if due <= now)[:limit]
        taken = [Lease(partition=partition, item=item, due=due, until=now + lease_ms) for due, _, item in ready]
        for lease in taken:
            del room.due[lease.item]
            room.leased[lease.item] = lease
        return taken

    async def release(self, lease: Lease, *, due: int) -> None:
        room = self._room(lease.partition)
        held = room.leased.get(lease.item)
        if held is not None and held.until == lease.until:
            del room.leased[lease.item]
            room.due[lease.item] = due

    async def write_totals(self, campaign: str, totals: Mapping[Scope, Mapping[str, int]]) -> None:
        self._totals[campaign] = {scope: dict(fields) for scope, fields in totals.items()}

    async def totals(self, campaign: str) -> Mapping[Scope, Mapping[str, int]]:
        return {scope: dict(fields) for scope, fields in self._totals.get(campaign, {}).items()}

    async def close(self) -> None:
        """Nothing to close: what is held goes with this object."""

    def _room(self, partition: Partition) -> _Room:
        return self._rooms.setdefault(partition, _Room())

    def _merged(self, partition: Partition, change: Change, held: _Table, wanted: _Table, add: bool) -> _Table:
        merged: _Table = {}
        for scope, fields in wanted.items():
            new = dict(held.get(scope, {}))
            for name, value in fields.items():
                new[name] = new.get(name, 0) + value if add else max(new.get(name, value), value)
                if abs(new[name]) > EXACT:
                    reason = f"the field {name} of {scope} would leave the range of exact integers (2^53)"
                    raise ApplyRefused(partition, change.expected, reason)
                if add and not new[name]:
                    del new[name]
            merged[scope] = new
        return merged

    def _write_states(self, room: _Room, change: Change) -> None:
        for key, piece in change.pieces.items():
            if piece is None:
                room.pieces.pop(key, None)
            else:
                room.pieces[key] = piece
        room.definitions |= change.definitions
        room.origins |= change.origins
        room.marks |= change.marks
        for term, members in change.term_drops.items():
            room.terms.setdefault(term, set()).difference_update(members)
        for term, members in change.term_adds.items():
            room.terms.setdefault(term, set()).update(members)
        for day, ids in change.seen.items():
            room.seen.setdefault(day, set()).update(ids)
        if change.forget_days_before is not None:
            room.seen = {day: ids for day, ids in room.seen.items() if day >= change.forget_days_before}

    def _write_schedule(self, room: _Room, change: Change) -> None:
        for item, due in change.due.items():
            room.leased.pop(item, None)
            if due is None:
                room.due.pop(item, None)
            else:
                room.due[item] = due
