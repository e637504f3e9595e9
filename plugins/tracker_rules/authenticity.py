"""The rule about the ratio of comments to likes.

1. The ratio at an age is compared with the ratio of the creator's normal posts at the same age: comments come faster
   than likes, so at another age it is another one.
2. Upwards (comments without likes) and downwards (likes without comments) are judged alike, each as so many times.
3. A hidden count is unknown, and no ratio has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from tracker.domain.events import Instant
from tracker.domain.facts import CampaignFacts
from tracker.domain.verdicts import Category, Evidence, Language, Outcome, Severity, Verdict
from tracker.plugin.rules import Kind, RuleSettings, Timing
from tracker_rules.baseline import Level, level, series
from tracker_rules.judging import BaselineSettings, Case, Finding, cases, is_significant, scaled, too_few, too_little
from tracker_rules.words import (
    HOUR,
    MINUTE,
    PPM,
    RateText,
    count,
    decimal_text,
    duration,
    instant,
    ppm,
    share,
    span,
    span_ja,
    times,
    whose_post,
)

_DEVIATIONS = 3 * PPM


class RatioBreakSettings(BaselineSettings, frozen=True, kw_only=True):
    from_minutes: Annotated[int, Meta(ge=10, le=10_080, description="Before this age there is too little to see")] = 60
    until_hours: Annotated[int, Meta(ge=1, le=720, description="Judge by what was there at this age at the latest")] = (
        168
    )
    factor: Annotated[RateText, Meta(description="Fire at so many times the usual ratio, either way")] = "2.5"
    clear_factor: Annotated[RateText, Meta(description="Let it go at no more than so many times it")] = "2"


class Ratio(NamedTuple):
    """How many there are of one for each of the other (ppm), against normal posts at the same age."""

    many: int
    few: int
    ratio: int
    usual: Level
    is_comments: bool
    """Whether the many are comments, for the few likes; else it is likes for the few comments."""

    @property
    def factor(self) -> int:
        """So many times as many as usual (ppm)."""
        return self.ratio * PPM // max(1, self.usual.median)


class RatioBreak:
    """Comments without likes, or likes without comments.

    A post's comments for a like at its newest age (from `from_minutes` to `until_hours`), against the creator's normal
    posts at the same age; and likes for a comment the same way. It fails where either is at least `factor` times the
    median of the normal posts, three robust standard deviations above it, a quarter above the highest of them, and more
    than chance gives for so many comments.

    Not assessable without `normal_posts` normal posts with both counts at that age, while likes or comments are hidden
    or unknown, or before `from_minutes`. That a post asks for comments (a giveaway) is a good reason: review it.

    Defaults: a creator's posts differ in this by a third or so; pods and bought likes by several times.
    """

    name = "authenticity.ratio_break"
    title: Mapping[Language, str] = {"en": "Comments out of proportion", "ja": "いいねとコメントの比率の乱れ"}
    category: Category = "authenticity"
    kind: Kind = "baseline"
    severity: Severity = "warning"
    timing = Timing(hold_ms=30 * MINUTE, clear_ms=2 * HOUR)
    settings: type[RuleSettings] = RatioBreakSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: RatioBreakSettings, now: Instant) -> Iterable[Verdict]:
        for case in cases(facts):
            yield case.verdict(self._find(case, settings))

    def _find(self, case: Case, settings: RatioBreakSettings) -> Finding:
        likes, comments = series(case.post.curve, "likes"), series(case.post.curve, "comments")
        age = min(likes.last_age, comments.last_age, settings.until_hours * HOUR)
        if age < settings.from_minutes * MINUTE:
            return too_little(case, "comments", f"likes or comments are unknown from {settings.from_minutes} min on")
        had = (likes.at(age), comments.at(age))
        if had[0] is None or had[1] is None:
            return too_little(case, "comments", f"likes or comments are unknown at {span(age)}")
        usual = _usual(case, age)
        if len(usual) < settings.normal_posts:
            return too_few(case, "comments", len(usual), settings.normal_posts)
        ratios = (_ratio(had[1], had[0], usual, is_comments=True), _ratio(had[0], had[1], usual, is_comments=False))
        return _judged(case, max(ratios, key=lambda ratio: ratio.factor), age, settings)


def _usual(case: Case, age: int) -> list[tuple[int, int]]:
    """Likes and comments that normal posts had at an age."""
    found = []
    normals = (case.baseline.of(case.post.platform, "likes"), case.baseline.of(case.post.platform, "comments"))
    for each_likes, each_comments in zip(normals[0].by_post, normals[1].by_post, strict=True):
        likes, comments = each_likes.at(age), each_comments.at(age)
        if likes and comments is not None:
            found.append((likes, comments))
    return found


def _ratio(many: int, few: int, usual: list[tuple[int, int]], *, is_comments: bool) -> Ratio:
    pairs = [(comments, likes) if is_comments else (likes, comments) for likes, comments in usual]
    known = level(each * PPM // max(1, other) for each, other in pairs)
    assert known is not None, "there are normal posts"
    return Ratio(many, few, many * PPM // max(1, few), known, is_comments)


def _judged(case: Case, ratio: Ratio, age: int, settings: RatioBreakSettings) -> Finding:
    fires = max(scaled(ratio.usual.median, ppm(settings.factor)), ratio.usual.above(_DEVIATIONS, 0))
    fires = max(fires, ratio.usual.most * 5 // 4)
    clears = scaled(fires, ppm(settings.clear_factor) * PPM // ppm(settings.factor))
    # Chance is in the comments, of which there are few: so many were to be expected for these likes.
    comments, expected = (
        (ratio.many, scaled(ratio.few, ratio.usual.median))
        if ratio.is_comments
        else (ratio.few, ratio.many * PPM // max(1, ratio.usual.median))
    )
    outcome: Outcome = "pass"
    if is_significant(comments, expected, 0):
        outcome = "fail" if ratio.ratio >= fires else "near" if ratio.ratio > clears else "pass"
    return Finding(outcome, _summary(case, ratio, age, outcome), _evidence(case, ratio, age, fires, expected))


def _summary(case: Case, ratio: Ratio, age: int, outcome: Outcome) -> Mapping[Language, str]:
    en, ja = whose_post(case.creator, case.post)
    if outcome == "pass":
        return {
            "en": f"Comments and likes of {en} are in the usual proportion.",
            "ja": f"{ja}のコメントといいねの比率は通常どおりです。",
        }
    what, for_what = ("comments", "likes") if ratio.is_comments else ("likes", "comments")
    what_ja, for_what_ja = ("コメント", "いいね") if ratio.is_comments else ("いいね", "コメント")
    return {
        "en": f"Please review: {en} has {ratio.many:,} {what} for {ratio.few:,} {for_what} {span(age)} after "
        f"publishing, {times(ratio.factor)} times as many as this creator's normal posts.",
        "ja": f"要確認: {ja}は投稿後{span_ja(age)}で{for_what_ja}{ratio.few:,}件に対し{what_ja}{ratio.many:,}件で、"
        f"この投稿者の通常投稿の{times(ratio.factor)}倍です。",
    }


def _evidence(case: Case, ratio: Ratio, age: int, fires: int, expected: int) -> tuple[Evidence, ...]:
    what, for_what = ("comments", "likes") if ratio.is_comments else ("likes", "comments")
    at = (case.post.published_at or 0) + age
    return (
        share(f"{what}_per_{for_what}", ratio.ratio, limit=fires, basis=f"{what} / {for_what} at this age", at=at),
        share("usual", ratio.usual.median, basis="median of the creator's normal posts at the same age"),
        share("usual_most", ratio.usual.most, basis="highest of the same"),
        Evidence(name="times_usual", value=decimal_text(ratio.factor), unit="share", basis="ratio / usual"),
        count("normal_posts", ratio.usual.posts, basis=f"normal posts on {case.post.platform} with both at this age"),
        count(what, ratio.many, basis="highest value by this age", at=at),
        count(for_what, ratio.few, basis="highest value by this age", at=at),
        count("expected_comments", expected, basis="for so many likes, by the usual ratio"),
        duration("age", age, basis="age of the post"),
        instant("at", at),
    )


RULES = (RatioBreak(),)
