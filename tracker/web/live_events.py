"""The events of the live stream, as types and as bytes.

An `alert` event's data is the alert event of the topics (tracker.codec.alerts), as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from tracker.domain.events import Instant
from tracker.domain.figures import Unit

Kind = Literal["campaign", "alert"]
KINDS: frozenset[Kind] = frozenset({"campaign", "alert"})
LostReason = Literal["forgotten", "another_process", "another_question", "bad_id", "slow", "token"]
NumberKey = tuple[str, str | None]
"""A number's name and currency: unique in a scope."""

encode = msgspec.json.Encoder().encode


class LiveNumber(Struct, frozen=True, kw_only=True):
    """One number, its fields as the API has them; sources and age stand once at its scope."""

    name: str
    value: int | str | None
    unit: Unit
    basis: str
    known: int | None
    unknown: int | None
    currency: str | None


class ScopeNow(Struct, frozen=True, kw_only=True):
    """A scope as it stands. `at`: the newest statement behind it; None: nothing was said."""

    sources: tuple[str, ...]
    at: Instant | None
    numbers: Mapping[NumberKey, LiveNumber]


class ScopeTold(Struct, frozen=True, kw_only=True):
    """What is told of a scope. `whole`: these are all of its numbers; else those that changed."""

    who: str
    whole: bool
    sources: tuple[str, ...]
    at: Instant | None
    numbers: tuple[LiveNumber, ...]


class CampaignTold(Struct, frozen=True, kw_only=True):
    """A `campaign` event. `since` null: the campaign whole; else what changed after that version."""

    campaign: str
    version: int
    since: int | None
    scopes: tuple[ScopeTold, ...]


class Hello(Struct, frozen=True, kw_only=True):
    """The first event. `resumed` false: forget what you hold, what follows is the whole. `campaigns` null: all."""

    epoch: str
    resumed: bool
    kinds: tuple[Kind, ...]
    campaigns: tuple[str, ...] | None
    heartbeat_seconds: float


class Away(Struct, frozen=True, kw_only=True):
    """A part that does not answer, and when it last did."""

    part: str
    since: Instant


class Stale(Struct, frozen=True, kw_only=True):
    """A `stale` event: what is away now, so that newer numbers and alerts may exist. Empty: all is well again."""

    away: tuple[Away, ...]


class Lost(Struct, frozen=True, kw_only=True):
    """A `lost` event: something was changed that this client was not told of."""

    reason: LostReason
    detail: str


_LOST: Mapping[LostReason, str] = {
    "forgotten": "more happened since then than is kept here; what follows is everything as it stands",
    "another_process": "another process gave this id, or this one before it was started again; what follows is "
    "everything as it stands",
    "another_question": "this id was given for other campaigns or kinds; what follows is everything as it stands",
    "bad_id": "the Last-Event-ID is none of ours; what follows is everything as it stands",
    "slow": "this client read too slowly and is let go; come back with the last id",
    "token": "the token of this client was revoked or has expired",
}


def lost(reason: LostReason) -> bytes:
    """The marker of what a client was not told."""
    return frame("lost", encode(Lost(reason=reason, detail=_LOST[reason])))


def frame(event: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event.encode(), data)
