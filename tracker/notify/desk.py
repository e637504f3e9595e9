"""What an operator does with notifiers: look, try one, send again. For CLI and API; the service need not run here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping

from msgspec import Struct

from tracker.clock import now_ms
from tracker.domain.definitions import NotifierDefinition
from tracker.notify.choosing import trial
from tracker.notify.lane import Attempt, Teller
from tracker.notify.queue import Delivery, Queue


class NoSuchNotifier(Exception):
    """There is no notifier with this id, neither defined nor in the log."""

    def __init__(self, notifier: str, known: tuple[str, ...]) -> None:
        super().__init__(f"no notifier {notifier!r}; there are: {', '.join(known) or 'none'}. Nothing was done.")
        self.notifier = notifier
        self.known = known


class NotReplayed(Exception):
    """A delivery that cannot be sent again."""

    def __init__(self, notifier: str, id: str) -> None:
        super().__init__(
            f"{notifier} has no finished delivery {id!r}: it still waits, or is too old for the log "
            f"(notifiers.log_entries, notifiers.log_days). Nothing was done. See: tracker notifiers log {notifier}"
        )
        self.notifier = notifier
        self.id = id


class Listed(Struct, frozen=True, kw_only=True):
    """A notifier as it stands. `definition` None: it was deleted, and its log is still there. `fault`: why nothing can
    be sent with this definition, None where it can. `waiting`: deliveries that wait; `last`: the newest one.
    """

    id: str
    definition: NotifierDefinition | None
    fault: str | None
    waiting: int
    last: Delivery | None


class Desk:
    """Raises StoreUnreachable, NoSuchNotifier. `definitions` are the notifiers of the book by id."""

    def __init__(
        self,
        definitions: Mapping[str, NotifierDefinition],
        queue: Queue,
        teller: Teller,
        *,
        now: Callable[[], int] = now_ms,
    ) -> None:
        self._definitions = definitions
        self._queue = queue
        self._teller = teller
        self._now = now

    async def notifiers(self) -> list[Listed]:
        """Every notifier that is defined or has a log, by id."""
        ids = sorted({*self._definitions, *await self._queue.notifiers()})
        return [await self._listed(id) for id in ids]

    async def log(self, notifier: str, *, limit: int = 50) -> list[Delivery]:
        """A notifier's newest deliveries, the newest first."""
        await self._known(notifier)
        return await self._queue.log(notifier, limit=limit)

    async def replay(self, notifier: str, id: str) -> None:
        """Have a finished delivery sent again, with the same id. Raises NotReplayed."""
        await self._known(notifier)
        if not await self._queue.replay(notifier, id, self._now()):
            raise NotReplayed(notifier, id)

    async def replay_failed(self, notifier: str) -> int:
        """Have all sent again that failed; how many they are."""
        await self._known(notifier)
        return await self._queue.replay_failed(notifier, self._now())

    async def send_test(self, notifier: str) -> Attempt:
        """Tell a notifier of an alert that nobody raised, once, at once, whether it is enabled or not."""
        definition = self._definitions.get(notifier)
        if definition is None:
            raise NoSuchNotifier(notifier, tuple(sorted(self._definitions)))
        return await self._teller.tell(trial(definition, uuid.uuid4().hex[:12], self._now()), definition)

    async def _known(self, notifier: str) -> None:
        known = {*self._definitions, *await self._queue.notifiers()}
        if notifier not in known:
            raise NoSuchNotifier(notifier, tuple(sorted(known)))

    async def _listed(self, id: str) -> Listed:
        definition = self._definitions.get(id)
        newest = await self._queue.log(id, limit=1)
        return Listed(
            id=id,
            definition=definition,
            fault=None if definition is None else self._teller.fault_of(definition),
            waiting=await self._queue.waiting(id),
            last=newest[0] if newest else None,
        )
