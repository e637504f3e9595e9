"""What was agreed: campaigns, creators, agreements, links.

1. A definition is frozen, and validated when decoded; ids are slugs, so they can stand in a key or a URL as they are.
2. A definition knows nothing of what happened; what happened is matched to it (matching.py, commerce.py).
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Slug = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
DefinitionKind = Literal["campaign", "creator", "agreement", "link"]
_Instant = Annotated[int, Meta(ge=0, le=253_402_300_799_999, description="ms since the epoch, UTC")]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]


class _Definition(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    id: Slug


class Campaign(_Definition, frozen=True, kw_only=True, omit_defaults=True, tag="campaign"):
    """A campaign's frame. The window is half-open: `starts_at <= t < ends_at`.

    `hashtags` (without #) make a post of anybody count as word of mouth. An order is attributed to a click that is
    at most `attribution_days` old.
    """

    name: _Name
    starts_at: _Instant
    ends_at: _Instant
    client: _Name | None = None
    hashtags: tuple[_Name, ...] = ()
    attribution_days: Annotated[int, Meta(ge=0, le=365)] = 30


class AccountRef(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One account of a creator, by the platform's own id of it."""

    platform: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    account: Annotated[str, Meta(min_length=1, max_length=512)]
    handle: _Name | None = None


class Creator(_Definition, frozen=True, kw_only=True, omit_defaults=True, tag="creator"):
    """Somebody who posts, with the accounts that are theirs."""

    name: _Name
    accounts: tuple[AccountRef, ...] = ()


class Agreement(_Definition, frozen=True, kw_only=True, omit_defaults=True, tag="agreement"):
    """What one creator agreed to do for one campaign.

    A window left out is the campaign's. `platforms` empty: any. A post must carry one of `hashtags`, `mentions` or
    `links`; where all three are empty the account and the window suffice. `submitted` are addresses of posts that
    count whatever they say. `posts` is how many are due. `codes` are the creator's promo codes.
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


class Link(_Definition, frozen=True, kw_only=True, omit_defaults=True, tag="link"):
    """A short link of ours: its id is the code in `/r/{code}`. Redirects go to `destination` and nowhere else."""

    campaign: Slug
    destination: Annotated[str, Meta(pattern=r"^https?://[^\s]+$", max_length=2_000)]
    creator: Slug | None = None


Definition = Campaign | Creator | Agreement | Link
