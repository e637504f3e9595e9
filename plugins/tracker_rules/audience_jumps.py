"""Follower counts that jump."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tracker.domain.events import Instant
from tracker.domain.facts import AccountFacts, CreatorFacts, PostFacts
from tracker.plugin.rules import (
    CampaignFacts,
    Category,
    Evidence,
    Kind,
    Language,
    Outcome,
    RuleSettings,
    Severity,
    Subject,
    Timing,
    Verdict,
)
from tracker_rules.baseline import middle
from tracker_rules.saying import clock, instant, percent, verdict
from tracker_rules.words import DAY, PPM, RatePattern, SharePattern, count, ppm

_VIRAL = 5
_VIRAL_FOR = 7 * DAY


class JumpSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of authenticity.follower_jump."""

    within_days: Annotated[int, Meta(ge=1, le=60, description="Changes of the last so many days are judged")] = 3
    compared_days: Annotated[int, Meta(ge=7, le=365, description="Compared with the changes of so many days")] = 60
    minimum_points: Annotated[int, Meta(ge=4, description="So many daily follower counts must be known")] = 8
    deviations: Annotated[
        str,
        Meta(pattern=RatePattern, description="So many robust standard deviations from the usual change are a jump"),
    ] = "8"
    least_share: Annotated[
        str, Meta(pattern=SharePattern, description="A smaller share of the followers, within a day, is no jump")
    ] = "0.03"
    least: Annotated[int, Meta(ge=1, description="Fewer followers than these are no jump")] = 100


class Change(Struct, frozen=True):
    """How followers changed between two counts."""

    since: Instant
    at: Instant
    before: int
    after: int

    @property
    def by(self) -> int:
        return self.after - self.before

    @property
    def a_day(self) -> int:
        """In thousandths. Less than a day counts as one, so that a short gap makes nothing of little."""
        return self.by * 1_000 * DAY // max(DAY, self.at - self.since)


class _Judged(Struct, frozen=True):
    """A change beside the usual ones; numbers a day, in thousandths."""

    change: Change
    usual: int
    spread: int
    limit: int

    @property
    def excess(self) -> int:
        return abs(self.change.a_day - self.usual)


class FollowerJump:
    """An account gained or lost far more followers in a day than it usually does: bought ones, or a platform's purge.

    Each change of the last `within_days` is compared with all other daily changes of the last `compared_days`: their
    median, and `deviations` times their spread. The spread is 1.4826 times the median absolute deviation, and no less
    than half the step in which the platform rounds the count (two rounding errors deviate by 0.41 of it), so neither a
    steady account nor a rounded count makes jumps.
    Eight deviations, because daily changes have heavy tails. It must also be at least `least_share` of the followers
    and `least` in number: 3 % in one day is more than growth by posts alone brings. These are the project's own
    numbers. From three quarters of the limit on it is near. Where days lie between two counts, the change a day is
    judged.

    A gain is near, and no more, if within the week before it the account published a post with at least five times the
    views of its median post: then the followers have a reason.

    Not assessable: fewer than `minimum_points` daily counts, or none within `within_days`.
    """

    name = "authenticity.follower_jump"
    title: Mapping[Language, str] = {"en": "Followers jumped", "ja": "フォロワー数の急変"}
    category: Category = "authenticity"
    kind: Kind = "baseline"
    severity: Severity = "warning"
    timing = Timing()
    settings: type[RuleSettings] = JumpSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: JumpSettings, now: Instant) -> Iterable[Verdict]:
        return [
            _judged(facts, who, account, settings, now)
            for who in facts.creators
            for account in sorted(who.accounts, key=lambda one: (one.platform, one.account))
        ]


def changes(points: Sequence[tuple[Instant, int]]) -> list[Change]:
    """From each count to the next that is at least half a day later."""
    found: list[Change] = []
    last: tuple[Instant, int] | None = None
    for at, followers in points:
        if last is None:
            last = (at, followers)
        elif 2 * (at - last[0]) >= DAY:
            found.append(Change(last[0], at, last[1], followers))
            last = (at, followers)
    return found


def rounded_to(numbers: Sequence[int]) -> int:
    """The step in which numbers seem to be rounded: a power of ten that divides them all.

    No greater than what three significant figures of the least one leave: YouTube keeps so many, nobody keeps fewer.
    """
    step = 1
    while numbers and min(numbers) >= 1_000 * step and all(number % (10 * step) == 0 for number in numbers):
        step *= 10
    return step


def _judged(
    facts: CampaignFacts, who: CreatorFacts, account: AccountFacts, settings: JumpSettings, now: Instant
) -> Verdict:
    subject = Subject(
        campaign=facts.campaign.id, creator=who.creator.id, platform=account.platform, account=account.account
    )
    name = f"{who.creator.name} ({account.platform})"
    points = [point for point in account.followers if now - settings.compared_days * DAY < point[0] <= now]
    known = changes(points)
    recent = [change for change in known if change.at > now - settings.within_days * DAY]
    if len(points) < settings.minimum_points or not recent:
        said = (
            f"{name} has {len(points)} daily follower counts: too few, or too old, to tell what is usual.",
            f"{name}のフォロワー数の記録は{len(points)}日分で、通常の変化はまだ分かりません。",
        )
        lacking = count("follower_counts", len(points), basis="daily counts", limit=settings.minimum_points)
        latest = instant("latest_count_at", points[-1][0] if points else None, "must be recent")
        return verdict(subject, "not_assessable", said, lacking, latest)
    step = rounded_to([followers for _, followers in points])
    worst = max(
        (_beside(change, known, step, settings) for change in recent), key=lambda one: one.excess * PPM // one.limit
    )
    return _told(subject, name, worst, (account, who), settings)


def _beside(change: Change, known: Sequence[Change], step: int, settings: JumpSettings) -> _Judged:
    others = [other.a_day for other in known if other is not change] or [0]
    usual = middle(others)
    spread = max(middle([abs(other - usual) for other in others]) * 14_826 // 10_000, 500 * step)
    limit = max(
        spread * ppm(settings.deviations) // PPM,
        1_000 * change.before * ppm(settings.least_share) // PPM,
        1_000 * settings.least,
    )
    return _Judged(change, usual, spread, limit)


def _told(
    subject: Subject, name: str, found: _Judged, of: tuple[AccountFacts, CreatorFacts], settings: JumpSettings
) -> Verdict:
    change = found.change
    evidence = [
        Evidence(
            name="change_a_day",
            value=_whole(change.a_day),
            unit="count",
            limit=-(-found.limit // 1_000),
            basis="rounded; its distance from the usual change must stay below the limit",
            at=change.at,
        ),
        count("usual_change_a_day", _whole(found.usual), basis="median of the other days, rounded"),
        Evidence(
            name="spread",
            value=_whole(found.spread),
            unit="count",
            basis="rounded; 1.4826 x median absolute deviation, at least half a step of rounding",
        ),
        count("followers_before", change.before, at=change.since),
        count("followers_after", change.after, at=change.at),
    ]
    outcome: Outcome = "pass"
    if found.excess >= found.limit:
        outcome = "fail"
    elif 4 * found.excess >= 3 * found.limit:
        outcome = "near"
    reason = _reason(change, *of) if outcome == "fail" and change.a_day > found.usual else None
    if reason is not None:
        outcome = "near"
        evidence.append(reason)
    share = percent(Fraction(abs(change.by), change.before)) if change.before else f"{abs(change.by)}"
    way, way_ja = ("gained", "増加") if change.by >= 0 else ("lost", "減少")
    usual = _whole(found.usual)
    said = (
        f"{name} {way} {abs(change.by)} followers ({share}) up to {clock(change.at)}; usual is {usual} a day.",
        f"{name}のフォロワーは{clock(change.at)}までに{abs(change.by)}人({share}){way_ja}(通常1日{usual}人)。",
    )
    return verdict(subject, outcome, said, *evidence)


def _whole(thousandths: int) -> int:
    return (thousandths + 500) // 1_000


def _reason(change: Change, account: AccountFacts, who: CreatorFacts) -> Evidence | None:
    """A post of the week before a gain that was viewed far more than the others of the account."""
    viewed = [
        (post, views)
        for post in (*who.posts, *who.normal)
        if (post.platform, post.account) == (account.platform, account.account)
        and (views := post.total("views")) is not None
    ]
    if len(viewed) < 4:
        return None
    usual = middle([views for _, views in viewed])
    wide = [
        pair for pair in viewed if change.since - _VIRAL_FOR <= pair[0].at <= change.at and pair[1] >= _VIRAL * usual
    ]
    if not wide:
        return None
    post, views = max(wide, key=lambda pair: (pair[1], _named(pair[0])))
    return Evidence(
        name="widely_viewed_post",
        value=views,
        unit="count",
        limit=_VIRAL * usual,
        basis="views of a post of the week before; five times the median post's are a reason to follow",
        platform=post.platform,
        post=post.post,
    )


def _named(post: PostFacts) -> tuple[str, str]:
    return (post.platform, post.post)
