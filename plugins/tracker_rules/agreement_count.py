"""Whether the agreed posts come, in time and in number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Annotated, Literal

from msgspec import Meta

from tracker.domain.events import Instant
from tracker.plugin.rules import (
    CampaignFacts,
    Category,
    Evidence,
    Kind,
    Language,
    RuleSettings,
    Severity,
    Timing,
    Verdict,
)
from tracker_rules.agreement_posts import Deal, deals, edited_away, looks, unseen
from tracker_rules.saying import clock, instant, verdict
from tracker_rules.words import DAY, MINUTE, count, span, span_ja

_Looked = Annotated[
    int,
    Meta(
        ge=1, le=10_080, description="So many minutes before the moment in question an account may have been looked at"
    ),
]


class OverdueSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of agreement.post_overdue."""

    looked_within_minutes: _Looked = 120


class TooFewSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of agreement.too_few_posts."""

    posts_a_day: Annotated[
        int, Meta(ge=1, le=1_000, description="So many posts a day, at least, can still be expected of a creator")
    ] = 2
    looked_within_minutes: _Looked = 120


class PostOverdue:
    """An agreed post is not up when it is due.

    Due is `due_at`: all agreed posts by then. Where an agreement has none, the end of its window: there the first post
    is judged, and the number of the others is the business of `agreement.too_few_posts`. From the due instant on
    (`now >= due`) what is missing fails; before it nothing does. A post that comes late lets the alert go. A post that
    came and was removed is not missing here: `agreement.post_removed` tells of it. After the window has ended it is
    critical, because nothing can be made up any more.

    Not assessable: an account on which the post might be was not looked at since shortly before the due instant, or no
    account is known on the agreed platforms. Accounts are looked at every five minutes, and no more once the window has
    ended: hence a look up to two hours before is taken (`looked_within_minutes`), which outlasts a short quota block.
    """

    name = "agreement.post_overdue"
    title: Mapping[Language, str] = {"en": "An agreed post is overdue", "ja": "約束の投稿が期日を過ぎても出ていない"}
    category: Category = "agreement"
    kind: Kind = "absolute"
    severity: Severity = "warning"
    timing = Timing()
    settings: type[RuleSettings] = OverdueSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: OverdueSettings, now: Instant) -> Iterable[Verdict]:
        return [_overdue(deal, settings.looked_within_minutes * MINUTE, now) for deal in deals(facts)]


def _overdue(deal: Deal, slack: int, now: Instant) -> Verdict:
    due = deal.due_at
    wanted = deal.agreement.posts if due < deal.ends_at else min(1, deal.agreement.posts)
    have = len(deal.posts)
    evidence = (
        count("posts", have, basis="posts made for the agreement, removed ones too", limit=wanted),
        instant("due_at", due, "due_at" if deal.agreement.due_at is not None else "end of the agreement's window"),
        *(() if not deal.posts else (instant("latest_post_at", deal.posts[-1].at, "the latest of them"),)),
    )
    if have >= wanted:
        said = (
            f"{deal.name} has made {have} of the {wanted} posts due by {clock(due)}.",
            f"{deal.name}さんは{clock(due)}期限の投稿{wanted}件のうち{have}件を投稿済みです。",
        )
        return verdict(deal.subject, "pass", said, *evidence)
    if now < due:
        said = (
            f"{deal.name} has until {clock(due)} for {wanted - have} more of {wanted} posts.",
            f"{deal.name}さんの投稿は残り{wanted - have}件(全{wanted}件)、期限は{clock(due)}です。",
        )
        return verdict(deal.subject, "pass", said, *evidence)
    hidden = unseen(deal, due - slack)
    if hidden:
        return verdict(deal.subject, "not_assessable", _not_seen(deal), *evidence, *hidden)
    said = (
        f"{deal.name} has made {have} of the {wanted} posts that were due by {clock(due)}, {span(now - due)} ago.",
        f"{deal.name}さんの投稿は{wanted}件中{have}件です。{clock(due)}の期限から{span_ja(now - due)}過ぎています。",
    )
    return verdict(
        deal.subject,
        "fail",
        said,
        *evidence,
        *looks(deal, due - slack),
        *edited_away(deal),
        severity="critical" if now >= deal.ends_at else None,
    )


def _not_seen(deal: Deal) -> tuple[str, str]:
    return (
        f"Whether {deal.name} has made the agreed posts is not known: the accounts were not looked at in time.",
        f"{deal.name}さんのアカウントを確認できていないため、約束の投稿が出ているか分かりません。",
    )


class TooFewPosts:
    """Fewer posts than agreed when the window nears its end, or has ended.

    For agreements of two posts and more; with one, `agreement.post_overdue` says it all. Before the end it is a
    forecast: what is missing fails as soon as it is more than can still be expected in the time that is left, at
    `posts_a_day` or at twice the pace that the agreement asks for throughout, whichever is more. Two a day, because
    creators often post late, and one or two missing on the last day are no news; it is the project's own number. What
    is just still possible neither raises the alert nor lets it go. From the end on every missing post fails.

    Not assessable: an account on which the posts might be was not looked at within `looked_within_minutes`.
    """

    name = "agreement.too_few_posts"
    title: Mapping[Language, str] = {"en": "Fewer posts than agreed", "ja": "投稿数が約束に足りない"}
    category: Category = "agreement"
    kind: Kind = "forecast"
    severity: Severity = "warning"
    timing = Timing()
    settings: type[RuleSettings] = TooFewSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: TooFewSettings, now: Instant) -> Iterable[Verdict]:
        return [_too_few(deal, settings, now) for deal in deals(facts) if deal.agreement.posts > 1]


def still_possible(deal: Deal, a_day: int, now: Instant) -> int:
    """How many posts can still be expected until the window ends."""
    window = deal.ends_at - deal.starts_at
    left = max(0, deal.ends_at - max(now, deal.starts_at))
    pace = Fraction(a_day, DAY)
    if window > 0:
        pace = max(pace, Fraction(2 * deal.agreement.posts, window))
    return -(-pace.numerator * left // pace.denominator)


def _too_few(deal: Deal, settings: TooFewSettings, now: Instant) -> Verdict:
    wanted, have = deal.agreement.posts, len(deal.posts)
    missing = wanted - have
    possible = still_possible(deal, settings.posts_a_day, now)
    evidence: tuple[Evidence, ...] = (
        count("posts", have, basis="posts made for the agreement, removed ones too", limit=wanted),
        count(
            "still_possible",
            possible,
            basis=f"until the window ends, at {settings.posts_a_day} a day or twice the agreed pace, whichever is more",
            limit=max(0, missing),
        ),
        instant("ends_at", deal.ends_at, "end of the agreement's window"),
    )
    if missing <= 0 or missing < possible:
        said = (
            f"{deal.name} has made {have} of {wanted} agreed posts; the window ends on {clock(deal.ends_at)}.",
            f"{deal.name}さんは約束の{wanted}件中{have}件を投稿済みです(期間終了は{clock(deal.ends_at)})。",
        )
        return verdict(deal.subject, "pass", said, *evidence)
    moment = min(now, deal.ends_at) - settings.looked_within_minutes * MINUTE
    hidden = unseen(deal, moment)
    if hidden:
        return verdict(deal.subject, "not_assessable", _not_seen(deal), *evidence, *hidden)
    evidence = (*evidence, *looks(deal, moment), *edited_away(deal))
    if now >= deal.ends_at:
        said = (
            f"{deal.name} made {have} of {wanted} agreed posts; the window ended on {clock(deal.ends_at)}.",
            f"{deal.name}さんの投稿は約束の{wanted}件中{have}件で、期間は{clock(deal.ends_at)}に終了しました。",
        )
        return verdict(deal.subject, "fail", said, *evidence)
    left = deal.ends_at - now
    said = (
        f"{deal.name} has made {have} of {wanted} agreed posts, with {span(left)} left.",
        f"{deal.name}さんの投稿は約束の{wanted}件中{have}件で、残りは{span_ja(left)}です。",
    )
    return verdict(deal.subject, "fail" if missing > possible else "near", said, *evidence)
