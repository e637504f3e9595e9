"""How running totals are taken in: those of one post that wait, in the order of the log.

1. They wait until something else would change where the post counts or what its totals are, at the latest until the end
   of the batch: so it comes to the same as taking in each when it comes.
2. Most make runs: they follow each other in time, come by one door and name the same metrics. Of each but the last a
   run needs its minute's change and its place in the curve, and nothing else.
3. What is in no run is taken in by itself.

Four of five events are these, so this is written for speed: bench/fold_profile.py.
"""

from __future__ import annotations

from bisect import bisect_left

from tracker.domain.counters import HOUR, MINUTE, Changes, Ledger
from tracker.domain.curve import AGES_MS, INTERVALS, VALUES, Change, Row, keep, merged
from tracker.domain.events import METRICS, ReactionObserved, ReactionObservedEvent, Source
from tracker.domain.posts import HALF_LIVES, LIVE, Draft, Post, reacted, recount, stands

_N = len(METRICS)
_NAMED = tuple(tuple((index, VALUES + index) for index in range(_N) if names >> index & 1) for names in range(1 << _N))
"""Of each combination of metrics (a bit each) their indices in METRICS, and their columns in a row of the curve."""
_NEVER = -1


def take_in(draft: Draft) -> None:
    """Take in the running totals that wait."""
    waiting = draft.waiting
    if not waiting:
        return
    draft.waiting = []
    place = 0
    while place < len(waiting):
        taken = _take_run(draft, waiting, place)
        if taken == place:
            _take_one(draft, waiting[place])
            taken += 1
        place = taken


def _take_run(draft: Draft, waiting: list[ReactionObservedEvent], start: int) -> int:  # noqa: C901 - one pass
    """Take in as many from `start` on as make a run; the place of the first that is not in it."""
    post, ledger = draft.post, draft.ledger
    born, newest, curve = post.published_at, max(post.observed_at), post.curve
    source, names = waiting[start].source, _names(waiting[start].data)
    if born is None or post.added or not names or waiting[start].data.observed_at <= newest:
        return start
    named = _NAMED[names]
    counts = [total or 0 for total in post.totals]
    counts_at_hour = counts.copy()
    minutes: dict[int, Changes] = {} if ledger is None else ledger.minutes
    hour, next_hour, same_until = 0, 0, _NEVER
    place = start
    for place in range(start, len(waiting)):
        event = waiting[place]
        fact = event.data
        at = fact.observed_at
        likes, comments, shares, saves = fact.likes, fact.comments, fact.shares, fact.saves
        views, reach, impressions = fact.views, fact.reach, fact.impressions
        if (
            at <= newest
            or event.source != source
            or names
            != (likes is not None)
            | (comments is not None) << 1
            | (shares is not None) << 2
            | (saves is not None) << 3
            | (views is not None) << 4
            | (reach is not None) << 5
            | (impressions is not None) << 6
        ):
            break
        newest = at
        age = at - born if at > born else 0
        row: Row = (
            age, names, fact.metric_definition, likes, comments, shares, saves, views, reach, impressions,
        )  # fmt: skip
        if age < same_until and age > curve[-1][0]:
            curve[-1] = row
        else:
            same_until = _keep(draft, row)
        if (post.reacted_at is None or at < post.reacted_at) and (likes or comments or shares or saves):
            post.reacted_at = at
        minute = at // MINUTE
        changes = minutes.get(minute)
        if changes is None:
            changes = minutes[minute] = [0] * _N
        if at >= next_hour:
            _book_hour(ledger, hour, counts_at_hour, counts)
            hour, counts_at_hour = at // HOUR, counts.copy()
            next_hour = (hour + 1) * HOUR
        for index, column in named:
            value: int = row[column]  # type: ignore[assignment]  # what is named has a value
            rise = value - counts[index]
            if rise:
                counts[index] = value
                changes[index] += rise
    else:
        place = len(waiting)
    _book_hour(ledger, hour, counts_at_hour, counts)
    for index, _ in named:
        _stand(post, index, newest, counts[index])
        post.totals[index] = counts[index]
    draft.values |= names
    _was_seen(draft, source, newest)
    return place


def _stand(post: Post, index: int, at: int, value: int) -> None:
    """From now on this observation of a metric is the one that stands."""
    if value < post.observed[index]:
        post.half_ages[index] = 0
    post.observed_at[index], post.observed[index] = at, value


def _names(fact: ReactionObserved) -> int:
    """Which metrics are named: a bit each, in the order of METRICS."""
    values = (fact.likes, fact.comments, fact.shares, fact.saves, fact.views, fact.reach, fact.impressions)
    return sum(1 << index for index, value in enumerate(values) if value is not None)


def _keep(draft: Draft, row: Row) -> int:
    """Put a row into the curve. Up to which age (without) a row that names the same merely takes its place."""
    curve, age, names = draft.post.curve, row[0], row[1]
    interval = INTERVALS[bisect_left(AGES_MS, age)]
    change = keep(curve, row, interval)
    if change is Change.TAIL:
        draft.tails |= names
    elif change is Change.ANY:
        draft.anywhere |= names
        for index in HALF_LIVES:
            if names >> index & 1:
                draft.post.half_ages[index] = 0
    replaceable = (
        len(curve) > 1
        and curve[-1][1] == names
        and curve[-2][0] > interval.low
        and curve[-2][1] & names == names
        and (len(curve) == 2 or curve[-3][0] <= interval.low)
    )
    return interval.high if replaceable else _NEVER


def _book_hour(ledger: Ledger | None, hour: int, before: Changes, after: Changes) -> None:
    if ledger is not None and before != after:
        changes = ledger.hour(hour)
        for index in range(_N):
            changes[index] += after[index] - before[index]


def _was_seen(draft: Draft, source: Source, at: int) -> None:
    """Somebody looked at the post. A poll that shows its totals shows that the post is there."""
    if draft.ledger is not None:
        draft.ledger.renew(source, at)
    if source == "poll":
        stands(draft, at, LIVE)
        if draft.post.polled_at is None or at > draft.post.polled_at:
            draft.post.polled_at = at


def _take_one(draft: Draft, event: ReactionObservedEvent) -> None:
    post, fact = draft.post, event.data
    at = fact.observed_at
    if fact.likes or fact.comments or fact.shares or fact.saves:
        reacted(draft, at)
    values = (fact.likes, fact.comments, fact.shares, fact.saves, fact.views, fact.reach, fact.impressions)
    names = _names(fact)
    for index, value in enumerate(values):
        if value is None or (at, value) <= (post.observed_at[index], post.observed[index]):
            continue
        _stand(post, index, at, value)
        if post.added is not None and index in post.added:
            recount(draft, index, at // MINUTE)
        else:
            if draft.ledger is not None:
                draft.ledger.book(at // MINUTE, index, value - (post.totals[index] or 0))
            post.totals[index] = value
    draft.values |= names
    if post.published_at is None:
        if names:
            post.curve = merged(post.curve, (at, names, fact.metric_definition, *values))
    elif names:
        _keep(draft, (max(0, at - post.published_at), names, fact.metric_definition, *values))
    _was_seen(draft, event.source, at)
