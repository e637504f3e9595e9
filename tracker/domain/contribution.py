"""What a post contributes to each scope of its matches, and how that differs after a batch.

1. A contribution is a function of the post's state alone: its matches say where it counts, never how much.
2. What is unknown stays out of every sum, and is itself counted as unknown.
3. `difference(old, new)` is contribution(new) - contribution(old): the parts that a batch did not touch cancel out, so
   they are not computed.

The exact fields: docs/explanation/counting.md, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from tracker.domain.counters import add
from tracker.domain.curve import AGES, AGES_MS, BUCKETS, FIRST_HOUR, Reached, bucket, reached
from tracker.domain.events import METRICS
from tracker.domain.posts import CURVE, REMOVED, UNTOUCHED, Metric, Post

LIKES, COMMENTS, SHARES, SAVES, VIEWS, REACH, IMPRESSIONS = range(len(METRICS))
_ALL = (CURVE,) * len(METRICS)


class _AgeFields(Struct, frozen=True):
    value: str
    known: str
    interpolated: str


class _MetricFields(Struct, frozen=True):
    """The names of a metric's fields: formatted once."""

    value: str
    known: str
    unknown: str
    of_first_hour: str
    ages: tuple[_AgeFields, ...]
    half_life: tuple[str, ...] | None


def _fields(metric: str) -> _MetricFields:
    ages = (f"{metric}.age.{age}" for age in AGES)
    return _MetricFields(
        value=metric,
        known=f"{metric}.known",
        unknown=f"{metric}.unknown",
        of_first_hour=f"{metric}.age.{AGES[FIRST_HOUR]}.of",
        ages=tuple(_AgeFields(age, f"{age}.known", f"{age}.interpolated") for age in ages),
        half_life=tuple(f"{metric}.half_life.{name}" for name in BUCKETS)
        if metric in ("likes", "comments", "views")
        else None,
    )


_FIELDS: tuple[_MetricFields, ...] = tuple(_fields(metric) for metric in METRICS)
_FIRST_REACTION: tuple[str, ...] = tuple(f"first_reaction.{name}" for name in BUCKETS)


def contribution(post: Post) -> dict[str, int]:
    """All that a post contributes to a scope, whoever matched it. Fields that come to zero are left out."""
    into: dict[str, int] = {}
    difference(into, None, post, _ALL)
    return {name: amount for name, amount in into.items() if amount}


def difference(into: dict[str, int], old: Post | None, new: Post | None, touched: Sequence[int] = _ALL) -> None:
    """Add what `new` contributes more than `old`. None contributes nothing.

    `touched` says of each metric whether its value, or its curve too, may differ; where one of both is None: `_ALL`.
    """
    if old is None or new is None or _standing(old) != _standing(new):
        _add_standing(into, old, -1)
        _add_standing(into, new, 1)
    for index, how in enumerate(touched):
        if how != UNTOUCHED:
            _add_metric(into, index, old, new, with_curve=how == CURVE)
    _add_rates(into, old, -1)
    _add_rates(into, new, 1)


def _standing(post: Post) -> tuple[object, ...]:
    return (post.presence[1], post.edited, post.comments, post.reacted_at, post.published_at, post.followers)


def _add_standing(into: dict[str, int], post: Post | None, sign: int) -> None:
    if post is None:
        return
    add(into, "posts", sign)
    add(into, "posts.removed" if post.presence[1] == REMOVED else "posts.live", sign)
    if post.edited:
        add(into, "posts.edited", sign)
    for name, count in zip(("comment.visible", "comment.hidden", "comment.removed"), post.comments, strict=True):
        add(into, name, sign * count)
    if post.reacted_at is not None and post.published_at is not None:
        add(into, _FIRST_REACTION[bucket(post.reacted_at - post.published_at)], sign)
    if post.followers is None:
        add(into, "followers.unknown", sign)
    else:
        add(into, "followers", sign * post.followers)
        add(into, "followers.known", sign)


def _add_metric(into: dict[str, int], index: int, old: Post | None, new: Post | None, *, with_curve: bool) -> None:
    fields = _FIELDS[index]
    was = None if old is None else old.metrics[index]
    now = None if new is None else new.metrics[index]
    before = None if was is None else was.total
    after = None if now is None else now.total
    if before is not None and after is not None:
        if before != after:
            add(into, fields.value, after - before)
    else:
        _add_known(into, fields, before, -1, exists=old is not None)
        _add_known(into, fields, after, 1, exists=new is not None)
    of_before = before if was is not None and was.hour else None
    of_after = after if now is not None and now.hour else None
    if of_before != of_after:
        add(into, fields.of_first_hour, (of_after or 0) - (of_before or 0))
    if fields.half_life is not None:
        _move(into, fields.half_life, _half_life(old, was), _half_life(new, now))
    if with_curve:
        for age, before_age, after_age in zip(fields.ages, _ages(old, was), _ages(new, now), strict=True):
            if before_age != after_age:
                _add_age(into, age, before_age, -1)
                _add_age(into, age, after_age, 1)


def _add_known(into: dict[str, int], fields: _MetricFields, value: int | None, sign: int, *, exists: bool) -> None:
    if value is not None:
        add(into, fields.value, sign * value)
        add(into, fields.known, sign)
    elif exists:
        add(into, fields.unknown, sign)


def _move(into: dict[str, int], buckets: Sequence[str], before: int | None, after: int | None) -> None:
    if before == after:
        return
    if before is not None:
        add(into, buckets[before], -1)
    if after is not None:
        add(into, buckets[after], 1)


def _half_life(post: Post | None, metric: Metric | None) -> int | None:
    if (
        post is None
        or post.published_at is None
        or metric is None
        or metric.observed is None
        or metric.observed[1] == 0
    ):
        return None
    return bucket(metric.points[metric.half][0])


_NOTHING_REACHED: tuple[None, ...] = (None,) * len(AGES)


def _ages(post: Post | None, metric: Metric | None) -> Sequence[Reached | None]:
    if post is None or post.published_at is None or metric is None:
        return _NOTHING_REACHED
    return [reached(metric.points, age) for age in AGES_MS]


def _add_age(into: dict[str, int], fields: _AgeFields, age: Reached | None, sign: int) -> None:
    if age is None:
        return
    add(into, fields.value, sign * age.value)
    add(into, fields.known, sign)
    if age.interpolated:
        add(into, fields.interpolated, sign)


def _add_rates(into: dict[str, int], post: Post | None, sign: int) -> None:
    """The parts of the engagement rates: sums over the very posts where every part is known."""
    if post is None:
        return
    likes, comments, shares = _total(post, LIKES), _total(post, COMMENTS), _total(post, SHARES)
    if likes is None or comments is None:
        return
    _add_rate(into, "er.followers", likes + comments, post.followers, sign)
    if shares is not None:
        _add_rate(into, "er.views", likes + comments + shares, _total(post, VIEWS), sign)
        _add_rate(into, "er.reach", likes + comments + shares, _total(post, REACH), sign)


def _total(post: Post, index: int) -> int | None:
    metric = post.metrics[index]
    return None if metric is None else metric.total


_RATE_FIELDS = {
    name: (f"{name}.num", f"{name}.den", f"{name}.posts") for name in ("er.followers", "er.views", "er.reach")
}


def _add_rate(into: dict[str, int], name: str, reactions: int, basis: int | None, sign: int) -> None:
    if basis:
        numerator, denominator, posts = _RATE_FIELDS[name]
        add(into, numerator, sign * reactions)
        add(into, denominator, sign * basis)
        add(into, posts, sign)
