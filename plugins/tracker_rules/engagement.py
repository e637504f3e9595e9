"""The rule about a campaign's targets.

1. A target is judged when it is due, not before: until then `engagement.forecast_miss` (forecast.py) looks ahead.
2. What is unknown or hidden is not zero: a target is missed only if the unknown posts could not have made up for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from tracker.domain.events import METRICS, Instant
from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts
from tracker.domain.verdicts import Category, Language, Outcome, Severity, Subject, Verdict
from tracker.plugin.rules import Kind, RuleSettings, Timing
from tracker_rules.words import HOUR, PPM, RateText, count, instant, metric, percent, ppm, share


def targets_of(facts: CampaignFacts) -> Mapping[str, int | str]:
    """Every target that the campaign has, by name."""
    targets = facts.campaign.targets
    if targets is None:
        return {}
    found = {name: getattr(targets, name) for name in targets.__struct_fields__}
    return {name: value for name, value in found.items() if value is not None}


def own_posts(facts: CampaignFacts) -> list[PostFacts]:
    """The posts that the campaign's own counters are made of: all but word of mouth."""
    return [post for post in facts.posts() if post.how != "word_of_mouth"]


class Tally(NamedTuple):
    """How far something has come. `known` None: unknown; `most`: what it may be at most if the unknown is made good."""

    known: int | None
    most: int | None
    basis: str
    at: Instant | None


def tally(facts: CampaignFacts, name: str) -> Tally:
    """How far the campaign has come with what a target is set for. Rates in ppm."""
    posts = own_posts(facts)
    if name == "engagement_rate":
        return _rate(posts)
    total = facts.totals.get("", {})
    at = max(facts.fresh.get("", {}).values(), default=None)
    if name in METRICS:
        return _metric(facts, name, posts, at)
    counted = total.get(name, 0)
    is_measured = bool(facts.links) or (name == "conversions" and any(_codes(creator) for creator in facts.creators))
    if not is_measured and not counted:
        return Tally(None, None, "the campaign has no link (or promo code) by which any could be counted", None)
    return Tally(counted, counted, f"{name} that count for the campaign", at)


def _codes(creator: CreatorFacts) -> bool:
    return any(agreement.codes for agreement in creator.agreements)


def _metric(facts: CampaignFacts, name: str, posts: list[PostFacts], at: Instant | None) -> Tally:
    total = facts.totals.get("", {})
    known, unknown = total.get(f"{name}.known", 0), total.get(f"{name}.unknown", 0)
    basis = f"last known value of each post; {known} of {known + unknown} posts known"
    if not known and (unknown or total.get("posts", 0)):
        return Tally(None, None, basis, at)
    value = total.get(name, 0)
    best = max((value for value in (post.totals[_index(name)] for post in posts) if value is not None), default=None)
    if not unknown:
        return Tally(value, value, basis, at)
    most = None if best is None else value + unknown * best
    return Tally(value, most, f"{basis}; at most: if each unknown one had as many as the best known one", at)


def _index(name: str) -> int:
    return next(index for index, known in enumerate(METRICS) if known == name)


def _rate(posts: list[PostFacts]) -> Tally:
    reactions = followers = whole = 0
    at: Instant | None = None
    for post in posts:
        likes, comments = post.total("likes"), post.total("comments")
        if likes is not None and comments is not None and post.followers:
            reactions, followers, whole = reactions + likes + comments, followers + post.followers, whole + 1
            at = max(at or 0, post.newest_at)
    basis = f"(likes + comments) / followers at post time, over the {whole} of {len(posts)} posts with all of it known"
    if not followers:
        return Tally(None, None, basis, at)
    rate = reactions * PPM // followers
    # What the unknown posts would add to both sides is not known, so with any of them only half is certain enough.
    return Tally(rate, rate if 2 * whole >= len(posts) else None, basis, at)


class BelowTargetSettings(RuleSettings, frozen=True, kw_only=True):
    due_hours: Annotated[
        int, Meta(ge=0, le=720, description="Judge from so long before the campaign's end on; 0: from its end on")
    ] = 0
    fire_below: Annotated[RateText, Meta(description="Fire below this share of the target")] = "0.95"
    clear_from: Annotated[RateText, Meta(description="Let it go from this share of the target on")] = "1"


class BelowTarget:
    """A target of the campaign is missed.

    Each target of the campaign, when it is due (its end, or `due_hours` before), against what counts for the campaign:
    sums of posts' last known values, clicks, conversions, or (likes + comments) / followers at post time. It fails
    below `fire_below` of the target, and passes from `clear_from` of it on; before it is due it passes.

    Not assessable where nothing is known of it: no post's count, no link or code to count by. With some posts unknown
    it fails only if the target would be missed even with as many for each of them as the best known post has (for the
    rate: if no more than half of the posts are unknown).

    Defaults: 5 % short of a target is within what clients take for reached; set `fire_below` to "1" where it is not.
    """

    name = "engagement.below_target"
    title: Mapping[Language, str] = {"en": "A target is missed", "ja": "目標未達"}
    category: Category = "engagement"
    kind: Kind = "absolute"
    severity: Severity = "warning"
    timing = Timing(hold_ms=HOUR, clear_ms=HOUR)
    settings: type[RuleSettings] = BelowTargetSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: BelowTargetSettings, now: Instant) -> Iterable[Verdict]:
        due = facts.campaign.ends_at - settings.due_hours * HOUR
        for name, target in targets_of(facts).items():
            yield _against_target(facts, name, ppm(target) if isinstance(target, str) else target, now >= due, settings)


def _against_target(
    facts: CampaignFacts, name: str, target: int, is_due: bool, settings: BelowTargetSettings
) -> Verdict:
    found = tally(facts, name)
    outcome: Outcome
    if found.known is None:
        outcome = "not_assessable"
    elif not is_due or found.known * PPM >= target * ppm(settings.clear_from):
        outcome = "pass"
    elif found.known * PPM >= target * ppm(settings.fire_below):
        outcome = "near"
    elif found.most is not None and found.most * PPM < target * ppm(settings.fire_below):
        outcome = "fail"
    else:
        outcome = "not_assessable"
    write = share if name == "engagement_rate" else count
    evidence = (
        write(name, found.known, limit=target, basis=found.basis, at=found.at),
        write("at_most", found.most, basis="with what may be unknown made good"),
        share("fire_below", ppm(settings.fire_below), basis="of the target"),
        instant("ends_at", facts.campaign.ends_at),
    )
    summary = _target_summary(facts, name, found.known, target, outcome if is_due else "pending")
    return Verdict(
        subject=Subject(campaign=facts.campaign.id), check=name, outcome=outcome, summary=summary, evidence=evidence
    )


def _target_summary(
    facts: CampaignFacts, name: str, known: int | None, target: int, how: str
) -> Mapping[Language, str]:
    title, en, ja = facts.campaign.name, metric(name, "en"), metric(name, "ja")
    wanted = amount(name, target)
    if known is None or how == "not_assessable":
        return {
            "en": f"Whether {title} has reached its target of {wanted} {en} cannot be told: too much is unknown.",
            "ja": f"{title}の{ja}目標{wanted}の達成は判定できません。不明な値が多すぎます。",
        }
    has = amount(name, known)
    if how == "pending":
        return {
            "en": f"{title} has {has} of its target of {wanted} {en} so far; it is not due yet.",
            "ja": f"{title}の{ja}は現在{has} (目標{wanted})です。期限前です。",
        }
    words = {"fail": ("misses", "未達"), "near": ("all but reaches", "ほぼ達成"), "pass": ("has reached", "達成")}[how]
    return {
        "en": f"{title} {words[0]} its target of {wanted} {en}: it has {has}.",
        "ja": f"{title}の{ja}は目標{wanted}に対し{has}で{words[1]}です。",
    }


def amount(name: str, value: int) -> str:
    """A target or what was reached of it, as people write it."""
    return percent(value) if name == "engagement_rate" else f"{value:,}"


RULES = (BelowTarget(),)
