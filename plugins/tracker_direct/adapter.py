"""Our own JSON, as the link redirect, the conversion API and imports put it on the inbox.

1. A body is one JSON object `{"type": "link.clicked", ...}` with the fields of that type's fact, or an array of them.
2. Nothing is guessed: an unknown type, an unknown field or a value out of bounds refuses the whole body.
3. `platform` left out is "direct"; `observed_at` left out is when the body came in. Clicks and conversions are always
   "direct"; only an import states facts of other platforms.
4. No webhook reaches this adapter: whatever claims to be one is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from tracker.domain import events as ev
from tracker.domain.events import Fact, Instant
from tracker.plugin import (
    Access,
    DueItem,
    Handshake,
    Headers,
    HttpRequest,
    Kind,
    Quota,
    RawPayload,
    Secrets,
    Unreadable,
    Verified,
)
from tracker.plugin.reading import Node, read_json

PLATFORM = "direct"

OWN: dict[str, type[Fact]] = {
    "link.clicked": ev.LinkClicked,
    "conversion.recorded": ev.ConversionRecorded,
    "conversion.refunded": ev.ConversionRefunded,
}
# Definitions are applied, never imported: they go to every partition.
IMPORTED: dict[str, type[Fact]] = {
    str(cast("Any", event).__struct_config__.tag): fact
    for fact, event in ev.EVENTS.items()
    if fact is not ev.DefinitionChanged
}


class Direct:
    """The platform adapter "direct"."""

    name = PLATFORM
    kept_headers: frozenset[str] = frozenset()
    polls: frozenset[Kind] = frozenset()
    batch: Mapping[Kind, int] = {}
    public_base_url = ""
    follows_up = False

    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: Instant) -> Verified:
        return Verified(False, "direct has no webhooks: use /r/{code}, /v1/conversions or an import", 404)

    def handshake(self, query: Mapping[str, str], secrets: Secrets) -> Handshake | None:
        return None

    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        document = read_json(raw.body)
        return [_fact(node, raw) for node in (document.elements() if document.is_array() else [document])]

    def requests(self, items: Sequence[DueItem], access: Access) -> Sequence[HttpRequest]:
        if items:
            raise ValueError(f"{PLATFORM} polls nothing; {len(items)} items were asked for")
        return []

    def follow_up(self, raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
        return []

    def quota(self, status: int, headers: Headers, body: bytes) -> Quota:
        return Quota()


def _fact(node: Node, raw: RawPayload) -> Fact:
    name = node.member("type").string()
    fact = (IMPORTED if raw.source == "import" else OWN).get(name)
    if fact is None:
        raise Unreadable(f"{node.path}.type: {name[:64]!a} cannot come by {raw.source}")
    fields = {"platform": PLATFORM, "observed_at": raw.received_at, **node.value}
    del fields["type"]
    unknown = sorted(fields.keys() - (set(fact.__struct_fields__) - {"origin"}))
    if unknown:
        raise Unreadable(f"{node.path}.{unknown[0][:64]!a}: {name} has no such field")
    if name in OWN and fields["platform"] != PLATFORM:
        raise Unreadable(f'{node.path}.platform: {name} is always "{PLATFORM}"')
    try:
        found = msgspec.convert(fields, fact)
        msgspec.json.encode(found)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise Unreadable(f"{node.path}: {name}: {error}") from error
    return found
