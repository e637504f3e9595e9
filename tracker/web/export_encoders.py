"""Tables as bytes: CSV, JSON Lines, XLSX, made row by row.

1. Memory does not grow with the table: rows come in portions and are gone once they are encoded. XLSX, which is a ZIP
   archive, is put together in temporary files that go with it.
2. CSV is RFC 4180: CRLF, quotes where needed, a header; UTF-8, with a byte order mark on request (Excel).
3. JSON Lines has one object a row with every column in it, unknown as null, decimals as text; nothing in it is changed,
   as nobody takes JSON for a formula.
4. In XLSX a number that a spreadsheet would round (more than 15 digits) is a text. A sheet that is full is followed by
   another; a text longer than a cell may be is cut, and ends in an ellipsis.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryDirectory
from typing import Any, Final, Literal

import msgspec
import xlsxwriter  # type: ignore[import-untyped]  # ships no types

from tracker.web.export_cells import Cell, Column, Row, harmless, written

Format = Literal["csv", "jsonl", "xlsx"]
MEDIA_TYPES: Final[Mapping[Format, str]] = {
    "csv": "text/csv",
    "jsonl": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
BOM: Final = b"\xef\xbb\xbf"
Portions = AsyncIterator[Sequence[Row]]

_SHEET_ROWS: Final = 1_048_576
_CELL_CHARACTERS: Final = 32_767
_DIGITS: Final = 15
_EXACT: Final = 10**_DIGITS
_SPOOL_BYTES: Final = 4 * 1024 * 1024
_CHUNK: Final = 256 * 1024
_json = msgspec.json.Encoder(decimal_format="string").encode


async def encoded(
    chosen: Format, columns: Sequence[Column], portions: Portions, *, bom: bool = False
) -> AsyncIterator[bytes]:
    """A table in a format, piece by piece. `bom` is for CSV alone."""
    match chosen:
        case "csv":
            yield (BOM if bom else b"") + csv_head(columns)
            async for rows in portions:
                yield csv_rows(columns, rows)
        case "jsonl":
            async for rows in portions:
                yield jsonl_rows(columns, rows)
        case "xlsx":
            async for chunk in _xlsx(columns, portions):
                yield chunk


def csv_head(columns: Sequence[Column]) -> bytes:
    return _csv([[harmless(column.name) for column in columns]])


def csv_rows(columns: Sequence[Column], rows: Sequence[Row]) -> bytes:
    return _csv([_csv_cell(cell, column) for cell, column in zip(row, columns, strict=True)] for row in rows)


def _csv_cell(cell: Cell, column: Column) -> str:
    text = written(cell, column.kind)
    return harmless(text) if column.kind == "text" else text


def _csv(rows: Any) -> bytes:
    into = io.StringIO(newline="")
    csv.writer(into, lineterminator="\r\n").writerows(rows)
    return into.getvalue().encode("utf-8", "replace")


def jsonl_rows(columns: Sequence[Column], rows: Sequence[Row]) -> bytes:
    return b"".join(
        _json({column.name: _json_cell(cell, column) for cell, column in zip(row, columns, strict=True)}) + b"\n"
        for row in rows
    )


def _json_cell(cell: Cell, column: Column) -> Cell:
    if cell is None or cell == "":
        return None
    return written(cell, column.kind) if column.kind in ("instant", "decimal") else cell


async def _xlsx(columns: Sequence[Column], portions: Portions) -> AsyncIterator[bytes]:
    with TemporaryDirectory(prefix="tracker-export-") as directory, SpooledTemporaryFile(_SPOOL_BYTES) as made:
        book = _Book(made, Path(directory), columns)
        async for rows in portions:
            await asyncio.to_thread(book.add, rows)
        await asyncio.to_thread(book.close)
        made.seek(0)
        while chunk := await asyncio.to_thread(made.read, _CHUNK):
            yield chunk


class _Book:
    """A workbook being written, one row after another."""

    def __init__(self, into: Any, directory: Path, columns: Sequence[Column], sheet_rows: int = _SHEET_ROWS) -> None:
        options = {"constant_memory": True, "tmpdir": str(directory), "strings_to_formulas": False}
        self._book = xlsxwriter.Workbook(into, options)
        self._bold = self._book.add_format({"bold": True})
        self._columns = columns
        self._sheet_rows = sheet_rows
        self._sheet: Any = None
        self._next = 0
        self._new_sheet()

    def add(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if self._next == self._sheet_rows:
                self._new_sheet()
            for at, (cell, column) in enumerate(zip(row, self._columns, strict=True)):
                if cell is not None:
                    _WRITERS[column.kind](self._sheet, self._next, at, cell)
            self._next += 1

    def close(self) -> None:
        self._book.close()

    def _new_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        for at, column in enumerate(self._columns):
            self._sheet.write_string(0, at, _fitting(harmless(column.name)), self._bold)
        self._next = 1


def _text(sheet: Any, row: int, at: int, cell: Any) -> None:
    if cell:
        sheet.write_string(row, at, _fitting(harmless(cell)))


def _number(sheet: Any, row: int, at: int, cell: Any) -> None:
    if _is_exact(cell):
        sheet.write_number(row, at, cell)
    else:
        sheet.write_string(row, at, written(cell, "decimal"))


def _is_exact(cell: int | Decimal) -> bool:
    """Whether a spreadsheet, which counts to 15 digits, shows a number as it is."""
    value = Decimal(cell)
    return abs(value) < _EXACT and len(value.normalize().as_tuple().digits) <= _DIGITS


def _truth(sheet: Any, row: int, at: int, cell: Any) -> None:
    sheet.write_boolean(row, at, cell)


def _instant(sheet: Any, row: int, at: int, cell: Any) -> None:
    sheet.write_string(row, at, written(cell, "instant"))


_WRITERS: Final[Mapping[str, Callable[[Any, int, int, Any], None]]] = {
    "text": _text,
    "integer": _number,
    "decimal": _number,
    "truth": _truth,
    "instant": _instant,
}


def _fitting(text: str) -> str:
    return text if len(text) <= _CELL_CHARACTERS else text[: _CELL_CHARACTERS - 1] + "…"


def portions_of(rows: Sequence[Any], row: Callable[[Any], Row], size: int = 500) -> Iterator[list[Row]]:
    """Things as rows, so many at a time."""
    for start in range(0, len(rows), size):
        yield [row(one) for one in rows[start : start + size]]
