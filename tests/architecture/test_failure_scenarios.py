"""docs/failure-scenarios.md promises nothing that no test shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "failure-scenarios.md"
LINK = re.compile(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)")
LINKS = sorted(set(LINK.findall(PAGE.read_text())))


def defined_in(file: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize(("test", "file"), LINKS)
def test_each_test_that_the_page_names_exists(test: str, file: str) -> None:
    assert test in defined_in(ROOT / file)


def test_every_scenario_names_a_test() -> None:
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    without = [title for section in sections if not LINK.search(section) for title in section.splitlines()[:1]]
    assert without == []


@pytest.mark.parametrize("file", ["test_faults", "test_records", "test_servers_down", "test_logs"])
def test_every_fault_that_is_tried_is_told(file: str) -> None:
    tried = {name for name in defined_in(ROOT / "tests" / "integration" / f"{file}.py") if name.startswith("test_")}
    assert tried - {test for test, _ in LINKS} == set()
