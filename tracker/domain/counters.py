"""Whom a number counts for, and the sums that one batch makes.

1. A match says for which campaign something counts, and how it came to: from it alone follow the scopes.
2. A sum is signed and never zero: what cancels out within a batch is not written.
3. Every change of a counter that has a history is in its series too, at the minute of the event that made it: so a
   series sums up to its counter (docs/explanation/counting.md, section 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from msgspec import Struct

from tracker.domain.events import Source

CAMPAIGN_SCOPE = ""
WORD_OF_MOUTH = "~wom"
"""The scope of posts that carry a campaign's hashtag without an agreement."""

How = Literal["submitted", "agreement", "word_of_mouth", "code", "click", "link"]

MINUTE = 60_000
HOUR = 3_600_000
DAY = 86_400_000


class Scope(Struct, frozen=True, order=True):
    """Whom a partial counts for: a campaign ("" as `who`), one of its creators (the creator's id), or `~wom`."""

    campaign: str
    who: str = CAMPAIGN_SCOPE


class Match(NamedTuple):
    """For which campaign something counts, by which rule, and for whom ("": nobody in particular)."""

    campaign: str
    how: How
    who: str


Matches = tuple[Match, ...]
"""At most one for each campaign, in the order of the campaigns' ids."""


def scopes_of(match: Match) -> tuple[Scope, ...]:
    """Where a match counts: docs/explanation/counting.md, end of section 3, and section 5."""
    if match.how == "word_of_mouth":
        return (Scope(match.campaign, WORD_OF_MOUTH),)
    if match.who:
        return (Scope(match.campaign), Scope(match.campaign, match.who))
    return (Scope(match.campaign),)


def add(into: dict[str, int], field: str, amount: int) -> None:
    into[field] = into.get(field, 0) + amount


class Ledger:
    """What a batch changes for all that has the same matches: summed here once, handed to the scopes at the end."""

    __slots__ = ("counts", "fresh", "matched", "matches", "minutes", "unit")

    def __init__(self, matches: Matches, unit: str) -> None:
        self.matches = matches
        self.unit = unit
        self.matched = 0
        """How many more (or fewer) of `unit` match so: each counts in `{unit}.by.{how}`."""
        self.counts: dict[str, int] = {}
        self.minutes: dict[int, dict[str, int]] = {}
        """Minute since the epoch → field → change."""
        self.fresh: dict[Source, int] = {}

    def at(self, minute: int) -> dict[str, int]:
        """The changes of one minute, to be added to."""
        row = self.minutes.get(minute)
        if row is None:
            row = self.minutes[minute] = {}
        return row

    def renew(self, source: Source, observed_at: int) -> None:
        if observed_at > self.fresh.get(source, -1):
            self.fresh[source] = observed_at


class Sums(NamedTuple):
    """What a batch changes, by scope. Shapes and field names as the store's `Change` has them."""

    increments: dict[Scope, dict[str, int]]
    minutes: dict[Scope, dict[str, int]]
    hours: dict[Scope, dict[str, int]]
    fresh: dict[Scope, dict[str, int]]


class Ledgers:
    """The ledgers of one batch, one for each combination of matches that occurred in it."""

    def __init__(self) -> None:
        self._ledgers: dict[tuple[str, Matches], Ledger] = {}

    def of(self, matches: Matches, unit: str) -> Ledger | None:
        """The ledger of these matches; None where there are none: what matches nothing counts nowhere."""
        if not matches:
            return None
        ledger = self._ledgers.get((unit, matches))
        if ledger is None:
            ledger = self._ledgers[unit, matches] = Ledger(matches, unit)
        return ledger

    def sums(self) -> Sums:
        """Hand every ledger's changes to the scopes of its matches."""
        counts: dict[Scope, dict[str, int]] = {}
        minutes: dict[Scope, dict[int, dict[str, int]]] = {}
        hours: dict[Scope, dict[int, dict[str, int]]] = {}
        fresh: dict[Scope, dict[str, int]] = {}
        for ledger in self._ledgers.values():
            by_hour = _by_hour(ledger.minutes)
            for match in ledger.matches:
                for scope in scopes_of(match):
                    into = counts.setdefault(scope, {})
                    _add_all(into, ledger.counts)
                    add(into, f"{ledger.unit}.by.{match.how}", ledger.matched)
                    _add_rows(hours.setdefault(scope, {}), by_hour)
                    if scope.who in (CAMPAIGN_SCOPE, WORD_OF_MOUTH):
                        _add_rows(minutes.setdefault(scope, {}), ledger.minutes)
                    _raise_all(fresh.setdefault(scope, {}), ledger.fresh)
        return Sums(
            increments=_without_zeros(counts),
            minutes=_without_zeros({scope: _named(rows) for scope, rows in minutes.items()}),
            hours=_without_zeros({scope: _named(rows) for scope, rows in hours.items()}),
            fresh={scope: latest for scope, latest in fresh.items() if latest},
        )


def _by_hour(minutes: Mapping[int, Mapping[str, int]]) -> dict[int, dict[str, int]]:
    hours: dict[int, dict[str, int]] = {}
    for minute, row in minutes.items():
        _add_all(hours.setdefault(minute // 60, {}), row)
    return hours


def _add_rows(into: dict[int, dict[str, int]], rows: Mapping[int, Mapping[str, int]]) -> None:
    for unit, row in rows.items():
        known = into.get(unit)
        if known is None:
            into[unit] = dict(row)
        else:
            _add_all(known, row)


def _add_all(into: dict[str, int], row: Mapping[str, int]) -> None:
    for field, amount in row.items():
        into[field] = into.get(field, 0) + amount


def _raise_all(into: dict[str, int], row: Mapping[Source, int]) -> None:
    for source, at in row.items():
        if at > into.get(source, -1):
            into[source] = at


def _named(rows: Mapping[int, Mapping[str, int]]) -> dict[str, int]:
    return {f"{field}@{unit}": amount for unit, row in rows.items() for field, amount in row.items() if amount}


def _without_zeros(sums: Mapping[Scope, Mapping[str, int]]) -> dict[Scope, dict[str, int]]:
    kept = {scope: {field: amount for field, amount in row.items() if amount} for scope, row in sums.items()}
    return {scope: row for scope, row in kept.items() if row}


def campaigns_of(sums: Iterable[Mapping[Scope, object]]) -> set[str]:
    """The campaigns that any of these sums names."""
    return {scope.campaign for part in sums for scope in part}
