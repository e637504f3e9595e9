"""The rule that looks ahead: at this pace, will a target be missed?

1. Reactions decay, so nothing is drawn on in a straight line: a post grows from its age now to its age at the end as
   the creator's own normal posts did between these ages; without enough of them as the platform's posts do
   (`usual_share`).
2. A forecast is a range. It fails only where even its upper end is below the target.
3. Posts that are still owed count as the creator's normal posts of that age; at the upper end as if posted right now.
4. Clicks and orders have no curve. Their last two whole days say how they fade (day and night cancel out): each day has
   the same share of the day before; at the upper end they do not fade at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from tracker.domain.events import METRICS, Instant, Metric
from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts
from tracker.domain.verdicts import Category, Language, Outcome, Severity, Subject, Verdict
from tracker.plugin.rules import Kind, RuleSettings, Timing
from tracker_rules.baseline import Baseline, baselines, level, series
from tracker_rules.engagement import Tally, own_posts, tally, targets_of
from tracker_rules.judging import BaselineSettings, scaled
from tracker_rules.words import DAY, HOUR, PPM, RateText, count, instant, metric, ppm, share

_CURVES: Mapping[str, tuple[float, float]] = {
    "instagram": (7.3, 0.40),
    "tiktok": (9.0, 0.55),
    "youtube": (33.8, 0.26),
}
"""Platform → scale (hours) and shape of a Weibull curve. Weibull: Informatics 2025, 12(3), 59. Fitted to what 300,000
posts had after a day and after five: Instagram 80 % and 95 %, YouTube 60 % and 75 % (campaigndeus.com); TikTok's is
between them and steeper at first."""
_SLOWEST = "youtube"
"""For platforms of which nothing is known: what is still to come is then overestimated rather than missed."""
_AGES_OF_NORMALS = tuple(days * DAY for days in (30, 14, 7, 3, 2, 1))


class ForecastMissSettings(BaselineSettings, frozen=True, kw_only=True):
    from_hours: Annotated[int, Meta(ge=1, le=720, description="So long after its start a campaign is forecast")] = 24
    fire_below: Annotated[
        RateText, Meta(description="Fire when the upper end of the forecast is below this share of the target")
    ] = "1"
    least: Annotated[
        int, Meta(ge=2, le=1_000_000, description="So many clicks or orders in two days, to say how they fade")
    ] = 30


class Range(NamedTuple):
    """What is expected to come, and at least, and at most (None: it cannot be said)."""

    low: int
    expected: int
    high: int | None

    def plus(self, other: Range) -> Range:
        high = None if self.high is None or other.high is None else self.high + other.high
        return Range(self.low + other.low, self.expected + other.expected, high)


class Forecast(NamedTuple):
    """What is expected to come until the campaign's end, and what that rests on."""

    range: Range
    basis: str
    owed: int


class ForecastMiss:
    """At this pace a target of the campaign will be missed.

    From `from_hours` after its start until its end: what each target (engagement rate aside) will have come to at the
    end, as a range. A post's likes, views and so on grow as the creator's normal posts grew between the same two ages:
    the median, give or take a robust standard deviation (a quarter of it at the least). With fewer than `normal_posts`
    of these known at both ages: as posts of the platform do, from half to twice as much. Posts still owed by agreements
    are worth a normal post each; at the lower end they never come. Clicks and orders fade from day to day as they did
    from the day before yesterday to yesterday. It fails where even the upper end is below the target; it is near where
    the upper end reaches it and the expectation does not.

    Not assessable where nothing is known yet of what the target counts, too few clicks or orders came in the last two
    days, or nothing is known of what an owed post might bring.

    Defaults: after a day most posts have had 60 to 80 % of their reactions (campaigndeus.com), so a forecast from then
    on rests on more than it guesses.
    """

    name = "engagement.forecast_miss"
    title: Mapping[Language, str] = {"en": "A target will be missed at this pace", "ja": "目標未達の見込み"}
    category: Category = "engagement"
    kind: Kind = "forecast"
    severity: Severity = "warning"
    timing = Timing(hold_ms=2 * HOUR, clear_ms=2 * HOUR)
    settings: type[RuleSettings] = ForecastMissSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: ForecastMissSettings, now: Instant) -> Iterable[Verdict]:
        campaign = facts.campaign
        if now >= campaign.ends_at or now < campaign.starts_at:
            return
        by_creator = dict(zip((each.creator.id for each in facts.creators), baselines(facts), strict=True))
        for name, target in targets_of(facts).items():
            if isinstance(target, str):
                continue
            found = tally(facts, name)
            if now < campaign.starts_at + settings.from_hours * HOUR:
                yield _verdict(facts, name, target, found, None, "too early", settings)
            elif name in METRICS:
                ahead = _Ahead(facts, METRICS[METRICS.index(name)], by_creator, settings, now)
                yield _verdict(
                    facts, name, target, found, ahead.forecast(), "nothing known of a post's worth", settings
                )
            else:
                forecast = _fading(facts, name, settings, now)
                yield _verdict(facts, name, target, found, forecast, "too few in the last two days", settings)


class _Ahead:
    """What a metric of a campaign's posts will gain."""

    def __init__(
        self,
        facts: CampaignFacts,
        name: Metric,
        baselines: Mapping[str, Baseline],
        settings: ForecastMissSettings,
        now: Instant,
    ) -> None:
        self.facts, self.name, self.baselines, self.settings, self.now = facts, name, baselines, settings, now
        self.end = facts.campaign.ends_at
        self.by_normals = self.by_platform = 0

    def forecast(self) -> Forecast:
        whole = Range(0, 0, 0)
        for post in own_posts(self.facts):
            whole = whole.plus(self._of_post(post))
        owed = 0
        for creator in self.facts.creators:
            lacking = _owed(creator, self.now)
            owed += lacking
            if lacking:
                worth = self._of_owed(creator)
                high = None if worth.high is None else worth.high * lacking
                whole = whole.plus(Range(0, worth.expected * lacking, high))
        basis = (
            f"{self.by_normals} posts by their creators' normal posts, {self.by_platform} by the platform's usual "
            f"curve, {owed} posts still owed"
        )
        return Forecast(whole, basis, owed)

    def _of_post(self, post: PostFacts) -> Range:
        value = post.total(self.name)
        if value is None:
            worth = self._of_others(post.platform)
            return Range(0, worth.expected, worth.high)
        seen = series(post.curve, self.name)
        age = seen.last_age if seen.ages else max(1, self.now - post.at)
        until = self.end - post.at
        if until <= age:
            return Range(0, 0, 0)
        return self._growth(post, max(1, age), until, value)

    def _growth(self, post: PostFacts, age: int, until: int, value: int) -> Range:
        baseline = self.baselines.get(post.creator)
        for end in (until, *(each for each in _AGES_OF_NORMALS if each < until)):
            usual = None if baseline is None or end <= age else baseline.of(post.platform, self.name).growth(age, end)
            if usual is not None and usual.posts >= self.settings.normal_posts:
                self.by_normals += 1
                spread = max(usual.deviation, usual.median // 4)
                tail = _usual_growth(post.platform, end, until)
                low, middle_, high = max(0, usual.median - spread), usual.median, usual.median + spread
                return Range(
                    scaled(value, low),
                    scaled(value, middle_ + scaled(PPM + middle_, tail)),
                    scaled(value, high + scaled(PPM + high, 2 * tail)),
                )
        self.by_platform += 1
        usual_growth = _usual_growth(post.platform, age, until)
        return Range(scaled(value, usual_growth // 2), scaled(value, usual_growth), scaled(value, 2 * usual_growth))

    def _of_owed(self, creator: CreatorFacts) -> Range:
        """What a post would bring that is still to come."""
        left = self.end - self.now
        baseline = self.baselines[creator.creator.id]
        found = []
        for platform in sorted({account.platform for account in creator.creator.accounts}):
            normals = baseline.of(platform, self.name)
            now_posted, halfway = (
                level(normals.values(min(left, 7 * DAY))),
                level(normals.values(min(left // 2, 7 * DAY))),
            )
            if now_posted is not None and now_posted.posts >= self.settings.normal_posts:
                expected = now_posted.median if halfway is None else halfway.median
                tail = _usual_growth(platform, min(left, 7 * DAY), left)
                found.append(Range(0, expected, scaled(now_posted.most, PPM + tail)))
        if found:
            return max(found, key=lambda each: each.high or 0)
        return self._of_others("")

    def _of_others(self, platform: str) -> Range:
        """What a post would bring of which nothing is known: as the campaign's other posts did."""
        values = [
            value
            for post in own_posts(self.facts)
            if platform in ("", post.platform) and (value := post.total(self.name)) is not None
        ]
        known = level(values)
        return Range(0, 0, None) if known is None else Range(0, known.median, 2 * known.most)


def _owed(creator: CreatorFacts, now: Instant) -> int:
    """How many posts are still to come by the creator's agreements that can still be kept."""
    return max(0, sum(agreement.posts for agreement in creator.agreements) - len(creator.posts))


def _usual_growth(platform: str, since: int, until: int) -> int:
    """By which share (ppm) posts of a platform grow between two ages (ms)."""
    if until <= since:
        return 0
    before, after = usual_share(platform, since), usual_share(platform, until)
    return round((after / before - 1) * PPM)


def usual_share(platform: str, age: int) -> float:
    """Which share of all that it will ever have a post of a platform has at an age (ms), as a rule."""
    scale, shape = _CURVES.get(platform, _CURVES[_SLOWEST])
    return -math.expm1(-((age / HOUR / scale) ** shape))


def _fading(facts: CampaignFacts, name: str, settings: ForecastMissSettings, now: Instant) -> Forecast | None:
    """What is still to come of clicks or orders, by how they fade; None: too few, or not two days yet."""
    last = now // HOUR
    days = [
        sum(facts.hours.get(f"{name}@{hour}", 0) for hour in range(last - 24 * back, last - 24 * (back - 1)))
        for back in (1, 2)
    ]
    yesterday, before = days
    if now - facts.campaign.starts_at < 2 * DAY or yesterday + before < settings.least:
        return None
    keeps = min(PPM, yesterday * PPM // before) if before > 0 else PPM
    posts, owed = len(own_posts(facts)), sum(_owed(creator, now) for creator in facts.creators)
    steady = yesterday * (facts.campaign.ends_at - now) // DAY
    high = steady * max(1, posts + owed) // max(1, posts)
    expected = sum(_daily(max(0, yesterday), keeps, facts.campaign.ends_at - now))
    basis = f"{before}, then {yesterday} in the last two days of 24 whole hours; {owed} posts still owed"
    return Forecast(Range(expected // 2, min(expected, high), max(0, high)), basis, owed)


def _daily(first: int, keeps: int, left: int) -> Iterator[int]:
    """What each day brings from now on, the last one in proportion."""
    day = first
    while left > 0 and day > 0:
        day = scaled(day, keeps)
        yield day * min(left, DAY) // DAY
        left -= DAY


def _verdict(
    facts: CampaignFacts,
    name: str,
    target: int,
    found: Tally,
    forecast: Forecast | None,
    lacking: str,
    settings: ForecastMissSettings,
) -> Verdict:
    title, en, ja = facts.campaign.name, metric(name, "en"), metric(name, "ja")
    subject = Subject(campaign=facts.campaign.id)
    if forecast is None or found.known is None or forecast.range.high is None:
        return Verdict(
            subject=subject,
            check=name,
            outcome="not_assessable",
            summary={
                "en": f"Whether {title} will reach its target of {target:,} {en} cannot be told yet.",
                "ja": f"{title}の{ja}目標{target:,}の見込みはまだ判定できません。",
            },
            evidence=(
                count(name, found.known, limit=target, basis=found.basis, at=found.at),
                count("expected", None, basis=lacking if found.known is not None else found.basis),
            ),
        )
    low, expected, high = (
        found.known + more for more in (forecast.range.low, forecast.range.expected, forecast.range.high)
    )
    outcome: Outcome = "pass"
    if expected < target:
        outcome = "fail" if high * PPM < target * ppm(settings.fire_below) else "near"
    return Verdict(
        subject=subject,
        check=name,
        outcome=outcome,
        summary={
            "en": f"At this pace {title} will end with about {expected:,} {en} (between {low:,} and {high:,}); its "
            f"target is {target:,}.",
            "ja": f"このペースでは{title}の{ja}は終了時に約{expected:,} ({low:,}〜{high:,})の見込みです。"
            f"目標は{target:,}です。",
        },
        evidence=(
            count("expected", expected, limit=target, basis=forecast.basis),
            count("at_least", low, basis="lower end: owed posts never come"),
            count("at_most", high, limit=scaled(target, ppm(settings.fire_below)), basis="upper end"),
            count(name, found.known, basis=found.basis, at=found.at),
            count("posts_owed", forecast.owed, basis="agreed posts less posts that count, of each creator"),
            share("fire_below", ppm(settings.fire_below), basis="of the target"),
            instant("ends_at", facts.campaign.ends_at),
        ),
    )


RULES = (ForecastMiss(),)
