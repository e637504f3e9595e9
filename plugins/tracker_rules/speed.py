"""Rules about when reactions arrive: a late second burst, and a burst that stops dead.

1. A post is compared with its creator's own normal posts at the same ages, on the same platform, by the same metric:
   an early burst, a slow start and a long tail are normal where they are that creator's habit.
2. What day and night explain, or chance, does not count: limits stand outside what the normal posts show, and a wave
   that raises a post's other counts too (others.py) is its audience's own.
3. A falling count (a purge) is no sign of anything, and neither is what was not looked at.
4. A finding asks for a review and says what was seen. It never says that somebody cheated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isqrt
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from tracker.domain.curve import AGES_MS
from tracker.domain.events import Instant, Metric
from tracker.domain.facts import CampaignFacts
from tracker.domain.verdicts import Category, Evidence, Language, Outcome, Severity, Verdict
from tracker.plugin.rules import Kind, RuleSettings, Timing
from tracker_rules.baseline import Level, Normals, Series, any_between, growth, series, windows
from tracker_rules.flat import is_steady
from tracker_rules.judging import (
    Case,
    Finding,
    MetricSettings,
    by_metric,
    is_significant,
    scaled,
    too_few,
    too_little,
)
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

_DEVIATIONS = 3 * PPM
"""How far outside of what normal posts show the unusual begins: three (robust) standard deviations."""


class LateBurstSettings(MetricSettings, frozen=True, kw_only=True):
    from_hours: Annotated[int, Meta(ge=1, le=168, description="What happens before this age is no late burst")] = 6
    until_hours: Annotated[int, Meta(ge=2, le=720, description="Nor is what happens after this age")] = 336
    growth: Annotated[
        RateText, Meta(description="Fire when it grew by so much more than is usual, as a share of what it had")
    ] = "0.15"
    clear_growth: Annotated[RateText, Meta(description="Let it go when it grew by no more than so much more")] = "0.1"
    least: Annotated[int, Meta(ge=1, le=1_000_000, description="So many more than expected, at least")] = 20


_SLACK_NUM, _SLACK_DEN = 3, 2
"""A wave that raises other counts by a share may raise this one by half as much again: comments come faster, so more of
them were there before."""


class Step(NamedTuple):
    """How a metric grew between two ages, and how it does in normal posts. Shares in ppm.

    `unusual`: from which growth on it is more than normal posts show; day and night move it by half. `others`: by how
    much the post's other counts may make it grow; 0 where none is known.
    """

    since: int
    until: int
    before: int
    after: int
    grown: int
    usual: Level
    unusual: int
    others: int = 0

    @property
    def expected(self) -> int:
        return scaled(self.before, max(self.usual.median, self.others))

    @property
    def excess(self) -> int:
        return self.after - self.before - self.expected


class LateBurst:
    """A second burst of reactions, long after publishing.

    For each interval of age (and each two in a row) from `from_hours` on: by which share of what it had a metric grew,
    against the growth of the creator's normal posts between the same ages. It fails where it grew by `growth` more than
    three robust standard deviations above their median (at least half of the median: day and night), by at least
    `least` more than expected, and by more than chance gives. What goes on at the same pace as in the interval before
    is no burst: that is `speed.flat_arrival`.

    A platform that recommends a post again, and an audience that wakes up, raise all of its counts. So a metric must
    also have grown by `growth` more than the other counts account for: comments, shares and saves together, and for
    reactions views as well; the one that grew least, with chance and half as much again in its favour.

    Not assessable without `normal_posts` normal posts that were observed at those ages, or before an interval of the
    post itself was observed. A count that falls and comes back did not grow.

    Defaults: most posts have had 80 % (Instagram) or 60 % (YouTube) of their reactions within a day
    (campaigndeus.com, 300,000 posts), so between 12 h and 24 h they grow by an eighth or so. A bought package is
    rarely less than a third of what was there.
    """

    name = "speed.late_burst"
    title: Mapping[Language, str] = {"en": "A late second burst", "ja": "遅い時間帯の再急増"}
    category: Category = "speed"
    kind: Kind = "baseline"
    severity: Severity = "warning"
    timing = Timing(hold_ms=10 * MINUTE, clear_ms=HOUR)
    settings: type[RuleSettings] = LateBurstSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: LateBurstSettings, now: Instant) -> Iterable[Verdict]:
        return by_metric(facts, settings.metrics, lambda case, name: self._find(case, name, settings))

    def _find(self, case: Case, name: Metric, settings: LateBurstSettings) -> Finding:
        normals = case.baseline.of(case.post.platform, name)
        if len(normals.series) < settings.normal_posts:
            return too_few(case, name, len(normals.series), settings.normal_posts)
        steps = _steps(_Lookout(case, name, settings.normal_posts), settings)
        if not steps:
            return too_little(case, name, f"no interval of age from {settings.from_hours} h on can be compared")
        judged = [(*_outcome(step, earlier, settings), step) for step, earlier in steps]
        outcome, _, step = max(judged, key=lambda each: (each[0] == "fail", each[0] == "near", each[1]))
        if outcome != "pass" and is_steady(case, name, step.since, step.until):
            outcome = "pass"
        return _late(case, name, step, outcome, settings)


class _Lookout:
    """A metric of one post beside its normal posts, and its comments beside theirs."""

    def __init__(self, case: Case, name: Metric, wanted: int) -> None:
        self.seen = series(case.post.curve, name)
        self.normals = case.baseline.of(case.post.platform, name)
        self.wanted = wanted
        self._post, self._name = case.post, name

    def step(self, since: int, until: int) -> Step | None:
        """None where the post or too few normal posts were observed at either age."""
        before, after, grown = self.seen.at(since), self.seen.at(until), growth(self.seen, since, until)
        if before is None or after is None or grown is None:
            return None
        usual = self.normals.growth(since, until)
        if usual is None or usual.posts < self.wanted:
            return None
        unusual = max(usual.above(_DEVIATIONS, usual.median // 2), usual.high)
        if grown <= unusual:
            return Step(since, until, before, after, grown, usual, unusual)
        others = self._others(since, until)
        return Step(since, until, before, after, grown, usual, max(unusual, others), others)

    def _others(self, since: int, until: int) -> int:
        known = (of(self._post, self._name, (since, until)) for of in (voices, exposure))
        return min((_at_most(*each) for each in known if each is not None), default=0)


def _at_most(before: int, after: int) -> int:
    """By how much (ppm) a metric may have grown of itself where another one grew so."""
    more = after - before
    most = more + 2 * isqrt(more) + 1  # two standard deviations of chance, and one more
    return most * PPM * _SLACK_NUM // (max(1, before) * _SLACK_DEN)


def _steps(lookout: _Lookout, settings: LateBurstSettings) -> list[tuple[Step, Step | None]]:
    """Every interval, and every two in a row, in which it may have burst, each with the interval before it.

    Where it may have in none, the one with the greatest growth that can be judged, to tell of. The interval before is
    left out where it is of no matter. Normal posts are asked last: they are many.
    """
    first, last = settings.from_hours * HOUR, min(lookout.seen.last_age, settings.until_hours * HOUR)
    edges = windows(first // 2, last)
    places = []
    for at, (since, until) in enumerate(edges):
        if since >= first:
            ends = {until, edges[min(at + 1, len(edges) - 1)][1]}
            grown = [(growth(lookout.seen, since, end), end) for end in ends]
            places += [(more, since, end, edges[at - 1] if at else None) for more, end in grown if more is not None]
    found: list[tuple[Step, Step | None]] = []
    for greatest, since, end, earlier in sorted(places, key=lambda place: (-place[0], place[1], place[2])):
        if found and greatest <= ppm(settings.clear_growth):
            break
        step = lookout.step(since, end)
        if step is not None:
            matters = earlier is not None and step.grown > _limits(step, settings)[1]
            found.append((step, lookout.step(*earlier) if matters and earlier is not None else None))
    return found


def _limits(step: Step, settings: LateBurstSettings) -> tuple[int, int]:
    """From which growth on it fires, and up to which one it is let go."""
    return step.unusual + ppm(settings.growth), step.unusual + ppm(settings.clear_growth)


def _outcome(step: Step, earlier: Step | None, settings: LateBurstSettings) -> tuple[Outcome, int]:
    """And by how much the growth is beyond the limit (ppm)."""
    fires, clears = _limits(step, settings)
    counts = step.excess >= settings.least and is_significant(step.after - step.before, step.expected, step.before)
    if step.grown <= clears or not counts or (earlier is not None and _goes_on(earlier, step)):
        return "pass", step.grown - fires
    return "fail" if step.grown >= fires else "near", step.grown - fires


def _late(case: Case, name: Metric, step: Step, outcome: Outcome, settings: LateBurstSettings) -> Finding:
    fires, _ = _limits(step, settings)
    en, ja = whose_post(case.creator, case.post)
    what_en, what_ja = metric(name, "en"), metric(name, "ja")
    if outcome == "pass":
        summary: Mapping[Language, str] = {
            "en": f"{what_en.capitalize()} of {en} show no late burst.",
            "ja": f"{ja}の{what_ja}に遅い急増は見られません。",
        }
    else:
        summary = {
            "en": f"Please review: {what_en} of {en} grew by {percent(step.grown)} between {span(step.since)} and "
            f"{span(step.until)} after publishing; this creator's normal posts grow by about "
            f"{percent(step.usual.median)} then.",
            "ja": f"要確認: {ja}の{what_ja}が投稿後{span_ja(step.since)}から{span_ja(step.until)}の間に"
            f"{percent(step.grown)}増えました。この投稿者の通常投稿では同じ時間帯に約{percent(step.usual.median)}です。",
        }
    return Finding(outcome, summary, _late_evidence(case, name, step, fires), (step.grown - fires))


def _goes_on(earlier: Step, step: Step) -> bool:
    """Whether the excess came at much the same pace in the interval before: then it is steady, and no burst."""
    pace_before = earlier.excess * (step.until - step.since)
    pace_now = step.excess * (earlier.until - earlier.since)
    return earlier.excess > 0 and 4 * earlier.grown > 5 * earlier.usual.median and 2 * pace_before >= pace_now


def _late_evidence(case: Case, name: Metric, step: Step, fires: int) -> tuple[Evidence, ...]:
    published = case.post.published_at or 0
    return (
        share("growth", step.grown, limit=fires, basis=f"growth of {name} between the two ages / {name} at the first"),
        share("usual_growth", step.usual.median, basis="median of the creator's normal posts between the same ages"),
        share("others", step.others, basis="growth that the post's other counts account for at most"),
        share("usual_deviation", step.usual.deviation, basis="1.4826 x median absolute deviation of the same"),
        count("normal_posts", step.usual.posts, basis=f"normal posts on {case.post.platform} known at both ages"),
        duration("since_age", step.since, basis="age of the post"),
        duration("until_age", step.until, basis="age of the post"),
        count(f"{name}_before", step.before, basis="highest value by the first age", at=published + step.since),
        count(f"{name}_after", step.after, basis="highest value by the second age", at=published + step.until),
        count("expected", step.expected, basis="growth of the median normal post, from the same start"),
        instant("since", published + step.since),
        instant("until", published + step.until),
    )


class StoppedBurstSettings(MetricSettings, frozen=True, kw_only=True):
    within_minutes: Annotated[int, Meta(ge=5, le=180, description="A burst is over by this age")] = 60
    quiet_hours: Annotated[int, Meta(ge=1, le=24, description="So long it must have been quiet after the burst")] = 3
    until_hours: Annotated[int, Meta(ge=3, le=72, description="What happens after this age is of no matter")] = 24
    burst: Annotated[RateText, Meta(description="A burst has so many times what normal posts have by its end")] = "1.3"
    quiet: Annotated[
        RateText, Meta(description="Fire when it then grew by no more than this share of the usual growth")
    ] = "0.3"
    clear_quiet: Annotated[RateText, Meta(description="Let it go when it grew by at least this share of it")] = "0.45"
    least: Annotated[int, Meta(ge=1, le=1_000_000, description="So many within the burst, at least")] = 50


class Stop(NamedTuple):
    """What a metric had when the burst was over, and how it grew from then on (ppm)."""

    at: int
    until: int
    had: int
    usually_had: int
    grown: int
    usual: Level


class StoppedBurst:
    """A burst of reactions within minutes of publishing, and then next to nothing.

    For each age of the curve up to `within_minutes`: what a metric had reached, and by which share it grew from then
    until now (until `until_hours` at the most), both against the creator's normal posts at the same ages. It fails
    where it had at least `burst` times their median, and then grew by no more than the `quiet` share of their median
    growth, and less than any of the normal posts but one. An early burst alone is normal, and so is a quiet post.

    Not assessable without `normal_posts` normal posts observed at those ages, before it has been quiet for
    `quiet_hours`, or when the first observation came after the burst. Where the count fell (a purge) nothing is
    concluded from how little it grew.

    Defaults: impressions peak within minutes everywhere (arXiv 2302.09654), but half of the reactions come after an
    hour (X) to 20 hours (Instagram); at night they come at a third of the usual pace or so.
    """

    name = "speed.stopped_burst"
    title: Mapping[Language, str] = {"en": "A burst that stops dead", "ja": "急増後の突然の停止"}
    category: Category = "speed"
    kind: Kind = "baseline"
    severity: Severity = "warning"
    timing = Timing(hold_ms=30 * MINUTE, clear_ms=HOUR)
    settings: type[RuleSettings] = StoppedBurstSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: StoppedBurstSettings, now: Instant) -> Iterable[Verdict]:
        return by_metric(facts, settings.metrics, lambda case, name: self._find(case, name, settings))

    def _find(self, case: Case, name: Metric, settings: StoppedBurstSettings) -> Finding:
        seen = series(case.post.curve, name)
        normals = case.baseline.of(case.post.platform, name)
        if len(normals.series) < settings.normal_posts:
            return too_few(case, name, len(normals.series), settings.normal_posts)
        stops = _stops(seen, normals, settings)
        if not stops:
            return too_little(case, name, f"no {settings.quiet_hours} h after a burst can be compared")
        judged = [(*_has_stopped(stop, settings), stop) for stop in stops]
        outcome, _, stop = max(judged, key=lambda each: (each[0] == "fail", each[0] == "near", each[1]))
        return _stopped(case, name, stop, outcome, settings)


def _stops(seen: Series, normals: Normals, settings: StoppedBurstSettings) -> list[Stop]:
    until = min(seen.last_age, settings.until_hours * HOUR)
    falls, found = seen.falls(), []
    for at in AGES_MS:
        if not 5 * MINUTE <= at <= settings.within_minutes * MINUTE or until - at < settings.quiet_hours * HOUR:
            continue
        had, grown, usual, usually = seen.at(at), growth(seen, at, until), normals.growth(at, until), normals.values(at)
        if had is None or grown is None or usual is None or usual.posts < settings.normal_posts:
            continue
        if not any_between(falls, at, until):
            found.append(Stop(at, until, had, usually[len(usually) // 2], grown, usual))
    return found


def _has_stopped(stop: Stop, settings: StoppedBurstSettings) -> tuple[Outcome, int]:
    """And by how much the growth after the burst is beyond the limit (ppm)."""
    quiet, clear = (scaled(stop.usual.median, ppm(rate)) for rate in (settings.quiet, settings.clear_quiet))
    expected = scaled(stop.had, stop.usual.median)
    is_burst = (
        stop.had >= settings.least
        and stop.had >= scaled(stop.usually_had, ppm(settings.burst))
        and is_significant(scaled(stop.had, stop.grown), expected, stop.had)
    )
    if stop.grown >= clear or not is_burst or stop.grown >= stop.usual.least * 2 // 3:
        return "pass", quiet - stop.grown
    return "fail" if stop.grown <= quiet else "near", quiet - stop.grown


def _stopped(case: Case, name: Metric, stop: Stop, outcome: Outcome, settings: StoppedBurstSettings) -> Finding:
    quiet = scaled(stop.usual.median, ppm(settings.quiet))
    en, ja = whose_post(case.creator, case.post)
    what_en, what_ja = metric(name, "en"), metric(name, "ja")
    if outcome == "pass":
        summary: Mapping[Language, str] = {
            "en": f"{what_en.capitalize()} of {en} did not stop after their first burst.",
            "ja": f"{ja}の{what_ja}は最初の急増の後も止まっていません。",
        }
    else:
        summary = {
            "en": f"Please review: {en} had {stop.had:,} {what_en} {span(stop.at)} after publishing and then grew by "
            f"only {percent(stop.grown)} until {span(stop.until)}; this creator's normal posts grow by about "
            f"{percent(stop.usual.median)} in that time.",
            "ja": f"要確認: {ja}の{what_ja}は投稿後{span_ja(stop.at)}で{stop.had:,}件に達し、"
            f"その後{span_ja(stop.until)}まで{percent(stop.grown)}しか増えていません。"
            f"この投稿者の通常投稿では約{percent(stop.usual.median)}増えます。",
        }
    published = case.post.published_at or 0
    evidence = (
        share("growth_after", stop.grown, limit=quiet, basis=f"growth of {name} after the burst / {name} at its end"),
        share("usual_growth_after", stop.usual.median, basis="median of the creator's normal posts, same ages"),
        share("least_usual_growth", stop.usual.least, basis="least of the same"),
        count("normal_posts", stop.usual.posts, basis=f"normal posts on {case.post.platform} known at both ages"),
        count(
            f"{name}_in_burst",
            stop.had,
            limit=scaled(stop.usually_had, ppm(settings.burst)),
            basis="value at the end of the burst; limit: so many times the normal posts' median",
            at=published + stop.at,
        ),
        duration("burst_age", stop.at, basis="age of the post at the end of the burst"),
        duration("until_age", stop.until, basis="age of the post"),
        instant("until", published + stop.until),
    )
    return Finding(outcome, summary, evidence, quiet - stop.grown)


RULES = (LateBurst(), StoppedBurst())
