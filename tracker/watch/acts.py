"""What people did to alerts: followed from its topic, and written to it.

1. The topic is the book of acts. The last record of a key stands: a silence is ended by saying it again.
2. A record that is no act is refused when it is read, with its place: nobody guesses what was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from tracker.codec.alerts import UnreadableAlert, act_key, decode_act, encode_act
from tracker.definitions.registry import Publishes
from tracker.domain.alerts import Acknowledged, Act, Alert, Noted, Silence
from tracker.following import Kept, TopicFollower
from tracker.topics import Topics

A = TypeVar("A", bound=Act)


class ActUnreadable(Exception):
    """A record of the topic of acts is none. The watcher stopped: what people did must not be forgotten in part."""


class Acts:
    """Every act that stands, kept up with. Raises ActUnreadable, CannotFollow."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._topic = topics.name("alerts.acts")
        self._acts: dict[bytes, Act] = {}
        self._of_alert: dict[str, dict[bytes, Act]] = {}
        self._listeners: list[Callable[[Act], None]] = []
        self._follower = TopicFollower(bootstrap, self._topic, range(topics.partitions), self._take)

    def add_listener(self, told: Callable[[Act], None]) -> None:
        """`told` is called after each act that comes from now on."""
        self._listeners.append(told)

    async def start(self) -> None:
        await self._follower.start()

    async def wait(self) -> None:
        await self._follower.wait()

    async def stop(self) -> None:
        await self._follower.stop()

    @property
    def silences(self) -> list[Silence]:
        return [act for act in self._acts.values() if isinstance(act, Silence)]

    def of(self, alerts: Iterable[Alert]) -> list[Act]:
        """What was done to these alerts, and every silence."""
        found: list[Act] = list(self.silences)
        for alert in alerts:
            found += self._of_alert.get(alert.id, {}).values()
        return found

    def _take(self, record: Kept) -> None:
        key = record.key or b""
        if record.value is None:
            self._drop(key)
            return
        try:
            act = decode_act(record.value)
        except UnreadableAlert as error:
            raise ActUnreadable(
                f"{self._topic}[{record.partition}]@{record.offset}: {error}. Nothing was forgotten; remove the "
                "record, or say the act again (tracker alerts ack, tracker alerts silence), and start again."
            ) from error
        self._drop(key)
        self._acts[key] = act
        if isinstance(act, (Acknowledged, Noted)):
            self._of_alert.setdefault(act.alert, {})[key] = act
        for told in self._listeners:
            told(act)

    def _drop(self, key: bytes) -> None:
        known = self._acts.pop(key, None)
        if isinstance(known, (Acknowledged, Noted)):
            self._of_alert[known.alert].pop(key, None)


async def write_act(publisher: Publishes, act: Act) -> None:
    """Put an act into its book. Raises UnreadableAlert, and what the publisher raises."""
    await publisher.publish("alerts.acts", act_key(act).encode(), encode_act(act))
