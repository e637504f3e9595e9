"""Rules that compare a creator's posts for the campaign with their own normal ones, and with others of their size.

1. Posts are compared at the same age, so a young post is not a poor one.
2. Hidden or unknown counts leave a post out; they are never zero.
3. The verdict is on a creator on a platform: their posts together decide, and the evidence names every post.
4. What a creator's posts reach is log-normal: one post says little, so the fewer there are, the lower is the limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isqrt
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from tracker.domain.events import Instant
from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts
from tracker.domain.tiers import BENCHMARK_SOURCE, benchmark_of, tier_of
from tracker.domain.verdicts import Category, Evidence, Language, Outcome, Severity, Subject, Verdict
from tracker.plugin.rules import Kind, RuleSettings, Timing
from tracker_rules.baseline import NEWEST, Series, baselines, exp_ppm, log_ppm, middle, series
from tracker_rules.judging import BaselineSettings, scaled
from tracker_rules.words import HOUR, PPM, RateText, count, metric_at, percent, ppm, share, span

_USUAL_SPREAD = 500_000
"""How far a creator's posts commonly are from each other: a standard deviation of logarithms (millionths), that of
likes which vary by 53 %. trendHERO calls 40 % to 100 % normal."""
_AS_POSTS = 8
"""That weighs as much as so many normal posts: a handful of them is too few to say how far they differ."""
_ONE_POST = 6 * PPM // 5
"""One post must be so many times as far below: it is looked at again and again while the next one is awaited."""
_INNER = 4
"""Of more normal posts than these, the highest and the lowest are left out of the mean."""
BENCHMARK_PLATFORM = "instagram"
"""Where BENCHMARK_SOURCE counted."""
_TOLD = 20
"""So many posts are named in the evidence."""


class BelowBaselineSettings(BaselineSettings, frozen=True, kw_only=True):
    from_hours: Annotated[int, Meta(ge=1, le=168, description="Posts younger than this are not judged")] = 24
    until_hours: Annotated[
        int, Meta(ge=1, le=720, description="Compare by what was there at this age at the latest")
    ] = 168
    fire_below: Annotated[RateText, Meta(description="Fire below this share of a normal post's engagement")] = "0.5"
    clear_from: Annotated[RateText, Meta(description="Let it go from this share on")] = "0.6"
    deviations: Annotated[
        RateText, Meta(description="Fire only so many standard deviations below what so many normal posts would have")
    ] = "2.75"


class Compared(NamedTuple):
    """A post's likes and comments at an age, beside those of normal posts at that age."""

    post: PostFacts
    age: int
    had: int
    usual: list[int]

    @property
    def middle(self) -> int:
        return max(1, middle(self.usual))


class Together(NamedTuple):
    """How a creator's posts did, all in all. Logarithms in millionths."""

    below: int
    """The logarithm of the share that they have of what is usual; the mean over the posts."""
    deviation: int
    """How far so many normal posts would be from it by chance: one standard deviation."""

    @property
    def ratio(self) -> int:
        return exp_ppm(self.below)


class BelowBaseline:
    """A creator's posts for the campaign do worse than their own normal posts.

    Likes + comments of each post at its newest age (`from_hours` to `until_hours`), as a share of what is usual: the
    mean of the creator's normal posts at the same age on the same platform, without the highest and the lowest. Of
    several posts on a platform the mean share. Both means are geometric, for posts differ by factors.

    It fails below `fire_below`, and at least `deviations` standard deviations below what so many normal posts would
    have together by chance. How far one is from another is told by the creator's own normal posts, and by what is usual
    elsewhere as if it were eight posts more. With eight normal posts that differ as usual, one post fails below a fifth
    (it must be 1.2 times as many deviations below), two below 0.37, four below 0.47. From a fifth above the limit on it
    passes (`clear_from` / `fire_below`).

    Not assessable without a post old enough with both counts known, or without `normal_posts` normal posts known at its
    age. Hidden counts are unknown.

    Defaults: advertising does worse than other posts nearly everywhere; half is where a client asks why. Likes of one
    creator's posts vary by 40 % to 100 % (trendHERO), so one poor post is no news. After a day, day and night are even.
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
        for creator, baseline in zip(facts.creators, baselines(facts), strict=True):
            for platform, posts in by_platform(creator):
                normals = [_engaged(post) for post in baseline.posts(platform)]
                yield _against_baseline((facts, creator, platform), posts, normals, settings)


def by_platform(creator: CreatorFacts) -> Iterator[tuple[str, list[PostFacts]]]:
    """A creator's posts by platform; none where there is no post."""
    for platform in sorted({post.platform for post in creator.posts}):
        yield platform, [post for post in creator.posts if post.platform == platform]


Where = tuple[CampaignFacts, CreatorFacts, str]
"""A campaign, one of its creators, and the platform."""


def _subject(where: Where) -> Subject:
    facts, creator, platform = where
    return Subject(campaign=facts.campaign.id, creator=creator.creator.id, platform=platform)


def _against_baseline(
    where: Where, posts: list[PostFacts], normals: Sequence[_Engaged], settings: BelowBaselineSettings
) -> Verdict:
    compared = [found for found in (_compare(post, normals, settings) for post in posts) if found is not None]
    if not compared:
        return _not_compared(where, posts, normals, settings)
    found, fire = _together(compared), ppm(settings.fire_below)
    deviations = ppm(settings.deviations) if len(compared) > 1 else scaled(ppm(settings.deviations), _ONE_POST)
    fires = min(fire, exp_ppm(-scaled(found.deviation, deviations)))
    clears = fires * ppm(settings.clear_from) // max(1, fire)
    outcome: Outcome = "fail" if found.ratio < fires else "near" if found.ratio < clears else "pass"
    _, creator, platform = where
    who, many = creator.creator.name, len(compared[0].usual)
    return Verdict(
        subject=_subject(where),
        outcome=outcome,
        summary={
            "en": f"{who}'s {platform} posts for the campaign have {percent(found.ratio)} of the likes and comments "
            f"that their normal posts have at the same age ({len(compared)} compared with {many}).",
            "ja": f"{who}さんの{platform}のPR投稿の反応は、同じ経過時間の通常投稿の{percent(found.ratio)}です"
            f" ({len(compared)}件を{many}件と比較)。",
        },
        evidence=(
            share(
                "of_normal",
                found.ratio,
                limit=fires,
                basis="geometric mean over the creator's posts of: likes + comments / those of normal posts, same age",
            ),
            share(
                "deviation",
                found.deviation,
                basis="standard deviation of the logarithm of the same, of so many normal posts",
            ),
            count("posts", len(compared), basis=f"of {len(posts)} posts that are old enough and known"),
            *(_compared_evidence(each) for each in compared[:_TOLD]),
        ),
    )


def _not_compared(
    where: Where, posts: list[PostFacts], normals: Sequence[_Engaged], settings: BelowBaselineSettings
) -> Verdict:
    _, creator, platform = where
    who, known = creator.creator.name, sum(each.last_age >= 0 for each in normals)
    return Verdict(
        subject=_subject(where),
        outcome="not_assessable",
        summary={
            "en": f"{who}'s {platform} posts cannot be compared with their normal ones yet: too little is known.",
            "ja": f"{who}さんの{platform}の投稿は通常投稿とまだ比較できません。情報が足りません。",
        },
        evidence=(
            count(
                "normal_posts",
                known,
                limit=settings.normal_posts,
                basis="normal posts with likes and comments known; so many are needed at a post's age",
            ),
            count("posts", len(posts), basis=f"posts for the campaign; judged from {settings.from_hours} h of age on"),
        ),
    )


def _together(compared: Sequence[Compared]) -> Together:
    below, squares, least = 0, 0, NEWEST
    for each in compared:
        logs = sorted(log_ppm(2 * value, 1) for value in each.usual)
        core = logs[1:-1] if len(logs) > _INNER else logs
        centre = sum(core) // len(core)
        below += log_ppm(2 * each.had, 1) - centre
        # Without the one that is furthest off, which may be another kind of post altogether.
        apart = sorted(abs(log - centre) for log in logs)[:-1]
        own = sum(log * log for log in apart)
        squares += (own + _AS_POSTS * _USUAL_SPREAD * _USUAL_SPREAD) // (len(apart) + _AS_POSTS)
        least = min(least, len(logs))
    many = len(compared)
    return Together(below // many, isqrt(squares // many * (many + least) // (many * least)))


def _compared_evidence(each: Compared) -> Evidence:
    return Evidence(
        name="likes_and_comments",
        value=each.had,
        unit="count",
        limit=each.middle,
        basis=f"at an age of {span(each.age)}; limit: median of {len(each.usual)} normal posts at that age",
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
    usual = [value for value in (each.at(age) for each in normals) if value is not None]
    if len(usual) < settings.normal_posts or not middle(usual):
        return None
    return Compared(post, age, had, usual)


class BelowBenchmarkSettings(BaselineSettings, frozen=True, kw_only=True):
    from_hours: Annotated[int, Meta(ge=1, le=720, description="Posts younger than this are not judged")] = 48
    fire_below: Annotated[RateText, Meta(description="Fire below this share of the benchmark")] = "0.5"
    clear_from: Annotated[RateText, Meta(description="Let it go from this share on")] = "0.6"
    platforms: Annotated[
        tuple[str, ...], Meta(description="Where the published benchmark is compared with; elsewhere only `rates` are")
    ] = (BENCHMARK_PLATFORM,)
    rates: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}=(0|1)(\.[0-9]{1,6})?$")], ...],
        Meta(description='Benchmarks of your own by tier of the campaign\'s scheme, e.g. ["middle=0.02"]'),
    ] = ()


class BelowBenchmark:
    """A creator has fewer likes than is usual for so many followers.

    Likes / followers at post time, of each of their posts for the campaign from `from_hours` of age on; on a platform
    the geometric mean, against the benchmark for the median post's followers: the one in `rates` for its tier (by the
    scheme of the campaign), else the published one (tracker.domain.tiers.BENCHMARKS). It fails below `fire_below` of
    it, and passes from `clear_from` of it on.

    It speaks of the creator, not of these posts: where `normal_posts` normal posts or more are known, their median must
    be below `clear_from` of the benchmark too. If it is not, the creator is as good as others of that size, and what
    these posts lack is told by `engagement.below_baseline`.

    Not assessable where likes are hidden, followers unknown or zero, every post too young, or there is no benchmark:
    the published one was counted on Instagram, and says nothing of 100,000 to 1,000,000 followers. Nor by one post
    alone, where too few normal posts are known: one creator's posts differ by 40 % to 100 % (trendHERO).

    Defaults: the source's rates are averages of what posts have in the end (below 1,000 followers 8 %, to 10,000 4 %,
    to 100,000 2.4 %, 1 to 10 million 1.7 %; Markerly), so half of one is still common, and less is not. After 48 h a
    post on Instagram has nine tenths of its likes (campaigndeus.com).
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
        for creator, baseline in zip(facts.creators, baselines(facts), strict=True):
            for platform, posts in by_platform(creator):
                rated = _rated(posts, settings)
                normal = [each.rate for each in _rated(baseline.posts(platform), settings)]
                yield _against_benchmark((facts, creator, platform), posts, rated, normal, settings)


class _Rated(NamedTuple):
    """A post's likes for a follower (ppm)."""

    rate: int
    likes: int
    followers: int
    post: PostFacts


def _rated(posts: Iterable[PostFacts], settings: BelowBenchmarkSettings) -> list[_Rated]:
    """Those whose likes were seen when they were old enough, the poorest first."""
    found = []
    for post in posts:
        likes, followers, seen_at = post.total("likes"), post.followers, metric_at(post, "likes")
        if likes is None or not followers or seen_at is None or post.published_at is None:
            continue
        if seen_at - post.published_at >= settings.from_hours * HOUR:
            found.append(_Rated(likes * PPM // followers, likes, followers, post))
    return sorted(found, key=lambda each: (each.rate, each.followers, each.post.post))


def _benchmark(where: Where, followers: int | None, settings: BelowBenchmarkSettings) -> tuple[int, str]:
    """The rate (ppm; 0: there is none), and where it comes from."""
    facts, _, platform = where
    tier = tier_of(facts.campaign.tiers, followers)
    own = {name: ppm(rate) for name, _, rate in (each.partition("=") for each in settings.rates)}
    if tier in own:
        return own[tier], "the rule's settings"
    published = benchmark_of(followers) if platform in settings.platforms else None
    return (int(published.rate * PPM), BENCHMARK_SOURCE) if published else (0, "")


def _against_benchmark(
    where: Where,
    posts: Sequence[PostFacts],
    rated: Sequence[_Rated],
    normal: Sequence[int],
    settings: BelowBenchmarkSettings,
) -> Verdict:
    facts, creator, platform = where
    who = creator.creator.name
    followers = rated[len(rated) // 2].followers if rated else None
    benchmark, source = _benchmark(where, followers, settings)
    has_normal = len(normal) >= settings.normal_posts
    sizes = (
        count("followers", followers, basis="of the median post, when it was published"),
        Evidence(
            name="tier",
            value=tier_of(facts.campaign.tiers, followers),
            unit="text",
            basis=f"scheme {facts.campaign.tiers}",
        ),
        count("posts", len(rated), basis=f"of {len(posts)} posts from {settings.from_hours} h of age on; likes known"),
    )
    if not benchmark or (len(rated) == 1 and not has_normal):
        return Verdict(
            subject=_subject(where),
            outcome="not_assessable",
            summary={
                "en": f"{who}'s {platform} posts cannot be compared with a benchmark: likes, followers, a benchmark "
                "for so many followers, or a second post are lacking.",
                "ja": f"{who}さんの{platform}の投稿は基準と比較できません。"
                "いいね、フォロワー数、基準値、または2件目の投稿が不足しています。",
            },
            evidence=sizes,
        )
    rate = exp_ppm(sum(log_ppm(max(1, each.rate), PPM) for each in rated) // len(rated))
    usual = middle(normal) if has_normal else None
    fires, clears = (scaled(benchmark, ppm(of)) for of in (settings.fire_below, settings.clear_from))
    outcome: Outcome = "fail" if rate < fires else "near" if rate < clears else "pass"
    if usual is not None and usual >= clears:
        outcome = "pass"
    return Verdict(
        subject=_subject(where),
        outcome=outcome,
        summary={
            "en": f"{who}'s {platform} posts for the campaign have likes from {percent(rate)} of their followers; "
            f"{percent(benchmark)} is usual at that size.",
            "ja": f"{who}さんの{platform}のPR投稿のいいね率は{percent(rate)}です"
            f" (同規模の目安は{percent(benchmark)})。",
        },
        evidence=(
            share("like_rate", rate, limit=fires, basis="likes / followers at post time, geometric mean of the posts"),
            share("benchmark", benchmark, basis=source),
            share("normal_like_rate", usual, limit=clears, basis=f"the same of {len(normal)} normal posts, median"),
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
        at=metric_at(each.post, "likes"),
        platform=each.post.platform,
        post=each.post.post,
    )


RULES = (BelowBaseline(), BelowBenchmark())
