"""Campaign facts for tests of rules, in few words; and posts whose audience behaves as one does.

The crowd: Weibull arrival (Informatics 2025, 12(3), 59) by the platform's shape, with a day and a night, a post's own
pace, chance in every single reaction, and a poller that looks as tracker.domain.schedule.Cadence says.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracker.domain.curve import INTERVALS, Row, bucket, keep
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator
from tracker.domain.events import METRICS, Metric
from tracker.domain.facts import AccountFacts, CampaignFacts, CreatorFacts, PostFacts
from tracker.domain.schedule import Cadence
from tracker.domain.verdicts import Verdict
from tracker.plugin.rules import CampaignRule, RuleSettings

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
T0 = 20_000 * DAY
"""When the campaign starts: a midnight UTC."""
SHAPES: Mapping[str, tuple[float, float]] = {"instagram": (7.3, 0.40), "tiktok": (9.0, 0.55), "youtube": (33.8, 0.26)}
"""Platform → Weibull scale (hours) and shape of likes and views; comments come 2.5 times as fast."""

Counts = Mapping[str, int]
Truth = Callable[[int], Counts]
"""Age (ms) → metric → value. It must give the same for the same age."""


_EVERY = Cadence().every


def a_campaign(**changed: Any) -> Campaign:
    return Campaign(**{"id": "glow", "name": "Glow", "starts_at": T0, "ends_at": T0 + 14 * DAY, **changed})


def a_creator(id: str = "ana", platform: str = "instagram") -> Creator:
    return Creator(id=id, name=id.title(), accounts=(AccountRef(platform=platform, account=f"_{id}"),))


def a_post(
    post: str = "p1", rows: Sequence[Row] = (), *, creator: str = "ana", platform: str = "instagram", **changed: Any
) -> PostFacts:
    """A post with the totals that its curve ends with."""
    published = changed.pop("published_at", T0)
    totals: list[int | None] = [None] * len(METRICS)
    observed: list[int | None] = [None] * len(METRICS)
    for row in rows:
        for index, value in enumerate(row[3:]):
            if isinstance(value, int):
                totals[index], observed[index] = value, published + row[0]
    facts: dict[str, Any] = {
        "platform": platform,
        "account": f"_{creator}",
        "post": post,
        "creator": creator,
        "seen_at": published,
        "published_at": published,
        "totals": tuple(totals),
        "observed_at": tuple(observed),
        "curve": tuple(rows),
    }
    return PostFacts(**{**facts, **changed})


def rows_of(seen: Iterable[tuple[int, Counts]], definition: str = "v1") -> tuple[Row, ...]:
    """The curve that the tracker keeps of observations (age in ms, metric → value)."""
    rows: list[Row] = []
    for age, counts in seen:
        bits = sum(1 << METRICS.index(name) for name in counts)
        values = [counts.get(name) for name in METRICS]
        row: Row = (age, bits, definition, *values)  # type: ignore[assignment]  # seven values
        keep(rows, row, INTERVALS[bucket(age)])
    return tuple(rows)


def facts_of(
    posts: Sequence[PostFacts],
    normal: Sequence[PostFacts] = (),
    *,
    creator: str = "ana",
    platform: str = "instagram",
    agreements: Sequence[Agreement] | None = None,
    campaign: Campaign | None = None,
    **changed: Any,
) -> CampaignFacts:
    """A campaign with one creator."""
    campaign = a_campaign() if campaign is None else campaign
    agreed = (Agreement(id="a1", campaign=campaign.id, creator=creator, posts=max(1, len(posts))),)
    return CampaignFacts(
        campaign=campaign,
        creators=(
            CreatorFacts(
                creator=a_creator(creator, platform),
                agreements=agreed if agreements is None else tuple(agreements),
                accounts=(AccountFacts(platform=platform, account=f"_{creator}"),),
                posts=tuple(posts),
                normal=tuple(normal),
            ),
        ),
        totals=changed.pop("totals", {"": totals_of(posts)}),
        **changed,
    )


def totals_of(posts: Sequence[PostFacts]) -> dict[str, int]:
    """The counters of these posts that rules of engagement read."""
    total: dict[str, int] = {"posts": len(posts)}
    for post in posts:
        for name, value in zip(METRICS, post.totals, strict=True):
            known = "unknown" if value is None else "known"
            total[f"{name}.{known}"] = total.get(f"{name}.{known}", 0) + 1
            total[name] = total.get(name, 0) + (value or 0)
    return {name: value for name, value in total.items() if value}


@dataclass(frozen=True)
class Crowd:
    """How one audience reacts: final likes of a usual post, the strength of its nights, its platform's shape."""

    platform: str = "instagram"
    likes: int = 2_000
    per_like: Mapping[str, float] = field(default_factory=lambda: {"comments": 0.06, "views": 9.0})
    night: float = 0.6
    """The pace swings between 1 - night and 1 + night within a day."""
    spread: float = 0.35
    """Standard deviation, in logarithms, of how well posts do."""
    wobble: float = 0.12
    """The same, of how fast they do, and of their comments and views for a like."""


Extra = Callable[[int], Mapping[str, float]]
"""What was bought: age (ms) → metric → how many were delivered by that age."""


def nothing_bought(_: int) -> Mapping[str, float]:
    return {}


def lived(
    crowd: Crowd,
    random_: random.Random,
    published: int,
    until: int,
    *,
    bought: Callable[[dict[str, float]], Extra] = lambda _: nothing_bought,
    natural: float = 1.0,
    cadence: Callable[[int], int] = _EVERY,
) -> tuple[Row, ...]:
    """The curve of a post from publishing until an age (ms). `bought` gets the post's final counts."""
    scale, shape = SHAPES[crowd.platform]
    pace = math.exp(random_.gauss(0, crowd.wobble))
    likes = crowd.likes * math.exp(random_.gauss(0, crowd.spread)) * natural
    finals = {"likes": likes}
    for name, per_like in crowd.per_like.items():
        finals[name] = likes * per_like * math.exp(random_.gauss(0, crowd.wobble))
    extra = bought(finals)
    phase = 2 * math.pi * ((published // HOUR) % 24) / 24
    seen: list[tuple[int, Counts]] = []
    reached, count = dict.fromkeys(finals, 0.0), dict.fromkeys(finals, 0)
    age = cadence(0) // 2
    while age <= until:
        lived_hours = _pace(age, phase, crowd.night) * pace
        for name, final in finals.items():
            hours = lived_hours * (2.5 if name == "comments" else 1.0)
            now = final * -math.expm1(-((hours / scale) ** shape))
            count[name] += poisson(random_, now - reached[name])
            reached[name] = now
        delivered = extra(age)
        seen.append((age, {name: value + round(delivered.get(name, 0)) for name, value in count.items()}))
        age += cadence(age)
    return rows_of(seen)


def _pace(age: int, phase: float, night: float) -> float:
    """Hours that an audience has lived through by an age, if its pace is 1 + night * cos(time of day - 20:00)."""
    turn = 2 * math.pi / 24
    hours, shift = age / HOUR, phase - 2 * math.pi * 20 / 24
    return hours + night / turn * (math.sin(hours * turn + shift) - math.sin(shift))


def poisson(random_: random.Random, mean: float) -> int:
    """By inversion where the mean is small, by the normal distribution where it is not."""
    if mean <= 0:
        return 0
    if mean > 30:
        return max(0, round(random_.gauss(mean, math.sqrt(mean))))
    product, number, limit = random_.random(), 0, math.exp(-mean)
    while product > limit:
        product *= random_.random()
        number += 1
    return number


def at_once(metric: Metric, amount: float, at: int, within: int) -> Extra:
    """So many of a metric, delivered evenly from an age on within a time (ms)."""

    def delivered(age: int) -> Mapping[str, float]:
        return {metric: amount * min(1.0, max(0.0, (age - at) / within))}

    return delivered


def normal_posts(
    crowd: Crowd, random_: random.Random, count: int, *, creator: str = "ana", days: int = 40, life: int = 7 * DAY
) -> tuple[PostFacts, ...]:
    """What the creator posted before the campaign, at any hour of the day."""
    made = []
    for number in range(count):
        published = T0 - DAY * days + number * (DAY * (days - 8) // max(1, count)) + random_.randrange(24) * HOUR
        rows = lived(crowd, random_, published, life)
        made.append(
            a_post(
                f"n{number}", rows, creator=creator, platform=crowd.platform, published_at=published, followers=50_000
            )
        )
    return tuple(made)


def judged(rule: CampaignRule, facts: CampaignFacts, now: int, settings: RuleSettings | None = None) -> list[Verdict]:
    return list(rule.judge(facts, rule.settings() if settings is None else settings, now))


def outcomes(rule: CampaignRule, facts: CampaignFacts, now: int, settings: RuleSettings | None = None) -> list[str]:
    return [verdict.outcome for verdict in judged(rule, facts, now, settings)]
