"""Counts that fall: a platform took back reactions that it no longer believes, or counts otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tracker.domain.curve import VALUES
from tracker.domain.events import METRICS, Instant
from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts
from tracker.domain.verdicts import Evidence, Language
from tracker.plugin.rules import Category, Kind, Outcome, RuleSettings, Severity, Subject, Timing, Verdict
from tracker_rules.conversion_sums import of_scope
from tracker_rules.saying import SHARE, called, clock, instant, percent, verdict, written
from tracker_rules.words import HOUR, METRIC_WORDS, MINUTE, count


class RollbackSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of authenticity.counter_rolled_back."""

    within_hours: Annotated[int, Meta(ge=1, le=720, description="Falls of the last so many hours are judged")] = 24
    share: Annotated[str, Meta(pattern=SHARE, description="So large a share of a post's count fell")] = "0.1"
    campaign_share: Annotated[str, Meta(pattern=SHARE, description="So large a share of a campaign's total fell")] = (
        "0.03"
    )
    least: Annotated[int, Meta(ge=1, description="So much a count fell at least")] = 20


class Fall(Struct, frozen=True):
    """How far a metric fell: from a value to a lower one, seen at an instant."""

    metric: str
    before: int
    after: int
    at: Instant

    @property
    def by(self) -> int:
        return self.before - self.after

    @property
    def share(self) -> Fraction:
        return Fraction(self.by, self.before) if self.before > 0 else Fraction(0)


class CounterRolledBack:
    """A count fell visibly. Platforms take back likes, views and followers that they hold to be spam, from anybody.

    Two things are judged, each by the metric that fell most. The campaign: the hour of the last `within_hours` in which
    a total fell most, beside the total before that hour (the campaign's hour series, and within an hour its minutes, so
    that growth does not hide it). A post: the greatest fall from one value kept in its curve to the next, if the lower
    one was seen within `within_hours`. A fall of `share` (of a campaign: `campaign_share`) and of `least` in number
    fails; from half of the share on it is near. A tenth, because counts that a platform corrects or caches waver by a
    few per cent; of a campaign three in a hundred, because one post of ten that loses a third brings that about. The
    curve keeps only the first and the last value of each interval, so a post's fall may show in the total alone.

    It says nothing of anybody's intent, hence `info`. A campaign's total also falls when a post no longer counts for
    it. Nothing is not assessable: a metric that nobody counted has not fallen.
    """

    name = "authenticity.counter_rolled_back"
    title: Mapping[Language, str] = {"en": "A count was rolled back", "ja": "数値が巻き戻された"}
    category: Category = "authenticity"
    kind: Kind = "absolute"
    severity: Severity = "info"
    timing = Timing(repeat_ms=None)
    settings: type[RuleSettings] = RollbackSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: RollbackSettings, now: Instant) -> Iterable[Verdict]:
        since = now - settings.within_hours * HOUR
        subject = Subject(campaign=facts.campaign.id)
        yield _told(
            subject, (facts.campaign.name,) * 2, campaign_falls(facts, since), settings.campaign_share, settings
        )
        for who in facts.creators:
            for post in who.posts:
                names = (f"{called(post)} by {who.creator.name}", f"{who.creator.name}さんの投稿({called(post)})")
                yield _told(_of(facts, who, post), names, post_falls(post, since), settings.share, settings)


def _of(facts: CampaignFacts, who: CreatorFacts, post: PostFacts) -> Subject:
    return Subject(
        campaign=facts.campaign.id,
        creator=who.creator.id,
        platform=post.platform,
        account=post.account,
        post=post.post,
    )


def campaign_falls(facts: CampaignFacts, since: Instant) -> list[Fall]:
    """Of each metric the deepest fall of a campaign's total within one hour, or one minute, after `since`."""
    units = [(unit, _changes(series, since // unit)) for unit, series in ((HOUR, facts.hours), (MINUTE, facts.minutes))]
    found = []
    for metric in METRICS:
        total = of_scope(facts, "", metric)
        falls = [
            fall for unit, changes in units for fall in _series_falls(metric, changes.get(metric, []), total, unit)
        ]
        if falls:
            found.append(max(falls, key=lambda fall: (fall.by, fall.at)))
    return found


def _changes(series: Mapping[str, int], first: int) -> dict[str, list[tuple[int, int]]]:
    """Field → (number of the unit of time, change), from the `first` unit on."""
    found: dict[str, list[tuple[int, int]]] = {}
    for key, change in series.items():
        field, _, number = key.rpartition("@")
        if int(number) >= first:
            found.setdefault(field, []).append((int(number), change))
    return found


def _series_falls(metric: str, changes: list[tuple[int, int]], total: int, unit: int) -> Iterable[Fall]:
    """Walks back from the total as it is: what it was before each unit of time."""
    after = total
    for number, change in sorted(changes, reverse=True):
        if change < 0:
            yield Fall(metric, after - change, after, (number + 1) * unit)
        after -= change


def post_falls(post: PostFacts, since: Instant) -> list[Fall]:
    """Of each metric the deepest fall between neighbours in a post's curve, the lower one seen after `since`.

    A value measured under another definition is not compared.
    """
    if post.published_at is None:
        return []
    found = []
    for index, metric in enumerate(METRICS):
        kept = [(row[0], row[2], value) for row in post.curve if isinstance(value := row[VALUES + index], int)]
        falls = [
            Fall(metric, earlier[2], later[2], post.published_at + later[0])
            for earlier, later in pairwise(kept)
            if later[2] < earlier[2] and earlier[1] == later[1] and post.published_at + later[0] > since
        ]
        if falls:
            found.append(max(falls, key=lambda fall: (fall.by, fall.at)))
    return found


def _told(
    subject: Subject, names: tuple[str, str], falls: list[Fall], limit: str, settings: RollbackSettings
) -> Verdict:
    judged = [(fall, _outcome(fall, Fraction(limit), settings.least)) for fall in falls]
    if not judged:
        said = (
            f"No count of {names[0]} has fallen in the last {settings.within_hours} h.",
            f"{names[1]}の数値は直近{settings.within_hours}時間で減っていません。",
        )
        return verdict(subject, "pass", said, count("falls", 0, basis="metrics that fell"))
    rank = {"fail": 2, "near": 1}
    worst, outcome = max(judged, key=lambda pair: (rank.get(pair[1], 0), pair[0].share, pair[0].metric))
    evidence = [
        Evidence(
            name=f"{fall.metric}.fell_by",
            value=written(fall.share),
            unit="share",
            limit=limit,
            basis=f"from {fall.before} to {fall.after}; must also be {settings.least} in number",
            at=fall.at,
        )
        for fall, _ in judged
    ]
    english, japanese = METRIC_WORDS[worst.metric]
    said = (
        f"The {english} of {names[0]} fell from {worst.before} to {worst.after} ({percent(worst.share)}).",
        f"{names[1]}の{japanese}が{clock(worst.at)}までに{worst.before}から{worst.after}へ減りました。",
    )
    return verdict(subject, outcome, said, *evidence, instant("fell_by_at", worst.at))


def _outcome(fall: Fall, limit: Fraction, least: int) -> Outcome:
    if fall.by < least:
        return "pass"
    if fall.share >= limit:
        return "fail"
    return "near" if 2 * fall.share >= limit else "pass"
