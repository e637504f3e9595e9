"""What an audit found."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tracker.store.base import Partition, Scope

EXACT, DIFFERENT, IMPOSSIBLE = 0, 1, 2
"""Exit codes: no difference; at least one; it could not be found out."""

Table = Literal["partial", "minutes", "hours", "fresh", "total"]


class AuditImpossible(Exception):
    """The counters can be neither confirmed nor refuted. The message says why, and what to do. Nothing was changed."""

    exit_code = IMPOSSIBLE


class Difference(Struct, frozen=True):
    """One number that is not as it must be. None: the field is absent."""

    partition: Partition | None
    """None for a total, which is the sum over all partitions."""
    table: Table
    scope: Scope
    field: str
    expected: int | None
    stored: int | None

    def __str__(self) -> str:
        where = "all partitions" if self.partition is None else str(self.partition)
        whom = f"{self.scope.campaign}/{self.scope.who}" if self.scope.who else self.scope.campaign
        source = "the partials add up to" if self.table == "total" else "the log says"
        return (
            f"{where} {whom} {self.table} {self.field}: {source} {_said(self.expected)}, the store {_said(self.stored)}"
        )


class Counted(Struct, frozen=True):
    """One partition as it was counted again."""

    partition: Partition
    begin: int
    """The first offset that the log still holds: 0, unless records are gone."""
    next_offset: int
    """Counted up to here: the store's cursor."""
    behind: int
    """How many offsets of the log the store has not counted yet."""
    unreadable: int
    """Records that are no events; they are among the dead letters."""
    refused: int
    """Events that the count refuses; they are among the dead letters."""
    fields: int
    """Numbers compared."""


class Report(Struct, frozen=True):
    """The outcome of a whole audit."""

    view: str
    partitions: tuple[Counted, ...]
    differences: tuple[Difference, ...]
    totals: int
    """Numbers of totals compared."""

    @property
    def exit_code(self) -> int:
        return DIFFERENT if self.differences else EXACT

    @property
    def compared(self) -> int:
        """Numbers compared, all together."""
        return self.totals + sum(counted.fields for counted in self.partitions)


def _said(value: int | None) -> str:
    return "nothing" if value is None else str(value)
