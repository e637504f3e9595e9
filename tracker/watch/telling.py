"""Telling of alerts: the intent first, then the history, then the shelf.

1. What an alert becomes is written to the compacted topic `alerts.current` before anybody is told: that record is the
   intent, and after a crash it says what was about to be told.
2. Then it is told on the topic of its category, then remembered on the shelf. So whatever the shelf lacks of `current`
   may not have been told yet, and is told again at the next start, with the same id: at least once.
3. Of one alert one change is under way at a time: an intent never covers one that was not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from tracker.codec.alerts import PIPELINE, decode, encode, event_of
from tracker.domain.alerts import Alert, is_told, place
from tracker.domain.evaluation import Step
from tracker.following import Kept, TopicFollower
from tracker.sending import Outgoing, Place, partition_of
from tracker.store.alerts import AlertShelf
from tracker.topics import ALERTS, Topics


class Sends(Protocol):
    """What is needed of a sender: `tracker.sending.Sender` has it."""

    async def send(self, records: dict[Place, Sequence[Outgoing]]) -> None: ...


def key_of(campaign: str) -> bytes:
    """The key of a campaign's alerts; the pipeline's own ("") is `pipeline`."""
    return (campaign or PIPELINE).encode()


class Teller:
    """Writes alerts to their topics and the shelf. Raises NotSent, StoreUnreachable, UnreadableAlert."""

    def __init__(self, sender: Sends, shelf: AlertShelf, topics: Topics) -> None:
        self._sender = sender
        self._shelf = shelf
        self._topics = topics
        self.told = 0
        """Changes told since the start."""

    async def tell(self, campaign: str, steps: Sequence[Step]) -> None:
        """Tell what changed, and remember it. What nobody needs to be told of is only remembered."""
        changed = [step for step in steps if step.before is None or _rank(step.before) != _rank(step.after)]
        await self._send(self._intent(step.after) for step in changed)
        await self._send(self._history(step.after) for step in changed if is_told(step.before, step.after))
        await self._shelf.put(campaign, [step.after for step in steps])

    async def tell_again(self, campaign: str, current: Sequence[Alert], shelved: Sequence[Alert]) -> int:
        """Tell what may not have been told before a crash; how many that were."""
        known = {place(alert): _rank(alert) for alert in shelved}
        behind = [alert for alert in current if known.get(place(alert), (0, 0)) < _rank(alert)]
        await self._send(self._history(alert) for alert in behind if is_told(None, alert))
        await self._shelf.put(campaign, behind)
        return len(behind)

    async def _send(self, records: Iterable[tuple[Place, Outgoing]]) -> None:
        by_place: dict[Place, list[Outgoing]] = {}
        for where, record in records:
            by_place.setdefault(where, []).append(record)
            self.told += where[0] != self._topics.name("alerts.current")
        if by_place:
            await self._sender.send(dict(by_place))

    def _intent(self, alert: Alert) -> tuple[Place, Outgoing]:
        where = (self._topics.name("alerts.current"), self._partition(alert.campaign))
        return where, Outgoing(place(alert).encode(), encode(event_of(alert)))

    def _history(self, alert: Alert) -> tuple[Place, Outgoing]:
        where = (self._topics.name(ALERTS[alert.category]), self._partition(alert.campaign))
        return where, Outgoing(key_of(alert.campaign), encode(event_of(alert)))

    def _partition(self, campaign: str) -> int:
        return partition_of(key_of(campaign), self._topics.partitions)


def _rank(alert: Alert) -> tuple[int, int]:
    return alert.episode, alert.serial


async def read_current(bootstrap: str, topics: Topics, partitions: Sequence[int]) -> dict[str, dict[str, Alert]]:
    """How the alerts of these partitions stand: campaign → place → alert. Raises CannotFollow, UnreadableAlert."""
    found: dict[str, dict[str, Alert]] = {}

    def take(record: Kept) -> None:
        if record.value is not None:
            alert = decode(record.value).data
            found.setdefault(alert.campaign, {})[place(alert)] = alert

    follower = TopicFollower(bootstrap, topics.name("alerts.current"), partitions, take)
    await follower.start()
    await follower.stop()
    return found
