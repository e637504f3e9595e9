"""What a notifier is: an alert in, a request as data out; an answer in, its meaning out.

1. A notifier does no I/O, reads no clock and keeps no state: the tracker sends, waits, tries again and keeps the log.
2. `Notice.id` names one change of one alert, once and for all. A notice may be sent more than once (a process was
   killed between the answer and its log); each time it has the same id, and the receiver is given it.
3. Secrets come as an argument and go into what is sent, nowhere else. What is sent never shows in a `repr`, a log or
   an error, and neither does what an `Unfit` says.
4. What an alert says is foreign text: captions, names and handles are written by anybody. A notifier escapes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from tracker.domain.alerts import Alert, What
from tracker.domain.definitions import NotifierDefinition
from tracker.domain.events import Instant
from tracker.domain.verdicts import Language

__all__ = [
    "PEOPLE_WANT",
    "Answer",
    "Delivered",
    "HttpSend",
    "Later",
    "MailSend",
    "Meaning",
    "Never",
    "Notice",
    "Notifier",
    "NotifierDefinition",
    "Send",
    "Unfit",
    "What",
]


PEOPLE_WANT: frozenset[What] = frozenset({"firing", "repeated", "acknowledged", "resolved"})
"""What people want to be told of: not what is silenced, nor each note that somebody writes."""


class Unfit(Exception):
    """A definition with which nothing can be sent (no such address, no secret): the reason, without any secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Notice(Struct, frozen=True, kw_only=True):
    """What is to be told.

    `id` is the event's, the same at every attempt. `type` is `alert.<what>`, or `alert.test` for one that only tries
    the notifier. `event` is the alert event as subscribers of the topics read it (CloudEvents, JSON), of `alert`.
    """

    id: str
    type: str
    alert: Alert
    event: bytes

    @property
    def is_test(self) -> bool:
        return self.type == "alert.test"

    def summary(self, language: Language) -> str:
        """The alert in one sentence: in this language where the rule has it, else in English."""
        said = self.alert.summary
        return said.get(language) or said.get("en") or self.alert.rule


class HttpSend(Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """An HTTP request as data. Its address may hold a secret, so it does not show."""

    url: str
    body: bytes
    headers: Mapping[str, str] = {}
    method: Literal["POST", "PUT"] = "POST"

    def __repr__(self) -> str:
        return f"HttpSend({self.method}, {len(self.body)} bytes)"


class MailSend(Struct, frozen=True, kw_only=True):
    """A mail as data. No field but the texts may hold a line break: the tracker refuses it."""

    to: str
    subject: str
    text: str
    html: str | None = None

    def __repr__(self) -> str:
        return f"MailSend({len(self.text)} characters)"


Send = HttpSend | MailSend


class Answer(Struct, frozen=True, kw_only=True):
    """What came back: HTTP's status, headers (names in lower case) and the body's beginning; of a mail the server's
    reply code (250, 451, 550 …) and, as the body, its text.
    """

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Delivered(Struct, frozen=True):
    """The receiver has it."""


class Later(Struct, frozen=True):
    """Not now: it is tried again, not before `wait_ms`. `reason` stands in the delivery log."""

    reason: str
    wait_ms: int | None = None


class Never(Struct, frozen=True):
    """It would be refused again, however often: it is not tried any more until somebody asks for it (a replay)."""

    reason: str


Meaning = Delivered | Later | Never


class Notifier(Protocol):
    """One way of telling. Offered by a plugin through the hook `tracker_notifiers`.

    Attributes:
        name: the `type` of its definitions, e.g. "webhook"; lower case letters, digits, `_`.
        tells: the changes of an alert that it tells of. Programs want all, people want few.
    """

    name: str
    tells: frozenset[What]

    def check(self, definition: NotifierDefinition, secrets: Sequence[str]) -> None:
        """Raises Unfit for a definition with which nothing could be sent. Called before anything is queued."""
        ...

    def send(self, notice: Notice, definition: NotifierDefinition, secrets: Sequence[str], now: Instant) -> Send:
        """What to send. Raises Unfit, as `check` does.

        `secrets` are those of the setting that `definition.secret` names, the newest first; empty where it names none.
        The same notice at another `now` is the same message, but for a signature's time.
        """
        ...

    def meaning(self, answer: Answer) -> Meaning:
        """What an answer means. Never raises."""
        ...
