"""What rules judge by: all that is known of one campaign, or of the pipeline, at one moment. Plain frozen data.

1. Facts say what is known and when it was learnt, never what follows from it. None is unknown, and never zero.
2. They are whole: every post of every creator of the campaign, the normal ones too, as far back as they are kept.
3. They travel as MessagePack to the process in which rules run, so they hold nothing but data.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from tracker.domain.counters import How
from tracker.domain.curve import Row
from tracker.domain.definitions import Agreement, Campaign, Creator, Link
from tracker.domain.events import METRICS, Instant, Metric


class Said(Struct, frozen=True):
    """A text or a flag as it stands, and when it was seen to."""

    at: Instant
    value: str | bool


class PostFacts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One post. The lists have one entry for each of METRICS, in that order.

    `curve` has the running totals by age, sorted (tracker.domain.curve.Row; tracker.domain.curve has functions to ask
    it); it is empty while it is unknown when the post was published. `how` says by which rule the post counts for the
    campaign at hand; None: it is one of its creator's normal posts.
    """

    platform: str
    account: str
    post: str
    creator: str = ""
    how: How | None = None
    campaigns: tuple[str, ...] = ()
    """Every campaign that it counts for."""
    seen_at: Instant
    """The first statement about it."""
    published_at: Instant | None = None
    live: bool = True
    live_at: Instant | None = None
    """When `live` was last seen to be so; None: never said, and assumed."""
    permalink: str | None = None
    title: Said | None = None
    text: Said | None = None
    medium: str | None = None
    paid_label: Said | None = None
    """The platform's own label; None: unknown, which is never on and never off."""
    edited: bool = False
    totals: tuple[int | None, ...] = (None,) * len(METRICS)
    observed_at: tuple[Instant | None, ...] = (None,) * len(METRICS)
    curve: tuple[Row, ...] = ()
    first_reaction_at: Instant | None = None
    followers: int | None = None
    """At post time."""
    comments: tuple[int, int, int] = (0, 0, 0)
    """Single comments known: visible, hidden, deleted."""
    tags: tuple[str, ...] = ()
    """Normalised (tracker.domain.text.normal_tag); so are mentions and links."""
    mentions: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    polled_at: Instant | None = None

    @property
    def at(self) -> Instant:
        """The instant that decides which windows the post lies in."""
        return self.seen_at if self.published_at is None else self.published_at

    def total(self, metric: Metric) -> int | None:
        return self.totals[METRICS.index(metric)]

    @property
    def newest_at(self) -> Instant:
        """The newest statement about its numbers, or about it at all."""
        return max(self.seen_at, self.live_at or 0, *(at for at in self.observed_at if at is not None))


class AccountFacts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One account of a creator. `followers`: (observed_at, followers), at most one a UTC day, sorted."""

    platform: str
    account: str
    followers: tuple[tuple[Instant, int], ...] = ()
    polled_at: Instant | None = None


class CreatorFacts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A creator with an agreement in the campaign. `posts` count for it; `normal` count for no campaign at all."""

    creator: Creator
    agreements: tuple[Agreement, ...]
    accounts: tuple[AccountFacts, ...] = ()
    posts: tuple[PostFacts, ...] = ()
    normal: tuple[PostFacts, ...] = ()


class CampaignFacts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is known of one campaign.

    `totals`: scope → counter → sum (fields: docs/explanation/counting.md); the scopes are "" (the campaign), creators'
    ids, and `~wom`. `fresh`: scope → source → latest `observed_at`. `minutes` and `hours` are the campaign's own series
    (`<field>@<unit number>` → change).
    """

    campaign: Campaign
    creators: tuple[CreatorFacts, ...] = ()
    others: tuple[PostFacts, ...] = ()
    """Posts of strangers: word of mouth, and submitted ones of creators without an account here."""
    links: tuple[Link, ...] = ()
    totals: dict[str, dict[str, int]] = field(default_factory=dict)
    fresh: dict[str, dict[str, int]] = field(default_factory=dict)
    minutes: dict[str, int] = field(default_factory=dict)
    hours: dict[str, int] = field(default_factory=dict)

    def posts(self) -> tuple[PostFacts, ...]:
        """Every post that counts for the campaign."""
        return (*(post for creator in self.creators for post in creator.posts), *self.others)


class PartitionFacts(Struct, frozen=True, kw_only=True):
    """How far a partition is behind: `lag` in records, None where it is unknown."""

    stage: str
    number: int
    lag: int | None


class RuleFailure(Struct, frozen=True, kw_only=True):
    """A rule that raised, took too long, or returned what is no verdict, and was left out."""

    rule: str
    plugin: str
    campaign: str
    reason: str
    at: Instant


class UnattributedCode(Struct, frozen=True, kw_only=True):
    """A promo code that orders carry and no agreement names."""

    code: str
    orders: int
    last_at: Instant


class QuotaFacts(Struct, frozen=True, kw_only=True):
    """What the pollers know of a platform's allowance. `blocked_until`: ask nothing before; None: not blocked."""

    platform: str
    blocked_until: Instant | None
    reason: Literal["quota", "rate", "token", ""] = ""
    at: Instant = 0


class PipelineFacts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is known of the pipeline itself.

    `letters`: dead letters' instants (ms) of the last day, oldest first. `heard`: platform → source → the latest
    `observed_at` of any campaign. `watched`: platforms on which an account of a running campaign is watched.
    """

    partitions: tuple[PartitionFacts, ...] = ()
    letters: tuple[Instant, ...] = ()
    heard: dict[str, dict[str, int]] = field(default_factory=dict)
    watched: tuple[str, ...] = ()
    quotas: tuple[QuotaFacts, ...] = ()
    failures: tuple[RuleFailure, ...] = ()
    codes: tuple[UnattributedCode, ...] = ()
