"""The alert rules that come with the tracker. Each file has the rules of one question, and their defaults' sources."""

from __future__ import annotations

from tracker.plugin import Rule, hookimpl
from tracker_rules import (
    agreement,
    audience,
    authenticity,
    conversion,
    engagement,
    engagement_compared,
    flat,
    forecast,
    speed,
    system,
)


@hookimpl
def tracker_rules() -> list[Rule]:
    return [
        *engagement.RULES,
        *engagement_compared.RULES,
        *forecast.RULES,
        *speed.RULES,
        *flat.RULES,
        *authenticity.RULES,
        *audience.RULES,
        *conversion.RULES,
        *agreement.RULES,
        *system.RULES,
    ]
