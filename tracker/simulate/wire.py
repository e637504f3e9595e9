"""What passes between the stand-in for the platforms' servers and whoever asks it, as data."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from tracker.simulate.model import Account, CountName, PlatformName, Post, World
from tracker.simulate.world import Signal

JsonObject = dict[str, Any]
"""A platform's own JSON, at the edge."""


class Secrets(Struct, frozen=True, kw_only=True):
    """One platform's secrets. `tokens`: account id → access token; `key` reaches every account (YouTube's API key)."""

    signing: str
    verify: str
    key: str
    tokens: dict[str, str]


class Request(Struct, frozen=True, kw_only=True):
    """An API request as it came in. Header names are lower case; `origin` is our own address, for links to pages."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: int
    origin: str

    @property
    def bearer(self) -> str | None:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" and token else None


class Told(Struct, frozen=True, kw_only=True):
    """One thing an answer or a webhook said. `absent`: the post was asked for and is not in the answer.

    What was not asked for, or is hidden, is None or missing: it was not said.
    """

    post: str | None = None
    account: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    title: str | None = None
    text: str | None = None
    followers: int | None = None
    absent: bool = False


class Answer(Struct, frozen=True, kw_only=True):
    """The answer to a request, and what it said."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    told: tuple[Told, ...] = ()


class Webhook(Struct, frozen=True, kw_only=True):
    """A signed delivery, ready to be posted to /hooks/{platform}/main, and what it says."""

    platform: PlatformName
    body: bytes
    headers: Mapping[str, str]
    told: tuple[Told, ...] = ()
    signals: tuple[Signal, ...] = ()


def answer_json(status: int, value: object, told: Sequence[Told] = (), headers: Mapping[str, str] = {}) -> Answer:
    """An answer as the platforms write JSON: ASCII, everything else escaped."""
    named = {"content-type": "application/json; charset=UTF-8", **headers}
    return Answer(status=status, body=json.dumps(value).encode(), headers=named, told=tuple(told))


def draw_secrets(seed: int, accounts: Sequence[Account]) -> dict[PlatformName, Secrets]:
    """Invented secrets, drawn from the seed."""
    draw = random.Random(f"secrets {seed}")  # noqa: S311 - invented, and the same for a seed

    def secret(label: str) -> str:
        return f"synthetic-{label}-{draw.getrandbits(96):024x}"

    platforms: tuple[PlatformName, ...] = ("instagram", "tiktok", "youtube")
    return {
        platform: Secrets(
            signing=secret("signing"),
            verify=secret("verify"),
            key=secret("key"),
            tokens={a.id: secret("token") for a in accounts if a.platform == platform and a.creator is not None},
        )
        for platform in platforms
    }


def iso(ms: int, *, zone: str = "Z") -> str:
    """RFC 3339 to the second; `zone` "+0000" is how the Graph API writes it."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + zone


def post_of(world: World, id: str) -> Post | None:
    return next((post for post in world.posts if post.id == id), None)


def account_of(world: World, id: str) -> Account | None:
    return next((account for account in world.accounts if account.id == id), None)


def counts_of(said: Mapping[str, object], names: Mapping[str, CountName]) -> dict[str, int]:
    """The counts that stand in a platform's own words, by canonical name."""
    return {canonical: int(str(said[name])) for name, canonical in names.items() if name in said}
