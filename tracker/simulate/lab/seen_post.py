"""One post through a poller's eyes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property

from tracker.domain import text as tokens
from tracker.domain.counters import add
from tracker.domain.curve import INTERVALS, Row, bucket, keep
from tracker.domain.events import METRICS
from tracker.domain.facts import PostFacts, Said
from tracker.simulate.lab.behaviour import HOUR
from tracker.simulate.lab.story import LabPost, Version

DEFINITION = "1"
_REACTIONS = tuple(METRICS.index(metric) for metric in ("likes", "comments", "shares", "saves"))
Totals = tuple[int | None, ...]


class SeenPost:
    """One post through the poller's eyes."""

    def __init__(self, post: LabPost, campaign: str) -> None:
        self.post = post
        self._campaign = campaign
        visible = len(post.polls) if post.removed_at is None else bisect_left(post.polls, post.removed_at)
        self._shown = post.polls[:visible]
        """Looks that found the post there."""
        ages = [at - post.published for at in self._shown]
        starts = [bisect_left(ages, interval.low + 1) for interval in INTERVALS]
        self._spans = [(start, end) for start, end in zip(starts, (*starts[1:], len(ages)), strict=True) if start < end]
        """Of each interval of age the looks within: half-open, without the empty ones."""
        self._ends = [end for _, end in self._spans]
        self._kept: dict[int, tuple[Row, ...]] = {}
        self._words: dict[Version, tuple[tuple[str, ...], ...]] = {}
        self._names = sum(1 << metric for metric, told in enumerate(post.told) if told)
        self._observed: dict[int, Totals] = {}
        self._made: tuple[int, PostFacts | None] = (-1, None)
        self._reacted_at: int | None = None

    def facts(self, now: int) -> PostFacts | None:
        """The post as it was known at `now`; None: nobody had seen it."""
        looks = bisect_right(self.post.polls, now)
        if self._made[0] != looks:
            self._made = (looks, self._facts(looks) if looks and self._shown else None)
        return self._made[1]

    def observed(self, look: int) -> Totals:
        """What the look of this number found."""
        known = self._observed.get(look)
        if known is None:
            known = self._observed[look] = self.post.totals(self._shown[look])
        return known

    @cached_property
    def by_hour(self) -> list[tuple[int, str, int]]:
        """(hour since the epoch, field, change) of all hours."""
        series: list[tuple[int, str, int]] = []
        before: Totals | None = None
        for hour, look in self._looks_by_hour():
            after = self.observed(look)
            changes: dict[str, int] = {}
            add_changes(changes, hour, before, after)
            before = after
            series += [(hour, field, amount) for field, amount in changes.items()]
        return series

    def _looks_by_hour(self) -> Iterator[tuple[int, int]]:
        """(hour since the epoch, the last look in it) in order."""
        shown = self._shown
        for number, at in enumerate(shown):
            if number + 1 == len(shown) or shown[number + 1] // HOUR != at // HOUR:
                yield at // HOUR, number

    def changes(self, hour: int, now: int) -> tuple[Totals | None, Totals] | None:
        """What was known before an hour, and at `now` in it; None: it was not looked at in that hour."""
        last = bisect_right(self._shown, now) - 1
        if last < 0 or self._shown[last] // HOUR != hour:
            return None
        before = bisect_left(self._shown, hour * HOUR) - 1
        return self.observed(before) if before >= 0 else None, self.observed(last)

    def _facts(self, looks: int) -> PostFacts:
        post = self.post
        last = min(looks, len(self._shown)) - 1
        seen_at, polled_at = post.polls[0], post.polls[looks - 1]
        at = self._shown[last]
        totals = self.observed(last)
        version = _version(post, at)
        tags, mentions, links = self._tokens(version)
        live = looks <= len(self._shown)
        return PostFacts(
            platform=post.platform,
            account=post.account,
            post=post.id,
            creator=post.creator,
            how="agreement" if post.is_pr else None,
            campaigns=(self._campaign,) if post.is_pr else (),
            seen_at=seen_at,
            published_at=post.published,
            live=live,
            live_at=polled_at if live else post.polls[len(self._shown)],
            permalink=f"https://{post.platform}.example/{post.account}/{post.id}",
            title=None if version.title is None else Said(at, version.title),
            text=Said(at, version.text),
            medium=post.medium,
            edited=version is not post.versions[0] and seen_at < version.since,
            totals=totals,
            observed_at=tuple(at if told else None for told in post.told),
            curve=self._curve(last),
            first_reaction_at=self._first_reaction(last),
            followers=post.followers,
            tags=tags,
            mentions=mentions,
            links=links,
            polled_at=polled_at,
        )

    def _curve(self, last: int) -> tuple[Row, ...]:
        complete = bisect_right(self._ends, last + 1)
        rows = list(self._complete_spans(complete))
        if complete < len(self._spans) and self._spans[complete][0] <= last:
            self._keep_ends(rows, self._spans[complete][0], last)
        return tuple(rows)

    def _complete_spans(self, number: int) -> tuple[Row, ...]:
        """What is kept of the first intervals that are over."""
        if number == 0:
            return ()
        known = self._kept.get(number)
        if known is None:
            rows = list(self._complete_spans(number - 1))
            start, end = self._spans[number - 1]
            self._keep_ends(rows, start, end - 1)
            known = self._kept[number] = tuple(rows)
        return known

    def _keep_ends(self, rows: list[Row], first: int, last: int) -> None:
        for look in (first, last) if first < last else (first,):
            row = self._row(look)
            keep(rows, row, INTERVALS[bucket(row[0])])

    def _row(self, look: int) -> Row:
        age = self._shown[look] - self.post.published
        return (age, self._names, DEFINITION, *self.observed(look))  # type: ignore[return-value]  # one for each metric

    def _tokens(self, version: Version) -> tuple[tuple[str, ...], ...]:
        known = self._words.get(version)
        if known is None:
            words = f"{version.title or ''}\n{version.text}"
            found = (tokens.tags(words), tokens.mentions(words), tokens.links(words))
            known = self._words[version] = tuple(tuple(sorted(one)) for one in found)
        return known

    def _first_reaction(self, last: int) -> int | None:
        if self._reacted_at is None:
            for look in range(last + 1):
                if any(self.observed(look)[metric] for metric in _REACTIONS):
                    self._reacted_at = self._shown[look]
                    break
        reacted = self._reacted_at
        return reacted if reacted is not None and reacted <= self._shown[last] else None


def _version(post: LabPost, now: int) -> Version:
    return [version for version in post.versions if version.since <= now][-1]


def add_changes(series: dict[str, int], hour: int, before: Totals | None, after: Totals) -> None:
    for metric, value in enumerate(after):
        change = (value or 0) - (0 if before is None else before[metric] or 0)
        if change:
            add(series, f"{METRICS[metric]}@{hour}", change)
