"""What our own doors put on the inbox: statements that the adapter `direct` reads back as facts.

A body is JSON of one object: `type` (the event's type) and the fields of its fact, as tracker.domain.events has them.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from tracker.plugin.api import RawPayload

PLATFORM = "direct"


class ClickStatement(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="link.clicked"):
    click: str
    link: str
    observed_at: int
    occurred_at: int | None = None


class ConversionStatement(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="conversion.recorded"
):
    order: str
    amount: int
    currency: str
    observed_at: int
    occurred_at: int | None = None
    code: str | None = None
    click: str | None = None
    link: str | None = None
    clicked_at: int | None = None


class RefundStatement(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="conversion.refunded"
):
    order: str
    refund: str
    amount: int
    currency: str
    observed_at: int
    occurred_at: int | None = None


Statement = ClickStatement | ConversionStatement | RefundStatement


def statement(name: str, said: Statement, received_at: int) -> RawPayload:
    """A payload for the inbox. `name` is the door it came by."""
    return RawPayload(
        platform=PLATFORM, source="webhook", name=name, received_at=received_at, body=msgspec.json.encode(said)
    )
