"""Whether a post stays up, and as it is, for as long as was agreed.

1. When a post was removed or edited is told by no platform. What is known is by when it was; the period is judged by
   that alone, so nothing that happened after it fails.
2. What may have happened before or after its end is not assessable, and leaves the alert as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from msgspec import Meta

from tracker.domain.events import Instant
from tracker.domain.facts import PostFacts
from tracker.plugin.rules import (
    CampaignFacts,
    Category,
    Evidence,
    Kind,
    Language,
    Outcome,
    RuleSettings,
    Severity,
    Timing,
    Verdict,
)
from tracker_rules.agreement_items import NoSettings
from tracker_rules.agreement_posts import Deal, deals, kept_until
from tracker_rules.saying import called, clock, excerpt, instant, verdict
from tracker_rules.words import HOUR, count

Said = tuple[Outcome, tuple[str, str]]


class RemovedSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of agreement.post_removed."""

    seen_within_hours: Annotated[
        int, Meta(ge=1, le=8_760, description="A post counts as up if it was seen to be so many hours ago at most")
    ] = 72
    story_hours: Annotated[
        int, Meta(ge=1, le=8_760, description="A story must stay up for so many hours after it was published")
    ] = 23


class PostRemoved:
    """A post was removed, or made private, within the period for which it was to stay up.

    The period begins when the post is published and ends `keep_days` later, or with the agreement's window; the end is
    no longer in it. It fails while the post is known to have been away before that end, and goes on failing after it.
    If at least as many posts of the agreement are still up as were agreed, a person must look: the post may have been
    put up anew. A story is to stay for `story_hours`: platforms take it down after 24 hours, and instants differ a
    little, hence 23.

    Not assessable: the post was last seen too long ago (a post is looked at once a day at the least, hence 72 hours);
    or it went away between two looks of which one was in the period and the other was not; or the period is unknown,
    because it depends on when the post was published and no source said that; or nobody said what kind of post it was,
    and it went as a story goes.
    """

    name = "agreement.post_removed"
    title: Mapping[Language, str] = {"en": "An agreed post was removed", "ja": "約束の投稿が削除・非公開になった"}
    category: Category = "agreement"
    kind: Kind = "absolute"
    severity: Severity = "critical"
    timing = Timing()
    settings: type[RuleSettings] = RemovedSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: RemovedSettings, now: Instant) -> Iterable[Verdict]:
        return [_kept_up(deal, post, settings, now) for deal in deals(facts) for post in deal.posts]


def _kept_up(deal: Deal, post: PostFacts, settings: RemovedSettings, now: Instant) -> Verdict:
    seen = _seen_up(post)
    until = _to_stay(deal, post, seen, settings)
    evidence = (
        Evidence(name="live", value=int(post.live), unit="count", basis="1: it can be seen", at=post.live_at),
        instant("last_seen_up_at", seen, "the last statement that shows it up"),
        instant("to_stay_until", until, "published_at + keep_days, or the end of the window; stories: fewer hours"),
    )
    outcome, said = _up(deal, post, until, seen, now, settings) if post.live else _away(deal, post, until, seen)
    return verdict(deal.subject_of(post), outcome, said, *evidence)


def _to_stay(deal: Deal, post: PostFacts, seen: Instant | None, settings: RemovedSettings) -> Instant | None:
    """Until when a post must stay up; None: unknown. A story, or what may have been one, goes by itself."""
    until = kept_until(deal, post)
    if until is None or post.medium not in ("story", None):
        return until
    if post.published_at is None:
        return until if post.live else None
    story = min(until, post.published_at + settings.story_hours * HOUR)
    if post.medium == "story":
        return story
    went_like_one = not post.live and (post.live_at or 0) >= story and (seen or 0) < story + HOUR
    return None if went_like_one else until


def _seen_up(post: PostFacts) -> Instant | None:
    """When a post was last seen to be up: of one that is away the last numbers before that, or its publication."""
    if post.live:
        return post.live_at
    gone = post.live_at
    shown = [at for at in (post.published_at, *post.observed_at) if at is not None and (gone is None or at <= gone)]
    return max(shown, default=None)


def _up(
    deal: Deal, post: PostFacts, until: Instant | None, seen: Instant | None, now: Instant, settings: RemovedSettings
) -> Said:
    needed = (now if until is None else min(now, until)) - settings.seen_within_hours * HOUR
    if seen is None or seen < needed:
        last = ("it was never looked at", "未確認") if seen is None else (f"last seen {clock(seen)}",) * 2
        return "not_assessable", (
            f"Whether {called(post)} by {deal.name} is still up is not known: {last[0]}.",
            f"{deal.name}さんの投稿({called(post)})が公開中か不明です({last[1]})。",
        )
    return "pass", (
        f"{called(post)} by {deal.name} is up, last seen on {clock(seen)}.",
        f"{deal.name}さんの投稿({called(post)})は公開中です(最終確認{clock(seen)})。",
    )


def _away(deal: Deal, post: PostFacts, until: Instant | None, seen: Instant | None) -> Said:
    place, gone = called(post), post.live_at
    if until is not None and seen is not None and seen >= until:
        return "pass", (
            f"{place} by {deal.name} stayed up as long as agreed, until {clock(until)}.",
            f"{deal.name}さんの投稿({place})は約束の{clock(until)}まで公開されました。",
        )
    if until is None or gone is None or gone >= until:
        return "not_assessable", (
            f"{place} by {deal.name} is no longer up; whether it stayed as long as agreed is not known.",
            f"{deal.name}さんの投稿({place})は公開されていませんが、約束の期間を満たしたかは不明です。",
        )
    up = sum(1 for each in deal.posts if each.live)
    if 0 < deal.agreement.posts <= up:
        return "needs_human", (
            f"{place} by {deal.name} is gone, but {up} other agreed posts are up: please look whether it was replaced.",
            f"{deal.name}さんの投稿({place})は消えましたが、他に{up}件が公開中です。差し替えか確認してください。",
        )
    return "fail", (
        f"{place} by {deal.name} was no longer up on {clock(gone)}; it was to stay until {clock(until)}.",
        f"{deal.name}さんの投稿({place})は{clock(gone)}に公開されていません(約束は{clock(until)}まで)。",
    )


class PostEdited:
    """A post was edited within the period for which it was to stay as it is.

    The period is that of `agreement.post_removed`. A post once edited stays so: the alert is told once, and stays open
    until the post or the agreement goes; acknowledge it once you have looked. If the edit took out a required item,
    `agreement.required_missing` tells of that.

    Not assessable: no text of the post is known, so that no edit could be seen; or it may have been edited before or
    after the end of the period; or that end is unknown.
    """

    name = "agreement.post_edited"
    title: Mapping[Language, str] = {"en": "An agreed post was edited", "ja": "約束の投稿が編集された"}
    category: Category = "agreement"
    kind: Kind = "absolute"
    severity: Severity = "warning"
    timing = Timing(repeat_ms=None)
    settings: type[RuleSettings] = NoSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: NoSettings, now: Instant) -> Iterable[Verdict]:
        return [_kept_as_is(deal, post, now) for deal in deals(facts) for post in deal.posts]


def _kept_as_is(deal: Deal, post: PostFacts, now: Instant) -> Verdict:
    until, place = kept_until(deal, post), called(post)
    words = [said for said in (post.title, post.text) if said is not None]
    told_at = max((said.at for said in words), default=None)
    evidence = [
        count("edited", int(post.edited), basis="1: it was changed after publishing"),
        instant("text_as_of", told_at, "the last statement about its title or text"),
        instant("to_stay_until", until, "published_at + keep_days, or the end of the window"),
    ]
    if post.text is not None:
        evidence.append(Evidence(name="text", value=excerpt(str(post.text.value)), unit="text", at=post.text.at))
    outcome: Outcome
    if not post.edited and words:
        outcome = "pass"
        said = (
            f"{place} by {deal.name} has not been edited.",
            f"{deal.name}さんの投稿({place})は編集されていません。",
        )
    elif not post.edited:
        outcome = "not_assessable"
        said = (
            f"Whether {place} by {deal.name} was edited is not known: its text is not.",
            f"{deal.name}さんの投稿({place})の本文が不明なため、編集の有無は分かりません。",
        )
    elif until is not None and (now < until or (told_at is not None and told_at < until)):
        outcome = "fail"
        said = (
            f"{place} by {deal.name} was edited; it was to stay as it is until {clock(until)}.",
            f"{deal.name}さんの投稿({place})が編集されました(約束は{clock(until)}まで変更なし)。",
        )
    else:
        outcome = "not_assessable"
        said = (
            f"{place} by {deal.name} was edited; whether before the end of the agreed period is not known.",
            f"{deal.name}さんの投稿({place})が編集されましたが、約束の期間中かは不明です。",
        )
    return verdict(deal.subject_of(post), outcome, said, *evidence)
