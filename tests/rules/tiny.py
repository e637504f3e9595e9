"""Rules as small as can be, to measure the measuring with: always right, always firing, never firing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tracker.domain.verdicts import Category, Language, Outcome, Severity, Subject, Verdict
from tracker.plugin.rules import CampaignFacts, Kind, RuleSettings, Timing


class NoSettings(RuleSettings, frozen=True, kw_only=True):
    """None."""


class Tiny:
    """A rule that judges every advertising post."""

    title: Mapping[Language, str] = {"en": "Tiny"}
    category: Category = "agreement"
    kind: Kind = "absolute"
    severity: Severity = "warning"
    timing = Timing()
    settings: type[RuleSettings] = NoSettings
    about = "campaign"
    name = "agreement.wrong_medium"

    def judge(self, facts: CampaignFacts, settings: Any, now: int) -> Iterable[Verdict]:
        for who in facts.creators:
            for post in who.posts:
                yield Verdict(
                    subject=Subject(campaign=facts.campaign.id, creator=who.creator.id, post=post.post),
                    outcome=self.outcome(post.medium in who.agreements[0].media),
                    summary={"en": "tiny"},
                )

    def outcome(self, as_agreed: bool) -> Outcome:
        return "pass" if as_agreed else "fail"


class Perfect(Tiny):
    """Fails where the form is not the agreed one."""


class Always(Tiny):
    """Fails everywhere."""

    def outcome(self, as_agreed: bool) -> Outcome:
        return "fail"


class Never(Tiny):
    """Passes everywhere."""

    def outcome(self, as_agreed: bool) -> Outcome:
        return "pass"


class Cannot(Tiny):
    """Can judge nothing."""

    def outcome(self, as_agreed: bool) -> Outcome:
        return "not_assessable"
