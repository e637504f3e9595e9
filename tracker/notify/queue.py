"""What is to be told, by notifier: the queue and the delivery log, in Redis.

1. A delivery is one event to one notifier; its id is the event's. One that is known is not queued again.
2. Whoever takes a delivery has it under a lease. If they die, the lease ends and another takes it: nothing is lost, and
   what was sent just before is sent again with the same id.
3. How an attempt ended is written by the one who holds the lease, or not at all.
4. What has ended is kept as the delivery log, so many and for so long; what waits is never trimmed, and what comes when
   too many wait is written down as failed.
5. No secret, no address and no body of an answer stands here: the event, numbers, and reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tracker.codec import alerts as codec
from tracker.codec.alerts import AlertEvent
from tracker.domain.events import Instant
from tracker.store import keys
from tracker.store.client import AnyRedis, Script, ask

Status = Literal["waiting", "delivered", "failed"]
_DAY_MS = 86_400_000
_READ_AT_ONCE = 500


def _script(name: str) -> Script:
    source = files("tracker.notify").joinpath(f"{name}.lua").read_bytes()
    return Script(name, source, sha1(source, usedforsecurity=False).hexdigest())


_PUT, _TAKE, _SETTLE, _REPLAY = (_script(name) for name in ("put", "take", "settle", "replay"))


class Delivery(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the delivery of one event to one notifier stands.

    `since` is when it was queued, or queued again by a replay: tries are given up some time after it. `attempts` are
    those whose end is known. `status` waiting: due at `next_at`. `last_status` is the last answer's (HTTP status, reply
    code of a mail server), None where there was none; `last_error` says what was wrong with it.
    """

    id: str
    notifier: str
    alert: str
    type: str
    campaign: str
    queued_at: Instant
    since: Instant
    status: Status = "waiting"
    attempts: int = 0
    next_at: Instant | None = None
    last_at: Instant | None = None
    last_status: int | None = None
    last_error: str = ""


class Leased(Struct, frozen=True):
    """A delivery taken, its event as it stood in the topic, and when the lease ends."""

    delivery: Delivery
    event: bytes
    until: Instant


class Taken(Struct, frozen=True):
    """What was due, and when the next one is (None: nothing waits)."""

    leased: tuple[Leased, ...]
    next_due: Instant | None


class Keeping(Struct, frozen=True, kw_only=True):
    """How much is kept for each notifier."""

    waiting: int = 10_000
    entries: int = 1_000
    days: int = 30
    give_up_ms: int = 72 * 3_600_000

    @property
    def expires_ms(self) -> int:
        """After so long without anything new nothing of a notifier can still be wanted."""
        return self.days * _DAY_MS + self.give_up_ms + _DAY_MS


_delivery = msgspec.json.Decoder(Delivery)
_encode = msgspec.json.Encoder().encode


class Queue:
    """Queue and log of all notifiers. Everything raises StoreUnreachable; time is an argument."""

    def __init__(self, client: AnyRedis, address: str, prefix: str, keeping: Keeping | None = None) -> None:
        self._client = client
        self._address = address
        self._prefix = prefix
        self.keeping = keeping or Keeping()

    async def put(self, notifier: str, event: AlertEvent, value: bytes, now: Instant) -> bool:
        """Queue an event (`value`: as it stood in the topic) for a notifier; False: it is known already."""
        alert = event.data
        waiting = Delivery(
            id=event.id,
            notifier=notifier,
            alert=alert.id,
            type=event.type,
            campaign=alert.campaign,
            queued_at=now,
            since=now,
            next_at=now,
        )
        too_many = f"{self.keeping.waiting} notices wait for this notifier already: see why none gets through"
        refused = replace(waiting, status="failed", next_at=None, last_error=too_many)
        arguments = [event.id, alert.id, _encode(waiting), _encode(refused), value, now, self.keeping.waiting]
        key = keys.notified(self._prefix)
        await ask(self._address, lambda: self._client.execute_command("SADD", key, notifier))
        return bool(await self._run(_PUT, notifier, [*arguments, self.keeping.expires_ms]))

    async def take(self, notifier: str, now: Instant, *, lease_ms: int, limit: int) -> Taken:
        """Take what is due, the longest due first."""
        until = now + lease_ms
        # Where an answer was lost this takes others, and the first ones' leases end by themselves.
        answer: list[bytes] = await self._run(_TAKE, notifier, [now, until, limit], number=3)
        rest = iter(answer[1:])
        leased = tuple(
            Leased(_delivery.decode(state), event, until) for _, state, event in zip(rest, rest, rest, strict=True)
        )
        return Taken(leased, int(float(answer[0])) if answer[0] else None)

    async def settle(self, leased: Leased, stands: Delivery, now: Instant) -> bool:
        """Write down how an attempt ended; False: the lease had ended, and it is somebody else's."""
        due = "" if stands.next_at is None else stands.next_at
        oldest = now - self.keeping.days * _DAY_MS
        arguments = [stands.id, leased.until, _encode(stands), due, now, self.keeping.entries, oldest]
        return bool(await self._run(_SETTLE, stands.notifier, [*arguments, self.keeping.expires_ms]))

    async def was_told(self, notifier: str, alert: str) -> bool:
        """Whether anything of this episode was ever queued for a notifier."""
        key = keys.of_notifier(self._prefix, notifier)[4]
        return await ask(self._address, lambda: self._client.execute_command("ZSCORE", key, alert)) is not None

    async def replay(self, notifier: str, id: str, now: Instant) -> bool:
        """Queue a delivery again, at once and with the same id; False: there is none that has ended."""
        key = keys.of_notifier(self._prefix, notifier)[0]
        read: Any = await ask(self._address, lambda: self._client.execute_command("HGET", key, id))
        return read is not None and await self._again(read, now)

    async def replay_failed(self, notifier: str, now: Instant) -> int:
        """Queue all that failed again; how many they were."""
        again = 0
        for _, read in await self._all(notifier):
            if _delivery.decode(read).status == "failed":
                again += await self._again(read, now)
        return again

    async def log(self, notifier: str, *, limit: int = 100) -> list[Delivery]:
        """The newest deliveries, waiting ones among them, the newest first."""
        found = [_delivery.decode(read) for _, read in await self._all(notifier)]
        return sorted(found, key=lambda each: (each.queued_at, each.id), reverse=True)[:limit]

    async def notifiers(self) -> list[str]:
        """Every notifier that has, or had, a log; sorted."""
        key = keys.notified(self._prefix)
        found: Any = await ask(self._address, lambda: self._client.execute_command("SMEMBERS", key))
        return sorted(each.decode() for each in found)

    async def waiting(self, notifier: str) -> int:
        """How many wait."""
        key = keys.of_notifier(self._prefix, notifier)[2]
        return int(await ask(self._address, lambda: self._client.execute_command("ZCARD", key)))

    async def _again(self, read: bytes, now: Instant) -> bool:
        known = _delivery.decode(read)
        if known.status == "waiting":
            return False
        stands = replace(known, status="waiting", since=now, next_at=now)
        return bool(await self._run(_REPLAY, known.notifier, [known.id, read, _encode(stands), now], number=4))

    async def _all(self, notifier: str) -> list[tuple[bytes, bytes]]:
        """Id and state of each delivery, read in parts so that no answer is large."""
        key, cursor = keys.of_notifier(self._prefix, notifier)[0], b"0"
        found: dict[bytes, bytes] = {}
        while True:
            part = ("HSCAN", key, cursor, "COUNT", _READ_AT_ONCE)
            cursor, pairs = await ask(self._address, lambda part=part: self._client.execute_command(*part))  # type: ignore[misc]
            found.update(pairs if isinstance(pairs, dict) else zip(pairs[::2], pairs[1::2], strict=True))
            if int(cursor) == 0:
                return list(found.items())

    async def _run(self, script: Script, notifier: str, arguments: Sequence[Any], *, number: int = 5) -> Any:
        places = keys.of_notifier(self._prefix, notifier)[:number]
        return await ask(self._address, lambda: script.run(self._client, places, list(arguments)))


def event_in(leased: Leased) -> AlertEvent:
    """The event of a delivery. Raises UnreadableAlert (another version of the tracker queued it)."""
    return codec.decode(leased.event)
