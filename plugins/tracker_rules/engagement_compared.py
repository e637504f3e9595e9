"""Rules that compare a creator's posts for the campaign with their own normal ones, and with others of their size.

1. Posts are compared at the same age, so a young post is not a poor one.
2. Hidden or unknown counts leave a post out; they are never zero.
3. The verdict is on a creator on a platform: their median post decides, and the evidence names every post.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from tracker.domain.events import Instant
from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts
from tracker.domain.tiers import BENCHMARK_SOURCE, benchmark_of, tier_of
from tracker.domain.verdicts import Category, Evidence, Language, Outcome, Severity, Subject, Verdict
from tracker.plugin.rules import Kind, RuleSettings, Timing
from tracker_rules.baseline import Baseline, Level, Series, level, middle, series
from tracker_rules.judging import BaselineSettings, scaled
from tracker_rules.words import HOUR, PPM, RateText, count, percent, ppm, share, span

_DEVIATIONS = 3 * PPM // 2
"""A creator's normal posts differ: within one and a half robust standard deviations is nothing to tell of."""
_TOLD = 20
"""So many posts are named in the evidence."""


class BelowBaselineSettings(BaselineSettings, frozen=True, kw_only=True):
    from_hours: Annotated[int, Meta(ge=1, le=168, description="Posts younger than this are not judged")] = 6
    until_hours: Annotated[
        int, Meta(ge=1, le=720, description="Compare by what was there at this age at the latest")
    ] = 168
    fire_below: Annotated[RateText, Meta(description="Fire below this share of a normal post's engagement")] = "0.5"
    clear_from: Annotated[RateText, Meta(description="Let it go from this share on")] = "0.6"


class Compared(NamedTuple):
    """A post's likes and comments at an age, and how large a share (ppm) of the median normal post's that is."""

    post: PostFacts
    age: int
    had: int
    usual: Level

    @property
    def ratio(self) -> int:
        return self.had * PPM // max(1, self.usual.median)


class BelowBaseline:
    """A creator's posts for the campaign do worse than their own normal posts.

    Likes + comments of each post at its newest age (`from_hours` to `until_hours`), as a share of the median of the
    creator's normal posts at the same age on the same platform; of a creator's posts on a platform the median share. It
    fails below `fire_below`, unless the creator's normal posts themselves differ so much that this is within one and a
    half robust standard deviations; from `clear_from` on it passes.

    Not assessable without a post old enough with both counts known, or without `normal_posts` normal posts known at its
    age. Hidden counts are unknown.

    Defaults: advertising does worse than other posts nearly everywhere; half is where a client asks why.
    """

    name = "engagement.below_baseline"
    title: Mapping[Language, str] = {
        "en": "Below the creator's own normal posts",
        "ja": "通常投稿を下回る反応",
    }
    category: Category = "engagement"
    kind: Kind = "baseline"
    severity: Severity = "warning"
    timing = Timing(hold_ms=HOUR, clear_ms=2 * HOUR)
    settings: type[RuleSettings] = BelowBaselineSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: BelowBaselineSettings, now: Instant) -> Iterable[Verdict]:
        for creator, platform, posts in by_platform(facts):
            yield _against_baseline(facts, creator, platform, posts, settings)


def by_platform(facts: CampaignFacts) -> Iterator[tuple[CreatorFacts, str, list[PostFacts]]]:
    """Every creator's posts by platform; none where there is no post."""
    for creator in facts.creators:
        for platform in sorted({post.platform for post in creator.posts}):
            yield creator, platform, [post for post in creator.posts if post.platform == platform]


def _against_baseline(
    facts: CampaignFacts,
    creator: CreatorFacts,
    platform: str,
    posts: list[PostFacts],
    settings: BelowBaselineSettings,
) -> Verdict:
    normals = [_engaged(post) for post in Baseline(creator).posts(platform)]
    compared = [found for found in (_compare(post, normals, settings) for post in posts) if found is not None]
    subject = Subject(campaign=facts.campaign.id, creator=creator.creator.id, platform=platform)
    who = creator.creator.name
    if not compared:
        return Verdict(
            subject=subject,
            outcome="not_assessable",
            summary={
                "en": f"{who}'s {platform} posts cannot be compared with their normal ones yet: too little is known.",
                "ja": f"{who}さんの{platform}の投稿は通常投稿とまだ比較できません。情報が足りません。",
            },
            evidence=(
                count(
                    "normal_posts",
                    sum(each.last_age >= 0 for each in normals),
                    limit=settings.normal_posts,
                    basis="normal posts with likes and comments known; so many are needed at a post's age",
                ),
                count(
                    "posts", len(posts), basis=f"posts for the campaign; judged from {settings.from_hours} h of age on"
                ),
            ),
        )
    ratio = middle([each.ratio for each in compared])
    fires = min(ppm(settings.fire_below), middle([_unusual(each.usual) for each in compared]))
    outcome: Outcome = "fail" if ratio < fires else "near" if ratio < ppm(settings.clear_from) else "pass"
    return Verdict(
        subject=subject,
        outcome=outcome,
        summary={
            "en": f"{who}'s {platform} posts for the campaign have {percent(ratio)} of the likes and comments that "
            f"their normal posts have at the same age ({len(compared)} compared with {compared[0].usual.posts}).",
            "ja": f"{who}さんの{platform}のPR投稿の反応は、同じ経過時間の通常投稿の{percent(ratio)}です"
            f" ({len(compared)}件を{compared[0].usual.posts}件と比較)。",
        },
        evidence=(
            share(
                "of_normal",
                ratio,
                limit=fires,
                basis="median over the creator's posts of: likes + comments / median "
                "of the normal posts at the same age",
            ),
            count("posts", len(compared), basis=f"of {len(posts)} posts that are old enough and known"),
            *(_compared_evidence(each) for each in compared[:_TOLD]),
        ),
    )


def _unusual(usual: Level) -> int:
    """Below which share (ppm) of their median normal posts themselves seldom are."""
    return PPM - min(PPM, usual.deviation * _DEVIATIONS // max(1, usual.median))


def _compared_evidence(each: Compared) -> Evidence:
    return Evidence(
        name="likes_and_comments",
        value=each.had,
        unit="count",
        limit=each.usual.median,
        basis=f"at an age of {span(each.age)}; limit: median of {each.usual.posts} normal posts at that age",
        at=(each.post.published_at or 0) + each.age,
        platform=each.post.platform,
        post=each.post.post,
    )


class _Engaged(NamedTuple):
    """Likes and comments of one post."""

    likes: Series
    comments: Series

    @property
    def last_age(self) -> int:
        return min(self.likes.last_age, self.comments.last_age)

    def at(self, age: int) -> int | None:
        likes, comments = self.likes.at(age), self.comments.at(age)
        return None if likes is None or comments is None else likes + comments


def _engaged(post: PostFacts) -> _Engaged:
    return _Engaged(series(post.curve, "likes"), series(post.curve, "comments"))


def _compare(post: PostFacts, normals: Sequence[_Engaged], settings: BelowBaselineSettings) -> Compared | None:
    engaged = _engaged(post)
    age = min(engaged.last_age, settings.until_hours * HOUR)
    had = engaged.at(age)
    if age < settings.from_hours * HOUR or had is None:
        return None
    usual = level(value for value in (each.at(age) for each in normals) if value is not None)
    if usual is None or usual.posts < settings.normal_posts or not usual.median:
        return None
    return Compared(post, age, had, usual)


class BelowBenchmarkSettings(RuleSettings, frozen=True, kw_only=True):
    from_hours: Annotated[int, Meta(ge=1, le=720, description="Posts younger than this are not judged")] = 24
    fire_below: Annotated[RateText, Meta(description="Fire below this share of the benchmark")] = "0.5"
    clear_from: Annotated[RateText, Meta(description="Let it go from this share on")] = "0.6"
    rates: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}=(0|1)(\.[0-9]{1,6})?$")], ...],
        Meta(description='Benchmarks of your own by tier of the campaign\'s scheme, e.g. ["middle=0.02"]'),
    ] = ()


class BelowBenchmark:
    """A creator's posts for the campaign have fewer likes than is usual for so many followers.

    Likes / followers at post time, of each post from `from_hours` of age on; of a creator's posts on a platform the
    median, against the benchmark for the median post's followers: the one in `rates` for its tier (by the scheme of
    the campaign), else the published one (tracker.domain.tiers.BENCHMARKS). It fails below `fire_below` of it and
    passes from `clear_from` of it on.

    Not assessable where likes are hidden, followers unknown or zero, every post too young, or there is no benchmark for
    so many followers: the source says nothing of 100,000 to 1,000,000.

    Defaults: the source's rates are averages (below 1,000 followers 8 %, to 10,000 4 %, to 100,000 2.4 %, 1 to 10
    million 1.7 %; Markerly), so half of one is still common, and less is not.
    """

    name = "engagement.below_benchmark"
    title: Mapping[Language, str] = {
        "en": "Below the benchmark of their size",
        "ja": "同規模の基準を下回る反応",
    }
    category: Category = "engagement"
    kind: Kind = "benchmark"
    severity: Severity = "info"
    timing = Timing(hold_ms=HOUR, clear_ms=2 * HOUR)
    settings: type[RuleSettings] = BelowBenchmarkSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: BelowBenchmarkSettings, now: Instant) -> Iterable[Verdict]:
        own = {tier: ppm(rate) for tier, _, rate in (each.partition("=") for each in settings.rates)}
        for creator, platform, posts in by_platform(facts):
            old = [post for post in posts if post.published_at is not None]
            old = [post for post in old if now - post.at >= settings.from_hours * HOUR]
            yield _against_benchmark(facts, creator, platform, old, own, settings)


class _Rated(NamedTuple):
    """A post's likes for a follower (ppm)."""

    rate: int
    likes: int
    followers: int
    post: PostFacts


def _against_benchmark(
    facts: CampaignFacts,
    creator: CreatorFacts,
    platform: str,
    posts: Sequence[PostFacts],
    own: Mapping[str, int],
    settings: BelowBenchmarkSettings,
) -> Verdict:
    subject = Subject(campaign=facts.campaign.id, creator=creator.creator.id, platform=platform)
    who, rated = creator.creator.name, []
    for post in posts:
        likes, followers = post.total("likes"), post.followers
        if likes is not None and followers:
            rated.append(_Rated(likes * PPM // followers, likes, followers, post))
    rated.sort(key=lambda each: (each.rate, each.followers, each.post.post))
    typical = rated[len(rated) // 2] if rated else None
    tier = tier_of(facts.campaign.tiers, typical.followers if typical else None)
    published = benchmark_of(typical.followers if typical else None)
    benchmark = own.get(tier or "", int(published.rate * PPM) if published else 0)
    sizes = (
        count("followers", typical.followers if typical else None, basis="of the median post, when it was published"),
        Evidence(name="tier", value=tier, unit="text", basis=f"scheme {facts.campaign.tiers}"),
        count("posts", len(rated), basis=f"of {len(posts)} posts from {settings.from_hours} h of age on; likes known"),
    )
    if typical is None or not benchmark:
        return Verdict(
            subject=subject,
            outcome="not_assessable",
            summary={
                "en": f"{who}'s {platform} posts cannot be compared with a benchmark: likes, followers or a benchmark "
                "for so many followers are lacking.",
                "ja": f"{who}さんの{platform}の投稿は基準と比較できません。"
                "いいね、フォロワー数、または基準値が不明です。",
            },
            evidence=sizes,
        )
    rate = middle([each.rate for each in rated])
    fires, clears = (scaled(benchmark, ppm(of)) for of in (settings.fire_below, settings.clear_from))
    outcome: Outcome = "fail" if rate < fires else "near" if rate < clears else "pass"
    source = "the rule's settings" if tier in own else BENCHMARK_SOURCE
    return Verdict(
        subject=subject,
        outcome=outcome,
        summary={
            "en": f"{who}'s {platform} posts for the campaign have likes from {percent(rate)} of their followers; "
            f"{percent(benchmark)} is usual at that size.",
            "ja": f"{who}さんの{platform}のPR投稿のいいね率は{percent(rate)}です"
            f" (同規模の目安は{percent(benchmark)})。",
        },
        evidence=(
            share("like_rate", rate, limit=fires, basis="likes / followers at post time, median post"),
            share("benchmark", benchmark, basis=source),
            *sizes,
            *(_rated_evidence(each) for each in rated[:_TOLD]),
        ),
    )


def _rated_evidence(each: _Rated) -> Evidence:
    return Evidence(
        name="likes",
        value=each.likes,
        unit="count",
        basis=f"for {each.followers} followers",
        at=each.post.observed_at[0],
        platform=each.post.platform,
        post=each.post.post,
    )


RULES = (BelowBaseline(), BelowBenchmark())
