"""docs/reference/alerts.md says what the types say, and leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from tracker.codec.alert_examples import examples
from tracker.codec.alert_schemas import MEANINGS, act_schema, alert_schema
from tracker.codec.alerts import MAX_ALERT_BYTES, AlertEvent, AlertType
from tracker.codec.asyncapi import INTERNAL
from tracker.domain.alerts import Acknowledged, Noted, Silence
from tracker.domain.verdicts import CATEGORIES
from tracker.topics import STAGES

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGE = (REFERENCE / "alerts.md").read_text(encoding="utf-8")


def shape(kind: type[msgspec.Struct]) -> dict[str, Any]:
    if kind is AlertEvent:
        return alert_schema()
    of: dict[str, Any] = (act_schema() if kind in (Acknowledged, Noted, Silence) else alert_schema())["$defs"]
    found: dict[str, Any] = of[kind.__name__]
    return found


@pytest.mark.parametrize("kind", MEANINGS, ids=lambda kind: kind.__name__)
def test_every_field_has_its_row_and_a_row_of_each_table_its_field(kind: type[msgspec.Struct]) -> None:
    required = set(shape(kind).get("required", ()))
    rows = [
        f"| `{name}` | {'yes' if name in required else 'no'} | {meaning} |" for name, meaning in MEANINGS[kind].items()
    ]
    in_order = [row for name in shape(kind)["properties"] for row in rows if row.startswith(f"| `{name}` |")]
    assert "| Field | Always | Meaning |\n|---|---|---|\n" + "\n".join(in_order) + "\n\n" in PAGE + "\n"


def test_every_type_and_every_category_is_told_of() -> None:
    assert re.findall(r"^\| `(alert\.[a-z]+)` \|", PAGE, re.MULTILINE) == list(get_args(AlertType))
    assert f"Categories: {', '.join(f'`{category}`' for category in CATEGORIES)}." in PAGE.replace("\n", " ")
    assert f"{MAX_ALERT_BYTES // 1024} KiB" in PAGE.replace("\n", " ")


def test_the_example_of_the_page_is_one_of_the_examples() -> None:
    event = examples()["engagement"][1]
    for said in (f'"id": "{event.id}"', f'"time": "{event.time}"', f'"type": "{event.type}"'):
        assert said in PAGE


def test_what_is_public_is_said_as_the_document_has_it() -> None:
    page = (REFERENCE / "compatibility.md").read_text(encoding="utf-8")
    public, internal = page.partition("## What we promise")[0].split("Nobody\nbut the tracker writes.")
    named = {"alerts.<category>" if s.startswith("alerts.") and s.split(".")[1] in CATEGORIES else s for s in STAGES}
    assert {name for name in named if f"`{name}`" in public} == named - INTERNAL
    assert {name for name in named if f"`{name}`" in internal} == INTERNAL
