"""Alert events and notifiers for tests, in few words."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tests.domain.alerting import an_alert
from tracker.codec import alerts as codec
from tracker.codec.alerts import AlertEvent
from tracker.domain.alerts import Alert
from tracker.domain.definitions import NotifierDefinition
from tracker.domain.verdicts import Subject
from tracker.notify.choosing import notice_of
from tracker.plugin.notifiers import Notice

SECRET = "whsec_" + "c3ludGhldGljLXNlY3JldC1vZi10ZXN0cy0x"
OLDER_SECRET = "whsec_" + "c3ludGhldGljLXNlY3JldC1vZi10ZXN0cy0w"


def an_event(number: int = 1, *, now: int = 1_000, **changed: Any) -> AlertEvent:
    """The event of an alert that has just fired, a different one for each number."""
    subject = Subject(campaign="spring-glow", creator="ana", platform="tiktok", account="_1", post=str(7_000 + number))
    return codec.event_of(replace(an_alert(now=now, subject=subject), **changed))


def a_notice(alert: Alert | None = None, **changed: Any) -> Notice:
    event = codec.event_of(replace(alert or an_alert(), **changed))
    return notice_of(event, codec.encode(event))


def a_notifier(**changed: Any) -> NotifierDefinition:
    given: dict[str, Any] = {"id": "ops", "type": "webhook", "to": "https://receiver.example/hook", "secret": "ops"}
    return NotifierDefinition(**{**given, **changed})
