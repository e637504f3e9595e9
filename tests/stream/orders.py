"""Orders and raw payloads as the stages read them."""

from __future__ import annotations

import msgspec

from tests.stream.builders import T
from tracker.codec import events as codec
from tracker.codec import inbox
from tracker.domain import events as ev
from tracker.plugin.api import RawPayload
from tracker.sending import Outgoing


def order(amount: int, *, order: str = "o1") -> bytes:
    """An order that was reported."""
    fact = ev.ConversionRecorded(platform="direct", observed_at=T, order=order, amount=amount, currency="JPY")
    return codec.checked(ev.wrap(fact, id=f"{order}-{amount}", source="import"))


def payload(*facts: dict[str, object], platform: str = "direct", received_at: int = T) -> Outgoing:
    """Facts as an import puts them on the inbox."""
    body = msgspec.json.encode(list(facts))
    raw = RawPayload(platform=platform, source="import", name="main", received_at=received_at, body=body)
    key, value, headers = inbox.encode(raw)
    return Outgoing(key, value, headers)


def like(count: int, *, account: str = "a1", post: str = "p1", at: int = T) -> dict[str, object]:
    """A statement about a post, as an import writes it."""
    return {
        "type": "reaction.observed",
        "platform": "instagram",
        "account": account,
        "post": post,
        "observed_at": at,
        "likes": count,
    }
