"""Reading a JSON body against a type, naming every field that does not fit."""

from __future__ import annotations

from typing import Any, TypeVar, get_type_hints

import msgspec

from tracker.ingest.http import FieldFault
from tracker.plugin.api import Unreadable
from tracker.plugin.reading import read_json

WHOLE = "(body)"
"""Stands for the field where the fault is the body's own: no JSON, a duplicate key, no object."""

T = TypeVar("T", bound=msgspec.Struct)


class BadBody(Exception):
    """A body that does not fit. `faults` names each field once."""

    def __init__(self, faults: list[FieldFault]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.detail}" for fault in faults))
        self.faults = faults


def read_struct(body: bytes, wanted: type[T]) -> T:
    """Decode strictly: UTF-8, no duplicate keys, no NaN, bounded depth, no unknown field. Raises BadBody."""
    try:
        found = read_json(body).value
    except Unreadable as error:
        raise BadBody([FieldFault(WHOLE, error.reason)]) from error
    if not isinstance(found, dict):
        raise BadBody([FieldFault(WHOLE, "expected an object")])
    types = get_type_hints(wanted, include_extras=True)
    faults = [
        FieldFault(str(name)[:100], f"no such field; there are {', '.join(types)}")
        for name in found
        if name not in types
    ]
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(wanted):
        if field.name in found:
            try:
                values[field.name] = _convert(found[field.name], types[field.name])
            except msgspec.ValidationError as error:
                faults.append(FieldFault(field.name, _said(error)))
        elif field.required:
            faults.append(FieldFault(field.name, "missing"))
    if faults:
        raise BadBody(faults)
    return wanted(**values)


def _convert(value: Any, wanted: Any) -> Any:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise msgspec.ValidationError("half a surrogate pair is no character") from error
    if isinstance(value, float):
        raise msgspec.ValidationError("a number with a fraction or exponent; write an integer")
    return msgspec.convert(value, wanted)


def _said(error: msgspec.ValidationError) -> str:
    # msgspec ends a message with the place inside the value; the field is named beside it.
    return str(error).partition(" - at `")[0]
