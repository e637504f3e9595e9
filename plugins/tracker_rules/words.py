"""How rules write: shares, durations and names for people, evidence for machines.

1. A share in evidence is a decimal written out ("0.455"), in a sentence a percentage ("45.5 %").
2. What is not known is said to be so, never left out and never zero.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Annotated

from msgspec import Meta

from tracker.domain.events import METRICS, Instant, Metric
from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts
from tracker.domain.verdicts import Evidence, Language, Subject

PPM = 1_000_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

RatePattern = r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?$"
SharePattern = r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$"
RateText = Annotated[str, Meta(pattern=RatePattern)]

METRIC_WORDS: dict[str, tuple[str, str]] = {
    "likes": ("likes", "いいね"),
    "comments": ("comments", "コメント"),
    "shares": ("shares", "シェア"),
    "saves": ("saves", "保存"),
    "views": ("views", "再生"),
    "reach": ("reach", "リーチ"),
    "impressions": ("impressions", "インプレッション"),
    "clicks": ("clicks", "クリック"),
    "conversions": ("conversions", "コンバージョン"),
    "engagement_rate": ("engagement rate", "エンゲージメント率"),
}
"""Metric → (English, Japanese)."""


@lru_cache(256)
def ppm(rate: str) -> int:
    """A rate of the settings ("0.25") in millionths. Whatever its settings' pattern lets in is exact."""
    return int(Decimal(rate) * PPM)


def decimal_text(millionths: int) -> str:
    """455_000 → "0.455"."""
    return format((Decimal(millionths) / PPM).normalize(), "f")


def percent(millionths: int) -> str:
    """455_000 → "45.5 %"; a whole number where it is one, or large."""
    value = Decimal(millionths) / 10_000
    digits = Decimal(1) if abs(value) >= 100 or value == value.to_integral_value() else Decimal("0.1")
    return f"{value.quantize(digits, ROUND_HALF_EVEN):,} %"


def times(millionths: int) -> str:
    """2_500_000 → "2.5"."""
    return f"{(Decimal(millionths) / PPM).quantize(Decimal('0.1'), ROUND_HALF_EVEN):,}"


def span(ms: int) -> str:
    """A duration, rounded down to what matters of it."""
    for unit, word, from_ in ((DAY, "d", 3 * DAY), (HOUR, "h", 2 * HOUR), (MINUTE, "min", MINUTE)):
        if ms >= from_:
            return f"{ms // unit} {word}"
    return f"{ms // 1_000} s"


def span_ja(ms: int) -> str:
    number, word = span(ms).split(" ")
    return number + {"d": "日", "h": "時間", "min": "分", "s": "秒"}[word]


def metric(name: str, language: Language) -> str:
    return METRIC_WORDS[name][language == "ja"]


def post_subject(facts: CampaignFacts, creator: CreatorFacts, post: PostFacts) -> Subject:
    return Subject(
        campaign=facts.campaign.id,
        creator=creator.creator.id,
        platform=post.platform,
        account=post.account,
        post=post.post,
    )


def whose_post(creator: CreatorFacts, post: PostFacts) -> tuple[str, str]:
    """How a sentence names a post: English, Japanese."""
    name = creator.creator.name
    return f"{name}'s {post.platform} post {post.post}", f"{name}さんの{post.platform}の投稿{post.post}"


def metric_at(post: PostFacts, name: Metric) -> Instant | None:
    """When the value of a metric that stands was observed."""
    return post.observed_at[METRICS.index(name)]


def count(
    name: str, value: int | None, *, basis: str = "", limit: int | None = None, at: int | None = None
) -> Evidence:
    return Evidence(name=name, value=value, unit="count", basis=basis, limit=limit, at=at)


def share(
    name: str, millionths: int | None, *, basis: str = "", limit: int | None = None, at: int | None = None
) -> Evidence:
    """A share, and its limit, given in millionths."""
    return Evidence(
        name=name,
        value=None if millionths is None else decimal_text(millionths),
        unit="share",
        basis=basis,
        limit=None if limit is None else decimal_text(limit),
        at=at,
    )


def duration(name: str, ms: int | None, *, basis: str = "", limit: int | None = None) -> Evidence:
    return Evidence(name=name, value=ms, unit="ms", basis=basis, limit=limit)


def instant(name: str, at: Instant | None, *, basis: str = "") -> Evidence:
    return Evidence(name=name, value=at, unit="instant", basis=basis)
