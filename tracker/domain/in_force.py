"""How an alert rule works for one campaign: as the rule has it, unless a definition says otherwise.

1. A definition for the campaign stands before one for all; the two are never mixed.
2. What a definition leaves out is as the rule has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from tracker.domain.alerts import Timing
from tracker.domain.definitions import RuleDefinition
from tracker.domain.verdicts import Severity

_MINUTE = 60_000


class InForce(Struct, frozen=True, kw_only=True):
    """One rule as it works for one campaign. `definition` is the id of what set it so; None: nothing did."""

    enabled: bool
    severity: Severity
    timing: Timing
    settings: Mapping[str, object]
    definition: str | None = None


def in_force(
    rule: str, severity: Severity, timing: Timing, definitions: Iterable[RuleDefinition], campaign: str
) -> InForce:
    """How a rule works for a campaign ("" : for the pipeline, which only a definition for all can set)."""
    fitting = [each for each in definitions if each.rule == rule and each.campaign in (None, campaign)]
    # Of two for the same the greater id would be an accident: reading refuses them.
    chosen = max(fitting, key=lambda each: (each.campaign is not None, each.id), default=None)
    if chosen is None:
        return InForce(enabled=True, severity=severity, timing=timing, settings={})
    return InForce(
        enabled=chosen.enabled,
        severity=chosen.severity or severity,
        timing=Timing(
            hold_ms=_ms(chosen.hold_minutes, timing.hold_ms),
            clear_ms=_ms(chosen.clear_minutes, timing.clear_ms),
            repeat_ms=_ms(chosen.repeat_minutes, timing.repeat_ms) or None,
        ),
        settings=chosen.settings,
        definition=chosen.id,
    )


def _ms(minutes: int | None, default: int | None) -> int:
    return (default or 0) if minutes is None else minutes * _MINUTE
