"""The store's contract. `memory` and `redis` (single and cluster) pass one suite: tests/store/contract.py.

1. `apply` writes a whole batch or nothing. It succeeds only if the stored cursor is the expected one, of the same log.
2. Everything of one partition lives under one hash tag, so it is one slot of a cluster.
3. A partial is the sum of all increments applied to it; a field whose sum is zero is absent.
4. Sums are exact up to 2^53 - 1 either way; an apply that would leave that range is refused whole.
5. Totals are a view: overwritten whole, never incremented.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from msgspec import Struct, field

from tracker.domain.counters import CAMPAIGN_SCOPE, WORD_OF_MOUTH, Scope

__all__ = [
    "CAMPAIGN_SCOPE",
    "WORD_OF_MOUTH",
    "ApplyRefused",
    "ApplyUnknown",
    "Change",
    "Cursor",
    "Head",
    "Lease",
    "Loaded",
    "Partition",
    "Scope",
    "StaleCursor",
    "Store",
    "StoreUnreachable",
    "UnfitStore",
]


class Partition(Struct, frozen=True, order=True):
    """A partition as the store knows it: the topic's stage ("inbox", "activity", "commerce") and its number."""

    stage: str
    number: int

    def __str__(self) -> str:
        return f"{self.stage}[{self.number}]"


class Cursor(Struct, frozen=True):
    """The next offset to read, in one very log (`log` names cluster and topic id; "" before the first apply)."""

    next_offset: int = 0
    log: str = ""


class Head(Struct, frozen=True):
    """What a worker reads when a partition is assigned to it."""

    cursor: Cursor
    origins: Mapping[str, str]
    """`{log}/{inbox partition}` → `{offset}/{index}` of the highest origin seen."""
    definitions: Mapping[str, bytes]
    """`{kind}:{id}` → the encoded DefinitionChanged fact (deleted ones too: their version counts)."""
    marks: Mapping[str, int]
    """Numbers about the partition itself, e.g. `observed` (its highest observed_at)."""
    scopes: Collection[Scope]
    """Every scope that was ever counted for here (its partial may be empty again)."""


class Loaded(Struct, frozen=True):
    """Pieces of state and index terms, as asked; what does not exist is None, or an empty set."""

    pieces: Mapping[str, bytes | None]
    terms: Mapping[str, frozenset[str]]


class Change(Struct, kw_only=True):
    """What one batch does to one partition, all or nothing."""

    expected: Cursor
    next: Cursor
    pieces: dict[str, bytes | None] = field(default_factory=dict)
    """Piece key → new bytes; None deletes it."""
    increments: dict[Scope, dict[str, int]] = field(default_factory=dict)
    """Signed, never zero. Field names: docs/explanation/counting.md."""
    minutes: dict[Scope, dict[str, int]] = field(default_factory=dict)
    """Series by minute: field `{metric}@{minutes since the epoch}` → signed."""
    hours: dict[Scope, dict[str, int]] = field(default_factory=dict)
    """Series by hour: field `{metric}@{hours since the epoch}` → signed."""
    fresh: dict[Scope, dict[str, int]] = field(default_factory=dict)
    """Source → latest observed_at that counted (kept as a maximum)."""
    definitions: dict[str, bytes] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    term_adds: dict[str, set[str]] = field(default_factory=dict)
    """Index term → members it gains. Drops come first: what is named in both stays."""
    term_drops: dict[str, set[str]] = field(default_factory=dict)
    due: dict[str, int | None] = field(default_factory=dict)
    """Item of the polling schedule → ms when due; None takes it off. Writing an item ends its lease."""
    seen: dict[int, set[str]] = field(default_factory=dict)
    """Day since the epoch → event ids of increments."""
    forget_days_before: int | None = None
    """Days before this one lose their event ids, after `seen` was added."""


class StaleCursor(Exception):
    """The stored cursor is not the expected one: somebody else applied. Nothing was changed."""

    def __init__(self, partition: Partition, expected: Cursor, stored: Cursor) -> None:
        super().__init__(
            f"{partition}@{expected.next_offset}: refused, the stored cursor is {stored.next_offset} of log "
            f"{stored.log or '(none)'} (expected log {expected.log or '(none)'}). Nothing was applied. Another worker "
            "owns this partition, or the store was restored: drop what is in memory and read the cursor again."
        )
        self.partition = partition
        self.expected = expected
        self.stored = stored


class ApplyRefused(Exception):
    """The store cannot write this change (damaged key, inexact sum, no memory). Nothing was changed."""

    def __init__(self, partition: Partition, expected: Cursor, reason: str) -> None:
        super().__init__(
            f"{partition}@{expected.next_offset}: the store refused to apply: {reason}. Nothing was applied "
            "and the cursor did not move. Put the cause right and start again; if data is damaged: tracker rebuild."
        )
        self.partition = partition
        self.expected = expected
        self.reason = reason


class ApplyUnknown(Exception):
    """The connection broke while an apply was under way: it was applied whole, or not at all.

    Drop what is in memory, `open` the partition again and go on from the cursor found there: it tells which it was.
    """

    def __init__(self, partition: Partition, expected: Cursor, next_cursor: Cursor, address: str, reason: str) -> None:
        super().__init__(
            f"{partition}@{expected.next_offset}: the connection to {address} broke during an apply up to "
            f"{next_cursor.next_offset} ({reason}). It was applied whole or not at all: read the cursor again and "
            "go on from it."
        )
        self.partition = partition
        self.expected = expected
        self.next = next_cursor
        self.address = address
        self.reason = reason


class StoreUnreachable(Exception):
    """The store does not answer. What was asked for was not done, or may safely be asked again."""

    def __init__(self, address: str, reason: str, waited_seconds: float = 0.0) -> None:
        after = f" after waiting {waited_seconds:.0f} s" if waited_seconds else ""
        super().__init__(
            f"The store at {address} does not answer{after}: {reason.rstrip('.')}. No counter was changed. Start it, "
            "or set its address (TRACKER_REDIS__URL), then start again: counting goes on from the cursor it holds."
        )
        self.address = address
        self.reason = reason
        self.waited_seconds = waited_seconds


class UnfitStore(Exception):
    """The store cannot be trusted with counters (may evict, too old, slots missing). The message says what to do."""


class Lease(Struct, frozen=True):
    """A due item handed to one poller: nobody else gets it before `until` (ms)."""

    partition: Partition
    item: str
    due: int
    until: int


class Store(Protocol):
    """One view of the counters (`view` names it: rebuild fills another one beside it, then switches)."""

    view: str

    async def check(self) -> None:
        """Refuse a store that cannot be trusted. Raises UnfitStore."""
        ...

    async def open(self, partition: Partition) -> Head: ...

    async def load(self, partition: Partition, pieces: Collection[str], terms: Collection[str]) -> Loaded: ...

    async def seen(self, partition: Partition, ids: Mapping[int, Collection[str]]) -> frozenset[str]:
        """Which of these increments (day → ids) were counted already."""
        ...

    async def apply(self, partition: Partition, change: Change) -> None:
        """Write it all, or raise and write nothing.

        Raises StaleCursor, ApplyRefused, StoreUnreachable: nothing was written. Raises ApplyUnknown: one of the two.
        """
        ...

    async def partials(self, partition: Partition) -> Mapping[Scope, Mapping[str, int]]:
        """All partials that are not empty. Each is whole; all are of one moment if the cursor did not move."""
        ...

    async def partial(self, partition: Partition, scope: Scope) -> Mapping[str, int]: ...

    async def freshness(self, partition: Partition, scope: Scope) -> Mapping[str, int]: ...

    async def scopes(self, partition: Partition) -> frozenset[Scope]: ...

    async def series(self, partition: Partition, scope: Scope, *, unit: str) -> Mapping[str, int]:
        """All of a scope's minute or hour fields (`unit`: "minute" | "hour")."""
        ...

    async def lease(self, partition: Partition, *, now: int, limit: int, lease_ms: int) -> Sequence[Lease]:
        """Take items that are due (`due` <= `now`), earliest first, atomically: two pollers never get the same one.

        A lease that has ended (`until` <= `now`) gives its item back, due when it was due.
        """
        ...

    async def release(self, lease: Lease, *, due: int) -> None:
        """Give an item back, due again at `due` ms, if this lease still holds (not ended, not written since)."""
        ...

    async def write_totals(self, campaign: str, totals: Mapping[Scope, Mapping[str, int]]) -> None:
        """Overwrite a campaign's totals, all scopes at once; scopes not named are removed."""
        ...

    async def totals(self, campaign: str) -> Mapping[Scope, Mapping[str, int]]:
        """By scope, as last written; a scope written without fields is there, empty."""
        ...

    async def close(self) -> None: ...
