"""The example of docs/how-to/write-an-alert-rule.md is run as it stands there, and keeps the contract."""

from __future__ import annotations

import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.plugins.rules.builders import HOUR, T0, a_post, facts_of, rows_of
from tracker.plugin.manager import GROUP, load_plugins
from tracker.plugin.testing_rules import RuleContract

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "write-an-alert-rule.md"


def _example() -> ModuleType:
    found = re.search(r"```python\n(# quiet_hours\.py\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, "the page has no example"
    module = ModuleType("quiet_hours")
    sys.modules[module.__name__] = module
    exec(compile(found.group(1), "quiet_hours.py", "exec"), vars(module))
    return module


EXAMPLE: Any = _example()


class TestTheDocumentedRule(RuleContract):
    rule = EXAMPLE.NoReaction()


def outcome(likes: int | None, age: int) -> str:
    counts = {} if likes is None else {"likes": likes}
    facts = facts_of([a_post(rows=rows_of([(age, counts)]) if counts else ())])
    (verdict,) = EXAMPLE.NoReaction().judge(facts, EXAMPLE.NoReactionSettings(), T0 + age)
    return str(verdict.outcome)


def test_it_does_what_the_page_says() -> None:
    assert [outcome(likes, 3 * HOUR) for likes in (9, 10, 14, 15)] == ["fail", "near", "near", "pass"]
    assert outcome(0, HOUR) == "not_assessable"
    assert outcome(None, 3 * HOUR) == "not_assessable"


def test_it_is_found_by_its_entry_point() -> None:
    registry = load_plugins([EntryPoint("quiet_hours", "quiet_hours", GROUP)])
    assert list(registry.rules) == ["engagement.no_reaction"]
