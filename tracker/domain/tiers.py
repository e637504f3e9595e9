"""How large a creator is, how much engagement is usual at that size, and a post's engagement rate on each basis.

1. Bounds are half-open: a tier has `low <= followers < high`; `high` None: no end. Between tiers may be gaps.
2. Unknown followers have no tier and no benchmark; nor has a number in a gap. None is neither small nor zero.
3. A rate is known only where every part of it is: a hidden count is no zero. Rates are Decimals, to six digits.

There is no single definition of a tier, so schemes are data, named by `Campaign.tiers`. Where sources write "1,000 to
10,000" and "10,000 to 100,000", 10,000 belongs to the upper one.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, NamedTuple

from tracker.domain.facts import PostFacts
from tracker.domain.figures import share

Basis = Literal["followers", "views", "reach"]


class Tier(NamedTuple):
    """A name for `low <= followers < high` (None: and all above)."""

    name: str
    low: int
    high: int | None


SCHEMES: Mapping[str, tuple[Tier, ...]] = MappingProxyType(
    {
        # Japanese usage: ナノ, マイクロ, ミドル, メガ.
        "four-tier": (
            Tier("nano", 1_000, 10_000),
            Tier("micro", 10_000, 100_000),
            Tier("middle", 100_000, 1_000_000),
            Tier("mega", 1_000_000, None),
        ),
        # Japanese usage: ナノ, マイクロ, マクロ, トップ.
        "top-macro": (
            Tier("nano", 0, 10_000),
            Tier("micro", 10_000, 100_000),
            Tier("macro", 100_000, 1_000_000),
            Tier("top", 1_000_000, None),
        ),
        # Japanese usage: a micro creator has "about 10,000", taken here as half of it to twice as many. That 1,000 to
        # 5,000 count as well needs a share of the audience in the niche, of which followers say nothing.
        "niche-first": (Tier("micro", 5_000, 20_000),),
        "hypeauditor": (
            Tier("nano", 1_000, 5_000),
            Tier("micro", 5_000, 20_000),
            Tier("mid", 20_000, 100_000),
            Tier("macro", 100_000, 1_000_000),
            Tier("mega", 1_000_000, None),
        ),
        # The source names no tiers, only the ranges.
        "fohr": (
            Tier("under-10k", 0, 10_000),
            Tier("10k-100k", 10_000, 100_000),
            Tier("100k-500k", 100_000, 500_000),
            Tier("500k-1m", 500_000, 1_000_000),
            Tier("over-1m", 1_000_000, None),
        ),
    }
)
"""Scheme → its tiers, by size. What a scheme leaves out (below 1,000 of the first) has no tier in it."""


class Benchmark(NamedTuple):
    """The usual likes / followers of a post, for `low <= followers < high`."""

    low: int
    high: int
    rate: Decimal


BENCHMARK_SOURCE = "Markerly: like rate by followers"
BENCHMARKS: tuple[Benchmark, ...] = (
    Benchmark(0, 1_000, Decimal("0.08")),
    Benchmark(1_000, 10_000, Decimal("0.04")),
    Benchmark(10_000, 100_000, Decimal("0.024")),
    Benchmark(1_000_000, 10_000_000, Decimal("0.017")),
)
"""Of BENCHMARK_SOURCE. It says nothing of 100,000 to 1,000,000, nor of 10,000,000 and more: there is none."""


def tier_of(scheme: str, followers: int | None) -> str | None:
    """The tier of so many followers; None: unknown followers, a scheme that is not known, or in no tier of it."""
    tiers = SCHEMES.get(scheme, ())
    if followers is None:
        return None
    return next((tier.name for tier in tiers if tier.low <= followers < _end(tier, followers)), None)


def _end(tier: Tier, followers: int) -> int:
    return followers + 1 if tier.high is None else tier.high


def benchmark_of(followers: int | None) -> Benchmark | None:
    """The benchmark for so many followers; None: unknown followers, or the source says nothing of so many."""
    if followers is None:
        return None
    return next((each for each in BENCHMARKS if each.low <= followers < each.high), None)


def benchmarks_by_tier(scheme: str) -> dict[str, Decimal | None]:
    """Tier → its benchmark; None: the source says nothing of some of the tier, or two things of it."""
    found: dict[str, Decimal | None] = {}
    for tier in SCHEMES.get(scheme, ()):
        holding = [each for each in BENCHMARKS if each.low <= tier.low and tier.high and tier.high <= each.high]
        found[tier.name] = holding[0].rate if holding else None
    return found


def engagement_rate(post: PostFacts, basis: Basis) -> Decimal | None:
    """A post's engagement rate; None: a part of it is unknown or hidden, or what it is divided by is 0.

    By followers: (likes + comments) / followers at post time. By views or reach: (likes + comments + shares) / it.
    Formulas as in docs/explanation/counting.md, section 4.
    """
    if basis == "followers":
        parts, whole = [post.total("likes"), post.total("comments")], post.followers
    else:
        parts, whole = [post.total("likes"), post.total("comments"), post.total("shares")], post.total(basis)
    known = [part for part in parts if part is not None]
    return share(sum(known), whole) if whole is not None and len(known) == len(parts) else None
