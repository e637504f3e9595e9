"""Numbers as the API tells them: each with its basis, its sources, its age, and how much of it is unknown.

1. Unknown is null, never 0; `basis` says why. `known` and `unknown` count the posts behind a number, null where no
   posts are behind it.
2. Counts and money (minor units of `currency`) are integers; shares and rates are decimals written out.
3. Instants are integers, ms since the epoch UTC, as on the topics; `_ms` and `seconds` are spans.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from tracker.domain.counters import Scope
from tracker.domain.curve import BUCKETS
from tracker.domain.events import METRICS, Instant, Metric
from tracker.domain.facts import PostFacts
from tracker.domain.figures import HALF_LIFE_METRICS, Figure, Unit, figures
from tracker.store.base import Partition, Store

MAIN = frozenset(
    {"posts", "likes", "comments", "views", "engagement_rate.followers", "clicks", "conversions", "revenue.net"}
)
"""The figures of a campaign in a list."""
COUNTED = ("activity", "commerce")


class Number(Struct, frozen=True, kw_only=True):
    """One number. `at`: the newest statement behind it; `age_ms`: how old that is now; both null: nothing said."""

    name: str
    value: Annotated[int | str | None, Meta(description="null: unknown; a text: a decimal, written out")]
    unit: Unit
    basis: str
    known: int | None = None
    unknown: int | None = None
    currency: str | None = None
    sources: Annotated[
        tuple[str, ...] | None, Meta(description="by which doors it came; null: not kept for one post")
    ] = ()
    at: Instant | None = None
    age_ms: int | None = None


class Bucket(Struct, frozen=True, kw_only=True):
    """So many posts whose age was at most `seconds` (null: beyond the last age)."""

    seconds: int | None
    posts: int


class Reached(Struct, frozen=True, kw_only=True):
    """What a metric's posts had reached at an age.

    The sum over `known` posts, `interpolated` of them between two looks; of `unknown` posts it is not known.
    """

    seconds: int
    value: int | None
    known: int
    interpolated: int
    unknown: int


class MetricSpeed(Struct, frozen=True, kw_only=True):
    """How fast one metric grew with the age of the posts. `half_life` null: not counted for this metric."""

    metric: Metric
    reached: tuple[Reached, ...]
    half_life: tuple[Bucket, ...] | None


class Speed(Struct, frozen=True, kw_only=True):
    """The distribution of reaction speed over the posts of a scope."""

    basis: str
    first_reaction: tuple[Bucket, ...]
    metrics: tuple[MetricSpeed, ...]


async def freshness(store: Store, partitions: int, scope: Scope) -> dict[str, int]:
    """Source → the newest `observed_at` behind a scope. Raises StoreUnreachable."""
    places = [Partition(stage, number) for stage in COUNTED for number in range(partitions)]
    latest: dict[str, int] = {}
    for part in await asyncio.gather(*(store.freshness(place, scope) for place in places)):
        for source, at in part.items():
            latest[source] = max(at, latest.get(source, at))
    return latest


def numbers(
    total: Mapping[str, int], fresh: Mapping[str, int], now: Instant, names: frozenset[str] | None = None
) -> tuple[Number, ...]:
    """Every figure of a scope, or those named."""
    at = max(fresh.values(), default=None)
    made = figures(total, fresh, now)
    return tuple(number(figure, at) for figure in made if names is None or figure.name in names)


def number(figure: Figure, at: Instant | None) -> Number:
    value = str(figure.value) if isinstance(figure.value, Decimal) else figure.value
    return Number(
        name=figure.name,
        value=value,
        unit=figure.unit,
        basis=figure.basis,
        known=figure.known,
        unknown=figure.unknown,
        currency=figure.currency,
        sources=figure.sources,
        at=at,
        age_ms=figure.age_ms,
    )


def of_post(post: PostFacts, now: Instant) -> tuple[Number, ...]:
    """What is known of each metric of one post, and of its account's followers when it was published."""
    found = [
        Number(
            name=metric,
            value=value,
            unit="count",
            basis="last known value" if value is not None else "no source said so far",
            known=int(value is not None),
            unknown=int(value is None),
            sources=None,
            at=at,
            age_ms=None if at is None else max(0, now - at),
        )
        for metric, value, at in zip(METRICS, post.totals, post.observed_at, strict=True)
    ]
    found.append(
        Number(
            name="followers",
            value=post.followers,
            unit="count",
            basis="followers at post time",
            known=int(post.followers is not None),
            unknown=int(post.followers is None),
            sources=None,
        )
    )
    return tuple(found)


def speed(total: Mapping[str, int]) -> Speed:
    """The age buckets of a total."""
    posts = total.get("posts", 0)
    return Speed(
        basis=f"{posts} posts by their age; a value between two looks is interpolated, nothing is extrapolated",
        first_reaction=_histogram(total, "first_reaction."),
        metrics=tuple(
            MetricSpeed(
                metric=metric,
                reached=tuple(_reached(total, metric, posts)),
                half_life=_histogram(total, f"{metric}.half_life.") if metric in HALF_LIFE_METRICS else None,
            )
            for metric in METRICS
        ),
    )


def summed(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Field by field."""
    total: dict[str, int] = {}
    for part in parts:
        for field, amount in part.items():
            total[field] = total.get(field, 0) + amount
    return total


def _reached(total: Mapping[str, int], metric: str, posts: int) -> Iterable[Reached]:
    for bucket in BUCKETS[:-1]:
        field = f"{metric}.age.{bucket}"
        known = total.get(f"{field}.known", 0)
        yield Reached(
            seconds=int(bucket),
            value=total.get(field, 0) if known else None,
            known=known,
            interpolated=total.get(f"{field}.interpolated", 0),
            unknown=posts - known,
        )


def _histogram(total: Mapping[str, int], prefix: str) -> tuple[Bucket, ...]:
    return tuple(
        Bucket(seconds=None if bucket == BUCKETS[-1] else int(bucket), posts=total.get(f"{prefix}{bucket}", 0))
        for bucket in BUCKETS
    )
