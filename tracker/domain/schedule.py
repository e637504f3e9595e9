"""When to look again at an account or a post: part of the state, so every poller finds the same schedule.

1. The next look follows from the last answer (or the first sight) and the age of the post then; no clock is read.
2. After the end of the last agreement that wants it, nothing is looked at.
3. A removed post is looked at rarely, for it may come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import unquote

from msgspec import Struct

from tracker.domain.audience import Account
from tracker.domain.posts import REMOVED, Post

Kind = Literal["post", "account"]
"""What a due item asks for."""


class DueItem(Struct, frozen=True, kw_only=True):
    """One thing to look at. `post` None: the account itself (followers, and its new posts)."""

    platform: str
    account: str
    post: str | None = None

    @property
    def kind(self) -> Kind:
        return "account" if self.post is None else "post"


_STEPS = (
    (3_600_000, 60_000),
    (86_400_000, 300_000),
    (604_800_000, 3_600_000),
    (31_536_000_000, 86_400_000),
)


class Cadence(Struct, frozen=True):
    """How often to look, in ms. `steps`: (up to this age of a post, this often), by age; beyond them as in the last."""

    steps: tuple[tuple[int, int], ...] = _STEPS
    account_every: int = 300_000

    def every(self, age: int) -> int:
        """How long to wait until the next look at a post of this age (ms)."""
        for until, every in self.steps:
            if age < until:
                return every
        return self.rarest

    @property
    def rarest(self) -> int:
        return self.steps[-1][1]


Polls = Mapping[str, frozenset[Kind]]
"""Platform → what its adapter can ask for."""


def item(due: DueItem) -> str:
    """A due item as the store's schedule names it: `{platform}|{account}` or `{platform}|{account}|{post}`."""
    parts = (due.platform, due.account) if due.post is None else (due.platform, due.account, due.post)
    return "|".join(part.replace("%", "%25").replace("|", "%7C") for part in parts)


def parse_item(name: str) -> DueItem:
    """The due item that a name of the schedule stands for. Raises ValueError if it stands for none."""
    parts = [unquote(part) for part in name.split("|")]
    if len(parts) not in (2, 3):
        raise ValueError(f"schedule item {name!r}: expected platform|account or platform|account|post")
    return DueItem(platform=parts[0], account=parts[1], post=parts[2] if len(parts) == 3 else None)


def next_look_at_post(post: Post, until: int | None, cadence: Cadence) -> int | None:
    """When to look at a post again; None: no more. `until` is the end of what was agreed (None: nothing was)."""
    last = post.seen_at if post.polled_at is None else post.polled_at
    every = cadence.rarest if post.presence[1] == REMOVED else cadence.every(max(0, last - post.at))
    return _before(until, last + every)


def next_look_at_account(account: Account, until: int | None, cadence: Cadence) -> int | None:
    """When to look at an account again; None: no more, or it is not watched."""
    if account.watched_since is None:
        return None
    if account.polled_at is None:
        return _before(until, account.watched_since)
    return _before(until, account.polled_at + cadence.account_every)


def _before(end: int | None, due: int) -> int | None:
    return due if end is not None and due < end else None
