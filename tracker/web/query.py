"""A request's query against the parameters that its route declares.

1. A parameter that is not declared is refused, with the one that was probably meant; so is one given twice.
2. Values are text on the wire: integers, truth and choices are read from it, instants from RFC 3339 or ms.
3. All faults are told at once, each by its parameter's name.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache, reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from tracker.ingest.http import FieldFault
from tracker.web.problems import bad_request

T = TypeVar("T", bound=Struct)

INSTANTS: Final = frozenset({"from", "to"})
_LATEST = 253_402_300_799_999
_TOKEN_NAMES: Final = frozenset({"token", "access_token", "api_key", "apikey", "authorization", "bearer", "key"})

Limit = Annotated[int, Meta(ge=1, le=200, description="So many items at most.")]
Cursor = Annotated[str, Meta(max_length=2_000, description="The `next` of the page before.")] | None
Search = Annotated[str, Meta(min_length=1, max_length=100, description="Part of an id or a name, in any case.")] | None
Slug = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Paged(Struct, frozen=True, kw_only=True):
    """What every list takes."""

    limit: Limit = 50
    cursor: Cursor = None


def names_a_token(name: str, value: str) -> bool:
    """Whether a parameter is one that tokens are put into, or holds one of ours."""
    return name.lower() in _TOKEN_NAMES or "trk_" in value


def read(given: Sequence[tuple[str, str]], wanted: type[T]) -> T:
    """The parameters as declared. Raises Refused (400)."""
    types = _types(wanted)
    faults: list[FieldFault] = []
    values: dict[str, Any] = {}
    for name, text in given:
        if name not in types:
            faults.append(FieldFault(name[:100], _unknown(name, tuple(types))))
        elif name in values:
            faults.append(FieldFault(name, "is given twice"))
        else:
            values[name] = text
            try:
                values[name] = _value(name, text, types[name])
            except ValueError as error:
                faults.append(FieldFault(name, _said(error)))
    faults += [
        FieldFault(field.encode_name, "is missing")
        for field in msgspec.structs.fields(wanted)
        if field.required and field.encode_name not in values
    ]
    if faults:
        raise bad_request("bad_parameter", "the parameters cannot be accepted; nothing was done", *faults)
    return msgspec.convert(values, wanted)


@lru_cache
def _types(wanted: type[Struct]) -> dict[str, Any]:
    hints = get_type_hints(wanted, include_extras=True)
    return {field.encode_name: _given(hints[field.name]) for field in msgspec.structs.fields(wanted)}


def _given(hint: Any) -> Any:
    """The type of a parameter that is given: the text `null` is no absence."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    return reduce(or_, (each for each in get_args(hint) if each is not NoneType))


def _value(name: str, text: str, wanted: Any) -> Any:
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("holds a character that is none")
    if name in INSTANTS:
        return _instant(text)
    return msgspec.convert(text, wanted, strict=False)


def _instant(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 15:
        at = int(text)
    else:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise ValueError("Expected ms since the epoch, or RFC 3339 with an offset, as 2026-11-01T00:00:00Z")
        at = int(moment.timestamp() * 1000)
    if not 0 <= at <= _LATEST:
        raise ValueError("Expected an instant between 1970 and 9999")
    return at


def _unknown(name: str, known: Sequence[str]) -> str:
    if not known:
        return "no such parameter; there is none here"
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean `{near[0]}`?" if near else "."
    return f"no such parameter{hint} Allowed: {', '.join(sorted(known))}"


def _said(error: ValueError) -> str:
    return str(error).partition(" - at `")[0][:300]
