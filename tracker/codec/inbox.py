"""The inbox record: a raw payload as Kafka keeps it.

1. The value is the payload's very bytes. Everything else stands in one Kafka header, `tracker`, as compact JSON.
2. `decode(encode(raw)) == raw`, whatever the body holds.
3. What is not written exactly so is refused with the reason, never guessed at: it becomes a dead letter.

The key only spreads the load over the partitions: `{platform}:{account}` of a poll's (first) item, else
`{platform}:{name}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from tracker.domain.events import Id, Instant, Platform, Source
from tracker.plugin.api import DueItem, RawPayload

HEADER = "tracker"
MAX_HEADER_BYTES = 256 * 1024


class UnreadableRecord(ValueError):
    """A record of the inbox that no door of ours wrote. `reason` says what is wrong with it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Item(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    platform: Platform
    account: Id
    post: Id | None = None


class _Envelope(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Everything about a payload but its bytes. Field by field the same as RawPayload."""

    platform: Platform
    source: Source
    name: Id
    received_at: Instant
    headers: dict[str, str] = {}
    endpoint: Id | None = None
    items: tuple[_Item, ...] = ()
    status: Annotated[int, Meta(ge=100, le=599)] | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Envelope)


def encode(raw: RawPayload) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value and Kafka headers of a payload. Raises UnreadableRecord for one that would not read back."""
    items = tuple(_Item(item.platform, item.account, item.post) for item in raw.items)
    envelope = _Envelope(
        raw.platform, raw.source, raw.name, raw.received_at, dict(raw.headers), raw.endpoint, items, raw.status
    )
    try:
        header = _encoder.encode(envelope)
        key = f"{raw.platform}:{raw.items[0].account if raw.items else raw.name}".encode()
    except (TypeError, ValueError, OverflowError) as error:
        raise UnreadableRecord(f"header {HEADER!r} cannot be written: {error}") from error
    _envelope(header)
    return key, raw.body, [(HEADER, header)]


def decode(value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> RawPayload:
    """Read a record back. Raises UnreadableRecord with the place of the fault, e.g. `$.received_at`."""
    found = [content for name, content in headers if name == HEADER]
    if len(found) != 1 or found[0] is None:
        raise UnreadableRecord(f"{len(found)} headers named {HEADER!r} with a value; an inbox record has exactly one")
    if value is None:
        raise UnreadableRecord("the record has no value; an inbox record holds a payload's bytes")
    envelope = _envelope(found[0])
    return RawPayload(
        platform=envelope.platform,
        source=envelope.source,
        name=envelope.name,
        received_at=envelope.received_at,
        body=bytes(value),
        headers=envelope.headers,
        endpoint=envelope.endpoint,
        items=tuple(DueItem(platform=item.platform, account=item.account, post=item.post) for item in envelope.items),
        status=envelope.status,
    )


def _envelope(header: bytes) -> _Envelope:
    if len(header) > MAX_HEADER_BYTES:
        raise UnreadableRecord(f"header {HEADER!r} has {len(header)} bytes; at most {MAX_HEADER_BYTES} are allowed")
    try:
        return _decoder.decode(header)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableRecord(f"header {HEADER!r}: {error}") from error
