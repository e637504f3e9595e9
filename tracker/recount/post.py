"""What one post contributes, worked out anew from everything that was ever said about it.

Plain sections of docs/explanation/counting.md: the registers and the curve of section 2, the fields of section 4.
Shares no code with the live core (tracker.domain.posts, curve, audience).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from operator import itemgetter
from typing import Literal, TypeVar

from tracker.domain import events as ev
from tracker.domain.counters import Scope

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
AGES = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 259200, 604800, 1209600, 2592000)
HALF_LIVES = ("likes", "comments", "views")

Fields = dict[str, int]
Point = tuple[int, int, str]
"""(observed_at or age, value, metric_definition)"""
How = Literal["submitted", "agreement", "word_of_mouth"]
PostKey = tuple[str, str, str]
_F = TypeVar("_F", bound=ev.Fact)


class Post:
    """All that was ever said about one post, by kind, in the order of the log."""

    def __init__(self, key: PostKey) -> None:
        self.platform, self.account, _ = key
        self.said: dict[type[ev.Fact], list[ev.PostFact]] = defaultdict(list)
        self.polled: list[int] = []
        self.points: dict[str, list[Point]] = {metric: [] for metric in ev.METRICS}
        self.published_at: int | None = None
        self.first_seen = 2**63
        self.figures: dict[str, tuple[object, Fields]] = {}
        self.matched: tuple[object, list[tuple[Scope, How]]] = (None, [])

    def hears(self, source: str, fact: ev.PostFact) -> None:
        self.said[type(fact)].append(fact)
        self.first_seen = min(self.first_seen, fact.observed_at)
        published_at = None
        if isinstance(fact, ev.PostPublished):
            published_at = fact.occurred_at
        elif isinstance(fact, ev.ReactionObserved):
            published_at = fact.published_at
            if source == "poll":
                self.polled.append(fact.observed_at)
            for metric in ev.METRICS:
                value = getattr(fact, metric)
                if value is not None:
                    self.points[metric].append((fact.observed_at, value, fact.metric_definition))
        if self.published_at is None:
            self.published_at = published_at

    def facts(self, kind: type[_F]) -> list[_F]:
        return self.said[kind]  # type: ignore[return-value]  # the key is the type of what is in the list

    @property
    def time(self) -> int:
        return self.first_seen if self.published_at is None else self.published_at

    def latest(self, name: Literal["title", "text", "permalink"]) -> str | None:
        shown = [*self.facts(ev.PostPublished), *self.facts(ev.PostEdited)]
        named = [(fact.observed_at, value) for fact in shown if (value := getattr(fact, name)) is not None]
        return max(named)[1] if named else None


def post_fields(post: Post, followers: int | None) -> Fields:
    """Section 4, but for `posts.by.*`, which belong to a match. Nothing is zero."""
    fields: Fields = {"posts": 1, "posts.live" if _is_live(post) else "posts.removed": 1}
    if _is_edited(post):
        fields["posts.edited"] = 1
    values = {metric: metric_value(post, metric) for metric in ev.METRICS}
    for metric, value in values.items():
        fields[f"{metric}.unknown" if value is None else f"{metric}.known"] = 1
        fields[metric] = value or 0
        fields |= _curve_fields(post, metric, value)
    reacted = _first_reaction(post)
    if reacted is not None and post.published_at is not None:
        fields[f"first_reaction.{bucket(reacted - post.published_at)}"] = 1
    for state in _comment_states(post):
        fields[f"comment.{state}"] = fields.get(f"comment.{state}", 0) + 1
    fields["followers.unknown" if followers is None else "followers.known"] = 1
    fields["followers"] = followers or 0
    fields |= _rate("er.followers", [values["likes"], values["comments"]], followers)
    engaged = [values["likes"], values["comments"], values["shares"]]
    fields |= _rate("er.views", engaged, values["views"])
    fields |= _rate("er.reach", engaged, values["reach"])
    return {name: value for name, value in fields.items() if value}


def _rate(name: str, parts: list[int | None], base: int | None) -> Fields:
    known = [part for part in parts if part is not None]
    if base is None or base <= 0 or len(known) < len(parts):
        return {}
    return {f"{name}.num": sum(known), f"{name}.den": base, f"{name}.posts": 1}


def _is_live(post: Post) -> bool:
    said = [(fact.observed_at, 1) for fact in post.facts(ev.PostRemoved)]
    said += [
        (fact.observed_at, 0) for kind in (ev.PostPublished, ev.PostEdited, ev.PostRestored) for fact in post.said[kind]
    ]
    said += [(at, 0) for at in post.polled]
    return not said or max(said)[1] == 0


def _is_edited(post: Post) -> bool:
    if post.said[ev.PostEdited]:
        return True
    published = post.facts(ev.PostPublished)
    titles = {fact.title for fact in published if fact.title is not None}
    texts = {fact.text for fact in published if fact.text is not None}
    return len(titles) > 1 or len(texts) > 1


def metric_value(post: Post, metric: str) -> int | None:
    """What stands for a metric: the latest observation and the increments after its minute. None: unknown."""
    steps = [(instant(fact), 1) for fact in post.facts(ev.ReactionAdded) if fact.metric == metric]
    steps += [(instant(fact), -1) for fact in post.facts(ev.ReactionRemoved) if fact.metric == metric]
    observed = observed_value(post, metric)
    if observed is None and not steps:
        return None
    if observed is None:
        value = sum(step for _, step in steps)
    else:
        at, seen = observed
        value = seen + sum(step for when, step in steps if when // MINUTE > at // MINUTE)
    return value if value >= 0 else None


def observed_value(post: Post, metric: str) -> tuple[int, int] | None:
    """When the standing observation of a metric was made, and what it said."""
    if not post.points[metric]:
        return None
    at, value, _ = max(post.points[metric])
    return at, value


def _curve_fields(post: Post, metric: str, value: int | None) -> Fields:
    if post.published_at is None:
        return {}
    basis = (len(post.points[metric]), value)
    if metric not in post.figures or post.figures[metric][0] != basis:
        post.figures[metric] = (basis, _curve_figures(post, post.published_at, metric, value))
    return post.figures[metric][1]


def _curve_figures(post: Post, published_at: int, metric: str, value: int | None) -> Fields:
    fields: Fields = {}
    kept = kept_points(
        [(at - published_at if at > published_at else 0, seen, as_) for at, seen, as_ in post.points[metric]]
    )
    for age in AGES:
        reached = reached_by(kept, age * 1000)
        if reached is not None:
            fields[f"{metric}.age.{age}"] = reached[0]
            fields[f"{metric}.age.{age}.known"] = 1
            if reached[1] == "interpolated":
                fields[f"{metric}.age.{age}.interpolated"] = 1
            if age == 3600:
                fields[f"{metric}.age.3600.of"] = value or 0
    observed = observed_value(post, metric)
    if metric in HALF_LIVES and observed is not None and observed[1] > 0:
        half = next(age for age, seen, _ in kept if 2 * seen >= observed[1])
        fields[f"{metric}.half_life.{bucket(half)}"] = 1
    return fields


def kept_points(points: list[Point]) -> list[Point]:
    """Of each interval between two ages of interest the first and the last point, by age."""
    ordered = sorted(points)
    ages = [point[0] for point in ordered]
    kept: list[Point] = []
    below = 0
    for high in [*(age * 1000 for age in AGES), 2**63]:
        above = bisect_right(ages, high)
        inside, below = ordered[below:above], above
        if inside:
            first = ordered[bisect_right(ages, inside[0][0]) - 1]  # of its age the greatest
            kept += [first] if first == inside[-1] else [first, inside[-1]]
    return kept


def reached_by(kept: list[Point], age: int) -> tuple[int, Literal["exact", "interpolated"]] | None:
    """What was reached by an age (ms)."""
    if not kept or kept[-1][0] < age:
        return None
    after = bisect_left(kept, age, key=itemgetter(0))
    if kept[after][0] == age:
        return kept[after][1], "exact"
    later_at, later, later_as = kept[after]
    earlier_at, earlier, earlier_as = kept[after - 1] if after else (0, 0, later_as)
    if later_at - earlier_at > 2 * age or earlier_as != later_as:
        return None
    run = later_at - earlier_at
    # floor(x + 1/2) of x = a/b, in whole numbers: (2a + b) // 2b
    return earlier + (2 * (later - earlier) * (age - earlier_at) + run) // (2 * run), "interpolated"


def bucket(age: int) -> str:
    """The smallest age of interest (s) that is at least `age` (ms); `later` beyond the last."""
    return next((str(seconds) for seconds in AGES if max(0, age) <= seconds * 1000), "later")


def _first_reaction(post: Post) -> int | None:
    seen = [
        fact.observed_at
        for fact in post.facts(ev.ReactionObserved)
        if fact.likes or fact.comments or fact.shares or fact.saves
    ]
    added = [instant(fact) for fact in post.facts(ev.ReactionAdded)]
    commented = [instant(fact) for fact in post.facts(ev.CommentCreated)]
    return min([*seen, *added, *commented], default=None)


def _comment_states(post: Post) -> list[str]:
    """How each comment of the post stands."""
    ranks: dict[type[ev.CommentFact], int] = {
        ev.CommentCreated: 0,
        ev.CommentEdited: 0,
        ev.CommentHidden: 1,
        ev.CommentRemoved: 2,
    }
    said: dict[str, tuple[int, int]] = {}
    for kind, rank in ranks.items():
        for fact in post.facts(kind):
            said[fact.comment] = max(said.get(fact.comment, (-1, -1)), (fact.observed_at, rank))
    return [("visible", "hidden", "removed")[rank] for _, rank in said.values()]


def instant(fact: ev.Fact) -> int:
    return fact.observed_at if fact.occurred_at is None else fact.occurred_at


def followers_at(points: list[tuple[int, int]], time: int) -> int | None:
    """Of each day the earliest point (at one instant the greater); of those the last up to `time`, else the first."""
    days: dict[int, tuple[int, int]] = {}
    for at, followers in sorted(points, key=lambda point: (point[0], -point[1])):
        days.setdefault(at // DAY, (at, followers))
    kept = sorted(days.values())
    before = [followers for at, followers in kept if at <= time]
    if before:
        return before[-1]
    return kept[0][1] if kept else None
