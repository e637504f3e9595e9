"""Every rule that comes with the tracker keeps the contract of rules."""

from __future__ import annotations

from tracker.plugin import Rule
from tracker.plugin.testing_rules import RuleContract
from tracker_rules import tracker_rules


def _suite(rule: Rule) -> type[RuleContract]:
    name = "".join(part.title() for part in rule.name.replace(".", "_").split("_"))
    return type(f"Test{name}", (RuleContract,), {"rule": rule, "__module__": __name__})


for _rule in tracker_rules():
    globals()[_suite(_rule).__name__] = _suite(_rule)


def test_no_two_rules_have_one_name() -> None:
    names = [rule.name for rule in tracker_rules()]
    assert len(set(names)) == len(names)
