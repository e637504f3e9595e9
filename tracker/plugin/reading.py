"""Strict reading of foreign JSON, with the place of every fault.

1. A document is read whole or refused: UTF-8 without a byte order mark, one value, no duplicate keys, no NaN or
   infinity, bounded depth and size.
2. Integers are exact at any size (ids above 2^53 are JSON numbers on some platforms).
3. Reading a value gives what its name says or raises Unreadable with a JSON path; never a default, never zero.
4. A reason names types and places, never contents: payloads hold personal data and reasons are logged.

Each law is tested in tests/plugin/test_reading.py.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from tracker.plugin.api import Unreadable

# Above any answer or envelope met: 1,000 Instagram comments of 1,000 characters, each escaped as \\uXXXX, are 6 MB.
MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 64  # the deepest documented payload has 9
MAX_COUNT = 2**53 - 1
MAX_INSTANT = 253_402_300_799_999
MAX_ID = 512
MAX_TEXT = 100_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,12}))?(?:([Zz])|([+-])(\d\d):?(\d\d))", re.ASCII
)
_DIGITS = re.compile(r"\d{1,16}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


class Node:
    """One value of a document and its place. A member that is absent and one that is null are the same: not said."""

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str = "$") -> None:
        self.value = value
        self.path = path

    def refuse(self, expected: str) -> NoReturn:
        """Raise Unreadable: what was expected here, and the type of what stands here."""
        raise Unreadable(f"{self.path}: expected {expected}, got {_kind(self.value)}")

    # Going down

    def maybe(self, key: str) -> Node | None:
        """The member `key` of this object; None where it is absent or null."""
        if not isinstance(self.value, dict):
            self.refuse("an object")
        value = self.value.get(key)
        return None if value is None else Node(value, f"{self.path}.{key}")

    def member(self, key: str) -> Node:
        """The member `key` of this object, which must be there."""
        found = self.maybe(key)
        if found is None:
            raise Unreadable(f"{self.path}.{key}: missing")
        return found

    def members(self) -> Iterator[tuple[str, Node]]:
        """Every member of this object, by its key. Null members too."""
        if not isinstance(self.value, dict):
            self.refuse("an object")
        for key, value in self.value.items():
            yield key, Node(value, f"{self.path}.{key}")

    def elements(self) -> Iterator[Node]:
        """Every element of this array."""
        if not isinstance(self.value, list):
            self.refuse("an array")
        for index, value in enumerate(self.value):
            yield Node(value, f"{self.path}[{index}]")

    def is_array(self) -> bool:
        return isinstance(self.value, list)

    def is_object(self) -> bool:
        return isinstance(self.value, dict)

    # What stands here

    def identifier(self) -> str:
        """An id: a string of 1 to 512 characters, or a JSON integer as its digits (exact at any size)."""
        value = self.value
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            value = str(value) if value < 10**MAX_ID else ""
        if not isinstance(value, str):
            self.refuse("an id (string or integer)")
        if not 1 <= len(value) <= MAX_ID or not value.isprintable():
            raise Unreadable(f"{self.path}: expected an id of 1 to {MAX_ID} printable characters")
        return value

    def string(self) -> str:
        """A string exactly as it stands."""
        if not isinstance(self.value, str):
            self.refuse("a string")
        return str(self.value)

    def text(self) -> str:
        """People's text. Half a surrogate pair (platforms cut texts mid-emoji) becomes U+FFFD."""
        value = whole_characters(self.string())
        if len(value) > MAX_TEXT:
            raise Unreadable(f"{self.path}: {len(value)} characters; a text has at most {MAX_TEXT}")
        return value

    def flag(self) -> bool:
        """true or false."""
        if not isinstance(self.value, bool):
            self.refuse("true or false")
        return bool(self.value)

    def integer(self) -> int:
        """An integer; 1.0 and true are none."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.refuse("an integer")
        return int(self.value)

    def count(self) -> int:
        """An integer from 0 to 2^53 - 1: beyond it a count could not be added exactly in every store."""
        return self._bounded(self.integer(), MAX_COUNT, "a count")

    def count_in_string(self) -> int:
        """A count that the platform writes as a string of digits."""
        if not _DIGITS.fullmatch(self.string()):
            raise Unreadable(f"{self.path}: expected a count in a string of digits")
        return self._bounded(int(self.string()), MAX_COUNT, "a count")

    def seconds(self) -> int:
        """Unix seconds, as an instant (ms)."""
        return self._bounded(self.integer() * 1000, MAX_INSTANT, "Unix seconds")

    def milliseconds(self) -> int:
        """Unix milliseconds: an instant."""
        return self._bounded(self.integer(), MAX_INSTANT, "Unix milliseconds")

    def time(self) -> int:
        """A written time (RFC 3339, or with an offset without colon as the Graph API has it), as an instant (ms)."""
        try:
            return read_time(self.string())
        except ValueError as error:
            raise Unreadable(f"{self.path}: {error}") from error

    def _bounded(self, value: int, maximum: int, what: str) -> int:
        if not 0 <= value <= maximum:
            raise Unreadable(f"{self.path}: expected {what} from 0 to {maximum}, got one beyond")
        return value


def read_json(body: bytes, *, path: str = "$", max_bytes: int = MAX_BODY_BYTES) -> Node:
    """Read one JSON document by the laws above. Raises Unreadable. `path` is the place to start from in messages."""
    if len(body) > max_bytes:
        raise Unreadable(f"{path}: {len(body)} bytes; at most {max_bytes} are read")
    try:
        document = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path}: not UTF-8 (byte {error.start})") from error
    try:
        value = json.loads(
            document, object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse_constant, parse_int=int
        )
    except json.JSONDecodeError as error:
        raise Unreadable(f"{path}: not JSON (line {error.lineno}, column {error.colno}: {error.msg})") from error
    except ValueError as error:
        raise Unreadable(f"{path}: {error}") from error
    except RecursionError as error:
        raise Unreadable(f"{path}: nested more than {MAX_DEPTH} deep") from error
    if _is_deeper(value, MAX_DEPTH):
        raise Unreadable(f"{path}: nested more than {MAX_DEPTH} deep")
    return Node(value, path)


def read_time(written: str) -> int:
    """RFC 3339 (fractions of up to 12 digits, cut to ms; `+0000` as well as `+00:00`) as ms. Raises ValueError."""
    found = _TIME.fullmatch(written)
    if found is None:
        raise ValueError("expected a time such as 2026-01-31T12:00:00Z")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction, _, sign, offset_hours, offset_minutes = found.groups()[6:]
    leap = second == 60  # RFC 3339 allows it; datetime does not
    try:
        instant = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=UTC) - _EPOCH
    except ValueError as error:
        raise ValueError("expected a time that exists") from error
    if sign is not None:
        offset = timedelta(hours=int(offset_hours), minutes=int(offset_minutes))
        instant += offset if sign == "-" else -offset
    value = instant // timedelta(milliseconds=1) + 1000 * leap + int(((fraction or "") + "000")[:3])
    if not 0 <= value <= MAX_INSTANT:
        raise ValueError("expected a time from 1970 to 9999")
    return value


def whole_characters(text: str) -> str:
    """The text with each lone surrogate replaced by U+FFFD, so that it can be written as UTF-8."""
    if _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same key twice")
    return found


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _is_deeper(value: Any, most: int) -> bool:
    """Whether objects and arrays stand more than `most` deep in one another."""
    level = [value]
    for _ in range(most + 1):
        holders = [node for node in level if isinstance(node, dict | list)]
        if not holders:
            return False
        level = [child for node in holders for child in (node.values() if isinstance(node, dict) else node)]
    return True


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
