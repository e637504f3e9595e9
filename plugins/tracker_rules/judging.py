"""What the rules about single posts share: one verdict for a post, by the worst of its metrics.

1. A post is judged by each metric of the settings that is known of it; what cannot be judged does not hide what can.
2. Of several findings the worst is the post's; of equally bad ones the one that is further beyond its limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, NamedTuple

from msgspec import Meta

from tracker.domain.events import Metric
from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts
from tracker.domain.verdicts import Evidence, Language, Outcome, Verdict
from tracker.plugin.rules import RuleSettings
from tracker_rules.baseline import Baseline, baselines
from tracker_rules.words import PPM, count, metric, post_subject, whose_post

_RANK: Mapping[Outcome, int] = {"not_assessable": 0, "pass": 1, "needs_human": 2, "near": 3, "fail": 4}


class BaselineSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of every rule that compares with a creator's normal posts."""

    normal_posts: Annotated[
        int, Meta(ge=3, le=20, description="Judge only where so many normal posts can be compared with")
    ] = 4


class MetricSettings(BaselineSettings, frozen=True, kw_only=True):
    """Settings of every rule that looks at single metrics of a post."""

    metrics: Annotated[
        tuple[Metric, ...], Meta(min_length=1, description="Which metrics to look at; the worst one decides")
    ] = ("likes", "views")
    """Those that are sold by the thousand. Comments that come at once are a matter of `authenticity.ratio_break`."""


class Finding(NamedTuple):
    """What was found of one metric of a post. `beyond`: by which share (ppm) it is beyond its limit, to compare."""

    outcome: Outcome
    summary: Mapping[Language, str]
    evidence: tuple[Evidence, ...]
    beyond: int = 0


class Case(NamedTuple):
    """One post to be judged, with what it is compared with."""

    facts: CampaignFacts
    creator: CreatorFacts
    baseline: Baseline
    post: PostFacts

    def verdict(self, finding: Finding) -> Verdict:
        return Verdict(
            subject=post_subject(self.facts, self.creator, self.post),
            outcome=finding.outcome,
            summary=finding.summary,
            evidence=finding.evidence,
        )


def cases(facts: CampaignFacts) -> Iterator[Case]:
    """Every post of every creator of the campaign. Posts of strangers have no normal ones to be compared with."""
    for creator, baseline in zip(facts.creators, baselines(facts), strict=True):
        for post in creator.posts:
            yield Case(facts, creator, baseline, post)


def by_metric(
    facts: CampaignFacts, metrics: tuple[Metric, ...], find: Callable[[Case, Metric], Finding]
) -> Iterator[Verdict]:
    """A verdict for every post, by the worst of its metrics."""
    for case in cases(facts):
        findings = [find(case, name) for name in metrics]
        yield case.verdict(max(findings, key=lambda each: (_RANK[each.outcome], each.beyond)))


def too_few(case: Case, name: Metric, found: int, wanted: int) -> Finding:
    """Not enough normal posts."""
    en, ja = whose_post(case.creator, case.post)
    return Finding(
        "not_assessable",
        {
            "en": f"{metric(name, 'en').capitalize()} of {en} cannot be judged: {found} of the {wanted} normal posts "
            "that are needed can be compared with.",
            "ja": f"{ja}の{metric(name, 'ja')}は判定できません。"
            f"比較できる通常投稿が{wanted}件必要ですが{found}件です。",
        },
        (count("normal_posts", found, limit=wanted, basis=f"normal posts on {case.post.platform} with {name} known"),),
    )


def too_little(case: Case, name: Metric, lacking: str) -> Finding:
    """Not enough is known of the post itself. `lacking` names what, for the evidence."""
    en, ja = whose_post(case.creator, case.post)
    return Finding(
        "not_assessable",
        {
            "en": f"{metric(name, 'en').capitalize()} of {en} cannot be judged yet: too few observations of it.",
            "ja": f"{ja}の{metric(name, 'ja')}はまだ判定できません。観測が足りません。",
        },
        (Evidence(name=name, value=None, unit="count", basis=lacking),),
    )


def is_significant(found: int, expected: int, counted: int, deviations: int = 4) -> bool:
    """Whether chance alone would hardly give so many: more than so many deviations of a Poisson count.

    `counted` is what the expectation itself was derived from: an uncertain number of its own.
    """
    difference = abs(found - expected)
    return difference * difference > deviations * deviations * max(1, expected + min(counted, expected))


def scaled(value: int, share: int) -> int:
    """A share (ppm) of a value."""
    return value * share // PPM
