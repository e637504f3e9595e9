"""Precisely what the platforms have told: an observation only counts if somebody asked for it.

1. What was not answered was not told; what was pushed counts as told when its receiver acknowledged it.
2. Instants are of this process: `began` when a request came in, `ended` when its answer went out.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from tracker.simulate.wire import Told, Webhook
from tracker.simulate.world import Signal

DAY = 86_400_000


class PostTold(Struct):
    """What has been said of one post so far. `seen`/`absent`: when the last request that found it (or not) began."""

    counts: dict[str, int] = field(default_factory=dict)
    titles: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    seen: int | None = None
    absent: int | None = None

    def asked_since(self, instant: int) -> bool:
        """Whether a request that began at `instant` or later was answered about it."""
        return max(self.seen or -1, self.absent or -1) >= instant


class ToldLog:
    """Everything told in one run."""

    def __init__(self) -> None:
        self.posts: dict[str, PostTold] = {}
        self.pushed: list[Signal] = []
        self.pushed_of: set[str] = set()
        self.answers = 0
        self.statements = 0
        self._followers: dict[str, dict[int, tuple[int, int]]] = {}

    def answered(self, told: Iterable[Told], *, began: int, ended: int) -> None:
        """An API answer went out."""
        self.answers += 1
        self.known(told, began=began, ended=ended)

    def known(self, told: Iterable[Told], *, began: int, ended: int) -> None:
        """What an answer said, live or in a history that is imported. In the order of time."""
        for statement in told:
            if statement.followers is not None and statement.account is not None:
                days = self._followers.setdefault(statement.account, {})
                days.setdefault(ended // DAY, (ended, statement.followers))
            if statement.post is not None:
                post = self._say(statement.post, statement)
                if statement.absent:
                    post.absent = max(post.absent or 0, began)
                elif statement.counts:  # a list without figures (YouTube's uploads) only finds posts
                    post.seen = max(post.seen or 0, began)

    def acknowledged(self, webhook: Webhook) -> None:
        """A push was answered 2xx (maybe again: a repeat says nothing new)."""
        self.pushed.extend(webhook.signals)
        self.pushed_of.update(signal.post.id for signal in webhook.signals)
        for statement in webhook.told:
            if statement.post is not None:
                self._say(statement.post, statement)

    def followers_at(self, account: str, instant: int) -> int | None:
        """Of the first that was told on each UTC day: the last one until `instant`, else the first of all."""
        days = sorted(self._followers.get(account, {}).values())
        if not days:
            return None
        return next((value for at, value in reversed(days) if at <= instant), days[0][1])

    def _say(self, id: str, statement: Told) -> PostTold:
        self.statements += 1
        post = self.posts.setdefault(id, PostTold())
        post.counts.update(statement.counts)
        if statement.title is not None:
            post.titles.add(statement.title)
        if statement.text is not None:
            post.texts.add(statement.text)
        return post
