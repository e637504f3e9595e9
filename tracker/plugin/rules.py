"""What an alert rule is: facts in, verdicts out.

1. A rule does no I/O, reads no clock and keeps no state: the same facts, settings and `now` give the same verdicts.
2. It judges every subject that it can judge, at every evaluation: a subject that it no longer names is gone, and its
   alert is resolved.
3. What is unknown is `not_assessable`, with what is lacking as evidence. It never fails.
4. Patience (hold, clear, repeat) is not its business: the core has it from `timing` and the definitions.

A rule runs in a process of its own, with a limit of time. One that raises, runs too long or returns what is no verdict
is left out for a while and told of by a system alert; the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

from msgspec import Struct

from tracker.domain.alerts import Timing
from tracker.domain.events import Instant
from tracker.domain.facts import CampaignFacts, PipelineFacts, PostFacts
from tracker.domain.verdicts import Category, Evidence, Language, Outcome, Severity, Subject, Verdict

__all__ = [
    "CampaignFacts",
    "CampaignRule",
    "Category",
    "Evidence",
    "Kind",
    "Language",
    "Outcome",
    "PipelineFacts",
    "PipelineRule",
    "PostFacts",
    "Rule",
    "RuleSettings",
    "Severity",
    "Subject",
    "Timing",
    "Verdict",
]

Kind = Literal["absolute", "baseline", "benchmark", "forecast"]
"""What a rule compares with: a number that was set, the creator's own normal posts, a benchmark by tier, or where
things will end at this pace."""


class RuleSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a rule's settings. Every field has a default, a `Meta(description=…)`, and limits where it has some."""


class _Rule(Protocol):
    """What every rule has.

    Attributes:
        name: `<category>.<what>`, e.g. "engagement.below_target"; lower case, digits, `_`.
        title: what it looks for, in a few words, by language; English is required.
        category: decides the topic of its alerts, and is the first part of its name.
        kind: what it compares with.
        severity: of its alerts, unless a verdict or a definition says otherwise.
        timing: how patient it is, unless a definition says otherwise.
        settings: the type of its settings.

    Its class's docstring is its documentation (docs/reference/rules.md): what is compared with what, when it is not
    assessable, why the defaults are what they are, and where they come from.
    """

    name: str
    title: Mapping[Language, str]
    category: Category
    kind: Kind
    severity: Severity
    timing: Timing
    settings: type[RuleSettings]


class CampaignRule(_Rule, Protocol):
    """A rule about one campaign at a time. Offered by a plugin through the hook `tracker_rules`."""

    about: Literal["campaign"]

    def judge(self, facts: CampaignFacts, settings: Any, now: Instant) -> Iterable[Verdict]:
        """Judge one campaign. `settings` is of the type in `settings`. Every subject's `campaign` is this one's id."""
        ...


class PipelineRule(_Rule, Protocol):
    """A rule about the tracker itself; its alerts are of category `system`."""

    about: Literal["pipeline"]

    def judge(self, facts: PipelineFacts, settings: Any, now: Instant) -> Iterable[Verdict]:
        """Judge the pipeline. Subjects name a `part`."""
        ...


Rule = CampaignRule | PipelineRule
