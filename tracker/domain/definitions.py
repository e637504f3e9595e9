"""What was agreed: campaigns, creators, agreements, links; and how the tracker is operated: rules, notifiers, tokens.

1. A definition is frozen, and validated when decoded; ids are slugs, so they can stand in a key or a URL as they are.
2. A definition knows nothing of what happened; what happened is matched to it (matching.py, commerce.py).
3. Only what counting needs (`COUNTED_KINDS`) travels in band; the rest stays in the book.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Slug = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
DefinitionKind = Literal["campaign", "creator", "agreement", "link", "rule", "notifier", "token"]
COUNTED_KINDS: frozenset[DefinitionKind] = frozenset({"campaign", "creator", "agreement", "link"})
"""Those that every partition of the canonical topics is told of."""
_Instant = Annotated[int, Meta(ge=0, le=253_402_300_799_999, description="ms since the epoch, UTC")]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]


class _Definition(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    id: Slug


Rate = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,9})?$", description="a decimal, written out")]
_Target = Annotated[int, Meta(ge=1, le=2**53 - 1)] | None


class Targets(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a campaign is to have reached when it ends. What is left out has no target.

    `engagement_rate` is (likes + comments) / followers at post time, e.g. "0.03".
    """

    likes: _Target = None
    comments: _Target = None
    shares: _Target = None
    saves: _Target = None
    views: _Target = None
    reach: _Target = None
    impressions: _Target = None
    clicks: _Target = None
    conversions: _Target = None
    engagement_rate: Rate | None = None


class Campaign(_Definition, frozen=True, kw_only=True, omit_defaults=True, tag="campaign"):
    """A campaign's frame. The window is half-open: `starts_at <= t < ends_at`.

    `hashtags` (without #) make a post of anybody count as word of mouth. An order is attributed to a click that is
    at most `attribution_days` old. `targets` are for its end. `disclosure` names the packs of rules by which its posts
    must be labelled as advertising (`jp`); without any, no label is asked for. `tiers` names the scheme by which
    creators are sorted by size.
    """

    name: _Name
    starts_at: _Instant
    ends_at: _Instant
    client: _Name | None = None
    hashtags: tuple[_Name, ...] = ()
    attribution_days: Annotated[int, Meta(ge=0, le=365)] = 30
    targets: Targets | None = None
    disclosure: tuple[Slug, ...] = ()
    tiers: Slug = "four-tier"


class AccountRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One account of a creator, by the platform's own id of it."""

    platform: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    account: Annotated[str, Meta(min_length=1, max_length=512)]
    handle: _Name | None = None


class Creator(_Definition, frozen=True, kw_only=True, omit_defaults=True, tag="creator"):
    """Somebody who posts, with the accounts that are theirs."""

    name: _Name
    accounts: tuple[AccountRef, ...] = ()


AgreedMedium = Literal["feed", "carousel", "reel", "story", "video", "short", "live", "article", "post"]


class Required(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What each agreed post must carry, all of it; `brand` is the name by which the advertiser must be recognisable."""

    hashtags: tuple[_Name, ...] = ()
    mentions: tuple[_Name, ...] = ()
    links: tuple[_Name, ...] = ()
    brand: _Name | None = None


class Agreement(_Definition, frozen=True, kw_only=True, omit_defaults=True, tag="agreement"):
    """What one creator agreed to do for one campaign.

    A window left out is the campaign's. `platforms` empty: any. A post must carry one of `hashtags`, `mentions` or
    `links`; where all three are empty the account and the window suffice. `submitted` are addresses of posts that
    count whatever they say. `posts` is how many are due, by `due_at` (left out: by the end of the window). `codes` are
    the creator's promo codes. `required` is what each post must carry, `media` what it may be (empty: anything);
    neither decides what counts. A post must stay up and as it is for `keep_days` after it was published (left out:
    until the window ends).
    """

    campaign: Slug
    creator: Slug
    starts_at: _Instant | None = None
    ends_at: _Instant | None = None
    platforms: tuple[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")], ...] = ()
    hashtags: tuple[_Name, ...] = ()
    mentions: tuple[_Name, ...] = ()
    links: tuple[_Name, ...] = ()
    submitted: tuple[_Name, ...] = ()
    codes: tuple[_Name, ...] = ()
    posts: Annotated[int, Meta(ge=0, le=10_000)] = 1
    required: Required | None = None
    media: tuple[AgreedMedium, ...] = ()
    due_at: _Instant | None = None
    keep_days: Annotated[int, Meta(ge=0, le=3_650)] | None = None


class Link(_Definition, frozen=True, kw_only=True, omit_defaults=True, tag="link"):
    """A short link of ours: its id is the code in `/r/{code}`. Redirects go to `destination` and nowhere else."""

    campaign: Slug
    destination: Annotated[str, Meta(pattern=r"^https?://[^\s]+$", max_length=2_000)]
    creator: Slug | None = None


_Minutes = Annotated[int, Meta(ge=0, le=525_600)] | None
_Scalar = bool | int | str | tuple[str, ...]


class RuleDefinition(_Definition, frozen=True, kw_only=True, omit_defaults=True, tag="rule"):
    """How one alert rule works for one campaign, or (`campaign` left out) for all that have none of their own.

    What is left out is as the rule has it (docs/reference/rules.md). `settings` are the rule's own; rates are written
    as text ("0.02"), so that they stay exact.
    """

    rule: Annotated[str, Meta(pattern=r"^[a-z]+\.[a-z][a-z0-9_]*$", max_length=100)]
    campaign: Slug | None = None
    enabled: bool = True
    severity: Literal["info", "warning", "critical"] | None = None
    hold_minutes: _Minutes = None
    clear_minutes: _Minutes = None
    repeat_minutes: _Minutes = None
    """0: never."""
    settings: dict[Annotated[str, Meta(max_length=100)], _Scalar] = field(default_factory=dict)


class NotifierDefinition(_Definition, frozen=True, kw_only=True, omit_defaults=True, tag="notifier"):
    """Whom to tell of alerts, and how. Nothing chosen: of all.

    `type` is the plugin's (`webhook`, `slack`, `email`). `to` is an address as the type has it. `secret` names a secret
    of the settings (`notifiers.secrets`); the secret itself never stands in a definition.
    """

    type: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    to: Annotated[str, Meta(min_length=1, max_length=2_000)]
    secret: Slug | None = None
    enabled: bool = True
    campaigns: tuple[Slug, ...] = ()
    categories: tuple[
        Literal["engagement", "speed", "authenticity", "conversion", "compliance", "agreement", "payout", "system"], ...
    ] = ()
    at_least: Literal["info", "warning", "critical"] = "warning"
    language: Literal["en", "ja"] = "en"


class TokenDefinition(_Definition, frozen=True, kw_only=True, omit_defaults=True, tag="token"):
    """A bearer token of the API. The token itself is shown once and kept nowhere: `hash` is its SHA-256, in hex.

    `campaigns` empty: all. Made and revoked by `tracker token`, never by a file.
    """

    hash: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    role: Literal["viewer", "operator", "admin"]
    created_at: _Instant
    expires_at: _Instant
    campaigns: tuple[Slug, ...] = ()
    note: Annotated[str, Meta(max_length=200)] = ""


Definition = Campaign | Creator | Agreement | Link | RuleDefinition | NotifierDefinition | TokenDefinition
