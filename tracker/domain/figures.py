"""Numbers for people, derived when read from totals and series; never stored.

1. Every figure carries its basis (what was divided by what, over how many posts), its sources and its age.
2. What cannot be computed is None, and the basis says why; it is never zero.
3. A sum over posts of which some are unknown is shown with how many: it is a sum of the known ones, not an estimate.

Field names and formulas: docs/explanation/counting.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from msgspec import Struct

from tracker.domain.events import METRICS, Instant, Metric

Unit = Literal["count", "share", "per_minute", "seconds", "minor"]
SHARE_DIGITS = Decimal("0.000001")
HALF_LIFE_METRICS: tuple[Metric, ...] = ("likes", "comments", "views")
RATES = (
    ("engagement_rate.followers", "er.followers", "(likes + comments) / followers at post time"),
    ("engagement_rate.views", "er.views", "(likes + comments + shares) / views"),
    ("engagement_rate.reach", "er.reach", "(likes + comments + shares) / reach"),
)
LATER = "later"


class Figure(Struct, frozen=True, kw_only=True):
    """One number with all that is needed to believe it.

    `value` is an int for counts and money (minor units), a Decimal for shares and rates, a number of seconds for
    ages, None where it is unknown. `known` and `unknown` count the posts behind it, where posts are behind it.
    `age_ms` is how old the newest statement behind the scope is.
    """

    name: str
    value: int | Decimal | None
    unit: Unit
    basis: str
    known: int | None = None
    unknown: int | None = None
    currency: str | None = None
    sources: tuple[str, ...] = ()
    age_ms: int | None = None


def figures(total: Mapping[str, int], fresh: Mapping[str, int], now: Instant) -> list[Figure]:
    """Every figure of one scope: its total, its freshness (source → latest observed_at), and the time of reading."""
    made = [*_posts(total), *_metrics(total), *_rates(total), *_speed(total), *_money(total)]
    sources = tuple(sorted(fresh))
    age = max(0, now - max(fresh.values())) if fresh else None
    return [_with(figure, sources, age) for figure in made]


def _with(figure: Figure, sources: tuple[str, ...], age_ms: int | None) -> Figure:
    fields = {name: getattr(figure, name) for name in figure.__struct_fields__}
    return Figure(**{**fields, "sources": sources, "age_ms": age_ms})


def _posts(total: Mapping[str, int]) -> Iterable[Figure]:
    for name, basis in (
        ("posts", "posts matched to the campaign"),
        ("posts.live", "matched posts that can be seen"),
        ("posts.removed", "matched posts that can no longer be seen"),
        ("posts.edited", "matched posts that were changed after publishing"),
        ("comment.visible", "single comments known to stand"),
        ("comment.hidden", "single comments known to be hidden"),
        ("comment.removed", "single comments known to be deleted"),
    ):
        yield Figure(name=name, value=total.get(name, 0), unit="count", basis=basis)


def _metrics(total: Mapping[str, int]) -> Iterable[Figure]:
    for name in (*METRICS, "followers"):
        known, unknown = total.get(f"{name}.known", 0), total.get(f"{name}.unknown", 0)
        basis = "followers at post time, summed over posts" if name == "followers" else "last known value of each post"
        yield Figure(
            name=name,
            value=total.get(name, 0) if known else None,
            unit="count",
            basis=f"{basis}; {known} of {known + unknown} posts known",
            known=known,
            unknown=unknown,
        )


def _rates(total: Mapping[str, int]) -> Iterable[Figure]:
    posts = total.get("posts", 0)
    for name, prefix, formula in RATES:
        known = total.get(f"{prefix}.posts", 0)
        yield Figure(
            name=name,
            value=share(total.get(f"{prefix}.num", 0), total.get(f"{prefix}.den", 0)),
            unit="share",
            basis=f"{formula}, over the {known} of {posts} posts where all of it is known",
            known=known,
            unknown=posts - known,
        )


def _speed(total: Mapping[str, int]) -> Iterable[Figure]:
    posts = total.get("posts", 0)
    for metric in METRICS:
        known = total.get(f"{metric}.age.3600.known", 0)
        guessed = total.get(f"{metric}.age.3600.interpolated", 0)
        yield Figure(
            name=f"first_hour_share.{metric}",
            value=share(total.get(f"{metric}.age.3600", 0), total.get(f"{metric}.age.3600.of", 0)),
            unit="share",
            basis=f"{metric} reached one hour after publishing / {metric} now; {known} of {posts} posts, "
            f"{guessed} interpolated",
            known=known,
            unknown=posts - known,
        )
    for metric in HALF_LIFE_METRICS:
        value, known = median_bucket(total, f"{metric}.half_life.")
        yield Figure(
            name=f"half_life.{metric}",
            value=value,
            unit="seconds",
            basis=f"median post: half of its {metric} were there by this age; {known} of {posts} posts",
            known=known,
            unknown=posts - known,
        )
    value, known = median_bucket(total, "first_reaction.")
    yield Figure(
        name="first_reaction",
        value=value,
        unit="seconds",
        basis=f"median post: its first reaction was seen by this age; {known} of {posts} posts",
        known=known,
        unknown=posts - known,
    )


def _money(total: Mapping[str, int]) -> Iterable[Figure]:
    clicks, conversions = total.get("clicks", 0), total.get("conversions", 0)
    yield Figure(name="clicks", value=clicks, unit="count", basis="clicks on the campaign's links, by click id")
    yield Figure(name="conversions", value=conversions, unit="count", basis="orders attributed by code, else by click")
    by_click = total.get("conversions.by.click", 0)
    yield Figure(
        name="cvr",
        value=share(by_click, clicks),
        unit="share",
        basis=f"orders attributed by click / clicks; {conversions - by_click} orders by code alone are left out",
    )
    for field in sorted(total):
        kind, _, currency = field.partition(".")
        if kind in ("revenue", "refunds") and len(currency) == 3:
            yield Figure(name=kind, value=total[field], unit="minor", basis="attributed orders", currency=currency)
    for currency in sorted({field.partition(".")[2] for field in total if field.startswith("revenue.")}):
        net = total.get(f"revenue.{currency}", 0) - total.get(f"refunds.{currency}", 0)
        yield Figure(name="revenue.net", value=net, unit="minor", basis="revenue less refunds", currency=currency)


def share(part: int, whole: int) -> Decimal | None:
    """A part of a whole to six digits; None where there is no whole."""
    return (Decimal(part) / Decimal(whole)).quantize(SHARE_DIGITS, ROUND_HALF_EVEN) if whole > 0 else None


def median_bucket(total: Mapping[str, int], prefix: str) -> tuple[int | None, int]:
    """The age bucket (seconds) of the median post in a histogram of fields, and how many posts it has.

    None where no post is known, or the median post is beyond the last age.
    """
    buckets = {field.removeprefix(prefix): n for field, n in total.items() if field.startswith(prefix)}
    known = sum(buckets.values())
    seen = 0
    for seconds in sorted(int(bucket) for bucket in buckets if bucket != LATER):
        seen += buckets[str(seconds)]
        if 2 * seen >= known:
            return seconds, known
    return None, known


def velocity(minutes: Mapping[str, int], field: str, now: Instant, window_minutes: int = 10) -> Figure:
    """How fast a counter grows: its change over the last whole minutes, a minute (from the minute series)."""
    last = now // 60_000
    grown = sum(minutes.get(f"{field}@{minute}", 0) for minute in range(last - window_minutes, last))
    return Figure(
        name=f"velocity.{field}",
        value=(Decimal(grown) / window_minutes).quantize(Decimal("0.01"), ROUND_HALF_EVEN),
        unit="per_minute",
        basis=f"change of {field} in the last {window_minutes} whole minutes, by when it was observed",
    )
