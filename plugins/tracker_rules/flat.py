"""The rule about reactions that arrive at a constant rate.

1. What people do decays; what a machine delivers evenly does not. Flat is: over a long stretch of ages, each interval
   has its share of the time, and not the share that the creator's normal posts have there.
2. How far two distributions are apart is half of the sum of the differences (total variation), from 0 to 1. Few
   reactions are some way apart from anything by chance: that much is allowed for.
3. A night's quiet hides decay for some hours. So a stretch has a day in it, and the post's other counts are asked: an
   audience that slept brought none of these either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import isqrt
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from tracker.domain.curve import AGES_MS
from tracker.domain.events import Instant, Metric
from tracker.domain.facts import CampaignFacts, PostFacts
from tracker.domain.verdicts import Category, Evidence, Language, Outcome, Severity, Verdict
from tracker.plugin.rules import Kind, RuleSettings, Timing
from tracker_rules.baseline import Normals, Series, any_between, middle, series
from tracker_rules.judging import Case, Finding, MetricSettings, by_metric, too_few, too_little
from tracker_rules.others import exposure, voices
from tracker_rules.words import (
    HOUR,
    MINUTE,
    PPM,
    RateText,
    count,
    duration,
    instant,
    metric,
    percent,
    ppm,
    share,
    span,
    span_ja,
    whose_post,
)

_FIRST = 5 * MINUTE
"""Stretches begin at this age or later: before it there is too little to see."""
_INTERVALS = 4
"""A stretch has so many intervals of age at the least."""
_OLDER = 12
"""Its end is so many times as old as its beginning, at the least,"""
_DAY_LONG = 22 * HOUR
"""and it lasts so long."""

_TWO_DAYS = 36 * HOUR
"""Where no other count says how the audience came, it must last so long: after a night post one day looks flat."""

_MANY = 8
"""Of so many normal posts one may be another kind altogether."""
_ENOUGH = 40
"""From so many comments, shares and saves within a stretch on they say how the audience came; else so many views do;"""
_ALIKE = 100_000
"""and up to this distance (ppm), chance aside, a metric came alike."""


class FlatArrivalSettings(MetricSettings, frozen=True, kw_only=True):
    until_hours: Annotated[int, Meta(ge=6, le=720, description="Look at no ages beyond this one")] = 168
    flat: Annotated[
        RateText, Meta(description="Fire when no more than this share arrived otherwise than at a constant rate")
    ] = "0.1"
    clear_flat: Annotated[RateText, Meta(description="Let it go when at least this share did")] = "0.14"
    unusual: Annotated[
        RateText, Meta(description="So large a share must have arrived otherwise than in normal posts, at least")
    ] = "0.2"
    least: Annotated[int, Meta(ge=20, le=1_000_000, description="So many within the stretch, at least")] = 60


class Stretch(NamedTuple):
    """How a metric arrived over a stretch of ages; distances in ppm. `otherwise`: from the normal posts."""

    edges: list[int]
    gained: list[int]
    bend: int
    """The distance from a constant rate."""
    otherwise: int = 0
    spread: int = 0
    """The greatest distance of a normal post from the other ones' middle; of eight and more the greatest but one."""
    posts: int = 0

    @property
    def chance(self) -> int:
        """How far (ppm) so many come from a constant rate by chance."""
        return _by_chance(len(self.gained), sum(self.gained))

    @property
    def since(self) -> int:
        return self.edges[0]

    @property
    def until(self) -> int:
        return self.edges[-1]


class FlatArrival:
    """Reactions that arrive at a constant rate.

    Over every long stretch of ages: which share of what a metric gained in it came in which interval of age. It fails
    where at most `flat` of it, and what chance gives for so many, lies otherwise than at a constant rate; the same
    without the last interval; at least `unusual` of it lies otherwise than in the creator's normal posts; and it came
    otherwise than the post's comments, shares and saves, or where these are fewer than 40, than its views (a tenth,
    and chance). Where there are too few of either, the stretch must last 36 hours and lie a quarter further from the
    normal posts than any of these (of eight and more: but one).

    A stretch begins at 5 minutes or later, has four intervals of age, ends at 12 times its beginning or later, and
    lasts 22 hours, so that day and night are in it. A shorter one is not judged.

    Not assessable without `normal_posts` normal posts observed throughout the stretch, before it is long enough, or
    where the post was not observed from early on. Stretches in which the count fell (a purge) are left out. Who buys
    every count in proportion is not found.

    Defaults: reactions decay like Weibull curves of shape 0.3 to 0.6 (Informatics 2025, 12(3), 59). From 3 h to 48 h a
    fifth to a third of theirs lies otherwise than at a constant rate.
    """

    name = "speed.flat_arrival"
    title: Mapping[Language, str] = {"en": "Arrival at a constant rate", "ja": "一定ペースでの増加"}
    category: Category = "speed"
    kind: Kind = "baseline"
    severity: Severity = "warning"
    timing = Timing(hold_ms=30 * MINUTE, clear_ms=2 * HOUR)
    settings: type[RuleSettings] = FlatArrivalSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: FlatArrivalSettings, now: Instant) -> Iterable[Verdict]:
        return by_metric(facts, settings.metrics, lambda case, name: self._find(case, name, settings))

    def _find(self, case: Case, name: Metric, settings: FlatArrivalSettings) -> Finding:
        seen = series(case.post.curve, name)
        normals = case.baseline.of(case.post.platform, name)
        if len(normals.series) < settings.normal_posts:
            return too_few(case, name, len(normals.series), settings.normal_posts)
        stretches = _stretches(seen, settings)
        if not stretches:
            return too_little(case, name, "no stretch of ages is long enough, observed throughout, and without a fall")
        flat = [each for each in stretches if each.bend < ppm(settings.clear_flat) + each.chance]
        compared = [found for found in (_compared(each, normals, settings) for each in flat) if found is not None]
        if flat and not compared:
            return too_few(case, name, 0, settings.normal_posts)
        odd = [each for each in compared if _is_odd(case, name, each, settings)]
        if not odd:
            return _decays(case, name, min(compared or stretches, key=_crookedness), settings)
        return _flat(case, name, min(odd, key=_crookedness), settings)


def _crookedness(stretch: Stretch) -> int:
    return stretch.bend - stretch.chance


def is_steady(case: Case, name: Metric, since: int, until: int) -> bool:
    """Whether `speed.flat_arrival`, as it is by default, would tell of a stretch with both ages in it."""
    settings = FlatArrivalSettings()
    normals = case.baseline.of(case.post.platform, name)
    around = (
        each
        for each in _stretches(series(case.post.curve, name), settings)
        if each.since <= since and until <= each.until and each.bend <= ppm(settings.flat) + each.chance
    )
    compared = (_compared(each, normals, settings) for each in around)
    return any(found is not None and _is_odd(case, name, found, settings) for found in compared)


def _is_odd(case: Case, name: Metric, stretch: Stretch, settings: FlatArrivalSettings) -> bool:
    """Whether neither the creator's habit nor the audience's day explains it."""
    if stretch.otherwise < ppm(settings.unusual) or not _was_flat_before(stretch, settings):
        return False
    is_alike = _is_as_others(stretch, case.post, name)
    if is_alike is None:
        return stretch.until - stretch.since >= _TWO_DAYS and stretch.otherwise >= stretch.spread * 5 // 4
    return not is_alike


def _was_flat_before(stretch: Stretch, settings: FlatArrivalSettings) -> bool:
    """Whether it was flat before its last interval too: else one late burst has made up for the decay."""
    times, gained = stretch.edges[:-1], stretch.gained[:-1]
    shorter = Stretch(times, gained, _bend(times, gained))
    return shorter.bend < ppm(settings.clear_flat) + shorter.chance


def _stretches(seen: Series, settings: FlatArrivalSettings) -> list[Stretch]:
    """Every stretch that may be flat; where none may be, the first that is long enough, to tell of."""
    last = min(seen.last_age, settings.until_hours * HOUR)
    edges = [age for age in AGES_MS if _FIRST <= age <= last]
    if edges and last * 4 > edges[-1] * 5:
        edges.append(last)
    known = [(age, value) for age, value in ((age, seen.at(age)) for age in edges) if value is not None]
    falls, found, clear = seen.falls(), list[Stretch](), ppm(settings.clear_flat)
    longest: tuple[int, int] | None = None
    for first in range(len(known)):
        for end in range(len(known) - 1, first + _INTERVALS - 1, -1):
            if not _is_long(known[first], known[end], settings.least):
                break  # what ends earlier is shorter still
            if falls and any_between(falls, known[first][0], known[end][0]):
                continue
            longest = longest or (first, end)
            if _may_be_flat(known, first, end, clear):
                found.append(_stretch(known[first : end + 1]))
    if not found and longest is not None:
        found.append(_stretch(known[longest[0] : longest[1] + 1]))
    return found


def _is_long(start: tuple[int, int], end: tuple[int, int], least: int) -> bool:
    (since, had), (until, has) = start, end
    return until >= _OLDER * since and until - since >= _DAY_LONG and has - had >= least


def _may_be_flat(points: Sequence[tuple[int, int]], first: int, end: int, clear: int) -> bool:
    """Whether in its middle about as much had come as at a constant rate. No distance is below this one difference."""
    (since, had), (until, has), (age, value) = points[first], points[end], points[(first + end) // 2]
    whole, long = has - had, until - since
    apart = abs((value - had) * long - whole * (age - since)) * PPM // (whole * long)
    return apart < clear or apart < clear + _by_chance(end - first, whole)


def _stretch(points: Sequence[tuple[int, int]]) -> Stretch:
    edges = [age for age, _ in points]
    gained = [after - before for (_, before), (_, after) in pairwise(points)]
    return Stretch(edges, gained, _bend(edges, gained))


def _bend(edges: Sequence[int], gained: Sequence[int]) -> int:
    return _apart(_shares(gained), _shares([after - before for before, after in pairwise(edges)]))


def _compared(stretch: Stretch, normals: Normals, settings: FlatArrivalSettings) -> Stretch | None:
    """The same, with how normal posts arrive between the same ages; None where too few of them are known there."""
    usual = []
    for each in normals.series:
        values = [each.at(edge) for edge in stretch.edges]
        known = [value for value in values if value is not None]
        if len(known) == len(values) and known[-1] - known[0] >= _INTERVALS * 5:
            usual.append(_shares([after - before for before, after in pairwise(known)]))
    if len(usual) < settings.normal_posts:
        return None
    typical = [middle(column) for column in zip(*usual, strict=True)]
    spread = sorted(_apart(each, typical) for each in usual)
    otherwise = _apart(_shares(stretch.gained), typical)
    return stretch._replace(otherwise=otherwise, spread=spread[-2 if len(spread) >= _MANY else -1], posts=len(usual))


def _is_as_others(stretch: Stretch, post: PostFacts, name: Metric) -> bool | None:
    """Whether the post's other counts arrived in much the same way: then it was the audience's day, and no delivery.

    None: too few of them came to say.
    """
    for of in (voices, exposure):
        reached = of(post, name, stretch.edges)
        gained = [] if reached is None else [after - before for before, after in pairwise(reached)]
        if sum(gained) >= _ENOUGH:
            chance = isqrt(stretch.chance**2 + _by_chance(len(gained), sum(gained)) ** 2)
            return _apart(_shares(stretch.gained), _shares(gained)) < _ALIKE + chance
    return None


@lru_cache(4_096)
def _by_chance(intervals: int, many: int) -> int:
    """How far apart (ppm) so many are from where they come on average: 0.4 √(intervals / many)."""
    return 400 * isqrt(PPM * intervals // max(1, many))


def _shares(gained: Sequence[int]) -> list[int]:
    whole = max(1, sum(gained))
    return [part * PPM // whole for part in gained]


def _apart(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(abs(left - right) for left, right in zip(one, other, strict=True)) // 2


def _decays(case: Case, name: Metric, stretch: Stretch, settings: FlatArrivalSettings) -> Finding:
    en, ja = whose_post(case.creator, case.post)
    summary: Mapping[Language, str] = {
        "en": f"{metric(name, 'en').capitalize()} of {en} do not arrive at a constant rate, or do as usual.",
        "ja": f"{ja}の{metric(name, 'ja')}の増え方に不自然な一定ペースは見られません。",
    }
    return _finding(case, name, stretch, "pass", summary, settings)


def _flat(case: Case, name: Metric, stretch: Stretch, settings: FlatArrivalSettings) -> Finding:
    outcome: Outcome = "fail" if stretch.bend <= ppm(settings.flat) + stretch.chance else "near"
    en, ja = whose_post(case.creator, case.post)
    gained, hours = sum(stretch.gained), max(1, (stretch.until - stretch.since) // HOUR)
    summary: Mapping[Language, str] = {
        "en": f"Please review: {metric(name, 'en')} of {en} arrive at a constant rate, about {gained // hours:,} an "
        f"hour from {span(stretch.since)} to {span(stretch.until)} after publishing; {percent(stretch.otherwise)} of "
        "them lie otherwise than in this creator's normal posts.",
        "ja": f"要確認: {ja}の{metric(name, 'ja')}が投稿後{span_ja(stretch.since)}から{span_ja(stretch.until)}まで"
        f"1時間あたり約{gained // hours:,}件の一定ペースで増えています。"
        f"この投稿者の通常投稿とは{percent(stretch.otherwise)}異なります。",
    }
    return _finding(case, name, stretch, outcome, summary, settings)


def _finding(
    case: Case,
    name: Metric,
    stretch: Stretch,
    outcome: Outcome,
    summary: Mapping[Language, str],
    settings: FlatArrivalSettings,
) -> Finding:
    published = case.post.published_at or 0
    ages = ", ".join(span(edge) for edge in stretch.edges)
    known, basis = (
        (stretch.otherwise, "distance of arrival from that of normal posts")
        if stretch.posts
        else (None, "not compared: the arrival is not flat")
    )
    evidence = (
        share(
            "from_constant",
            stretch.bend,
            limit=ppm(settings.flat) + stretch.chance,
            basis="distance of arrival from a constant rate; limit: with what chance gives for so many",
        ),
        share("from_normal", known, limit=ppm(settings.unusual), basis=basis),
        count("normal_posts", stretch.posts, basis=f"normal posts on {case.post.platform} known at all of the ages"),
        count("gained", sum(stretch.gained), limit=settings.least, basis=f"{name} gained within the stretch"),
        Evidence(name="by_interval", value=", ".join(map(str, stretch.gained)), unit="text", basis=f"between {ages}"),
        duration("since_age", stretch.since, basis="age of the post"),
        duration("until_age", stretch.until, basis="age of the post"),
        instant("until", published + stretch.until),
    )
    return Finding(outcome, summary, evidence, ppm(settings.flat) - _crookedness(stretch))


RULES = (FlatArrival(),)
