"""One notifier's lane: takes what is due from its queue, sends it, writes down how it ended.

1. Each notifier has a lane of its own, with so many notices under way at most and a limit of time for each: one that is
   slow or dead delays nobody else.
2. How an attempt ended is written before the next one of that notice: a process that dies between the two has it sent
   again, with the same id.
3. A failure is tried again until `give_up_ms` after it was queued; what can never succeed is not. Neither is forgotten:
   both stand in the log and can be replayed.
4. A notifier's fault (a plugin that raises, a definition that does not fit) is this delivery's failure, nothing more.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence

import structlog
from msgspec import Struct
from msgspec.structs import replace

from tracker.codec.alerts import UnreadableAlert
from tracker.domain.definitions import NotifierDefinition
from tracker.notify.choosing import notice_of, pause_ms
from tracker.notify.metrics import NotifyMetrics
from tracker.notify.queue import Delivery, Leased, Queue, event_in
from tracker.notify.sending import NoAnswer, Sender, hidden_in, scrubbed
from tracker.plugin.notifiers import Delivered, Later, Meaning, Never, Notice, Notifier, Unfit
from tracker.settings import Notifiers
from tracker.store.base import StoreUnreachable
from tracker.tasks import end

log = structlog.get_logger(__name__)

_IDLE_SECONDS = 1.0
_STORE_PAUSE_SECONDS = 2.0
_LEASE_MARGIN_MS = 5_000
"""A lease must outlast the attempt by this much: its end still has to be written."""


class Attempt(Struct, frozen=True):
    """How one attempt ended: what it means, and the answer's status (None: there was none)."""

    meaning: Meaning
    status: int | None = None


class Teller(Struct, frozen=True, kw_only=True):
    """What it takes to tell somebody once."""

    options: Notifiers
    notifiers: Mapping[str, Notifier]
    """By the `type` of definitions."""
    sender: Sender
    now: Callable[[], int]

    def secrets_of(self, definition: NotifierDefinition) -> Sequence[str]:
        """Raises Unfit where the definition names a secret that the settings do not have."""
        if definition.secret is None:
            return ()
        found = self.options.secrets.get(definition.secret, ())
        if not found or not all(found):
            raise Unfit(f"no secret is set as notifiers.secrets.{definition.secret}")
        return found

    def notifier_of(self, definition: NotifierDefinition) -> Notifier:
        """Raises Unfit where no plugin offers the type."""
        notifier = self.notifiers.get(definition.type)
        if notifier is None:
            known = ", ".join(sorted(self.notifiers)) or "none"
            raise Unfit(f"no plugin offers notifiers of type {definition.type!r} (there are: {known})")
        return notifier

    def fault_of(self, definition: NotifierDefinition) -> str | None:
        """Why nothing can be sent with a definition; None where it can."""
        try:
            self.notifier_of(definition).check(definition, self.secrets_of(definition))
        except Unfit as error:
            return scrubbed(error.reason, self.options.secrets.get(definition.secret or "", ()))
        except Exception as error:  # noqa: BLE001 (as in `tell`; told to whoever asked)
            return _fault(error)
        return None

    async def tell(self, notice: Notice, definition: NotifierDefinition) -> Attempt:
        """Tell a notifier once. Never raises but for being cancelled; reasons hold no secret."""
        secrets: Sequence[str] = ()
        hidden: Sequence[str] = ()
        try:
            notifier, secrets = self.notifier_of(definition), self.secrets_of(definition)
            now = self.now()
            what = notifier.send(notice, definition, secrets, now)
            hidden = hidden_in(what)
            answer = await self.sender.send(what, notice.id, now)
            attempt = Attempt(notifier.meaning(answer), answer.status)
        except Unfit as error:
            attempt = Attempt(Later(error.reason))
        except NoAnswer as error:
            attempt = Attempt(Later(str(error)))
        except Exception as error:  # noqa: BLE001 (a plugin's fault, whatever it is, is this delivery's; said loudly)
            fault = _fault(error)
            log.error("a fault in a notifier", notifier=definition.id, type=definition.type, fault=fault,
                      next="look at the notifier's plugin")  # fmt: skip
            attempt = Attempt(Later(fault))
        meaning = attempt.meaning
        if isinstance(meaning, Later | Never):
            password = () if self.options.smtp.password is None else (self.options.smtp.password,)
            reason = scrubbed(meaning.reason, [*secrets, *hidden, *password])
            meaning = replace(meaning, reason=reason)
        return replace(attempt, meaning=meaning)


def _fault(error: BaseException) -> str:
    """What was raised, and where. Its message is left out: nobody knows what a plugin puts there."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {trace.tb_frame.f_code.co_name}:{trace.tb_lineno}"
    return f"a fault in the notifier: {type(error).__name__}{where}"


class Lane:
    """Works one notifier's queue. `definition` gives it as it stands now; None: it is gone, or disabled."""

    def __init__(
        self,
        id: str,
        definition: Callable[[], NotifierDefinition | None],
        queue: Queue,
        teller: Teller,
        metrics: NotifyMetrics,
    ) -> None:
        self.id = id
        self._definition = definition
        self._queue = queue
        self._teller = teller
        self._metrics = metrics
        self._under_way: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something was queued."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what is under way then is brought to its end."""
        try:
            while not stop.is_set():
                await self._wait(stop, await self._take())
                self._raise_faults()
            if self._under_way:
                await asyncio.wait(self._under_way)
            self._raise_faults()
        finally:
            await end(self._under_way)

    async def _take(self) -> float:
        """Take what is due, as far as there is room; how long to wait then, in seconds."""
        self._woken.clear()
        room = self._teller.options.concurrency - len(self._under_way)
        if room <= 0:
            return _IDLE_SECONDS
        now = self._teller.now()
        lease_ms = self._teller.options.timeout_seconds * 1_000 + _LEASE_MARGIN_MS
        try:
            taken = await self._queue.take(self.id, now, lease_ms=lease_ms, limit=room)
        except StoreUnreachable as error:
            log.warning("queue unreachable", notifier=self.id, reason=error.reason,
                        next=f"asked again in {_STORE_PAUSE_SECONDS:g} s")  # fmt: skip
            return _STORE_PAUSE_SECONDS
        for leased in taken.leased:
            self._under_way.add(asyncio.create_task(self._deliver(leased)))
        if taken.next_due is None:
            return _IDLE_SECONDS
        # Others (a replay, another process) queue too: never away for longer than this.
        return min(_IDLE_SECONDS, max(0.0, (taken.next_due - now) / 1_000))

    async def _wait(self, stop: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (stop, self._woken)]
        is_full = len(self._under_way) >= self._teller.options.concurrency
        try:
            watched: set[asyncio.Task[None]] | set[asyncio.Task[bool]] = self._under_way if is_full else set()
            await asyncio.wait({*waits, *watched}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()

    def _raise_faults(self) -> None:
        done = {task for task in self._under_way if task.done()}
        self._under_way -= done
        for task in done:
            task.result()

    async def _deliver(self, leased: Leased) -> None:
        definition = self._definition()
        if definition is None:
            return  # the lease ends by itself, and it waits for the notifier to come back
        try:
            notice = notice_of(event_in(leased), leased.event)
        except UnreadableAlert as error:
            attempt = Attempt(Never(f"queued by another version of the tracker: {error}"))
        else:
            attempt = await self._teller.tell(notice, definition)
        stands = after(leased.delivery, attempt, self._teller.now(), self._queue.keeping.give_up_ms, random.random())  # noqa: S311 (spreads load)
        await self._settle(leased, stands)

    async def _settle(self, leased: Leased, stands: Delivery) -> None:
        try:
            ours = await self._queue.settle(leased, stands, self._teller.now())
        except StoreUnreachable as error:
            log.warning("end of an attempt not written", notifier=self.id, id=stands.id, reason=error.reason,
                        next="sent again with the same id when the lease ends")  # fmt: skip
            return
        outcome = ("later" if stands.status == "waiting" else stands.status) if ours else "lost"
        self._metrics.attempts.labels(self.id, outcome).inc()
        if outcome == "failed":
            log.error("notice not delivered", notifier=self.id, id=stands.id, attempts=stands.attempts,
                      status=stands.last_status, reason=stands.last_error,
                      next=f"put it right, then: tracker notifiers replay {self.id} {stands.id}")  # fmt: skip
        elif outcome == "later":
            log.warning("notice not delivered yet", notifier=self.id, id=stands.id, attempts=stands.attempts,
                        status=stands.last_status, reason=stands.last_error, again_at=stands.next_at)  # fmt: skip


def after(delivery: Delivery, attempt: Attempt, now: int, give_up_ms: int, dice: float) -> Delivery:
    """How a delivery stands after an attempt. Pure."""
    tried = replace(
        delivery, attempts=delivery.attempts + 1, last_at=now, last_status=attempt.status, next_at=None, last_error=""
    )
    match attempt.meaning:
        case Delivered():
            return replace(tried, status="delivered")
        case Never(reason):
            return replace(tried, status="failed", last_error=reason)
        case Later(reason, wait_ms):
            next_at = now + max(pause_ms(tried.attempts, dice), wait_ms or 0)
            if next_at - delivery.since > give_up_ms:
                given_up = f"{reason} (given up after {tried.attempts} attempts)"
                return replace(tried, status="failed", last_error=given_up)
            return replace(tried, status="waiting", next_at=next_at, last_error=reason)
