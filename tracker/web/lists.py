"""A page of a list: chosen by its cursor before anything of it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from tracker.ingest.http import FieldFault
from tracker.web import cursors
from tracker.web.problems import bad_request
from tracker.web.routes import Call

T = TypeVar("T")


def chosen(call: Call, rows: Sequence[tuple[cursors.Key, T]]) -> tuple[list[T], str | None]:
    """The page of sorted rows that a request asks for, and the cursor of the next one. Raises Refused (400)."""
    query = call.query
    filters = [
        (name, getattr(query, name))
        for name in (field.name for field in msgspec.structs.fields(query))
        if name not in ("limit", "cursor")
    ]
    of = cursors.question(call.address, filters)
    after = None
    if query.cursor is not None:
        try:
            after = cursors.read(query.cursor, of, rows[0][0] if rows else None)
        except cursors.BadCursor as error:
            raise bad_request("bad_cursor", "the page cannot be found", FieldFault("cursor", str(error))) from error
    items, last = cursors.page(rows, after, query.limit)
    return items, None if last is None else cursors.write(of, last)


def holds(text: str | None, *fields: str | None) -> bool:
    """Whether one of the fields holds a text, in any case; no text: yes."""
    if text is None:
        return True
    wanted = text.casefold()
    return any(wanted in field.casefold() for field in fields if field is not None)
