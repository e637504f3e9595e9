"""What the alert benchmark counts and judges: campaigns in Japan that run now, their history, a load, and probes.

1. Every campaign has creators with one account each, three agreed posts (labelled) and seven normal ones: enough that
   each rule about a post has something to compare it with. History is what a poller has seen since each post came.
2. The load is mixed as bench/mixture.py mixes it, over these same posts, with the instant at which it is sent. Edits
   and removals concern normal posts alone: an alert on an agreed post's text is a probe's.
3. A probe is one event that must raise one alert at once. No post is probed twice.

All of it is synthetic.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from bench.mixture import HOUR, LOG, MINUTE, SHARES
from tracker.codec.events import encode
from tracker.domain import events as ev
from tracker.domain.curve import AGES_MS
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition
from tracker.domain.events import Fact, Origin, Source, wrap
from tracker.sending import Outgoing, Place, partition_of
from tracker.topics import Topics, place

DAY = 24 * HOUR
AGREED, NORMAL = 3, 7
LABELLED, BARE = "#PR 朝のコーヒーと新しいコレクション", "朝のコーヒーと新しいコレクション"
PLATFORM = "instagram"
_KINDS, _SHARES = zip(*SHARES, strict=True)

Kind = Literal["unlabelled", "removed", "edited"]
RULE_OF: dict[Kind, str] = {
    "unlabelled": "compliance.disclosure",
    "removed": "agreement.post_removed",
    "edited": "agreement.post_edited",
}
_REMOVED = 0
"""The number of the post, among its creator's, that a probe removes."""
_PROBED: tuple[Kind, ...] = ("unlabelled", "removed", "edited")


class Shown(Struct, frozen=True):
    """One post of the world, and how its audience grows."""

    account: str
    post: str
    born: int
    text: str
    likes: int
    slowness: float
    agreed: bool

    @property
    def who(self) -> dict[str, Any]:
        return {"platform": PLATFORM, "account": self.account, "post": self.post}

    def published(self, at: int) -> ev.PostPublished:
        return ev.PostPublished(observed_at=at, occurred_at=self.born, text=self.text, medium="feed", **self.who)

    def seen_at(self, at: int) -> ev.ReactionObserved:
        """Its running totals: fast at first, then ever slower."""
        likes = int(self.likes * (1 - math.exp(-(at - self.born) / self.slowness)))
        return ev.ReactionObserved(
            observed_at=at,
            published_at=self.born,
            likes=likes,
            comments=likes // 21,
            shares=likes // 34,
            saves=likes // 13,
            views=likes * 19,
            **self.who,
        )


class Probe(Struct, frozen=True):
    """An event that must be told of: by this rule, about this post."""

    kind: Kind
    campaign: str
    post: str
    fact: Fact


class World:
    """So many campaigns as they stand at `now` (ms), with so many creators each."""

    def __init__(
        self, now: int, campaigns: int, creators: int, *, agreed: int = AGREED, normal: int = NORMAL, seed: int = 7
    ) -> None:
        self.now, self.campaigns, self.creators = now, campaigns, creators
        self._luck = random.Random(seed)
        self.posts = [
            self._post(owner, number, agreed) for owner in range(self.accounts) for number in range(agreed + normal)
        ]
        self._each = agreed + normal
        self._agreed = agreed

    @property
    def accounts(self) -> int:
        return self.campaigns * self.creators

    def campaign_of(self, owner: int) -> str:
        return f"spring-{owner % self.campaigns}"

    def definitions(self) -> list[Definition]:
        window: dict[str, Any] = {"starts_at": self.now - 15 * DAY, "ends_at": self.now + 15 * DAY}
        made: list[Definition] = [
            Campaign(id=f"spring-{n}", name=f"Spring {n}", disclosure=("jp",), **window) for n in range(self.campaigns)
        ]
        for owner in range(self.accounts):
            accounts = (AccountRef(platform=PLATFORM, account=_account(owner)),)
            campaign = self.campaign_of(owner)
            made += [
                Creator(id=f"creator-{owner}", name=f"Creator {owner}", accounts=accounts),
                Agreement(
                    id=f"agreement-{owner}",
                    campaign=campaign,
                    creator=f"creator-{owner}",
                    hashtags=(_tag(campaign),),
                    posts=self._agreed,
                ),
            ]
        return made

    def _post(self, owner: int, number: int, agreed: int) -> Shown:
        luck = self._luck
        is_agreed = number < agreed
        age = luck.uniform(1 * HOUR, 12 * DAY) if is_agreed else luck.uniform(16 * DAY, 60 * DAY)
        words = f"{LABELLED} #{_tag(self.campaign_of(owner))} " if is_agreed else "今日の空 "
        return Shown(
            account=_account(owner),
            post=_id(owner, number),
            born=self.now - int(age),
            text=words + "どう合わせますか? コメントで教えてください。",
            likes=int(luck.lognormvariate(6.5, 0.25)) + 20,
            slowness=luck.uniform(3.0, 5.0) * HOUR,
            agreed=is_agreed,
        )

    # -- what happened, happens, and is found out --------------------------------------------------------------------

    def history(self) -> list[tuple[Fact, Source]]:
        """What a poller has seen until now: every account in its order."""
        timed: list[tuple[int, Fact, Source]] = []
        for owner in range(self.accounts):
            account: dict[str, Any] = {"platform": PLATFORM, "account": _account(owner)}
            for day in range(60):
                at = self.now - day * DAY - HOUR
                timed.append((at, ev.AudienceObserved(observed_at=at, followers=9_000 - 5 * day, **account), "poll"))
        for post in self.posts:
            timed.append((post.born + 2_000, post.published(post.born + 2_000), "webhook"))
            looks = [self.now - 20 * MINUTE, self.now - 10 * MINUTE, self.now - 1_000]
            for age in AGES_MS:
                looks += [post.born + age * 8 // 10, post.born + age]
            timed += [(at, post.seen_at(at), "poll") for at in looks if post.born < at <= self.now]
            timed.append((self.now - 1_000, post.published(self.now - 1_000), "poll"))
        timed.sort(key=lambda each: each[0])
        return [(fact, source) for _, fact, source in timed]

    def load(self, seed: int) -> Iterator[tuple[Shown, str]]:
        """Which post is next, and what happens to it; for ever."""
        luck = random.Random(seed)
        normal = [post for post in self.posts if not post.agreed]
        # A number of a post says that it is up: those that a probe removes are left alone.
        counted = [post for post in self.posts if int(post.post) % 10_000 != _REMOVED]
        while True:
            for kind in luck.choices(_KINDS, _SHARES, k=1_000):
                yield luck.choice(normal if kind in ("shown", "edited", "gone") else counted), kind

    def probes(self) -> Iterator[Probe]:
        """Going round the campaigns, and in each round of all kinds; three for every creator, made when asked for."""
        for turn in range(3):
            for owner in range(self.accounts):
                yield self._probe(_PROBED[(turn + owner + owner // self.campaigns) % 3], owner)

    def _probe(self, kind: Kind, owner: int) -> Probe:
        campaign, at = self.campaign_of(owner), now_ms()
        number = {"removed": _REMOVED, "edited": 1, "unlabelled": self._each}[kind]
        post = _id(owner, number)
        who: dict[str, Any] = {"platform": PLATFORM, "account": _account(owner), "post": post, "observed_at": at}
        fact: Fact
        match kind:
            case "unlabelled":
                fact = ev.PostPublished(occurred_at=at - 1_000, text=f"{BARE} #{_tag(campaign)}", medium="feed", **who)
            case "removed":
                fact = ev.PostRemoved(reason="deleted", **who)
            case "edited":
                fact = ev.PostEdited(text=f"{LABELLED} #{_tag(campaign)} 追記", **who)
        return Probe(kind, campaign, post, fact)


class Writer:
    """Turns facts into records, as adapters do: with origins of its own, in the order in which it is asked."""

    def __init__(self, topics: Topics, *, place: int) -> None:
        self._topics = topics
        self._place = place
        """The first of the inbox partitions that its events say they came from: no other writer has them."""
        self._offset = 0

    def record(self, fact: Fact, source: Source) -> tuple[Place, Outgoing]:
        stage, key = place(fact)
        number = partition_of(key.encode(), self._topics.partitions)
        placed = replace(fact, origin=Origin(LOG, self._place + number, self._offset, 0))
        self._offset += 1
        event = wrap(placed, id=f"{LOG[:8]}-{self._place + number}-{self._offset}-0", source=source)
        return (self._topics.name(stage), number), Outgoing(key.encode(), encode(event))


def happening(luck: random.Random, post: Shown, kind: str, at: int, serial: int) -> tuple[Fact, Source]:
    """What the load says of a post now. Edits are of its title, removals are taken back as often as they come."""
    fact: Fact
    match kind:
        case "observed":
            return post.seen_at(at), "poll"
        case "shown":
            return post.published(at), "poll"
        case "audience":
            return ev.AudienceObserved(observed_at=at, followers=9_000, platform=PLATFORM, account=post.account), "poll"
        case "comment":
            words = "Where is it from? It looks lovely on you"
            fact = ev.CommentCreated(observed_at=at, comment=f"c-{serial}", text=words, **post.who)
        case "increment":
            reaction = f"r-{serial}"
            fact = ev.ReactionAdded(observed_at=at, occurred_at=at, reaction=reaction, metric="likes", **post.who)
        case "edited":
            fact = ev.PostEdited(observed_at=at, title=f"Sizes below ({serial})", **post.who)
        case _:
            gone = luck.random() < 0.5
            fact = (ev.PostRemoved if gone else ev.PostRestored)(observed_at=at, **post.who)
    return fact, "webhook"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _account(owner: int) -> str:
    return f"178414{owner:08}"


def _id(owner: int, number: int) -> str:
    return f"{owner:06}{number:04}"


def _tag(campaign: str) -> str:
    return campaign.replace("-", "")
