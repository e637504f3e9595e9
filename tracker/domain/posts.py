"""What is known of a post, and how each statement about it changes that.

1. A register holds (`observed_at`, value) of the statement that stands: the greatest. So the order of arrival is of no
   matter, and an old statement changes nothing but the curve.
2. None never overwrites: what a source did not say, stays as it was known.
3. The post in the cache is never changed: a batch works on a draft, a copy that shares what it does not touch.

The exact rules: docs/explanation/counting.md, section 2.
"""

from __future__ import annotations

from copy import copy
from typing import Final, Literal, TypeVar

from msgspec import Struct, field

from tracker.domain import text as tokens
from tracker.domain.counters import MINUTE, Ledger, Matches
from tracker.domain.curve import AGES_MS, FIRST_HOUR, Row, half_life, last_age, placed, reached
from tracker.domain.events import METRICS, PostEdited, PostPublished, ReactionObservedEvent

T = TypeVar("T", str, bool)

NOT_SEEN = 2**53
"""Later than every instant: `seen_at` of a post before its first statement."""

LIVE: Final = 0
REMOVED: Final = 1
VISIBLE, HIDDEN, DELETED = 0, 1, 2
HALF_LIVES = tuple(METRICS.index(metric) for metric in ("likes", "comments", "views"))
"""The metrics whose half-life is counted."""

_N = len(METRICS)
_ALL: Final = (1 << _N) - 1


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
    totals: list[int | None] = field(default_factory=lambda: [None] * _N)
    """Of each metric what counts: what was observed, and the increments after it. Below zero: unknown."""
    observed_at: list[int] = field(default_factory=lambda: [-1] * _N)
    """Of each metric when the observation that stands was made; -1: there is none."""
    observed: list[int] = field(default_factory=lambda: [0] * _N)
    """Of each metric what the observation that stands says."""
    added: dict[int, dict[int, int]] | None = None
    """Metric → minute → sum of the increments that no observation covers."""
    curve: list[Row] = field(default_factory=list)
    """While it is unknown when the post was published, the rows that wait."""
    half_ages: list[int] = field(default_factory=lambda: [0] * _N)
    """Of each metric the age by which it had half of what is observed now."""
    first_hour: int = 0
    """A bit for each metric of which it is known what the first hour brought."""
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

    __slots__ = ("anywhere", "ledger", "old", "post", "tails", "terms", "values", "waiting")

    def __init__(self, old: Post | None, post: Post, ledger: Ledger | None) -> None:
        self.old = old
        self.post = post
        self.ledger = ledger
        """Where what the post contributes is summed now."""
        self.waiting: list[ReactionObservedEvent] = []
        """Running totals that are still to be taken in: tracker.domain.observing."""
        self.values = self.tails = self.anywhere = 0
        """A bit for each metric whose value, whose curve from its last point on, or whose curve anywhere may differ."""
        self.terms: set[str] | None = None
        """The index terms that lead to it now; None: those of `old`."""

    @classmethod
    def of(cls, old: Post, ledger: Ledger | None) -> Draft:
        post = copy(old)
        post.totals = old.totals.copy()
        post.observed_at = old.observed_at.copy()
        post.observed = old.observed.copy()
        post.curve = old.curve.copy()
        post.half_ages = old.half_ages.copy()
        return cls(old, post, ledger)

    @classmethod
    def new(cls, platform: str, account: str, post: str) -> Draft:
        return cls(None, Post(platform, account, post), None)

    def added(self, index: int) -> dict[int, int]:
        """The increments of a metric, to be changed: copied the first time that a batch touches any."""
        post = self.post
        if post.added is None:
            post.added = {}
        elif self.old is not None and post.added is self.old.added:
            post.added = {metric: minutes.copy() for metric, minutes in post.added.items()}
        return post.added.setdefault(index, {})

    def forget_added(self, index: int) -> None:
        """No increments of a metric are left, in a copy that `added` made."""
        assert self.post.added is not None
        del self.post.added[index]
        self.post.added = self.post.added or None

    def move(self, ledger: Ledger | None, minute: int) -> None:
        """From now on the post counts elsewhere: its history goes on there with all that it has."""
        if ledger is self.ledger:
            return
        for sign, one in ((-1, self.ledger), (1, ledger)):
            if one is not None:
                for index, total in enumerate(self.post.totals):
                    if total:
                        one.book(minute, index, sign * total)
        self.ledger = ledger

    def settle(self) -> None:
        """Bring up to date what is derived from the metrics that the batch touched."""
        post = self.post
        if post.published_at is None:
            return
        for index in HALF_LIVES:
            if self.values >> index & 1 and post.observed_at[index] >= 0:
                post.half_ages[index] = half_life(post.curve, index, post.observed[index], post.half_ages[index])
        for index in range(_N):
            if (self.tails | self.anywhere) >> index & 1 and not self._had_first_hour(index):
                if reached(post.curve, index, AGES_MS[FIRST_HOUR]) is not None:
                    post.first_hour |= 1 << index
                else:
                    post.first_hour &= ~(1 << index)

    def _had_first_hour(self, index: int) -> bool:
        """Whether a metric's first hour lay before the last value that was known: it is as it was."""
        return (
            self.old is not None
            and not self.anywhere >> index & 1
            and last_age(self.old.curve, index) > AGES_MS[FIRST_HOUR]
        )


def seen(draft: Draft, observed_at: int, published_at: int | None) -> bool:
    """Somebody said something about the post. Whether the instant that decides its windows changed."""
    post = draft.post
    before = post.at
    post.seen_at = min(post.seen_at, observed_at)
    if published_at is not None and post.published_at is None:
        post.published_at = published_at
        post.curve = placed(post.curve, published_at)
        draft.values = draft.anywhere = _ALL
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
    known = draft.post.presence
    if observed_at > known[0] or (observed_at == known[0] and rank > known[1]):
        draft.post.presence = (observed_at, rank)


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


def add(draft: Draft, index: int, amount: Literal[1, -1], *, at: int, observed_at: int) -> None:
    """Take in an increment of `at`, told of at `observed_at`: it counts unless an observation covers it already."""
    post = draft.post
    minute = at // MINUTE
    if post.observed_at[index] < 0 or minute > post.observed_at[index] // MINUTE:
        minutes = draft.added(index)
        minutes[minute] = minutes.get(minute, 0) + amount
    draft.values |= 1 << index
    recount(draft, index, observed_at // MINUTE)


def recount(draft: Draft, index: int, minute: int) -> None:
    """Add up what was observed of a metric and the increments after it; forget those that the observation covers."""
    post = draft.post
    minutes = draft.added(index)
    total = 0
    if post.observed_at[index] >= 0:
        total = post.observed[index]
        covered = post.observed_at[index] // MINUTE
        for past in [each for each in minutes if each <= covered]:
            del minutes[past]
    total += sum(minutes.values())
    if not minutes:
        draft.forget_added(index)
    before = post.totals[index]
    after = post.totals[index] = total if total >= 0 else None
    if draft.ledger is not None and after != before:
        draft.ledger.book(minute, index, (after or 0) - (before or 0))
