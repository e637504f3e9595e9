"""Whom a number counts for, and the sums that one batch makes.

1. A match says for which campaign something counts, and how it came to: from it alone follow the scopes.
2. A sum is signed and never zero: what cancels out within a batch is not written.
3. Every change of a counter that has a history is in its series too, at the minute of the event that made it: so a
   series sums up to its counter (docs/explanation/counting.md, section 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import add as plus
from typing import Literal, NamedTuple

from msgspec import Struct

from tracker.domain.events import METRICS, Source

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
    """Where a match counts, the scope with a history by the minute first.

    docs/explanation/counting.md, end of section 3, and section 5.
    """
    if match.how == "word_of_mouth":
        return (Scope(match.campaign, WORD_OF_MOUTH),)
    if match.who:
        return (Scope(match.campaign), Scope(match.campaign, match.who))
    return (Scope(match.campaign),)


def add(into: dict[str, int], field: str, amount: int) -> None:
    into[field] = into.get(field, 0) + amount


Changes = list[int]
"""Of each metric how much more, in the order of METRICS."""


class Ledger:
    """What a batch changes for all that has the same matches: summed here once, handed to the scopes at the end."""

    __slots__ = ("counts", "fresh", "hours", "matched", "matches", "minutes", "named", "unit")

    def __init__(self, matches: Matches, unit: str, minutes: dict[int, Changes]) -> None:
        self.matches = matches
        self.unit = unit
        self.matched = 0
        """How many more (or fewer) of `unit` match so: each counts in `{unit}.by.{how}`."""
        self.counts: dict[str, int] = {}
        self.minutes = minutes
        """Minute since the epoch → the metrics' changes; one with all ledgers that match the same campaign alone."""
        self.hours: dict[int, Changes] = {}
        """The same by the hour, of this ledger only."""
        self.named: dict[int, dict[str, int]] = {}
        """What has a history and is no metric: minute since the epoch → field → change."""
        self.fresh: dict[Source, int] = {}

    def minute(self, minute: int) -> Changes:
        """The metrics' changes of one minute, to be added to."""
        row = self.minutes.get(minute)
        if row is None:
            row = self.minutes[minute] = [0] * len(METRICS)
        return row

    def hour(self, hour: int) -> Changes:
        """The metrics' changes of one hour, to be added to."""
        row = self.hours.get(hour)
        if row is None:
            row = self.hours[hour] = [0] * len(METRICS)
        return row

    def book(self, minute: int, metric: int, amount: int) -> None:
        """Add to the history of a metric (its index in METRICS)."""
        self.minute(minute)[metric] += amount
        self.hour(minute // 60)[metric] += amount

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
        self._minutes: dict[Scope, dict[int, Changes]] = {}
        """Of each scope with a history by the minute."""

    def of(self, matches: Matches, unit: str) -> Ledger | None:
        """The ledger of these matches; None where there are none: what matches nothing counts nowhere."""
        if not matches:
            return None
        ledger = self._ledgers.get((unit, matches))
        if ledger is None:
            minutes = self._minutes.setdefault(_by_the_minute(matches[0]), {}) if len(matches) == 1 else {}
            ledger = self._ledgers[unit, matches] = Ledger(matches, unit, minutes)
        return ledger

    def sums(self) -> Sums:
        """Hand every ledger's changes to the scopes of its matches."""
        counts: dict[Scope, dict[str, int]] = {}
        hours: dict[Scope, dict[int, Changes]] = {}
        named_minutes: dict[Scope, dict[str, int]] = {}
        named_hours: dict[Scope, dict[str, int]] = {}
        fresh: dict[Scope, dict[str, int]] = {}
        for ledger in self._ledgers.values():
            for match in ledger.matches:
                by_the_minute = _by_the_minute(match)
                if len(ledger.matches) > 1:
                    _add_rows(self._minutes.setdefault(by_the_minute, {}), ledger.minutes)
                _add_named(named_minutes.setdefault(by_the_minute, {}), ledger.named, 1)
                for scope in scopes_of(match):
                    into = counts.setdefault(scope, {})
                    _add_all(into, ledger.counts)
                    add(into, f"{ledger.unit}.by.{match.how}", ledger.matched)
                    if scope != by_the_minute:
                        _add_rows(hours.setdefault(scope, {}), ledger.hours)
                    _add_named(named_hours.setdefault(scope, {}), ledger.named, 60)
                    _raise_all(fresh.setdefault(scope, {}), ledger.fresh)
        for scope, minutes in self._minutes.items():
            hours[scope] = _by_hour(minutes)
        return Sums(
            increments=_without_zeros(counts),
            minutes=_together(named_minutes, self._minutes),
            hours=_together(named_hours, hours),
            fresh={scope: latest for scope, latest in fresh.items() if latest},
        )


def _by_the_minute(match: Match) -> Scope:
    """The one scope of a match whose history is kept by the minute: ADR 0003."""
    return scopes_of(match)[0]


def _by_hour(minutes: Mapping[int, Changes]) -> dict[int, Changes]:
    hours: dict[int, Changes] = {}
    for minute, row in minutes.items():
        _add_row(hours, minute // 60, row)
    return hours


def _add_rows(into: dict[int, Changes], rows: Mapping[int, Changes]) -> None:
    for unit, row in rows.items():
        _add_row(into, unit, row)


def _add_row(into: dict[int, Changes], unit: int, row: Changes) -> None:
    known = into.get(unit)
    into[unit] = row.copy() if known is None else list(map(plus, known, row))


def _add_all(into: dict[str, int], row: Mapping[str, int]) -> None:
    for field, amount in row.items():
        into[field] = into.get(field, 0) + amount


def _add_named(into: dict[str, int], rows: Mapping[int, Mapping[str, int]], minutes: int) -> None:
    """Add what is told by the minute to units of so many `minutes`."""
    for minute, row in rows.items():
        for field, amount in row.items():
            add(into, f"{field}@{minute // minutes}", amount)


def _raise_all(into: dict[str, int], row: Mapping[Source, int]) -> None:
    for source, at in row.items():
        if at > into.get(source, -1):
            into[source] = at


def _together(
    named: Mapping[Scope, Mapping[str, int]], metrics: Mapping[Scope, Mapping[int, Changes]]
) -> dict[Scope, dict[str, int]]:
    """Both kinds of history as the store's fields have them, without zeros."""
    fields = _without_zeros(named)
    for scope, units in metrics.items():
        into = fields.get(scope, {})
        for unit, row in units.items():
            at = f"@{unit}"
            for metric, amount in zip(METRICS, row, strict=True):
                if amount:
                    into[metric + at] = amount
        if into:
            fields[scope] = into
    return fields


def _without_zeros(sums: Mapping[Scope, Mapping[str, int]]) -> dict[Scope, dict[str, int]]:
    kept = {scope: {field: amount for field, amount in row.items() if amount} for scope, row in sums.items()}
    return {scope: row for scope, row in kept.items() if row}
