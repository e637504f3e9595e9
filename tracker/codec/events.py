"""Canonical events as bytes: CloudEvents 1.0 structured JSON (ADR 0001)."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from tracker.domain.events import PLATFORM_PATTERN, AnyEvent

MAX_EVENT_BYTES = 512 * 1024

_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_encoder = msgspec.json.Encoder()

encode = _encoder.encode


class UnreadableEvent(ValueError):
    """A record that is no event of a version that we know. The message names the field."""


def decode(value: bytes) -> AnyEvent:
    """Read one event. Raises UnreadableEvent with the place of the fault, e.g. `$.data.likes`.

    A key that stands twice is read as its last value (ADR 0001): only our own encoder writes these topics.
    """
    if len(value) > MAX_EVENT_BYTES:
        raise UnreadableEvent(f"{len(value)} bytes; an event has at most {MAX_EVENT_BYTES}")
    try:
        if not value.isascii():
            value.decode()  # msgspec does not look at the bytes of fields that it skips
        event = _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableEvent(str(error)) from error
    if not _is_platform(event.data.platform):
        raise UnreadableEvent(f"Expected `str` matching regex {PLATFORM_PATTERN!r} - at `$.data.platform`")
    return event


@lru_cache(maxsize=256)
def _is_platform(name: str) -> bool:
    return re.fullmatch(PLATFORM_PATTERN, name) is not None


def checked(event: AnyEvent) -> bytes:
    """Encode, and prove that it reads back: a plugin may have put anything in. Raises UnreadableEvent."""
    try:
        value = _encoder.encode(event)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnreadableEvent(str(error)) from error
    decode(value)
    return value
