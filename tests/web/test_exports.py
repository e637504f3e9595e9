"""Exported tables: read back they are what was written, nothing in them is a formula, and what is unknown is empty."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from defusedxml import ElementTree
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.domain.world import HOUR, T
from tests.web.ground import Ground, laid
from tracker.codec.alerts import rfc3339
from tracker.domain.currencies import exponent
from tracker.store.base import StoreUnreachable
from tracker.web import exports
from tracker.web.app import TABLE, create_api
from tracker.web.export_cells import Cell, CellKind, Column, Row, as_read, begins_a_formula, harmless
from tracker.web.export_encoders import BOM, MEDIA_TYPES, Format, _Book, encoded
from tracker.web.export_rows import ALERTS, CONVERSIONS, POSTS, SERIES

_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
EXPORTS = tuple(row.path for row in exports.ROUTES)

FORMULAS = (
    "=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", " =1", "  \t=1", '"=1', "''=1", "\u201c=1\u201d", "\u201e=1",
    "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", "\ufe621", "\ufe631", "\u00a0=1", "\u3000\uff1d1", "\ufeff=1",
    "\u200b@x", "\x00=1", "\u22121", "`=1", "\u00b4=1", '" "=1',
)  # fmt: skip
"""As blanks, quotation marks, marks that nobody sees and wide letters allow."""

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(FORMULAS)
_CELLS: dict[CellKind, st.SearchStrategy[Any]] = {
    "text": texts,
    "integer": st.integers(-(2**63), 2**63),
    "decimal": st.decimals(min_value=-(10**9), max_value=10**9, places=6, allow_nan=False, allow_infinity=False),
    "truth": st.booleans(),
    "instant": st.integers(0, 253_402_300_799_999),
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Column], list[list[Cell]]]:
    kinds = draw(st.lists(st.sampled_from(sorted(_CELLS)), min_size=2, max_size=6))
    columns = [Column(f"c{at}", kind) for at, kind in enumerate(kinds)]
    row = st.tuples(*(st.none() | _CELLS[kind] for kind in kinds)).map(list)
    return columns, draw(st.lists(row, max_size=8))


def whole(chosen: Format, columns: Sequence[Column], rows: Sequence[Row], *, bom: bool = False) -> bytes:
    async def made() -> bytes:
        async def portions() -> AsyncIterator[Sequence[Row]]:
            for start in range(0, len(rows), 3):
                yield rows[start : start + 3]

        return b"".join([piece async for piece in encoded(chosen, columns, portions(), bom=bom)])

    return asyncio.run(made())


def read_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))


def read_sheets(content: bytes) -> list[list[dict[int, tuple[str, str]]]]:
    """Sheet → row → column → (type, text)."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith("xl/worksheets/sheet"))
        return [_rows(archive.read(name)) for name in names]


def _rows(xml: bytes) -> list[dict[int, tuple[str, str]]]:
    found = []
    for row in ElementTree.fromstring(xml).iter(f"{_SHEET}row"):
        cells: dict[int, tuple[str, str]] = {}
        for cell in row.iter(f"{_SHEET}c"):
            letters = "".join(letter for letter in cell.attrib["r"] if letter.isalpha())
            at = 0
            for letter in letters:
                at = at * 26 + ord(letter) - 64
            assert cell.find(f"{_SHEET}f") is None, "a formula"
            text = "".join(each.text or "" for each in cell.iter() if each.tag in (f"{_SHEET}t", f"{_SHEET}v"))
            # ECMA-376 22.9.2.19: what XML cannot hold is written as _xHHHH_.
            text = re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)
            cells[at - 1] = (cell.attrib.get("t", "n"), text)
        found.append(cells)
    return found


def could_be_a_formula(text: str) -> bool:
    """Told without the code that is tested, but for what it passes over."""
    if text.startswith("'"):  # to a spreadsheet, all that follows is text
        return False
    return unicodedata.normalize("NFKC", text)[:1] in {*"=+-@\t\r\n"} or begins_a_formula(text)


def as_cell(text: str, kind: CellKind) -> Cell:
    """A cell of CSV, read back."""
    if text == "":
        return None
    match kind:
        case "text":
            return as_read(text)
        case "integer":
            return int(text)
        case "decimal":
            return Decimal(text)
        case "truth":
            return {"true": True, "false": False}[text]
        case _:
            return text


def as_expected(cell: Cell, kind: CellKind) -> Cell:
    """Instants as they are written; an empty text is no text."""
    if cell is None or cell == "":
        return None
    return rfc3339(int(cell)) if kind == "instant" else cell


@given(tables())
def test_csv_read_back_is_what_was_written(table: tuple[list[Column], list[list[Cell]]]) -> None:
    columns, rows = table
    head, *found = read_csv(whole("csv", columns, rows))
    assert head == [column.name for column in columns]
    assert [[as_cell(text, column.kind) for text, column in zip(row, columns, strict=True)] for row in found] == [
        [as_expected(cell, column.kind) for cell, column in zip(row, columns, strict=True)] for row in rows
    ]


@given(tables())
def test_json_lines_read_back_is_what_was_written(table: tuple[list[Column], list[list[Cell]]]) -> None:
    columns, rows = table
    found = [json.loads(line) for line in whole("jsonl", columns, rows).split(b"\n")[:-1]]
    for row, said in zip(rows, found, strict=True):
        assert list(said) == [column.name for column in columns]
        for cell, column in zip(row, columns, strict=True):
            value = said[column.name]
            if column.kind == "decimal" and value is not None:
                value = Decimal(value)
            assert value == as_expected(cell, column.kind)


@settings(max_examples=40, deadline=None)
@given(tables())
def test_xlsx_read_back_is_what_was_written_and_numbers_are_numbers(
    table: tuple[list[Column], list[list[Cell]]],
) -> None:
    columns, rows = table
    (sheet,) = read_sheets(whole("xlsx", columns, rows))
    assert [text for _, text in sheet[0].values()] == [column.name for column in columns]
    shown = [row for row in sheet[1:] if row]
    filled = [row for row in rows if any(cell is not None and cell != "" for cell in row)]
    for cells, row in zip(shown, filled, strict=True):
        for at, (cell, column) in enumerate(zip(row, columns, strict=True)):
            expected = as_expected(cell, column.kind)
            assert (at in cells) == (expected is not None)
            if expected is None:
                continue
            kind, text = cells[at]
            if column.kind in ("integer", "decimal"):
                assert Decimal(text) == expected
                digits = len(Decimal(expected).normalize().as_tuple().digits)
                assert kind == "n" or digits > 15 or abs(Decimal(expected)) >= 10**15
            elif column.kind == "truth":
                assert (kind, text) == ("b", str(int(bool(cell))))
            else:
                assert (kind, as_read(text)) == ("inlineStr", expected)


@given(tables())
@example(([Column("=a"), Column("@b")], [["=1", "ok"]]))
def test_no_cell_of_csv_begins_a_formula_unless_it_is_a_number(table: tuple[list[Column], list[list[Cell]]]) -> None:
    columns, rows = table
    for row in read_csv(whole("csv", columns, rows)):
        for text in row:
            if could_be_a_formula(text):
                Decimal(text)


@settings(max_examples=40, deadline=None)
@given(tables())
def test_no_text_cell_of_xlsx_begins_a_formula(table: tuple[list[Column], list[list[Cell]]]) -> None:
    columns, rows = table
    for sheet in read_sheets(whole("xlsx", columns, rows)):
        for row in sheet:
            for at, (kind, text) in row.items():
                if kind == "inlineStr" and columns[at].kind not in ("integer", "decimal"):
                    assert not could_be_a_formula(text), text


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_takes_for_a_formula_is_made_harmless(text: str) -> None:
    assert begins_a_formula(text)
    assert harmless(text) == f"'{text}"
    assert as_read(harmless(text)) == text


@pytest.mark.parametrize(
    "text", ["", "likes", "a=b", "3-1", "(=1)", "新作\uff1d春", "#spring", "'", "\u200b", "  plain "]
)
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert not begins_a_formula(text)
    assert harmless(text) == (f"'{text}" if text.startswith("'") else text)


def test_csv_has_what_excel_wants_only_where_it_is_asked_for() -> None:
    columns = [Column("a"), Column("b", "integer")]
    rows: list[list[Cell]] = [['ひ,"x"\r\n', 1], [None, None]]
    plain = whole("csv", columns, rows)
    assert plain == 'a,b\r\n"ひ,""x""\r\n",1\r\n,\r\n'.encode()
    assert whole("csv", columns, rows, bom=True) == BOM + plain


def test_a_text_that_no_cell_can_hold_is_cut_to_be_seen() -> None:
    (sheet,) = read_sheets(whole("xlsx", [Column("a"), Column("b")], [["x" * 40_000, None]]))
    text = sheet[1][0][1]
    assert (len(text), text[-1]) == (32_767, "…")


def test_a_sheet_that_is_full_is_followed_by_another(tmp_path: Path) -> None:
    into = io.BytesIO()
    book = _Book(into, tmp_path, [Column("n", "integer")], sheet_rows=4)
    book.add([[number] for number in range(7)])
    book.close()
    sheets = read_sheets(into.getvalue())
    assert [[row[0][1] for row in sheet] for sheet in sheets] == [
        ["n", "0", "1", "2"], ["n", "3", "4", "5"], ["n", "6"]
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


_MEASURE = """
import asyncio, resource, sys
from tracker.web.export_cells import Column
from tracker.web.export_encoders import encoded
columns = [Column(f"c{n}", "integer" if n % 2 else "text") for n in range(30)]
async def portions(count):
    for start in range(0, count, 500):
        yield [[str(n) * 3 if at % 2 == 0 else n for at in range(30)] for n in range(start, start + 500)]
async def drain(count):
    size = 0
    async for piece in encoded(sys.argv[1], columns, portions(count)):
        size += len(piece)
    return size
asyncio.run(drain(500))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
size = asyncio.run(drain(15_000))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, size)
"""


@pytest.mark.slow
@pytest.mark.parametrize("chosen", ["csv", "jsonl", "xlsx"])
def test_memory_does_not_grow_with_the_table(chosen: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, chosen], capture_output=True, text=True, check=True, timeout=100
    )
    grown, size = map(int, done.stdout.split())
    unit = 1 if sys.platform == "darwin" else 1024
    assert size > 1_000_000
    assert grown * unit < 12_000_000, f"{grown * unit:,} bytes for a table of {size:,}"


async def fetched(ground: Ground, path: str, *campaigns: str, **query: Any) -> httpx.Response:
    ground.api = create_api(ground.parts, (*TABLE, *(row for row in exports.ROUTES if row not in TABLE)))
    return await ground.get(path, "viewer", *campaigns, **query)


async def read(ground: Ground, path: str, *campaigns: str, **query: Any) -> list[dict[str, str]]:
    answer = await fetched(ground, path, *campaigns, **query)
    assert answer.status_code == 200, answer.text
    head, *rows = read_csv(answer.content)
    return [dict(zip(head, row, strict=True)) for row in rows]


async def test_the_posts_of_a_campaign_with_every_number_known_or_unknown(shared: Ground) -> None:
    rows = {row["post"]: row for row in await read(shared, "/v1/campaigns/spring/posts/export")}
    assert set(rows) == {"p", "q", "fan"}
    known, silent = rows["p"], rows["q"]
    assert (known["likes"], known["likes.known"], known["likes.at"]) == ("100", "1", rfc3339(T + 2 * HOUR))
    assert (silent["likes"], silent["likes.known"], silent["likes.at"]) == ("", "0", "")
    assert (known["saves"], known["saves.known"]) == ("", "0")
    assert known["numbers.unknown"] == "4"
    assert rows["fan"]["how"] == "word_of_mouth"
    assert list(known) == [column.name for column in POSTS]


async def test_posts_are_filtered_as_in_the_list(shared: Ground) -> None:
    path = "/v1/campaigns/spring/posts/export"
    assert {row["post"] for row in await read(shared, path, how="word_of_mouth")} == {"fan"}
    assert {row["post"] for row in await read(shared, path, creator="anna")} == {"p", "q"}
    assert await read(shared, path, live="false") == []


async def test_creators_with_their_figures_and_money_by_currency(shared: Ground) -> None:
    (anna,) = await read(shared, "/v1/campaigns/spring/creators/export")
    page = (await shared.get("/v1/campaigns/spring/creators")).json()["items"][0]
    for number in page["numbers"]:
        name = number["name"] if number["currency"] is None else f"{number['name']}.{number['currency']}"
        assert anna[name] == ("" if number["value"] is None else str(number["value"])), name
        if number["known"] is not None:
            assert (anna[f"{name}.known"], anna[f"{name}.unknown"]) == (str(number["known"]), str(number["unknown"]))
    assert (anna["revenue.JPY"], anna["refunds.JPY"], anna["exponent.JPY"]) == ("5000", "1500", "0")
    assert (anna["refunds.EUR"], anna["exponent.EUR"]) == ("0", "2")
    assert anna["at"] == rfc3339(T + 2 * HOUR)


async def test_series_are_those_of_the_api(shared: Ground) -> None:
    rows = await read(shared, "/v1/campaigns/spring/series/export")
    for field in ("likes", "clicks", "revenue.JPY"):
        page = (await shared.get("/v1/campaigns/spring/series", field=field)).json()
        mine = [(row["at"], row["change"], row["total"]) for row in rows if row["field"] == field]
        assert mine == [(rfc3339(one["at"]), str(one["change"]), str(one["total"])) for one in page["points"]]
        assert mine
    assert {row["exponent"] for row in rows if row["field"] == "revenue.JPY"} == {"0"}
    later = await read(shared, "/v1/campaigns/spring/series/export", field="likes", **{"from": T + HOUR})
    assert [row["total"] for row in later] == ["100"]


async def test_alerts_are_those_of_the_api_for_the_same_eyes(shared: Ground) -> None:
    rows = await read(shared, "/v1/alerts/export")
    assert {row["post"] for row in rows} == {"p", "q", "z"}
    assert list(rows[0]) == [column.name for column in ALERTS]
    assert {row["post"] for row in await read(shared, "/v1/alerts/export", "spring")} == {"p", "q"}
    assert {row["post"] for row in await read(shared, "/v1/alerts/export", severity="critical")} == {"q"}
    hidden = await fetched(shared, "/v1/alerts/export", "spring", campaign="autumn")
    assert hidden.status_code == 404


async def test_orders_are_those_of_the_api_and_one_question_is_needed(shared: Ground) -> None:
    (order,) = await read(shared, "/v1/conversions/export", code="ANNA10")
    assert (order["order"], order["amount"], order["currency"], order["exponent"]) == ("o-code", "5000", "JPY", "0")
    assert order["refunds.amounts"] == "1500 JPY"
    assert (await fetched(shared, "/v1/conversions/export")).status_code == 400


@pytest.mark.parametrize("chosen", ["csv", "jsonl", "xlsx"])
@pytest.mark.parametrize("path", EXPORTS)
async def test_every_table_comes_in_every_format(shared: Ground, path: str, chosen: Format) -> None:
    query = {"code": "anna10"} if "conversions" in path else {}
    answer = await fetched(shared, path.replace("{campaign}", "spring"), format=chosen, **query)
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == MEDIA_TYPES[chosen]
    assert answer.headers["content-disposition"].endswith(f'.{chosen}"')
    match chosen:
        case "csv":
            assert len(read_csv(answer.content)) > 1
        case "jsonl":
            assert all(json.loads(line) for line in answer.text.splitlines())
        case "xlsx":
            assert len(read_sheets(answer.content)[0]) > 1


async def test_a_table_in_a_format_that_is_none_is_refused(shared: Ground) -> None:
    answer = await fetched(shared, "/v1/alerts/export", format="pdf")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "format")


@pytest.mark.parametrize("row", exports.ROUTES, ids=lambda row: row.path)
async def test_tables_are_behind_the_same_gate(shared: Ground, row: Any) -> None:
    shared.api = create_api(shared.parts, (*TABLE, *(one for one in exports.ROUTES if one not in TABLE)))
    path = row.path.replace("{campaign}", "spring")
    assert (await shared.get(path, None)).status_code == 401
    if row.reach == "campaign":
        assert (await shared.get(path, "viewer", "autumn")).status_code == 404


async def test_a_store_that_is_away_is_told_before_anything_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    ground = await laid()

    async def nothing(*_: Any, **__: Any) -> None:
        raise StoreUnreachable("redis", "gone")

    monkeypatch.setattr(ground.parts.store, "freshness", nothing)
    answer = await fetched(ground, "/v1/campaigns/spring/creators/export")
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


def test_every_currency_has_its_digits() -> None:
    assert [exponent(currency) for currency in ("EUR", "JPY", "KWD", "CLP", "XYZ")] == [2, 0, 3, 0, 2]


def test_no_two_columns_have_one_name() -> None:
    for columns in (POSTS, ALERTS, SERIES, CONVERSIONS):
        names = [column.name for column in columns]
        assert len(names) == len(set(names))
