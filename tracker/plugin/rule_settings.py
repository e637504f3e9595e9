"""A rule's settings, as somebody wrote them, and what is wrong with them.

1. What is left out is as the rule has it. A name that the rule does not know is refused, never ignored.
2. Values are read strictly: "3" is no number. A decimal is written as text, and stays exact.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import msgspec

from tracker.plugin.rules import Rule, RuleSettings


class WrongSettings(ValueError):
    """Settings that a rule cannot be run with. `fault` says what is wrong, without the rule's name."""

    def __init__(self, rule: str, fault: str) -> None:
        super().__init__(f"settings of the rule {rule}: {fault}")
        self.rule = rule
        self.fault = fault


def rule_settings(rule: Rule, settings: Mapping[str, Any]) -> RuleSettings:
    """The settings as the rule gets them. Raises WrongSettings."""
    known = [each.name for each in msgspec.structs.fields(rule.settings)]
    for name in settings:
        if name not in known:
            raise WrongSettings(rule.name, _unknown(rule, name, known))
    try:
        return msgspec.convert(dict(settings), rule.settings)
    except msgspec.ValidationError as error:
        raise WrongSettings(rule.name, str(error).replace(" - at `$.", " - at `")) from error


def settings_fault(rule: Rule, settings: Mapping[str, Any]) -> str | None:
    """What is wrong with a rule's settings, and what would be right; None: nothing."""
    try:
        rule_settings(rule, settings)
    except WrongSettings as wrong:
        return wrong.fault
    return None


def _unknown(rule: Rule, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"{name!r} is no setting of {rule.name}; did you mean {near[0]!r}?"
    return f"{name!r} is no setting of {rule.name}; it has {', '.join(known) or 'none'}"
