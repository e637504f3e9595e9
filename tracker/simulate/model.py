"""What a simulated campaign is made of. Frozen; every instant is absolute, in ms since the epoch (UTC).

Everybody and everything named here is invented.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

PlatformName = Literal["instagram", "tiktok", "youtube"]
CountName = Literal["likes", "comments", "shares", "saves", "views"]
By = Literal["agreement", "submitted", "word_of_mouth"]

TOLD_COUNTS: dict[PlatformName, tuple[CountName, ...]] = {
    "instagram": ("likes", "comments", "shares", "saves", "views"),
    "tiktok": ("likes", "comments", "shares", "views"),
    "youtube": ("likes", "comments", "views"),
}
"""Which counts a platform's own API tells at all."""


class Account(Struct, frozen=True, kw_only=True):
    """One account. `creator` None: nobody has an agreement with it. `growth` is followers gained a world hour.

    `real_time`: its world goes as fast as the clock, whatever the world's pace, and had a past before the start.
    """

    platform: PlatformName
    id: str
    handle: str
    name: str
    creator: str | None
    followers: int
    growth: int
    real_time: bool = False


class Role(Struct, frozen=True, kw_only=True):
    """For which campaign a post counts, by what, and for whom. Told by the script, never found by matching."""

    campaign: str
    by: By
    creator: str | None = None


class Alarm(Struct, frozen=True, kw_only=True):
    """An alert that the plot earns, and that must stand in the end. Told by the script, never found by a rule.

    What it is about is named as far as it is not the post that it is written at. `campaign` "": the pipeline's.
    """

    rule: str
    campaign: str = ""
    creator: str = ""
    agreement: str = ""
    code: str = ""
    part: str = ""
    check: str = ""


class Version(Struct, frozen=True, kw_only=True):
    """How a post reads from `since` on. `title` is YouTube's and TikTok's; Instagram has a caption only."""

    since: int
    text: str
    title: str | None = None
    roles: tuple[Role, ...] = ()


class Absence(Struct, frozen=True, kw_only=True):
    """The post cannot be seen: `since <= t < until` (None: for good)."""

    since: int
    until: int | None = None


class Comment(Struct, frozen=True, kw_only=True):
    """One comment. An instant of None: it never happened."""

    id: str
    at: int
    author: str
    text: str
    parent: str | None = None
    hidden_at: int | None = None
    shown_at: int | None = None
    removed_at: int | None = None

    def standing(self, now: int) -> Literal["visible", "hidden", "removed"] | None:
        """How it stands at `now`; None: not written yet."""
        if now < self.at:
            return None
        if self.removed_at is not None and now >= self.removed_at:
            return "removed"
        hidden = self.hidden_at is not None and now >= self.hidden_at
        shown = self.shown_at is not None and now >= self.shown_at
        return "hidden" if hidden and not shown else "visible"


class Purge(Struct, frozen=True, kw_only=True):
    """The platform takes back `permille` of what a post had of one count: spam likes, for example."""

    at: int
    count: CountName
    permille: int


class Burst(Struct, frozen=True, kw_only=True):
    """Somebody bought `permille` of what a post had of one count at `at`: they come evenly until `until`."""

    at: int
    until: int
    count: CountName
    permille: int


class Post(Struct, frozen=True, kw_only=True):
    """One post and all that will happen to it.

    `totals` are the counts it would reach in the end; `comments` are told one by one. `hidden` counts are never
    told. `still_from`: nothing is counted any more (the platform is about to take it down). `through_app`: TikTok
    pushes only such posts. A story stands in no list: its figures come when it ends, at `ends_at`. `tempo`: reactions
    take so many times as long as is usual. `alarms` are the alerts that it earns.
    """

    id: str
    account: Account
    medium: Literal["feed", "reel", "story", "video", "short"]
    published: int
    versions: tuple[Version, ...]
    totals: dict[CountName, int]
    comments: tuple[Comment, ...] = ()
    hidden: frozenset[CountName] = frozenset()
    absences: tuple[Absence, ...] = ()
    purges: tuple[Purge, ...] = ()
    bursts: tuple[Burst, ...] = ()
    tempo: float = 1.0
    alarms: tuple[Alarm, ...] = ()
    still_from: int | None = None
    through_app: bool = False
    mentions: Account | None = None
    ends_at: int | None = None
    reach: int | None = None
    impressions: int | None = None

    @property
    def permalink(self) -> str:
        match self.account.platform:
            case "instagram":
                return f"https://www.instagram.com/p/S{self.id[-9:]}/"
            case "tiktok":
                return f"https://www.tiktok.com/@{self.account.handle}/video/{self.id}"
            case "youtube":
                return f"https://www.youtube.com/watch?v={self.id}"

    def version(self, now: int) -> Version:
        """How it reads at `now`."""
        return [version for version in self.versions if version.since <= now][-1]

    def visible(self, now: int) -> bool:
        gone = any(a.since <= now and (a.until is None or now < a.until) for a in self.absences)
        over = self.ends_at is not None and now >= self.ends_at
        return self.published <= now and not gone and not over


class Click(Struct, frozen=True, kw_only=True):
    """Somebody follows one of our links."""

    at: int
    link: str


class Order(Struct, frozen=True, kw_only=True):
    """A sale as the shop reports it. `click` is the place of the click in `World.clicks` (of a past order: in
    `World.past_clicks`). `repeats`: reported again.
    """

    at: int
    id: str
    amount: int
    currency: str
    code: str | None = None
    click: int | None = None
    credited: Role | None = None
    by: Literal["code", "click"] | None = None
    repeats: int = 0


class Refund(Struct, frozen=True, kw_only=True):
    """Money given back. It may be reported before its order."""

    at: int
    id: str
    order: str
    amount: int
    currency: str
    repeats: int = 0


class World(Struct, frozen=True, kw_only=True):
    """All campaigns. Nothing moves after `freeze`. `pace`: how many world seconds pass in a second.

    `origin`: when the demo was started, to which the past of accounts in real time is anchored; the world starts later,
    when everything is up. What was clicked and bought before the origin is told by a file that is imported
    (history.py). `alarms` are the alerts that are about no single post.
    """

    seed: int
    start: int
    freeze: int
    pace: int
    accounts: tuple[Account, ...]
    posts: tuple[Post, ...]
    clicks: tuple[Click, ...]
    orders: tuple[Order, ...]
    refunds: tuple[Refund, ...]
    origin: int = 0
    past_clicks: tuple[Click, ...] = ()
    past_orders: tuple[Order, ...] = ()
    alarms: tuple[Alarm, ...] = ()

    def of(self, account: Account) -> Iterator[Post]:
        return (post for post in self.posts if post.account == account)
