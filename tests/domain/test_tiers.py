"""Tiers, benchmarks and rates: exact bounds, and nothing from what is unknown."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.domain.events import METRICS
from tracker.domain.facts import PostFacts
from tracker.domain.tiers import (
    BENCHMARKS,
    SCHEMES,
    Basis,
    benchmark_of,
    benchmarks_by_tier,
    engagement_rate,
    tier_of,
)


@pytest.mark.parametrize(
    ("scheme", "followers", "tier"),
    [
        ("four-tier", 999, None),
        ("four-tier", 1_000, "nano"),
        ("four-tier", 9_999, "nano"),
        ("four-tier", 10_000, "micro"),
        ("four-tier", 99_999, "micro"),
        ("four-tier", 100_000, "middle"),
        ("four-tier", 999_999, "middle"),
        ("four-tier", 1_000_000, "mega"),
        ("top-macro", 0, "nano"),
        ("top-macro", 100_000, "macro"),
        ("top-macro", 50_000_000, "top"),
        ("niche-first", 4_999, None),
        ("niche-first", 10_000, "micro"),
        ("niche-first", 20_000, None),
        ("hypeauditor", 4_999, "nano"),
        ("hypeauditor", 5_000, "micro"),
        ("hypeauditor", 20_000, "mid"),
        ("hypeauditor", 100_000, "macro"),
        ("hypeauditor", 1_000_000, "mega"),
        ("fohr", 9_999, "under-10k"),
        ("fohr", 499_999, "100k-500k"),
        ("fohr", 500_000, "500k-1m"),
        ("fohr", 1_000_000, "over-1m"),
    ],
)
def test_a_bound_belongs_to_the_tier_above_it(scheme: str, followers: int, tier: str | None) -> None:
    assert tier_of(scheme, followers) == tier


@pytest.mark.parametrize("scheme", SCHEMES)
def test_unknown_followers_are_in_no_tier(scheme: str) -> None:
    assert tier_of(scheme, None) is None


def test_a_scheme_that_is_not_known_has_no_tiers() -> None:
    assert tier_of("five-tier", 10_000) is None


@pytest.mark.parametrize("scheme", SCHEMES)
def test_tiers_of_a_scheme_do_not_overlap(scheme: str) -> None:
    for lower, upper in pairwise(SCHEMES[scheme]):
        assert lower.high is not None
        assert lower.low < lower.high <= upper.low


@given(st.integers(0, 20_000_000))
def test_a_benchmark_is_of_the_one_range_that_holds_the_followers(followers: int) -> None:
    holding = [each for each in BENCHMARKS if each.low <= followers < each.high]
    assert benchmark_of(followers) == (holding[0] if holding else None)
    assert len(holding) <= 1


def test_there_is_no_benchmark_where_the_source_has_none() -> None:
    assert [benchmark_of(followers) for followers in (None, 100_000, 999_999, 10_000_000)] == [None] * 4


def test_a_tier_has_a_benchmark_only_if_one_range_holds_all_of_it() -> None:
    assert benchmarks_by_tier("four-tier") == {
        "nano": Decimal("0.04"),
        "micro": Decimal("0.024"),
        "middle": None,
        "mega": None,
    }


def a_post(*, followers: int | None = 1_000, **counts: int | None) -> PostFacts:
    totals = tuple(counts.get(name) for name in METRICS)
    return PostFacts(platform="tiktok", account="_1", post="1", seen_at=0, totals=totals, followers=followers)


@pytest.mark.parametrize(
    ("basis", "rate"),
    [("followers", Decimal("0.035")), ("views", Decimal("0.02")), ("reach", Decimal("0.05"))],
)
def test_a_rate_is_of_what_its_basis_names(basis: Basis, rate: Decimal) -> None:
    assert engagement_rate(a_post(likes=30, comments=5, shares=5, views=2_000, reach=800), basis) == rate


@pytest.mark.parametrize(
    ("basis", "known"),
    [
        ("followers", {"likes": None, "comments": 5}),
        ("followers", {"likes": 5, "comments": None}),
        ("followers", {"likes": 5, "comments": 5, "followers": None}),
        ("followers", {"likes": 5, "comments": 5, "followers": 0}),
        ("views", {"likes": 5, "comments": 5, "views": 10}),
        ("views", {"likes": 5, "comments": 5, "shares": 1}),
        ("reach", {"likes": 5, "comments": 5, "shares": 1, "reach": 0}),
    ],
)
def test_a_rate_with_a_part_unknown_is_unknown(basis: Basis, known: dict[str, Any]) -> None:
    assert engagement_rate(a_post(**known), basis) is None
