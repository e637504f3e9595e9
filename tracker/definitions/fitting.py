"""Whether a definition fits what is installed: rules and notifiers are plugins, so only they can say."""

from __future__ import annotations

from collections.abc import Mapping

from tracker.definitions.references import Problems, did_you_mean
from tracker.domain.definitions import Definition, NotifierDefinition, RuleDefinition
from tracker.plugin.notifiers import Notifier
from tracker.plugin.rule_settings import settings_fault
from tracker.plugin.rules import Rule


class Fitting:
    """Compares definitions with the installed rules and notifiers, by name."""

    def __init__(self, rules: Mapping[str, Rule], notifiers: Mapping[str, Notifier]) -> None:
        self._rules = rules
        self._notifiers = notifiers

    def problems(self, definition: Definition) -> Problems:
        """(field, what is wrong with it)."""
        match definition:
            case RuleDefinition():
                yield from self._of_rule(definition)
            case NotifierDefinition(type=type) if type not in self._notifiers:
                yield "type", f"no plugin offers a notifier `{type}`{did_you_mean(type, self._notifiers)}"

    def _of_rule(self, definition: RuleDefinition) -> Problems:
        rule = self._rules.get(definition.rule)
        if rule is None:
            yield "rule", f"no plugin offers a rule `{definition.rule}`{did_you_mean(definition.rule, self._rules)}"
            return
        if rule.about == "pipeline" and definition.campaign is not None:
            yield "campaign", f"the rule {rule.name} is about the pipeline, not about a campaign: leave it out"
        fault = settings_fault(rule, definition.settings)
        if fault is not None:
            yield "settings", fault
