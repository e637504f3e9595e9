"""The reference is what the program says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker.cli.reference import pages

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (REFERENCE / name).read_text(encoding="utf-8") == pages()[name], "run `make docs`"


def test_every_command_teaches_by_example() -> None:
    sections = pages()["cli.md"].split("\n## ")[1:]
    without = {section.split("`")[1] for section in sections if "Example:" not in section}
    names = ("alerts", "dead", "notifiers", "token", "topics", "views")
    groups = {"tracker", *(f"tracker {name}" for name in names)}
    assert without <= groups
