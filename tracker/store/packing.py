"""A change as the arguments of apply.lua.

1. Numbers travel in one msgpack argument: thousands of arguments cost more in the client than everything else together.
2. Bytes (pieces, definitions) travel as plain arguments beside it: Redis's cmsgpack cannot read msgpack's bin type.
3. Packing formats every key suffix that the script touches, and names its type, so that the script can refuse before it
   writes.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tracker.store import keys
from tracker.store.base import Change

_AT = {
    "cursor": keys.CURSOR,
    "pieces": keys.PIECES,
    "definitions": keys.DEFINITIONS,
    "due": keys.DUE,
    "leases": keys.LEASES,
    "leased": keys.LEASED,
    "days": keys.DAYS,
}


class _Fields(msgspec.Struct, array_like=True):
    """Numbers of one hash, side by side: the script hands both lists on as they are."""

    suffix: str
    names: list[str]
    values: list[int]


class _Plan(msgspec.Struct):
    """What apply.lua does besides the bytes. Lists named `flat` alternate: field, value, field, value."""

    at: dict[str, str]
    types: dict[str, str]
    """Suffix → the type its key must have, if it exists."""
    sums: list[_Fields]
    peaks: list[_Fields]
    texts: dict[str, list[str]]
    """Suffix → flat."""
    join: dict[str, list[str]]
    leave: dict[str, list[str]]
    gone: list[str]
    due: list[int | str]
    """Flat: ms, item."""
    undue: list[str]
    unleased: list[str]
    days: list[int | str]
    """Flat: day, suffix of its set."""
    forget: str | None


def packed(base: str, change: Change) -> list[str | int | bytes]:
    """The arguments of apply.lua, in its order. Raises ValueError for a scope that cannot stand in a key."""
    plan = _plan(change)
    pieces: list[str | int | bytes] = []
    for key, piece in change.pieces.items():
        if piece is None:
            plan.gone.append(key)
        else:
            pieces.append(key)
            pieces.append(piece)
    definitions: list[str | int | bytes] = [part for pair in change.definitions.items() for part in pair]
    return [
        base,
        change.expected.next_offset,
        change.expected.log,
        change.next.next_offset,
        change.next.log,
        msgspec.msgpack.encode(plan),
        len(pieces),
        *pieces,
        *definitions,
    ]


def packed_totals(totals: Mapping[str, Mapping[str, int]]) -> bytes:
    """Totals by suffix, for totals.lua. Values as text: a sum of partials may be beyond what Lua keeps exact."""
    return msgspec.msgpack.encode(
        {
            suffix: [part for field, value in fields.items() for part in (field, str(value))]
            for suffix, fields in totals.items()
        }
    )


def _plan(change: Change) -> _Plan:
    sums = [_fields(keys.partial(scope), fields) for scope, fields in change.increments.items()]
    sums += [_fields(keys.minutes(scope), fields) for scope, fields in change.minutes.items()]
    sums += [_fields(keys.hours(scope), fields) for scope, fields in change.hours.items()]
    peaks = [_fields(keys.fresh(scope), fields) for scope, fields in change.fresh.items()]
    texts = {}
    if change.origins:
        texts[keys.ORIGINS] = [part for pair in change.origins.items() for part in pair]
    if change.marks:
        texts[keys.MARKS] = [part for mark, value in change.marks.items() for part in (mark, str(value))]
    scopes = change.increments.keys() | change.minutes.keys() | change.hours.keys() | change.fresh.keys()
    leave = {keys.term(term): list(members) for term, members in change.term_drops.items() if members}
    join = {keys.term(term): list(members) for term, members in change.term_adds.items() if members}
    join |= {keys.seen(day): list(ids) for day, ids in change.seen.items() if ids}
    if scopes:
        join[keys.SCOPES] = [keys.scope_text(scope) for scope in scopes]
    numbers = (part.suffix for part in (*sums, *peaks))
    types = dict.fromkeys((*numbers, *texts, keys.PIECES, keys.DEFINITIONS, keys.LEASED), "hash")
    types |= dict.fromkeys((*leave, *join), "set")
    types |= dict.fromkeys((keys.DUE, keys.LEASES, keys.DAYS), "zset")
    return _Plan(
        at=_AT,
        types=types,
        sums=sums,
        peaks=peaks,
        texts=texts,
        join=join,
        leave=leave,
        gone=[],
        due=[part for item, due in change.due.items() if due is not None for part in (due, item)],
        undue=[item for item, due in change.due.items() if due is None],
        unleased=list(change.due),
        days=[part for day, ids in change.seen.items() if ids for part in (day, keys.seen(day))],
        forget=None if change.forget_days_before is None else str(change.forget_days_before),
    )


def _fields(suffix: str, fields: Mapping[str, int]) -> _Fields:
    return _Fields(suffix, list(fields), list(fields.values()))
