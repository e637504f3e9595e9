"""What a post contributes to each scope of its matches, and how that differs after a batch.

1. A contribution is a function of the post's state alone: its matches say where it counts, never how much.
2. What is unknown stays out of every sum, and is itself counted as unknown.
3. `difference(old, new)` is contribution(new) - contribution(old): the parts that a batch did not touch cancel out, so
   they are not computed.

The exact fields: docs/explanation/counting.md, section 4.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from tracker.domain.counters import add
from tracker.domain.curve import AGES, AGES_MS, BUCKETS, FIRST_HOUR, Reached, bucket, last_age, reached
from tracker.domain.events import METRICS, Metric
from tracker.domain.posts import HALF_LIVES, REMOVED, Post

_EVERY = (1 << len(METRICS)) - 1


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


def _fields(metric: Metric) -> _MetricFields:
    ages = (f"{metric}.age.{age}" for age in AGES)
    return _MetricFields(
        value=metric,
        known=f"{metric}.known",
        unknown=f"{metric}.unknown",
        of_first_hour=f"{metric}.age.{AGES[FIRST_HOUR]}.of",
        ages=tuple(_AgeFields(age, f"{age}.known", f"{age}.interpolated") for age in ages),
        half_life=tuple(f"{metric}.half_life.{name}" for name in BUCKETS)
        if METRICS.index(metric) in HALF_LIVES
        else None,
    )


_FIELDS: tuple[_MetricFields, ...] = tuple(_fields(metric) for metric in METRICS)
_FIRST_REACTION: tuple[str, ...] = tuple(f"first_reaction.{name}" for name in BUCKETS)


class Touched(NamedTuple):
    """Which metrics may differ: a bit for each, in the order of METRICS."""

    values: int
    tails: int
    """Whose curve may differ from its last point on."""
    anywhere: int
    """Whose curve may differ anywhere."""


_ALL = Touched(_EVERY, 0, _EVERY)


def contribution(post: Post) -> dict[str, int]:
    """All that a post contributes to a scope, whoever matched it. Fields that come to zero are left out."""
    into: dict[str, int] = {}
    difference(into, None, post, _ALL)
    return {name: amount for name, amount in into.items() if amount}


def difference(into: dict[str, int], old: Post | None, new: Post | None, touched: Touched = _ALL) -> None:
    """Add what `new` contributes more than `old`. None contributes nothing, and needs that all is `touched`."""
    if old is None or new is None or _standing(old) != _standing(new):
        _add_standing(into, old, -1)
        _add_standing(into, new, 1)
    values, tails, anywhere = touched
    for index in range(values.bit_length()):
        if values >> index & 1:
            _add_metric(into, index, old, new)
    for index in range((tails | anywhere).bit_length()):
        if (tails | anywhere) >> index & 1:
            _add_ages(into, index, old, new, tail_only=not anywhere >> index & 1)
    if values or old is None or new is None or old.followers != new.followers:
        _add_rates(into, old, new)


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


def _add_metric(into: dict[str, int], index: int, old: Post | None, new: Post | None) -> None:
    fields = _FIELDS[index]
    before = None if old is None else old.totals[index]
    after = None if new is None else new.totals[index]
    if before is not None and after is not None:
        if before != after:
            into[fields.value] = into.get(fields.value, 0) + after - before
    else:
        _add_known(into, fields, before, -1, exists=old is not None)
        _add_known(into, fields, after, 1, exists=new is not None)
    of_before = before if old is not None and old.first_hour >> index & 1 else None
    of_after = after if new is not None and new.first_hour >> index & 1 else None
    if of_before != of_after:
        into[fields.of_first_hour] = into.get(fields.of_first_hour, 0) + (of_after or 0) - (of_before or 0)
    if fields.half_life is not None and not _same_half_life(old, new, index):
        _move(into, fields.half_life, _half_life(old, index), _half_life(new, index))


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


def _same_half_life(old: Post | None, new: Post | None, index: int) -> bool:
    """Whether it is known without looking closer that the half-life is as before."""
    return (
        old is not None
        and new is not None
        and old.half_ages[index] == new.half_ages[index]
        and old.published_at == new.published_at
        and old.observed[index] != 0
        and new.observed[index] != 0
    )


def _half_life(post: Post | None, index: int) -> int | None:
    if post is None or post.published_at is None or post.observed_at[index] < 0 or post.observed[index] == 0:
        return None
    return bucket(post.half_ages[index])


def _add_ages(into: dict[str, int], index: int, old: Post | None, new: Post | None, *, tail_only: bool) -> None:
    """Count anew what was reached by the ages of interest: nothing is by one beyond the last value."""
    old_until, new_until = _last_age(old, index), _last_age(new, index)
    start = bucket(old_until) if tail_only else 0
    end = bisect_right(AGES_MS, max(old_until, new_until))
    for age, field in zip(AGES_MS[start:end], _FIELDS[index].ages[start:end], strict=True):
        before = reached(old.curve, index, age) if old is not None and age <= old_until else None
        after = reached(new.curve, index, age) if new is not None and age <= new_until else None
        if before != after:
            _add_age(into, field, before, -1)
            _add_age(into, field, after, 1)


def _last_age(post: Post | None, index: int) -> int:
    return -1 if post is None or post.published_at is None else last_age(post.curve, index)


def _add_age(into: dict[str, int], fields: _AgeFields, age: Reached | None, sign: int) -> None:
    if age is None:
        return
    add(into, fields.value, sign * age.value)
    add(into, fields.known, sign)
    if age.interpolated:
        add(into, fields.interpolated, sign)


_RATES = tuple(f"er.{basis}.{part}" for basis in ("followers", "views", "reach") for part in ("num", "den", "posts"))
_NO_RATES = (0,) * len(_RATES)


def _add_rates(into: dict[str, int], old: Post | None, new: Post | None) -> None:
    """The parts of the engagement rates: sums over the very posts where every part is known."""
    before = _NO_RATES if old is None else _rates(old)
    after = _NO_RATES if new is None else _rates(new)
    if before != after:
        for field, was, now in zip(_RATES, before, after, strict=True):
            if was != now:
                into[field] = into.get(field, 0) + now - was


def _rates(post: Post) -> tuple[int, ...]:
    likes, comments, shares, _, views, reach, _ = post.totals
    if likes is None or comments is None:
        return _NO_RATES
    by_followers = (likes + comments, post.followers, 1) if post.followers else (0, 0, 0)
    if shares is None:
        return (*by_followers, 0, 0, 0, 0, 0, 0)
    reactions = likes + comments + shares
    by_views = (reactions, views, 1) if views else (0, 0, 0)
    by_reach = (reactions, reach, 1) if reach else (0, 0, 0)
    return by_followers + by_views + by_reach
