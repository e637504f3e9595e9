"""What is amiss with the tracker's own rules and definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from msgspec import Meta

from tracker.domain.events import Instant
from tracker.domain.facts import RuleFailure, UnattributedCode
from tracker.domain.rules import normal_code
from tracker.plugin.rules import (
    Category,
    Evidence,
    Kind,
    Language,
    Outcome,
    PipelineFacts,
    RuleSettings,
    Severity,
    Subject,
    Timing,
    Verdict,
)
from tracker_rules.saying import clock, excerpt, instant, verdict
from tracker_rules.words import DAY, MINUTE, count


class FailingSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of system.rule_failing."""

    within_minutes: Annotated[int, Meta(ge=1, le=10_080, description="A failure older than that is over")] = 60


class CodeSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of system.code_unregistered."""

    minimum_orders: Annotated[int, Meta(ge=1, description="Fewer orders with a code are a customer's slip")] = 3
    within_days: Annotated[int, Meta(ge=1, le=365, description="A code not used for so long is over")] = 7
    ignored: Annotated[tuple[str, ...], Meta(description="Codes of the whole shop, which are no creator's")] = ()


class RuleFailing:
    """A rule raised, took too long, or returned what is no verdict: what it watches is not watched.

    One alert a rule, whatever the campaigns. It passes when the last failure is an hour old: a rule that was left out
    is tried again well within that time.
    """

    name = "system.rule_failing"
    title: Mapping[Language, str] = {"en": "An alert rule fails", "ja": "アラートルールが動作していない"}
    category: Category = "system"
    kind: Kind = "absolute"
    severity: Severity = "critical"
    timing = Timing()
    settings: type[RuleSettings] = FailingSettings
    about: Literal["pipeline"] = "pipeline"

    def judge(self, facts: PipelineFacts, settings: FailingSettings, now: Instant) -> Iterable[Verdict]:
        by_rule: dict[str, list[RuleFailure]] = {}
        for failure in facts.failures:
            by_rule.setdefault(failure.rule, []).append(failure)
        since = now - settings.within_minutes * MINUTE
        return [_failing(rule, by_rule[rule], since) for rule in sorted(by_rule)]


def _failing(rule: str, failures: list[RuleFailure], since: Instant) -> Verdict:
    last = max(failures, key=lambda failure: (failure.at, failure.campaign, failure.reason))
    campaigns = sorted({failure.campaign for failure in failures if failure.at > since and failure.campaign})
    evidence = (
        count("failures", sum(1 for failure in failures if failure.at > since), basis="known, and recent enough"),
        instant("last_failure_at", last.at, "fails while it is later than the limit", limit=since),
        Evidence(name="reason", value=excerpt(last.reason), unit="text", at=last.at),
        Evidence(name="plugin", value=last.plugin, unit="text"),
        Evidence(name="campaigns", value=excerpt(", ".join(campaigns)), unit="text", basis="for which it failed"),
    )
    outcome: Outcome = "fail" if last.at > since else "pass"
    said = (
        f"The rule {rule} of {last.plugin} last failed on {clock(last.at)}: {excerpt(last.reason)}.",
        f"ルール{rule}({last.plugin})は{clock(last.at)}に失敗しました: {excerpt(last.reason)}。",
    )
    return verdict(Subject(part=f"rule:{rule}"), outcome, said, *evidence)


class CodeUnregistered:
    """Orders carry a promo code that no agreement names: they are credited to nobody until one does.

    Perhaps an agreement lacks the code, or has a slip in it. A code of the whole shop belongs to nobody: name it in
    `ignored`. A person must look, hence `needs_human`. Fewer than three orders are a customer's slip. A code that was
    not used for a week passes.
    """

    name = "system.code_unregistered"
    title: Mapping[Language, str] = {"en": "A promo code that nobody has", "ja": "登録のないクーポンコード"}
    category: Category = "system"
    kind: Kind = "absolute"
    severity: Severity = "info"
    timing = Timing()
    settings: type[RuleSettings] = CodeSettings
    about: Literal["pipeline"] = "pipeline"

    def judge(self, facts: PipelineFacts, settings: CodeSettings, now: Instant) -> Iterable[Verdict]:
        ignored = {normal_code(code) for code in settings.ignored}
        since = now - settings.within_days * DAY
        return [
            _unregistered(code, settings, since)
            for code in sorted(facts.codes, key=lambda one: one.code)
            if normal_code(code.code) not in ignored
        ]


def _unregistered(code: UnattributedCode, settings: CodeSettings, since: Instant) -> Verdict:
    evidence = (
        count("orders", code.orders, basis="orders that carry it", limit=settings.minimum_orders),
        instant("last_at", code.last_at, "the last of them; one before the limit is over", limit=since),
    )
    used = code.orders >= settings.minimum_orders and code.last_at >= since
    said = (
        f"{code.orders} orders carry the promo code {code.code}, which no agreement names.",
        f"どの契約にもないコード{code.code}の注文が{code.orders}件あります(最終{clock(code.last_at)})。",
    )
    subject = Subject(part="codes", code=code.code)
    return verdict(subject, "needs_human" if used else "pass", said, *evidence)
