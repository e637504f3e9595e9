"""What a world of the laboratory is made of, and what is wrong in it.

Frozen; every instant is ms since the epoch, UTC.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tracker.domain.definitions import AgreedMedium, Agreement, Campaign, Creator, Link
from tracker.domain.events import METRICS
from tracker.domain.verdicts import Subject
from tracker.simulate.lab.arrival import Extra, Path, Plan, count_at
from tracker.simulate.lab.behaviour import LabLanguage, LabPlatform


class Version(Struct, frozen=True):
    """How a post reads from `since` on. `title` is YouTube's and TikTok's."""

    since: int
    text: str
    title: str | None = None


class LabPost(Struct, frozen=True, kw_only=True):
    """One post and all that happens to it. `polls` are the instants at which it was looked at.

    `told` has one entry for each of METRICS: whether the count is shown at all (likes may be hidden).
    """

    id: str
    creator: str
    account: str
    followers: int
    medium: AgreedMedium
    plan: Plan
    path: Path
    told: tuple[bool, ...]
    versions: tuple[Version, ...]
    polls: tuple[int, ...]
    is_pr: bool
    extras: tuple[Extra, ...] = ()
    removed_at: int | None = None

    @property
    def platform(self) -> LabPlatform:
        return self.plan.platform

    @property
    def published(self) -> int:
        return self.plan.published

    def totals(self, now: int) -> tuple[int | None, ...]:
        """The true running totals at an instant, as far as the platform tells them."""
        return tuple(self.total(metric, now) if told else None for metric, told in enumerate(self.told))

    def total(self, metric: int, now: int) -> int | None:
        counted = count_at(self.path, metric, now)
        if counted is None:
            return None
        return max(0, counted + sum(extra.at(now) for extra in self.extras if extra.metric == metric))


class Person(Struct, frozen=True, kw_only=True):
    """A creator with one account and one agreement. `spread` is the log-normal spread of their posts' likes.

    `followers`: (instant, followers) of each UTC day. `ratios`: of each metric how many come with one like.
    """

    creator: Creator
    agreement: Agreement
    platform: LabPlatform
    account: str
    language: LabLanguage
    medium: AgreedMedium
    like_rate: float
    spread: float
    pr_factor: float
    ratios: tuple[float | None, ...]
    followers: tuple[tuple[int, int], ...]
    gaps: tuple[tuple[int, int], ...]
    posts: tuple[LabPost, ...] = ()
    normal: tuple[LabPost, ...] = ()

    @property
    def id(self) -> str:
        return self.creator.id


class Clicks(Struct, frozen=True):
    """So many clicks on a person's link within the ten minutes that end at `at`. `person` is a place in the world."""

    at: int
    person: int
    count: int


class LabOrder(Struct, frozen=True):
    """A sale. `amount` in minor units."""

    at: int
    person: int
    amount: int
    by: Literal["code", "click"]


class LabRefund(Struct, frozen=True):
    at: int
    person: int
    amount: int


class Shop(Struct, frozen=True, kw_only=True):
    """All that was clicked and bought, each sorted by its instant. `cvr`: orders a click, as meant."""

    cvr: float
    clicks: tuple[Clicks, ...]
    orders: tuple[LabOrder, ...]
    refunds: tuple[LabRefund, ...]
    currency: str = "JPY"


class World(Struct, frozen=True, kw_only=True):
    """One campaign with all that is true of it."""

    seed: int
    language: LabLanguage
    campaign: Campaign
    people: tuple[Person, ...]
    links: tuple[Link, ...]
    shop: Shop


class Truth(Struct, frozen=True, kw_only=True):
    """Something is wrong with `subject`, and an alert about it is right from `since` until `until`.

    `rules` must all raise it. `besides` may: what they say follows from it. A rule may end in `.*`.
    """

    kind: str
    subject: Subject
    since: int
    until: int
    rules: tuple[str, ...]
    besides: tuple[str, ...] = ()


class Case(Struct, frozen=True, kw_only=True):
    """A world and what is wrong in it; nothing: it is clean."""

    kind: str
    world: World
    truths: tuple[Truth, ...] = ()


LIKES = METRICS.index("likes")
COMMENTS = METRICS.index("comments")
