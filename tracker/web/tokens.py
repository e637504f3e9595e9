"""Bearer tokens: made, told apart, judged.

1. A token is `trk_<id>_<secret>`. The id finds its definition; only the SHA-256 of the whole is kept anywhere.
2. The secret has 256 random bits: its hash needs no salt and no slowness, and is compared in constant time.
3. A token that is not known and one whose secret is wrong are refused in the same words. Whether it is expired is told
   only to whoever has its secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from tracker.domain.definitions import TokenDefinition
from tracker.domain.events import Instant

Role = Literal["viewer", "operator", "admin"]
RANKS: Final[Mapping[Role, int]] = {"viewer": 0, "operator": 1, "admin": 2}
PREFIX: Final = "trk_"
ID_BYTES: Final = 5
SECRET_BYTES: Final = 32
DAY_MS: Final = 86_400_000

_FORM = re.compile(r"trk_([a-z2-7]{8})_([A-Za-z0-9_-]{43})")
_NOBODY = hashlib.sha256(b"").hexdigest()


class Principal(Struct, frozen=True, kw_only=True):
    """Who asks: a token's id, what it may do, and the campaigns it is limited to (None: all)."""

    id: str
    role: Role
    campaigns: frozenset[str] | None
    expires_at: Instant
    note: str = ""

    def may(self, least: Role) -> bool:
        return RANKS[self.role] >= RANKS[least]

    def sees(self, campaign: str) -> bool:
        return self.campaigns is None or campaign in self.campaigns


class BadToken(Exception):
    """A token that lets nobody in. `reason` may be told to whoever offered it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Made(Struct, frozen=True):
    """A new token: `token` is to be shown once, `definition` kept."""

    token: str
    definition: TokenDefinition


def make(
    random: bytes, *, role: Role, created_at: Instant, days: int, campaigns: tuple[str, ...] = (), note: str = ""
) -> Made:
    """A token of `random` bytes (ID_BYTES + SECRET_BYTES of them, from a source of secrets)."""
    if len(random) != ID_BYTES + SECRET_BYTES:
        raise ValueError(f"a token is made of {ID_BYTES + SECRET_BYTES} random bytes, not {len(random)}")
    id = base64.b32encode(random[:ID_BYTES]).decode().lower()
    token = f"{PREFIX}{id}_{base64.urlsafe_b64encode(random[ID_BYTES:]).decode().rstrip('=')}"
    definition = TokenDefinition(
        id=id,
        hash=hash_of(token),
        role=role,
        created_at=created_at,
        expires_at=created_at + days * DAY_MS,
        campaigns=campaigns,
        note=note,
    )
    return Made(token, definition)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def judge(offered: str, known: Mapping[str, TokenDefinition], now: Instant) -> Principal:
    """Who a token is. Raises BadToken."""
    fits = _FORM.fullmatch(offered)
    definition = known.get(fits[1]) if fits else None
    expected = _NOBODY if definition is None else definition.hash
    same = hmac.compare_digest(hash_of(offered), expected)
    if definition is None or not same:
        raise BadToken("this token is not valid: it was revoked, or never was")
    if now >= definition.expires_at:
        raise BadToken("this token has expired: make another with `tracker token create`")
    return Principal(
        id=definition.id,
        role=definition.role,
        campaigns=frozenset(definition.campaigns) or None,
        expires_at=definition.expires_at,
        note=definition.note,
    )
