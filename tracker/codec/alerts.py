"""Alerts as bytes: CloudEvents 1.0 structured JSON, as subscribers of the alert topics read them; and what people did.

1. An alert event's `id` is made of the alert's own id and serial: a repeat after a crash has the same, so whoever keeps
   ids handles each change once.
2. What the envelope says again (`id`, `type`) agrees with `data`; an event that contradicts itself is refused.
3. What is written has been read back: an alert that could not be read is not published.
4. Readers ignore fields that they do not know, and refuse a `schemaversion` that they do not know.

Alerts are few, so reading back what is written (3) costs nothing that matters; canonical events, which are many, are
encoded by tracker.codec.events.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from tracker.domain.alerts import Acknowledged, Act, Alert, Noted
from tracker.domain.events import Instant

MAX_ALERT_BYTES = 512 * 1024
SOURCE = "tracker/alerts"
PIPELINE = "pipeline"
"""What an alert is about that is of no campaign: the `subject` of its event and the key of its record."""

AlertType = Literal[
    "alert.pending",
    "alert.firing",
    "alert.acknowledged",
    "alert.silenced",
    "alert.repeated",
    "alert.noted",
    "alert.resolved",
]
_Name = Annotated[str, Meta(min_length=1, max_length=512)]
_TIME_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"
_Time = Annotated[str, Meta(pattern=_TIME_PATTERN, max_length=64, extra_json_schema={"format": "date-time"})]
_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnreadableAlert(ValueError):
    """A record that is no alert (or no act) of a version that we know. The message names the field."""


class AlertEvent(Struct, frozen=True, kw_only=True):
    """An alert changed, and this is how it stands now. The envelope is CloudEvents 1.0 in structured JSON mode."""

    type: AlertType
    id: _Name
    source: _Name
    subject: _Name
    time: _Time
    specversion: Literal["1.0"]
    datacontenttype: Literal["application/json"]
    schemaversion: Literal[1]
    data: Alert


_TYPES: dict[str, AlertType] = {
    "pending": "alert.pending",
    "firing": "alert.firing",
    "acknowledged": "alert.acknowledged",
    "silenced": "alert.silenced",
    "repeated": "alert.repeated",
    "noted": "alert.noted",
    "resolved": "alert.resolved",
}
_encoder = msgspec.json.Encoder()
_event_decoder = msgspec.json.Decoder(AlertEvent)
_act_decoder: msgspec.json.Decoder[Act] = msgspec.json.Decoder(Act)


def event_of(alert: Alert) -> AlertEvent:
    """The event that tells of an alert's latest change; the same alert gives the same event."""
    return AlertEvent(
        type=_TYPES[alert.what],
        id=f"{alert.id}-{alert.serial}",
        source=SOURCE,
        subject=alert.campaign or PIPELINE,
        time=rfc3339(alert.at),
        specversion="1.0",
        datacontenttype="application/json",
        schemaversion=1,
        data=alert,
    )


def rfc3339(at: Instant) -> str:
    """An instant as RFC 3339 has it, to the millisecond: `2026-05-28T20:26:40.000Z`."""
    return (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(event: AlertEvent) -> bytes:
    """The value of the record. Raises UnreadableAlert for one that would not read back: a rule may say anything."""
    value = _encoded(event)
    decode(value)
    return value


def decode(value: bytes) -> AlertEvent:
    """Read one alert event. Raises UnreadableAlert with the place of the fault, e.g. `$.data.severity`."""
    event = _read(_event_decoder, value)
    alert = event.data
    if event.id != f"{alert.id}-{alert.serial}":
        raise UnreadableAlert(f"{event.id!r} is not `{alert.id}-{alert.serial}`, its alert's id and serial - at `$.id`")
    if event.type != _TYPES[alert.what]:
        raise UnreadableAlert(f"{event.type!r} is not `{_TYPES[alert.what]}`, as its alert has it - at `$.type`")
    return event


def act_key(act: Act) -> str:
    """The key of an act's record: what is said again of the same takes the place of what was said before."""
    match act:
        case Acknowledged():
            return f"ack:{act.alert}"
        case Noted():
            return f"note:{act.alert}:{act.id}"
        case _:
            return f"silence:{act.id}"


def encode_act(act: Act) -> bytes:
    """The value of an act's record. Raises UnreadableAlert for one that would not read back."""
    value = _encoded(act)
    decode_act(value)
    return value


def decode_act(value: bytes) -> Act:
    """Read what somebody did. Raises UnreadableAlert with the place of the fault, e.g. `$.until`."""
    return _read(_act_decoder, value)


def _encoded(what: AlertEvent | Act) -> bytes:
    try:
        return _encoder.encode(what)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnreadableAlert(str(error)) from error


def _read(decoder: msgspec.json.Decoder[_T], value: bytes) -> _T:
    if len(value) > MAX_ALERT_BYTES:
        raise UnreadableAlert(f"{len(value)} bytes; a record of the alert topics has at most {MAX_ALERT_BYTES}")
    try:
        if not value.isascii():
            value.decode()  # msgspec does not look at the bytes of fields that it skips
        return decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableAlert(str(error)) from error
