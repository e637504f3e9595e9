"""How every alert stands, held in memory and kept up with, so that lists of alerts cost no server anything.

1. Of two states of one place the later one (episode, serial) stands, whichever came last.
2. The last episode of each place is here, open or resolved; earlier ones are in the topics of their categories.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tracker.codec.alerts import UnreadableAlert, decode
from tracker.domain.alerts import Alert, place
from tracker.following import Kept, TopicFollower
from tracker.topics import Topics


class AlertUnreadable(Exception):
    """A record of the topic of current alerts is none. Nothing newer is known."""


class AlertBook:
    """The alerts by place, and by id."""

    def __init__(self) -> None:
        self._places: dict[str, Alert] = {}
        self._ids: dict[str, Alert] = {}
        self._sorted: list[Alert] | None = []

    def get(self, id: str) -> Alert | None:
        return self._ids.get(id)

    def newest_first(self) -> Sequence[Alert]:
        """All, by when they last changed."""
        if self._sorted is None:
            self._sorted = sorted(self._places.values(), key=lambda alert: (-alert.at, alert.id))
        return self._sorted

    def put(self, alert: Alert) -> bool:
        """Take a state in, unless a later one is known. Whether it was taken."""
        where = place(alert)
        known = self._places.get(where)
        if known is not None and (known.episode, known.serial) > (alert.episode, alert.serial):
            return False
        if known is not None:
            self._ids.pop(known.id, None)
        self._places[where] = self._ids[alert.id] = alert
        self._sorted = None
        return True

    def drop(self, where: str) -> None:
        known = self._places.pop(where, None)
        if known is not None:
            self._ids.pop(known.id, None)
            self._sorted = None


class FollowedAlerts:
    """Follows `alerts.current`. Raises CannotFollow, AlertUnreadable."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self.book = AlertBook()
        self._listeners: list[Callable[[Alert], None]] = []
        self._topic = topics.name("alerts.current")
        self._follower = TopicFollower(bootstrap, self._topic, range(topics.partitions), self._take)

    def add_listener(self, told: Callable[[Alert], None]) -> None:
        """`told` is called with each later state of an alert that comes from now on."""
        self._listeners.append(told)

    async def start(self) -> None:
        await self._follower.start()

    async def wait(self) -> None:
        await self._follower.wait()

    async def stop(self) -> None:
        await self._follower.stop()

    def _take(self, record: Kept) -> None:
        if record.value is None:
            self.book.drop((record.key or b"").decode())
            return
        try:
            alert = decode(record.value).data
        except UnreadableAlert as error:
            raise AlertUnreadable(
                f"{self._topic}[{record.partition}]@{record.offset}: {error}. Nothing newer is known: remove the "
                "record, or upgrade this program, and start again."
            ) from error
        if self.book.put(alert):
            for told in self._listeners:
                told(alert)
