"""Cells of exported tables: what a value looks like, and that no text is ever taken for a formula.

1. Unknown (None) is an empty cell, never 0. An empty text is an empty cell too.
2. A text that a spreadsheet might take for a formula gets an apostrophe in front, in CSV and XLSX; one that begins with
   an apostrophe gets another, so that taking away the first gives back what it was. Numbers stay numbers.
3. Instants are ISO 8601 in UTC, to the millisecond; decimals are written out, without an exponent.

What a formula may begin with: https://owasp.org/www-community/attacks/CSV_Injection. Spreadsheets look past blanks and
quotes, and take the wide forms of East Asian keyboards for the plain ones.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from tracker.codec.alerts import rfc3339

CellKind = Literal["text", "integer", "decimal", "truth", "instant"]
Cell = None | bool | int | Decimal | str
Row = Sequence[Cell]

_BEGINS = frozenset("=+-@\N{MINUS SIGN}")
_CONTROLS = frozenset("\t\r\n")
_QUOTES = frozenset("\"'`\N{ACUTE ACCENT}\N{SINGLE LOW-9 QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}")
_PASSED_OVER = frozenset({"Cc", "Cf", "Pf", "Pi", "Zl", "Zp", "Zs"})
"""Categories of what nobody sees, of blanks, and of quotation marks."""


class Column(Struct, frozen=True):
    """A column. Its cells are of its kind, or None: instants are ms since the epoch, decimals Decimal."""

    name: str
    kind: CellKind = "text"


def begins_a_formula(text: str) -> bool:
    """Whether a spreadsheet might take a text for a formula."""
    if text[:1] in _CONTROLS:
        return True
    for letter in text:
        plain = unicodedata.normalize("NFKC", letter)
        if plain[:1] in _BEGINS:
            return True
        quotes = letter in _QUOTES or plain in _QUOTES
        if not quotes and unicodedata.category(letter) not in _PASSED_OVER and plain.strip():
            return False
    return False


def harmless(text: str) -> str:
    """A text as it may stand in a cell."""
    return f"'{text}" if text.startswith("'") or begins_a_formula(text) else text


def as_read(cell: str) -> str:
    """What a text was before it was made harmless."""
    return cell.removeprefix("'")


def written(cell: Cell, kind: CellKind) -> str:
    """A cell as text, before it is made harmless."""
    if cell is None:
        return ""
    match kind:
        case "truth":
            return "true" if cell else "false"
        case "instant":
            return rfc3339(int(cell))
        case "decimal":
            return format(Decimal(cell), "f")
        case _:
            return str(cell)
