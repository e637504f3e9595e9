"""How audiences behave: the numbers, each with where it comes from. `[I]` marks what is invented.

docs/explanation/simulated-campaigns.md tells what they mean.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tracker.domain.events import METRICS, Metric
from tracker.simulate.curves import Weibull

LabPlatform = Literal["instagram", "tiktok", "youtube", "x"]
LabLanguage = Literal["ja", "en"]

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


class Range(Struct, frozen=True):
    """From `low` to `high`, both in it."""

    low: float
    high: float


CURVES: dict[LabPlatform, Weibull] = {
    # 24 h 80 %, day 5 95 % (campaigndeus.com, 300,000 posts); a peak at once, Weibull (Informatics 2025, 12(3), 59).
    "instagram": Weibull(7.3, 0.40),
    # 24 h 72 %, between Instagram and YouTube [I].
    "tiktok": Weibull(16.0, 0.60),
    # 24 h 60 %, day 5 75 % (campaigndeus.com).
    "youtube": Weibull(33.8, 0.26),
    # Half-life 60 min (49 min second-hand, ~80 min arXiv 2302.09654), 95 % within 24 h (arXiv 2302.09654).
    "x": Weibull(2.22, 0.46),
}
SCALE_SPREAD = 0.3
"""Log-normal: how much slower or faster one post is than another on the same platform [I]."""
COMMENTS_FASTER = 0.4
"""Comments come faster than likes (campaigndeus.com); the factor on the time scale is [I]."""

ONLINE: tuple[float, ...] = (
    0.60, 0.38, 0.22, 0.15, 0.15, 0.22, 0.45, 0.75, 0.90, 0.88, 0.85, 0.90,
    1.10, 1.02, 0.90, 0.90, 0.95, 1.05, 1.20, 1.35, 1.50, 1.60, 1.40, 1.00,
)  # fmt: skip
"""How much of the audience is about, by the hour of its own day [I]: night, noon, evening."""
UTC_OFFSET: dict[LabLanguage, int] = {"ja": 9, "en": -5}

LIKE_RATE: tuple[tuple[int, float], ...] = (
    (1_000, 0.08), (10_000, 0.04), (100_000, 0.024), (1_000_000, 0.02), (10_000_000, 0.017),
)  # fmt: skip
"""(fewer followers than, likes a follower and post): Markerly. It has no row from 100K to 1M: 2 % [I]."""
PLATFORM_RATE: dict[LabPlatform, float] = {"instagram": 1.0, "tiktok": 1.2, "youtube": 0.7, "x": 0.4}
"""What a like rate is elsewhere, of Instagram's [I]: Markerly counted Instagram."""
VETTED = Range(0.65, 1.9)
"""Whom an agency engages lies so near its tier's usual rate [I]."""
RATE_SPREAD = 0.3
POST_SPREAD = Range(0.385, 0.5)
"""Log-normal, of one creator's posts: a spread of likes of 40 % to 53 % (trendHERO calls 40 % to 100 % normal)."""
PR_FACTOR = Range(0.80, 1.05)
"""What an advertising post reaches of a normal one [I]."""

PER_LIKE: dict[LabPlatform, dict[Metric, float]] = {
    "instagram": {"comments": 0.030, "shares": 0.05, "saves": 0.08, "views": 16.0, "reach": 12.0},
    "tiktok": {"comments": 0.020, "shares": 0.04, "views": 11.0},
    "youtube": {"comments": 0.060, "views": 25.0},
    "x": {"comments": 0.050, "shares": 0.18, "saves": 0.06, "impressions": 70.0},
}
"""Of each count that the platform tells, how many come with one like [I]."""
RATIO_SPREAD_CREATOR = 0.30
RATIO_SPREAD_POST = 0.20
"""Log-normal: how a creator's ratios differ from others', and a post's from its creator's [I]."""

TOLD: dict[LabPlatform, tuple[bool, ...]] = {
    platform: tuple(metric == "likes" or metric in ratios for metric in METRICS)
    for platform, ratios in PER_LIKE.items()
}
CELL_NOISE = 0.12
"""Log-normal: by how much a stretch of time brings more or less than its share, for all counts together [I]."""

FOLLOWERS = {"nano": Range(2_000, 10_000), "micro": Range(10_000, 75_000), "middle": Range(100_000, 400_000)}
TIERS = {"nano": 0.25, "micro": 0.60, "middle": 0.15}
SMALL_TIERS = {"nano": 0.30, "micro": 0.70}
"""Which sizes a campaign engages [I]; the first creator is of a size for which Markerly has a row."""
FOLLOWERS_GROWTH = Range(0.0002, 0.003)
"""A day [I]."""

P_HIDDEN_LIKES = 0.03
P_VIRAL = 0.03
VIRAL_BOOST = Range(0.6, 3.0)
VIRAL_AFTER_HOURS = Range(10.0, 90.0)
P_SPAM_PURGE = 0.06
SPAM_PURGE_SHARE = Range(0.002, 0.015)
P_NIGHT_POST = 0.08
P_FEED_GAP = 0.3
FEED_GAP_HOURS = Range(0.5, 8.0)
P_POLL_MISSED = 0.02
P_POLL_LATE = 0.02
"""What happens in healthy campaigns too, with which chance (of a post; of an account for gaps; of a poll) [I]."""

CVR = Range(0.02, 0.05)
"""Orders a click [I]; within what shops report."""
ORDERS_A_DAY = Range(10.0, 120.0)
BY_CODE_ONLY = 0.25
"""Of orders, those that carry a promo code and no click [I]."""
REFUND_SHARE = Range(0.02, 0.06)
REFUND_AFTER_DAYS = Range(0.5, 7.0)


def like_rate(followers: int) -> float:
    """Likes a follower that are usual for an account of this size."""
    return next(rate for below, rate in LIKE_RATE if followers < below)
