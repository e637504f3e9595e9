"""Whether what comes in comes in: feeds, allowances, lag, dead letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal

from msgspec import Meta

from tracker.domain.events import Instant
from tracker.domain.facts import PartitionFacts, QuotaFacts
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
from tracker_rules.conversion_tails import at_least
from tracker_rules.saying import Probability, clock, instant, unlikely, verdict
from tracker_rules.words import HOUR, MINUTE, count, duration, span, span_ja


class StaleSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of system.feed_stale. 0: that source is not judged."""

    poll_minutes: Annotated[int, Meta(ge=0, le=43_200, description="A poll must have been heard of so recently")] = 60
    webhook_minutes: Annotated[int, Meta(ge=0, le=43_200, description="And a webhook so recently")] = 2_880


class LagSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of system.lag."""

    records: Annotated[int, Meta(ge=1, description="So many records behind is too far")] = 50_000
    near: Annotated[int, Meta(ge=1, description="From so many on an alert is not let go")] = 10_000


class LettersSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of system.dead_letters."""

    window_minutes: Annotated[int, Meta(ge=1, le=720, description="Dead letters of so many minutes are judged")] = 60
    least: Annotated[int, Meta(ge=1, description="Fewer than these are not judged")] = 5
    probability: Probability = "0.001"
    many: Annotated[int, Meta(ge=1, description="So many are too many, whatever is usual")] = 100


class FeedStale:
    """A watched platform has not been heard of for too long, by a source from which it was heard before.

    Accounts are polled every five minutes, so an hour without an answer is twelve misses. Webhooks come when something
    happens; two days of silence from a door that was used before are worth a look, no more. Half of that time is near.
    Imports come when people make them, and are not judged. A platform that no account of a running campaign is on is
    not watched.

    Not assessable: a watched platform that was never heard of: since when it should have been is not known.
    """

    name = "system.feed_stale"
    title: Mapping[Language, str] = {"en": "A feed is stale", "ja": "データ取得が途絶えている"}
    category: Category = "system"
    kind: Kind = "absolute"
    severity: Severity = "critical"
    timing = Timing()
    settings: type[RuleSettings] = StaleSettings
    about: Literal["pipeline"] = "pipeline"

    def judge(self, facts: PipelineFacts, settings: StaleSettings, now: Instant) -> Iterable[Verdict]:
        limits = {"poll": settings.poll_minutes * MINUTE, "webhook": settings.webhook_minutes * MINUTE}
        for platform in facts.watched:
            heard = facts.heard.get(platform, {})
            if not heard:
                yield _never_heard(platform)
            for source, at in sorted(heard.items()):
                if limits.get(source, 0):
                    yield _stale(platform, source, at, limits[source], now)


def _never_heard(platform: str) -> Verdict:
    said = (
        f"Nothing has ever been heard from {platform}, where accounts are watched.",
        f"{platform}は監視対象ですが、まだ一度もデータが届いていません。",
    )
    lacking = instant("heard_at", None, "no statement of any source")
    return verdict(Subject(part=f"feed:{platform}"), "not_assessable", said, lacking)


def _stale(platform: str, source: str, at: Instant, limit: int, now: Instant) -> Verdict:
    silent = max(0, now - at)
    evidence = (
        duration("silent_for", silent, basis=f"since the last {source} of {platform}", limit=limit),
        instant("heard_at", at, f"the last {source} of any account of a running campaign"),
    )
    said = (
        f"The last {source} of {platform} was heard {span(silent)} ago, on {clock(at)}.",
        f"{platform}の{source}は{clock(at)}が最後で、{span_ja(silent)}届いていません。",
    )
    outcome: Outcome = "fail" if silent > limit else "near" if 2 * silent > limit else "pass"
    severity: Severity | None = "warning" if source == "webhook" else None
    return verdict(Subject(part=f"feed:{platform}:{source}"), outcome, said, *evidence, severity=severity)


class Lag:
    """A partition is far behind its log, and stays so for five minutes.

    A worker counts some 70,000 records a second (docs/performance.md), so 50,000 are made good within seconds: who is
    as far behind for five minutes does not keep up, or does not run. Not assessable: the end of the log is unknown.
    """

    name = "system.lag"
    title: Mapping[Language, str] = {"en": "Counting lags behind", "ja": "集計が遅れている"}
    category: Category = "system"
    kind: Kind = "absolute"
    severity: Severity = "warning"
    timing = Timing(hold_ms=5 * MINUTE, clear_ms=5 * MINUTE)
    settings: type[RuleSettings] = LagSettings
    about: Literal["pipeline"] = "pipeline"

    def judge(self, facts: PipelineFacts, settings: LagSettings, now: Instant) -> Iterable[Verdict]:
        return [_behind(partition, settings) for partition in facts.partitions]


def _behind(partition: PartitionFacts, settings: LagSettings) -> Verdict:
    place, lag = f"{partition.stage}[{partition.number}]", partition.lag
    subject = Subject(part=f"partition:{partition.stage}:{partition.number}")
    evidence = count("lag", lag, basis="records in the log that are not yet counted", limit=settings.records)
    if lag is None:
        said = (f"How far {place} is behind is not known.", f"{place}の遅れは不明です。")
        return verdict(subject, "not_assessable", said, evidence)
    outcome: Outcome = "fail" if lag >= settings.records else "near" if lag >= settings.near else "pass"
    said = (f"{place} is {lag} records behind its log.", f"{place}は{lag}件遅れています。")
    return verdict(subject, outcome, said, evidence)


class DeadLetters:
    """More and more cannot be read: a platform changed its format, or an adapter broke.

    The dead letters of the last `window_minutes`, beside those of the rest of the last day: it fails where at least
    `least` came and so many would have a probability of at most `probability` were they spread evenly (exact binomial
    tail), or where `many` came, whatever is usual. Half of `many` is near.
    """

    name = "system.dead_letters"
    title: Mapping[Language, str] = {"en": "Dead letters are rising", "ja": "処理できないデータが増えている"}
    category: Category = "system"
    kind: Kind = "baseline"
    severity: Severity = "warning"
    timing = Timing(clear_ms=30 * MINUTE)
    settings: type[RuleSettings] = LettersSettings
    about: Literal["pipeline"] = "pipeline"

    def judge(self, facts: PipelineFacts, settings: LettersSettings, now: Instant) -> Iterable[Verdict]:
        window = settings.window_minutes * MINUTE
        letters = [at for at in facts.letters if at > now - 24 * HOUR]
        recent = sum(1 for at in letters if at > now - window)
        chance = at_least(recent, len(letters), Fraction(window, 24 * HOUR))
        rising = recent >= settings.least and chance <= Decimal(settings.probability)
        outcome: Outcome = "pass"
        if rising or recent >= settings.many:
            outcome = "fail"
        elif 2 * recent >= settings.many:
            outcome = "near"
        spell = f"{settings.window_minutes} min"
        evidence = (
            count("recent", recent, basis=f"dead letters of the last {spell}", limit=settings.many),
            count("last_day", len(letters), basis="dead letters of the last 24 h, these among them"),
            Evidence(
                name="probability",
                value=unlikely(chance),
                unit="share",
                limit=settings.probability,
                basis="of so many of the day's in the last part of it: exact binomial tail; 1: not more than usual",
            ),
        )
        said = (
            f"{recent} messages could not be read in the last {spell}, of {len(letters)} in the last day.",
            f"直近{settings.window_minutes}分で{recent}件(24時間で{len(letters)}件)を処理できませんでした。",
        )
        return [verdict(Subject(part="dead_letters"), outcome, said, *evidence)]


class QuotaExhausted:
    """A platform lets us ask nothing: the quota is used up, we asked too fast, or it refuses our token.

    It fails while a platform is blocked for ten minutes and more; short pauses, as every rate limit asks for, are held
    back by that. From `blocked_until` on (half-open) it passes. A refused token is critical: no time heals it.
    """

    name = "system.quota_exhausted"
    title: Mapping[Language, str] = {
        "en": "A platform lets us ask nothing",
        "ja": "プラットフォームの利用枠を使い切った",
    }
    category: Category = "system"
    kind: Kind = "absolute"
    severity: Severity = "warning"
    timing = Timing(hold_ms=10 * MINUTE)
    settings: type[RuleSettings] = RuleSettings
    about: Literal["pipeline"] = "pipeline"

    def judge(self, facts: PipelineFacts, settings: RuleSettings, now: Instant) -> Iterable[Verdict]:
        return [_blocked(quota, now) for quota in sorted(facts.quotas, key=lambda one: one.platform)]


_WHY: Mapping[str, tuple[str, str]] = {
    "quota": ("its quota is used up", "利用枠を使い切りました"),
    "rate": ("we asked too fast", "呼び出し頻度の制限を受けています"),
    "token": ("it refuses our token", "アクセストークンが拒否されました"),
    "": ("it gave no reason", "理由は不明です"),
}


def _blocked(quota: QuotaFacts, now: Instant) -> Verdict:
    until = quota.blocked_until
    subject = Subject(part=f"poller:{quota.platform}")
    evidence = (
        instant("blocked_until", until, "ask nothing before"),
        Evidence(name="reason", value=quota.reason, unit="text", at=quota.at, basis="as the platform answered"),
    )
    if until is None or now >= until:
        said = (f"{quota.platform} can be asked.", f"{quota.platform}は利用できます。")
        return verdict(subject, "pass", said, *evidence)
    english, japanese = _WHY[quota.reason]
    said = (
        f"{quota.platform} cannot be asked until {clock(until)}: {english}.",
        f"{quota.platform}は{clock(until)}まで取得できません。{japanese}。",
    )
    return verdict(subject, "fail", said, *evidence, severity="critical" if quota.reason == "token" else None)
