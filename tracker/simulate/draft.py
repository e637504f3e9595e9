"""Drafting posts: ids in the platforms' shapes, counts and comments drawn from a seed. The plot is in script.py."""

# ruff: noqa: RUF001 - full-width punctuation is how Japanese is written

from __future__ import annotations

import random
from itertools import count
from typing import Literal

from msgspec import structs

from tracker.simulate import cast
from tracker.simulate.curves import curve
from tracker.simulate.model import Absence, Account, Alarm, Comment, CountName, Post, Purge, Role, Version, World
from tracker.simulate.world import instant_of

SAID = (
    "おいしそう！", "保存しました", "どこで買えますか？", "ゆず大好き", "週末に作ってみます", "色がきれい…",
    "Trying this tonight!", "Where is that mug from?", "so fresh 🍋", "My mum needs this", "love the light here",
    "recipe please?",
)  # fmt: skip
AUTHORS = tuple(f"viewer_{number:03}" for number in range(200))

# Likes per follower by size of account: Markerly's averages (4 % to 10,000 followers, 2.4 % beyond).
LIKE_SHARE_SMALL, LIKE_SHARE_LARGE = 0.04, 0.024
STILL_MS = 5_000
"""A post that will be taken down stands still for so long before, or for a tenth of the run if that is longer: its
last counts are told before it goes, though looks come two seconds apart, and later on a busy machine."""


class _Ids:
    """Ids in the platforms' own shapes; all of one world differ. Those of posts do not depend on when it begins."""

    def __init__(self, seed: int) -> None:
        first = 1_000 + seed % 1_000 * 1_000
        self._posts, self._comments = count(first), count(first)

    def post(self, account: Account) -> str:
        number = next(self._posts)
        match account.platform:
            case "instagram":
                return f"1800000000{number:07}"
            case "tiktok":
                return f"75100000000{number:08}"  # 19 digits: beyond 2^53
            case "youtube":
                return f"syn{number:08}"

    def comment(self, account: Account) -> str:
        number = next(self._comments)
        return f"7599000000{number:09}" if account.platform == "tiktok" else f"1790000000{number:07}"


class Draft:
    """A world being written, post by post. `at(share)` is an instant of the plot, `ago(ms)` one before the start."""

    def __init__(self, *, seed: int, start: int, freeze: int, span_ms: int, pace: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a plot, not a secret
        self.span_ms = span_ms
        self.posts: list[Post] = []
        self.frame = World(
            seed=seed,
            start=start,
            freeze=freeze,
            pace=pace,
            accounts=cast.ACCOUNTS,
            posts=(),
            clicks=(),
            orders=(),
            refunds=(),
        )
        self._ids = _Ids(seed)

    def at(self, share: float) -> int:
        return self.frame.start + int(self.span_ms * share)

    def ago(self, ms: int) -> int:
        return self.frame.start - ms

    def post(  # noqa: PLR0913 - each trait of a post has a name of its own
        self,
        account: Account,
        published: int,
        text: str,
        *roles: Role,
        title: str | None = None,
        medium: Literal["feed", "reel", "story"] = "feed",
        edits: tuple[Version, ...] = (),
        absences: tuple[Absence, ...] = (),
        hidden: frozenset[CountName] = frozenset(),
        purges: tuple[Purge, ...] = (),
        mentions: Account | None = None,
        ends_at: int | None = None,
        through_app: bool = False,
        alarms: tuple[Alarm, ...] = (),
    ) -> Post:
        """One more post, with counts and comments drawn for it. Platforms tell a post's birth in whole seconds."""
        for_good = [absence.since for absence in absences if absence.until is None]
        views = self.random.uniform(8, 20)
        totals = self._totals(account, views)
        bare = Post(
            id=self._ids.post(account),
            account=account,
            medium=medium if account.platform == "instagram" else "video",
            published=published // 1000 * 1000,
            versions=(Version(since=0, text=text, title=title, roles=roles), *edits),
            totals=totals,
            hidden=hidden,
            absences=absences,
            purges=purges,
            mentions=mentions,
            ends_at=ends_at,
            through_app=through_app,
            alarms=alarms,
            still_from=for_good[0] - max(STILL_MS, self.span_ms // 10) if for_good else None,
            reach=totals["views"] * 4 // 5 if medium == "story" else None,
            impressions=totals["views"] if medium == "story" else None,
        )
        made = structs.replace(bare, comments=self._comments(bare))
        self.posts.append(made)
        return made

    def _totals(self, account: Account, views_per_like: float) -> dict[CountName, int]:
        share = LIKE_SHARE_SMALL if account.followers <= 10_000 else LIKE_SHARE_LARGE
        likes = int(account.followers * share * self.random.uniform(0.6, 1.6))
        return {
            "likes": likes,
            "shares": int(likes * self.random.uniform(0.01, 0.06)),
            "saves": int(likes * self.random.uniform(0.03, 0.12)),
            "views": int(likes * views_per_like),
        }

    def _comments(self, post: Post) -> tuple[Comment, ...]:
        """Comments at the quantiles of their curve, while the post can be seen and before it stands still."""
        if "comments" in post.hidden or post.medium == "story":
            return ()
        many = min(60, max(6, post.totals["likes"] // 25))
        weibull = curve(post.account.platform, "comments")
        end = min(self.frame.freeze, post.still_from if post.still_from is not None else self.frame.freeze)
        made: list[Comment] = []
        for place in range(many):
            at = instant_of(self.frame, post, weibull.age((place + self.random.random()) / (many + 1)))
            if at < end and post.visible(at):
                made.append(self._comment(post, at, made))
        return tuple(made)

    def _comment(self, post: Post, at: int, before: list[Comment]) -> Comment:
        """Some reply to an earlier one; on TikTok some are hidden, some of these shown again, some deleted."""
        parent = self.random.choice(before).id if before and self.random.random() < 0.15 else None
        fate: dict[str, int] = {}
        if post.account.platform == "tiktok":
            step = max(400, self.span_ms // 20)
            fates: dict[int, dict[str, int]] = {
                0: {"removed_at": at + step},
                1: {"hidden_at": at + step},
                2: {"hidden_at": at + step, "shown_at": at + 2 * step},
            }
            fate = fates.get(self.random.randrange(12), {})
        return Comment(
            id=self._ids.comment(post.account),
            at=at,
            author=self.random.choice(AUTHORS),
            text=self.random.choice(SAID),
            parent=parent,
            **fate,
        )
