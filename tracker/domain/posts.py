"""What is known of a post, and how each statement about it changes that.

1. A register holds (`observed_at`, value) of the statement that stands: the greatest. So the order of arrival is of no
   matter, and an old statement changes nothing but the curve.
2. None never overwrites: what a source did not say, stays as it was known.
3. The post in the cache is never changed: a batch works on a draft, a copy that shares what it does not touch.

The exact rules: docs/explanation/counting.md, section 2.
"""

from __future__ import annotations

from bisect import bisect_left
from copy import copy
from typing import Final, Literal, TypeVar

from msgspec import Struct, field

from tracker.domain import text as tokens
from tracker.domain.counters import MINUTE, Ledger, Matches
from tracker.domain.curve import AGES_MS, FIRST_HOUR, INTERVALS, Point, half_life, keep, placed, reached, wait
from tracker.domain.events import METRICS, PostEdited, PostPublished, ReactionObserved

T = TypeVar("T", str, bool)

NOT_SEEN = 2**53
"""Later than every instant: `seen_at` of a post before its first statement."""

LIVE: Final = 0
REMOVED: Final = 1
VISIBLE, HIDDEN, DELETED = 0, 1, 2

UNTOUCHED, VALUE, CURVE = 0, 1, 2


class Metric(Struct, array_like=True, gc=False):
    """One running total of a post."""

    total: int | None = None
    """The value that counts: what was observed, and the increments after it. Below zero: unknown."""
    observed: tuple[int, int] | None = None
    """(`observed_at`, value) of the observation that stands."""
    points: list[Point] = field(default_factory=list)
    """The curve; while it is unknown when the post was published, the points that wait."""
    half: int = 0
    """The index of the first point with at least half of what is observed."""
    hour: bool = False
    """Whether it is known what had been reached by the first hour."""
    added: dict[int, int] | None = None
    """Minute → sum of the increments that no observation covers. None: there was none."""


class Post(Struct, array_like=True, gc=False, tag="post"):
    """What one partition knows of one post. `matches` and `followers` are what follows from all else, kept with it."""

    platform: str
    account: str
    post: str
    seen_at: int = NOT_SEEN
    """The least `observed_at` of any statement about it."""
    published_at: int | None = None
    presence: tuple[int, int] = (-1, LIVE)
    permalink: tuple[int, str] | None = None
    title: tuple[int, str] | None = None
    text: tuple[int, str] | None = None
    medium: tuple[int, str] | None = None
    paid_label: tuple[int, bool] | None = None
    edited: bool = False
    reacted_at: int | None = None
    """The earliest reaction known."""
    metrics: list[Metric | None] = field(default_factory=lambda: [None] * len(METRICS))
    comments: tuple[int, int, int] = (0, 0, 0)
    """How many are visible, hidden, deleted."""
    followers: int | None = None
    """How many followed the account when the post was published."""
    tags: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    address: str | None = None
    """The permalink, normalised."""
    matches: Matches = ()
    polled_at: int | None = None
    due: int | None = None

    @property
    def at(self) -> int:
        """The instant that decides which windows the post lies in."""
        return self.seen_at if self.published_at is None else self.published_at


class Comment(Struct, array_like=True, gc=False, tag="comment"):
    """How a comment stands: (`observed_at`, visible | hidden | deleted) of the statement that stands."""

    standing: tuple[int, int]


class Draft:
    """A post as a batch changes it: `old` is the post before the batch (None: it was not known), `post` a copy."""

    __slots__ = ("ledger", "old", "post", "terms", "touched")

    def __init__(self, old: Post | None, post: Post, ledger: Ledger | None) -> None:
        self.old = old
        self.post = post
        self.ledger = ledger
        """Where what the post contributes is summed now."""
        self.touched = [UNTOUCHED] * len(METRICS)
        """Of each metric, whether its value, or its curve too, may have changed."""
        self.terms: set[str] | None = None
        """The index terms that lead to it now; None: those of `old`."""

    @classmethod
    def of(cls, old: Post, ledger: Ledger | None) -> Draft:
        post = copy(old)
        post.metrics = old.metrics.copy()
        return cls(old, post, ledger)

    @classmethod
    def new(cls, platform: str, account: str, post: str) -> Draft:
        return cls(None, Post(platform, account, post), None)

    def metric(self, index: int) -> Metric:
        """A metric, to be changed: copied the first time that a batch touches it."""
        known = self.post.metrics[index]
        if known is None:
            metric = Metric()
        elif self.touched[index]:
            return known
        else:
            metric = copy(known)
            metric.points = known.points.copy()
            if known.added is not None:
                metric.added = known.added.copy()
        self.touched[index] = VALUE
        self.post.metrics[index] = metric
        return metric

    def move(self, ledger: Ledger | None, minute: int) -> None:
        """From now on the post counts elsewhere: its history goes on there with all that it has."""
        if ledger is self.ledger:
            return
        for sign, one in ((-1, self.ledger), (1, ledger)):
            if one is not None:
                row = one.at(minute)
                for name, metric in zip(METRICS, self.post.metrics, strict=True):
                    if metric is not None and metric.total:
                        row[name] = row.get(name, 0) + sign * metric.total
        self.ledger = ledger

    def settle(self) -> None:
        """Bring up to date what is derived from the metrics that were touched."""
        placed_points = self.post.published_at is not None
        for index, touched in enumerate(self.touched):
            metric = self.post.metrics[index] if touched else None
            if metric is None or not placed_points:
                continue
            if metric.observed is not None:
                metric.half = half_life(metric.points, metric.observed[1], metric.half)
            if touched == CURVE:
                metric.hour = reached(metric.points, AGES_MS[FIRST_HOUR]) is not None


def seen(draft: Draft, observed_at: int, published_at: int | None) -> bool:
    """Somebody said something about the post. Whether the instant that decides its windows changed."""
    post = draft.post
    before = post.at
    post.seen_at = min(post.seen_at, observed_at)
    if published_at is not None and post.published_at is None:
        post.published_at = published_at
        for index, metric in enumerate(post.metrics):
            if metric is not None:
                mine = draft.metric(index)
                mine.points = placed(mine.points, published_at)
                mine.half = 0
                draft.touched[index] = CURVE
    return post.at != before


def describe(draft: Draft, fact: PostPublished | PostEdited) -> bool:
    """Take in how the post looks. Whether what it can be matched by changed."""
    post = draft.post
    at = fact.observed_at
    if isinstance(fact, PostEdited):
        post.edited = True
    elif fact.medium is not None:
        post.medium = max(post.medium or (-1, ""), (at, fact.medium))
    post.paid_label = _later(post.paid_label, at, fact.paid_label)
    for known, said in ((post.title, fact.title), (post.text, fact.text)):
        if known is not None and said is not None and known[1] != said:
            post.edited = True
    before = (post.title, post.text, post.permalink)
    post.title = _later(post.title, at, fact.title)
    post.text = _later(post.text, at, fact.text)
    post.permalink = _later(post.permalink, at, fact.permalink)
    return _retokenise(post, before)


def _later(known: tuple[int, T] | None, at: int, said: T | None) -> tuple[int, T] | None:
    if said is None or (known is not None and (at, said) <= known):
        return known
    return (at, said)


def _retokenise(post: Post, before: tuple[tuple[int, str] | None, ...]) -> bool:
    """Find what the post carries, if its words changed since `before`. Whether they did."""
    title, text, permalink = ("" if known is None else known[1] for known in before)
    new_title, new_text = _said(post.title), _said(post.text)
    words_changed = (title, text) != (new_title, new_text)
    if words_changed:
        words = f"{new_title}\n{new_text}"
        post.tags = tuple(sorted(tokens.tags(words)))
        post.mentions = tuple(sorted(tokens.mentions(words)))
        post.links = tuple(sorted(tokens.links(words)))
    address = None if post.permalink is None else post.permalink[1]
    if address is not None and (before[2] is None or permalink != address):
        post.address = tokens.normal_address(address)
        return True
    return words_changed


def _said(known: tuple[int, str] | None) -> str:
    return "" if known is None else known[1]


def stands(draft: Draft, observed_at: int, rank: Literal[0, 1]) -> None:
    """Somebody saw that the post is there (LIVE), or that it is not (REMOVED)."""
    draft.post.presence = max(draft.post.presence, (observed_at, rank))


def reacted(draft: Draft, at: int) -> None:
    post = draft.post
    if post.reacted_at is None or at < post.reacted_at:
        post.reacted_at = at


def comment_stands(draft: Draft, before: Comment | None, after: Comment) -> None:
    """One comment of the post stands otherwise than before."""
    counts = list(draft.post.comments)
    if before is not None:
        counts[before.standing[1]] -= 1
    counts[after.standing[1]] += 1
    draft.post.comments = (counts[0], counts[1], counts[2])


def observe(draft: Draft, fact: ReactionObserved) -> None:
    """Take in running totals. This is what most events are; it is written for speed."""
    post = draft.post
    at = fact.observed_at
    likes, comments, shares, saves = fact.likes, fact.comments, fact.shares, fact.saves
    if (likes or comments or shares or saves) and (post.reacted_at is None or at < post.reacted_at):
        post.reacted_at = at
    age, interval = at, None
    if post.published_at is not None:
        age = max(0, at - post.published_at)
        interval = INTERVALS[bisect_left(AGES_MS, age)]
    definition = fact.metric_definition
    row = None if draft.ledger is None else draft.ledger.at(at // MINUTE)
    index = -1
    for value in (likes, comments, shares, saves, fact.views, fact.reach, fact.impressions):
        index += 1
        if value is None:
            continue
        metric = draft.metric(index)
        point = (age, value, definition)
        if interval is None:
            wait(metric.points, point)
        else:
            if keep(metric.points, point, interval):
                draft.touched[index] = CURVE
            if metric.points[-1] is not point:
                metric.half = 0
        statement = (at, value)
        if metric.observed is None or statement > metric.observed:
            if metric.observed is not None and value < metric.observed[1]:
                metric.half = 0
            metric.observed = statement
            _recount(metric, METRICS[index], row)


def add(draft: Draft, index: int, amount: Literal[1, -1], *, at: int, observed_at: int) -> None:
    """Take in an increment of `at`, told of at `observed_at`: it counts unless an observation covers it already."""
    metric = draft.metric(index)
    minute = at // MINUTE
    if metric.observed is None or minute > metric.observed[0] // MINUTE:
        metric.added = {} if metric.added is None else metric.added
        metric.added[minute] = metric.added.get(minute, 0) + amount
    row = None if draft.ledger is None else draft.ledger.at(observed_at // MINUTE)
    _recount(metric, METRICS[index], row)


def _recount(metric: Metric, name: str, row: dict[str, int] | None) -> None:
    before = metric.total
    if metric.observed is None:
        total = sum((metric.added or {}).values())
    else:
        covered, total = metric.observed[0] // MINUTE, metric.observed[1]
        if metric.added is not None:
            metric.added = {minute: amount for minute, amount in metric.added.items() if minute > covered}
            total += sum(metric.added.values())
    metric.total = total if total >= 0 else None
    if row is not None and metric.total != before:
        row[name] = row.get(name, 0) + (metric.total or 0) - (before or 0)
