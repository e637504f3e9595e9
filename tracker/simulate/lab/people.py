"""Creators and their posts, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from tracker.domain.definitions import AccountRef, AgreedMedium, Agreement, Creator, Required
from tracker.domain.events import METRICS
from tracker.simulate.lab.arrival import Extra, Plan, Wave, grow
from tracker.simulate.lab.behaviour import (
    DAY,
    FEED_GAP_HOURS,
    FOLLOWERS,
    FOLLOWERS_GROWTH,
    HOUR,
    MINUTE,
    P_FEED_GAP,
    P_HIDDEN_LIKES,
    P_NIGHT_POST,
    P_SPAM_PURGE,
    P_VIRAL,
    PER_LIKE,
    PLATFORM_RATE,
    POST_SPREAD,
    PR_FACTOR,
    RATE_SPREAD,
    RATIO_SPREAD_CREATOR,
    RATIO_SPREAD_POST,
    SCALE_SPREAD,
    SPAM_PURGE_SHARE,
    TIERS,
    TOLD,
    UTC_OFFSET,
    VETTED,
    VIRAL_AFTER_HOURS,
    VIRAL_BOOST,
    LabLanguage,
    LabPlatform,
    like_rate,
)
from tracker.simulate.lab.chance import log_within, lognormal, truncated_lognormal, within
from tracker.simulate.lab.polls import looks
from tracker.simulate.lab.story import LIKES, LabPost, Person, Version
from tracker.simulate.lab.texts import CAMPAIGN_TAG, MENTION, PRODUCT_TAG, normal_text, pr_text, short_link, title_of

WATCHED_DAYS = 45
"""So long before the campaign its creators' accounts have been watched."""
PLATFORMS: tuple[LabPlatform, ...] = ("instagram", "tiktok", "youtube", "x")
_MEDIA: dict[LabPlatform, tuple[AgreedMedium, ...]] = {
    "instagram": ("reel", "carousel"),
    "tiktok": ("video",),
    "youtube": ("video",),
    "x": ("post",),
}
_POSTING_HOURS = (7, 8, 12, 12, 17, 18, 19, 20, 21)


class Frame:
    """When everything takes place: the campaign's window, and since when its accounts are watched."""

    def __init__(self, starts_at: int, ends_at: int) -> None:
        self.starts_at = starts_at
        self.ends_at = ends_at
        self.watched_since = starts_at - WATCHED_DAYS * DAY


def draw_person(
    rng: Random,
    frame: Frame,
    *,
    name: str,
    campaign: str,
    platform: LabPlatform,
    language: LabLanguage,
    tiers: Mapping[str, float] = TIERS,
) -> Person:
    """A creator without posts yet, of one of the `tiers` (by their weights)."""
    tier = rng.choices(tuple(tiers), tuple(tiers.values()))[0]
    followers = round(log_within(rng, FOLLOWERS[tier]))
    rate = like_rate(followers) * PLATFORM_RATE[platform] * truncated_lognormal(rng, RATE_SPREAD, VETTED)
    ratios = tuple(1.0 if metric == "likes" else _ratio(rng, PER_LIKE[platform].get(metric)) for metric in METRICS)
    medium = rng.choice(_MEDIA[platform])
    account = f"{platform}-{name}"
    return Person(
        creator=Creator(id=name, name=name.title(), accounts=(AccountRef(platform=platform, account=account),)),
        agreement=Agreement(
            id=f"{campaign}-{name}",
            campaign=campaign,
            creator=name,
            hashtags=(CAMPAIGN_TAG[language],),
            posts=2,
            due_at=frame.starts_at + 7 * DAY + 12 * HOUR,
            codes=(f"{name.upper()}10",),
            media=(medium,),
            required=Required(
                hashtags=(CAMPAIGN_TAG[language], PRODUCT_TAG[language]),
                mentions=(MENTION,),
                links=(short_link(name),),
            ),
        ),
        platform=platform,
        account=account,
        language=language,
        medium=medium,
        like_rate=rate,
        spread=within(rng, POST_SPREAD),
        pr_factor=within(rng, PR_FACTOR),
        ratios=ratios,
        followers=_followers(rng, frame, followers),
        gaps=_gaps(rng, frame),
    )


def _ratio(rng: Random, usual: float | None) -> float | None:
    return None if usual is None else usual * lognormal(rng, RATIO_SPREAD_CREATOR)


def _followers(rng: Random, frame: Frame, followers: int) -> tuple[tuple[int, int], ...]:
    growth = log_within(rng, FOLLOWERS_GROWTH)
    known = float(followers)
    points = []
    for day in range(frame.watched_since // DAY, frame.ends_at // DAY + 1):
        known *= 1 + growth * lognormal(rng, 0.6) - (0.0002 * rng.random())
        points.append((day * DAY + int(rng.random() * 5 * MINUTE), round(known)))
    return tuple(points)


def _gaps(rng: Random, frame: Frame) -> tuple[tuple[int, int], ...]:
    if rng.random() >= P_FEED_GAP:
        return ()
    start = rng.randrange(frame.starts_at, frame.ends_at)
    return ((start, start + round(within(rng, FEED_GAP_HOURS) * HOUR)),)


def followers_at(person: Person, now: int) -> int:
    """How many were known to follow at an instant."""
    return [count for at, count in person.followers if at <= now][-1]


def posting_instant(rng: Random, language: LabLanguage, day: int) -> int:
    """An instant of the creator's local `day` (days since the epoch): when people post, and sometimes by night."""
    hour = rng.randrange(1, 5) if rng.random() < P_NIGHT_POST else rng.choice(_POSTING_HOURS)
    return day * DAY + (hour - UTC_OFFSET[language]) * HOUR + rng.randrange(HOUR)


def draw_post(
    rng: Random, person: Person, frame: Frame, *, id: str, published: int, is_pr: bool, factor: float = 1.0
) -> LabPost:
    """A post and how it will do: as its creator's do, times `factor`."""
    followers = followers_at(person, published)
    plan = draw_plan(rng, person, followers, published, factor * (person.pr_factor if is_pr else 1.0))
    text = pr_text(rng, person.language, person.id) if is_pr else normal_text(rng, person.language)
    told = list(TOLD[person.platform])
    if rng.random() < P_HIDDEN_LIKES:
        told[LIKES] = False
    path = grow(rng, plan)
    purge: tuple[Extra, ...] = ()
    if rng.random() < P_SPAM_PURGE:
        counts = path.counts[LIKES]
        assert counts is not None
        at = published + rng.randrange(DAY, 8 * DAY)
        lost = round(counts[-1] * within(rng, SPAM_PURGE_SHARE))
        purge = (Extra(LIKES, ((at, 0), (at + 10 * MINUTE, -lost))),)
    return LabPost(
        id=id,
        creator=person.id,
        account=person.account,
        followers=followers,
        medium=person.medium,
        plan=plan,
        path=path,
        told=tuple(told),
        versions=(Version(published, text, title_of(person.platform, text)),),
        polls=looks(rng, published, frame.ends_at, person.gaps),
        is_pr=is_pr,
        extras=purge,
    )


def draw_plan(rng: Random, person: Person, followers: int, published: int, factor: float) -> Plan:
    """How a post of this creator will do. A naturally viral one gets a second wave."""
    likes = followers * person.like_rate * factor * lognormal(rng, person.spread)
    wave = None
    if rng.random() < P_VIRAL:
        wave = Wave(round(within(rng, VIRAL_AFTER_HOURS) * HOUR), within(rng, VIRAL_BOOST))
    means = tuple(
        None if ratio is None else likes * ratio * (1.0 if index == LIKES else lognormal(rng, RATIO_SPREAD_POST))
        for index, ratio in enumerate(person.ratios)
    )
    return Plan(
        platform=person.platform,
        language=person.language,
        published=published,
        means=means,
        scale=lognormal(rng, SCALE_SPREAD),
        wave=wave,
    )
