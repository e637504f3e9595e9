"""What is true at an instant, and what happens when. Pure: a world and an instant in, facts out.

1. The same world and instant give the same answer, in any order of asking.
2. Nothing changes from `World.freeze` on, nor in a post from its `still_from` on.
3. A count falls only by a purge; comments also by hiding and deletion.
4. What is of an account in real time does not depend on the start: a history that was told before fits.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tracker.simulate.curves import HOUR, curve
from tracker.simulate.model import TOLD_COUNTS, Account, Comment, CountName, Post, World

SignalKind = Literal[
    "appeared", "changed", "vanished", "returned", "mentioned", "story_ended",
    "comment_created", "comment_hidden", "comment_shown", "comment_removed",
]  # fmt: skip


class Signal(Struct, frozen=True, kw_only=True):
    """Something happened to a post: whether anybody is told of it is the platform's affair."""

    at: int
    kind: SignalKind
    post: Post
    comment: Comment | None = None


def reaction_age(world: World, post: Post, now: int) -> int:
    """The world age of a post: real before the start, `pace` times as fast from then on."""
    if post.account.real_time:
        return max(0, now - post.published)
    before = max(0, min(now, world.start) - post.published)
    since = max(0, now - max(post.published, world.start))
    return before + since * world.pace


def instant_of(world: World, post: Post, age: int) -> int:
    """When a post reaches a world age: the inverse of `reaction_age`, to the ms."""
    if post.account.real_time:
        return post.published + age
    before = max(0, world.start - post.published)
    if age <= before:
        return post.published + age
    return max(post.published, world.start) + -(-(age - before) // world.pace)


def _settled(world: World, post: Post, now: int) -> int:
    return min(now, world.freeze, post.still_from if post.still_from is not None else now)


def _reached(world: World, post: Post, count: CountName, now: int) -> int:
    share = curve(post.account.platform, count).share(round(reaction_age(world, post, now) / post.tempo))
    return int(post.totals.get(count, 0) * share)


def count(world: World, post: Post, name: CountName, now: int) -> int:
    """The true value of one count of a post at `now`, whether it is shown or not."""
    at = _settled(world, post, now)
    if name == "comments":
        return sum(comment.standing(at) == "visible" for comment in post.comments)
    value = _reached(world, post, name, at)
    for purge in post.purges:
        if purge.count == name and purge.at <= at:
            value -= _reached(world, post, name, purge.at) * purge.permille // 1000
    for burst in post.bursts:
        if burst.count == name and burst.at <= at:
            bought = _reached(world, post, name, burst.at) * burst.permille // 1000
            value += bought * min(at - burst.at, burst.until - burst.at) // (burst.until - burst.at)
    return value


def shown_counts(world: World, post: Post, now: int) -> dict[CountName, int]:
    """The counts the platform shows at `now`; a hidden one is not there."""
    names = TOLD_COUNTS[post.account.platform]
    return {name: count(world, post, name, now) for name in names if name not in post.hidden}


def followers(world: World, account: Account, now: int) -> int:
    """True followers; they stand still from the freeze on, and before the start where they are not in real time."""
    settled = min(now, world.freeze)
    if account.real_time:
        return account.followers + account.growth * ((settled - world.origin) // HOUR)
    hours = (max(settled, world.start) - world.start) * world.pace // HOUR
    return account.followers + account.growth * hours


def shown_followers(world: World, account: Account, now: int) -> int:
    """Followers as the platform shows them: YouTube rounds down to three significant figures."""
    value = followers(world, account, now)
    if account.platform == "youtube" and value > 1_000:
        unit: int = 10 ** (len(str(value)) - 3)
        return value // unit * unit
    return value


def comment_standing(world: World, post: Post, comment: Comment) -> Literal["visible", "hidden", "removed"] | None:
    """How a comment stands in the end."""
    return comment.standing(_settled(world, post, world.freeze))


def signals(world: World) -> list[Signal]:
    """All that happens between start and freeze, in order of time."""
    found: list[Signal] = []

    def add(at: int | None, kind: SignalKind, post: Post, comment: Comment | None = None) -> None:
        if at is not None and world.start <= at < world.freeze:
            found.append(Signal(at=at, kind=kind, post=post, comment=comment))

    for post in world.posts:
        add(post.published, "mentioned" if post.mentions else "appeared", post)
        for version in post.versions[1:]:
            add(version.since, "changed", post)
        for absence in post.absences:
            add(absence.since, "vanished", post)
            add(absence.until, "returned", post)
        add(post.ends_at, "story_ended", post)
        for comment in post.comments:
            add(comment.at, "comment_created", post, comment)
            add(comment.hidden_at, "comment_hidden", post, comment)
            add(comment.shown_at, "comment_shown", post, comment)
            add(comment.removed_at, "comment_removed", post, comment)
    return sorted(found, key=lambda signal: signal.at)
