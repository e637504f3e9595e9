"""Cursors of pages: where the next page begins.

1. A cursor is opaque to whoever gets it, and holds nothing secret: the sort key of the last item shown.
2. It goes on with the very question it came from: with other filters, another order or another address it is refused.
3. What is no cursor of ours is refused, never guessed at.

A page that is asked for by its cursor begins after that key as things are now: what was added or removed meanwhile
shifts nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

Part = int | str
Key = tuple[Part, ...]
"""What a list is sorted by; unique, as its last part is an id."""

T = TypeVar("T")
_FORM = 1
_decoder = msgspec.msgpack.Decoder(tuple[int, bytes, tuple[Part, ...]])


class BadCursor(ValueError):
    """What was sent is no cursor of this question."""


def question(path: str, filters: Iterable[tuple[str, object]]) -> bytes:
    """What a cursor belongs to: the address, the filters and the order."""
    said = repr((path, sorted((name, repr(value)) for name, value in filters)))
    return hashlib.blake2b(said.encode(), digest_size=8).digest()


def write(of: bytes, key: Key) -> str:
    packed = msgspec.msgpack.encode((_FORM, of, key))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read(cursor: str, of: bytes, like: Key | None) -> Key:
    """The key in a cursor, of the same form as `like` (None: the list is empty). Raises BadCursor."""
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        form, belongs, key = _decoder.decode(packed)
    except (binascii.Error, msgspec.MsgspecError, ValueError) as error:
        raise BadCursor("is no cursor of ours: send the `next` of the page before, as it is") from error
    if form != _FORM or belongs != of:
        raise BadCursor("belongs to another question: keep filters and order as they were, or begin without a cursor")
    if like is not None and [type(part) for part in like] != [type(part) for part in key]:
        raise BadCursor("is no cursor of ours: send the `next` of the page before, as it is")
    return key


def page(rows: Sequence[tuple[Key, T]], after: Key | None, limit: int) -> tuple[list[T], Key | None]:
    """The first `limit` of sorted rows that come after a key; and the key for the next page, None on the last."""
    start = 0 if after is None else _first_after(rows, after)
    chosen = rows[start : start + limit]
    more = start + limit < len(rows)
    return [row for _, row in chosen], chosen[-1][0] if more and chosen else None


def _first_after(rows: Sequence[tuple[Key, T]], after: Key) -> int:
    low, high = 0, len(rows)
    while low < high:
        middle = (low + high) // 2
        if rows[middle][0] > after:
            high = middle
        else:
            low = middle + 1
    return low
