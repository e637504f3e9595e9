"""Whom to tell of what, and when to try again. Pure: the clock and the dice are arguments.

1. A notifier is told of the alerts of its campaigns and categories, from its severity up. The pipeline's own alerts are
   of no campaign: they go to notifiers that chose none.
2. That an alert is resolved is told to everybody who was told of it, however its severity changed since.
3. A try that failed is tried again after 5 s, and then after twice as long each time, up to 3 h, give or take a fifth;
   later where the receiver says so.
"""

from __future__ import annotations

from typing import Literal

from tracker.codec import alerts as codec
from tracker.codec.alerts import AlertEvent
from tracker.domain.alerts import Alert
from tracker.domain.definitions import NotifierDefinition
from tracker.domain.events import Instant
from tracker.domain.verdicts import SEVERITIES, Evidence, Subject
from tracker.plugin.notifiers import PEOPLE_WANT, Notice, Notifier

Wanted = Literal["yes", "if_told", "no"]
_FIRST_PAUSE_MS = 5_000
_LONGEST_PAUSE_MS = 3 * 3_600_000
TEST = "alert.test"


def wants(definition: NotifierDefinition, notifier: Notifier | None, alert: Alert) -> Wanted:
    """Whether a notifier is to be told; `if_told`: only if it was told of this episode before.

    Without its plugin (None) what people want to know is queued all the same, and waits for the plugin to come back.
    """
    tells = PEOPLE_WANT if notifier is None else notifier.tells
    if not definition.enabled or alert.what not in tells:
        return "no"
    if definition.campaigns and alert.campaign not in definition.campaigns:
        return "no"
    if definition.categories and alert.category not in definition.categories:
        return "no"
    if SEVERITIES.index(alert.severity) >= SEVERITIES.index(definition.at_least):
        return "yes"
    return "if_told" if alert.what == "resolved" else "no"


def pause_ms(attempts: int, dice: float) -> int:
    """How long to wait after so many failed attempts (1 or more); `dice` in [0, 1)."""
    pause = min(_LONGEST_PAUSE_MS, _FIRST_PAUSE_MS * 2 ** min(attempts - 1, 20))
    return int(pause * (0.8 + 0.4 * dice))


def notice_of(event: AlertEvent, value: bytes) -> Notice:
    return Notice(id=event.id, type=event.type, alert=event.data, event=value)


def trial(definition: NotifierDefinition, unique: str, now: Instant) -> Notice:
    """A notice that only tries a notifier: an alert that nobody raised, and says so."""
    alert = Alert(
        id=f"test-{unique}",
        rule="system.test",
        category="system",
        severity="info",
        campaign="",
        subject=Subject(part=f"notifier:{definition.id}"),
        episode=1,
        serial=1,
        state="firing",
        what="firing",
        at=now,
        began_at=now,
        judged_at=now,
        fired_at=now,
        outcome="fail",
        summary={
            "en": f"This is a test of the notifier {definition.id}. Nothing has happened.",
            "ja": f"通知先 {definition.id} のテストです。問題は発生していません。",
        },
        evidence=(Evidence(name="sent", value=now, unit="instant"),),
    )
    event = codec.event_of(alert)
    return Notice(id=event.id, type=TEST, alert=alert, event=codec.encode(event))
