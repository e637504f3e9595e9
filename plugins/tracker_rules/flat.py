"""The rule about reactions that arrive at a constant rate.

1. What people do decays; what a machine delivers evenly does not. Flat is: over a long stretch of ages, each interval
   has its share of the time, and not the share that the creator's normal posts have there.
2. How far two distributions are apart is half of the sum of the differences (total variation), from 0 to 1.
3. A night's quiet can hide decay for some hours, so a stretch is judged only where a day is in it, or where its end is
   so much older than its beginning that no night explains it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from tracker.domain.curve import AGES_MS
from tracker.domain.events import Instant, Metric
from tracker.domain.facts import CampaignFacts
from tracker.domain.verdicts import Category, Evidence, Language, Outcome, Severity, Verdict
from tracker.plugin.rules import Kind, RuleSettings, Timing
from tracker_rules.baseline import EMPTY, Normals, Series, any_between, middle, series
from tracker_rules.judging import Case, Finding, MetricSettings, by_metric, too_few, too_little
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
_DAY_LONG = 20 * HOUR
"""and it lasts so long,"""
_MUCH_OLDER = 36
"""or its end is even so many times as old."""

_COMMENTS = 40
"""From so many comments within a stretch on it is looked at how they arrived,"""
_ALIKE = 150_000
"""and up to this distance (ppm) they arrived alike."""


class FlatArrivalSettings(MetricSettings, frozen=True, kw_only=True):
    until_hours: Annotated[int, Meta(ge=6, le=720, description="Look at no ages beyond this one")] = 168
    flat: Annotated[
        RateText, Meta(description="Fire when no more than this share arrived otherwise than at a constant rate")
    ] = "0.1"
    clear_flat: Annotated[RateText, Meta(description="Let it go when at least this share did")] = "0.14"
    unusual: Annotated[
        RateText, Meta(description="So large a share must have arrived otherwise than in normal posts, at least")
    ] = "0.2"
    least: Annotated[int, Meta(ge=20, le=1_000_000, description="So many within the stretch, at least")] = 100


class Stretch(NamedTuple):
    """How a metric arrived over a stretch of ages; distances in ppm. `otherwise`: from the normal posts."""

    edges: list[int]
    gained: list[int]
    bend: int
    """The distance from a constant rate."""
    otherwise: int = 0
    spread: int = 0
    """The greatest distance of a normal post from the other ones' middle."""
    posts: int = 0

    @property
    def since(self) -> int:
        return self.edges[0]

    @property
    def until(self) -> int:
        return self.edges[-1]


class FlatArrival:
    """Reactions that arrive at a constant rate.

    Over every long stretch of ages: which share of what a metric gained in it came in which interval of age. It fails
    where at most `flat` of it lies otherwise than at a constant rate, at least `unusual` of it lies otherwise than in
    the creator's normal posts, and more than in any single one of these, by a quarter.

    A stretch begins at 5 minutes or later, has four intervals of age, ends at 12 times its beginning or later, and
    lasts 20 hours, so that day and night are in it (or ends at 36 times its beginning). A shorter one is not judged.

    Not assessable without `normal_posts` normal posts observed throughout the stretch, before it is long enough, or
    where the post was not observed from early on. Stretches in which the count fell (a purge) are left out.

    Defaults: reactions decay like Weibull curves of shape 0.3 to 0.6 (Informatics 2025, 12(3), 59). From 1 h to 24 h a
    third of theirs lies otherwise than at a constant rate.
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
        flat = [each for each in stretches if each.bend < ppm(settings.clear_flat)]
        compared = [found for found in (_compared(each, normals, settings) for each in flat) if found is not None]
        if flat and not compared:
            return too_few(case, name, 0, settings.normal_posts)
        odd = _odd(case, name, compared, settings)
        if not odd:
            return _decays(case, name, min(compared or stretches, key=lambda stretch: stretch.bend), settings)
        return _flat(case, name, min(odd, key=lambda stretch: stretch.bend), settings)


def is_steady(case: Case, name: Metric, since: int, until: int) -> bool:
    """Whether `speed.flat_arrival`, as it is by default, would tell of a stretch with both ages in it."""
    settings = FlatArrivalSettings()
    normals = case.baseline.of(case.post.platform, name)
    around = [
        each
        for each in _stretches(series(case.post.curve, name), settings)
        if each.since <= since and until <= each.until and each.bend <= ppm(settings.flat)
    ]
    compared = [found for found in (_compared(each, normals, settings) for each in around) if found is not None]
    return bool(_odd(case, name, compared, settings))


def _odd(case: Case, name: Metric, compared: Sequence[Stretch], settings: FlatArrivalSettings) -> list[Stretch]:
    """Those that neither the creator's habit nor the audience's day explains."""
    comments = EMPTY if name == "comments" else series(case.post.curve, "comments")
    normals = case.baseline.of(case.post.platform, name)
    return [
        each
        for each in compared
        if _is_unusual(each, settings)
        and not _is_as_comments(each, comments)
        and _was_unusual_before(each, normals, settings)
    ]


def _was_unusual_before(stretch: Stretch, normals: Normals, settings: FlatArrivalSettings) -> bool:
    """Whether it was unusual before its last interval too: else one late burst has made up for the decay."""
    shorter = _compared(stretch._replace(edges=stretch.edges[:-1], gained=stretch.gained[:-1]), normals, settings)
    return shorter is not None and shorter.otherwise >= max(ppm(settings.unusual) // 2, shorter.spread)


def _stretches(seen: Series, settings: FlatArrivalSettings) -> list[Stretch]:
    """Every stretch that may be flat; where none may be, the first that is long enough, to tell of."""
    last = min(seen.last_age, settings.until_hours * HOUR)
    edges = [age for age in AGES_MS if _FIRST <= age <= last]
    if edges and last * 4 > edges[-1] * 5:
        edges.append(last)
    known = [(age, value) for age, value in ((age, seen.at(age)) for age in edges) if value is not None]
    falls, found = seen.falls(), list[Stretch]()
    longest: tuple[int, int] | None = None
    for first in range(len(known)):
        for end in range(len(known) - 1, first + _INTERVALS - 1, -1):
            if not _is_long(known[first], known[end], settings.least):
                break  # what ends earlier is shorter still
            if any_between(falls, known[first][0], known[end][0]):
                continue
            longest = longest or (first, end)
            if _may_be_flat(known, first, end, ppm(settings.clear_flat)):
                found.append(_stretch(known[first : end + 1]))
    if not found and longest is not None:
        found.append(_stretch(known[longest[0] : longest[1] + 1]))
    return found


def _is_long(start: tuple[int, int], end: tuple[int, int], least: int) -> bool:
    (since, had), (until, has) = start, end
    is_day_long = until - since >= _DAY_LONG or until >= _MUCH_OLDER * since
    return until >= _OLDER * since and is_day_long and has - had >= least


def _may_be_flat(points: Sequence[tuple[int, int]], first: int, end: int, limit: int) -> bool:
    """Whether in its middle about as much had come as at a constant rate. No distance is below this one difference."""
    (since, had), (until, has), (age, value) = points[first], points[end], points[(first + end) // 2]
    whole, long = has - had, until - since
    return abs((value - had) * long - whole * (age - since)) * PPM < limit * whole * long


def _stretch(points: Sequence[tuple[int, int]]) -> Stretch:
    edges = [age for age, _ in points]
    gained = [after - before for (_, before), (_, after) in pairwise(points)]
    steady = [(after - before) * PPM // (edges[-1] - edges[0]) for before, after in pairwise(edges)]
    return Stretch(edges, gained, _apart(_shares(gained), steady))


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
    return stretch._replace(otherwise=otherwise, spread=spread[-1], posts=len(usual))


def _is_unusual(stretch: Stretch, settings: FlatArrivalSettings) -> bool:
    return stretch.otherwise >= max(ppm(settings.unusual), stretch.spread * 5 // 4)


def _is_as_comments(stretch: Stretch, comments: Series) -> bool:
    """Whether enough comments arrived in much the same way: then it was the audience's day, and no delivery."""
    values = [value for value in (comments.at(edge) for edge in stretch.edges) if value is not None]
    gained = [after - before for before, after in pairwise(values)]
    if len(values) < len(stretch.edges) or sum(gained) < _COMMENTS:
        return False
    return _apart(_shares(stretch.gained), _shares(gained)) < _ALIKE


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
    return Finding("pass", summary, _evidence(case, name, stretch, settings), ppm(settings.flat) - stretch.bend)


def _flat(case: Case, name: Metric, stretch: Stretch, settings: FlatArrivalSettings) -> Finding:
    outcome: Outcome = "fail" if stretch.bend <= ppm(settings.flat) else "near"
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
    return Finding(outcome, summary, _evidence(case, name, stretch, settings), ppm(settings.flat) - stretch.bend)


def _evidence(case: Case, name: Metric, stretch: Stretch, settings: FlatArrivalSettings) -> tuple[Evidence, ...]:
    published = case.post.published_at or 0
    unusual = max(ppm(settings.unusual), stretch.spread * 5 // 4)
    ages = ", ".join(span(edge) for edge in stretch.edges)
    return (
        share(
            "from_constant", stretch.bend, limit=ppm(settings.flat), basis="distance of arrival from a constant rate"
        ),
        share("from_normal", stretch.otherwise, limit=unusual, basis="distance of arrival from that of normal posts")
        if stretch.posts
        else share("from_normal", None, limit=unusual, basis="not compared: the arrival is not flat"),
        count("normal_posts", stretch.posts, basis=f"normal posts on {case.post.platform} known at all of the ages"),
        count("gained", sum(stretch.gained), limit=settings.least, basis=f"{name} gained within the stretch"),
        Evidence(name="by_interval", value=", ".join(map(str, stretch.gained)), unit="text", basis=f"between {ages}"),
        duration("since_age", stretch.since, basis="age of the post"),
        duration("until_age", stretch.until, basis="age of the post"),
        instant("until", published + stretch.until),
    )


RULES = (FlatArrival(),)
