"""The store in Redis or Valkey, single or cluster.

1. Whatever must happen at one moment is one Lua script on one partition's slot; Redis runs scripts one at a time.
2. An apply is sent once. If its connection breaks, the result is unknown and the caller is told so (ApplyUnknown).
3. Everything else may be asked again and is.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Self, TypeVar

from msgspec import structs
from redis.exceptions import ResponseError

from tracker.store import keys
from tracker.store.base import (
    ApplyRefused,
    ApplyUnknown,
    Change,
    Cursor,
    Head,
    Lease,
    Loaded,
    Partition,
    Scope,
    StaleCursor,
    StoreUnreachable,
    UnfitStore,
)
from tracker.store.client import BROKEN, TURNED_AWAY, AnyRedis, OnWait, address_of, ask, connect, reason, script
from tracker.store.fitness import check_coverage, check_servers
from tracker.store.packing import packed, packed_totals
from tracker.store.views import active_view

_APPLY = script("apply")
_OPEN = script("open")
_LEASE = script("lease")
_RELEASE = script("release")
_TOTALS = script("totals")
_STEP = 500
"""Keys read in one pipeline; a longer one would hold up the server's other clients."""
_SCAN = 2_000

T = TypeVar("T")


class RedisStore:
    """Implements `tracker.store.base.Store`."""

    def __init__(self, client: AnyRedis, address: str, prefix: str, view: str) -> None:
        self.client = client
        self.address = address
        self.prefix = prefix
        self.view = view
        self._keys = keys.Keys(prefix, view)

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        cluster: bool = False,
        prefix: str = "tracker",
        view: str | None = None,
        wait_seconds: float = 0,
        on_wait: OnWait | None = None,
    ) -> Self:
        """Connect, and wait up to `wait_seconds` for a server that is down. `view` None: the active one.

        Raises StoreUnreachable, UnfitStore (wrong kind of server, refused credentials), ValueError (prefix or view).
        """
        client = await connect(url, cluster=cluster, wait_seconds=wait_seconds, on_wait=on_wait)
        try:
            address = address_of(url)
            await ask(address, lambda: check_coverage(client, address))
            if view is None:
                view = await ask(address, lambda: active_view(client, prefix))
            return cls(client, address, prefix, view)
        except BaseException:
            await client.aclose()
            raise

    async def check(self) -> None:
        await self._ask(lambda: check_servers(self.client, self.address))
        await self._try_out()

    async def open(self, partition: Partition) -> Head:
        base = self._keys.of(partition)
        names = [base + end for end in (keys.CURSOR, keys.ORIGINS, keys.DEFINITIONS, keys.MARKS, keys.SCOPES)]
        cursor, origins, definitions, marks, scopes = await self._ask(lambda: _OPEN.run(self.client, names, []))
        return Head(
            cursor=Cursor(int(cursor[0] or 0), (cursor[1] or b"").decode()),
            origins={name.decode(): value.decode() for name, value in _pairs(origins)},
            definitions={name.decode(): value for name, value in _pairs(definitions)},
            marks=_numbers(_pairs(marks)),
            scopes=frozenset(keys.read_scope(text.decode()) for text in scopes),
        )

    async def load(self, partition: Partition, pieces: Collection[str], terms: Collection[str]) -> Loaded:
        base = self._keys.of(partition)
        commands: list[tuple[Any, ...]] = [("HMGET", base + keys.PIECES, *part) for part in _parts(pieces)]
        wanted = len(commands)
        commands += [("SMEMBERS", base + keys.term(term)) for term in terms]
        answers = await self._read(commands)
        found = [piece for part in answers[:wanted] for piece in part]
        members = [frozenset(each.decode() for each in answer) for answer in answers[wanted:]]
        return Loaded(pieces=dict(zip(pieces, found, strict=True)), terms=dict(zip(terms, members, strict=True)))

    async def seen(self, partition: Partition, ids: Mapping[int, Collection[str]]) -> frozenset[str]:
        base = self._keys.of(partition)
        asked = [(day, part) for day, each in ids.items() for part in _parts(each)]
        answers = await self._read([("SMISMEMBER", base + keys.seen(day), *part) for day, part in asked])
        return frozenset(
            each
            for (_, part), flags in zip(asked, answers, strict=True)
            for each, known in zip(part, flags, strict=True)
            if known
        )

    async def apply(self, partition: Partition, change: Change) -> None:
        base = self._keys.of(partition)
        arguments = packed(base, change)
        try:
            answer = await _APPLY.run(self.client, [base + keys.CURSOR], arguments)
        except TURNED_AWAY as error:
            raise StoreUnreachable(self.address, reason(error)) from error
        except BROKEN as error:
            raise ApplyUnknown(partition, change.expected, change.next, self.address, reason(error)) from error
        except ResponseError as error:
            raise ApplyRefused(partition, change.expected, f"{self.address} says {reason(error)}") from error
        if answer[0] == 1:
            raise StaleCursor(partition, change.expected, Cursor(int(answer[1]), answer[2].decode()))
        if answer[0] == 2:
            raise ApplyRefused(partition, change.expected, answer[1].decode())

    async def partials(self, partition: Partition) -> Mapping[Scope, Mapping[str, int]]:
        base = self._keys.of(partition)
        scopes = sorted(await self.scopes(partition))
        answers = await self._read([("HGETALL", base + keys.partial(scope)) for scope in scopes])
        return {scope: _numbers(answer.items()) for scope, answer in zip(scopes, answers, strict=True) if answer}

    async def partial(self, partition: Partition, scope: Scope) -> Mapping[str, int]:
        return await self._hash(self._keys.of(partition) + keys.partial(scope))

    async def freshness(self, partition: Partition, scope: Scope) -> Mapping[str, int]:
        return await self._hash(self._keys.of(partition) + keys.fresh(scope))

    async def scopes(self, partition: Partition) -> frozenset[Scope]:
        [members] = await self._read([("SMEMBERS", self._keys.of(partition) + keys.SCOPES)])
        return frozenset(keys.read_scope(text.decode()) for text in members)

    async def series(self, partition: Partition, scope: Scope, *, unit: str) -> Mapping[str, int]:
        """Read in steps: a month of minutes in one answer would hold up the server's other clients."""
        key = self._keys.of(partition) + {"minute": keys.minutes, "hour": keys.hours}[unit](scope)
        fields: dict[str, int] = {}
        cursor = 0
        while True:
            [[cursor, part]] = await self._read([("HSCAN", key, cursor, "COUNT", _SCAN)])
            fields |= _numbers(part.items())
            if not cursor:
                return fields

    async def lease(self, partition: Partition, *, now: int, limit: int, lease_ms: int) -> Sequence[Lease]:
        names, until = self._schedule(partition), now + lease_ms
        taken = await self._ask(lambda: _LEASE.run(self.client, names, [now, limit, until]))
        return [Lease(partition, item.decode(), int(float(due)), until) for item, due in _pairs(taken)]

    async def release(self, lease: Lease, *, due: int) -> None:
        names = self._schedule(lease.partition)
        await self._ask(lambda: _RELEASE.run(self.client, names, [lease.item, lease.until, due]))

    async def write_totals(self, campaign: str, totals: Mapping[Scope, Mapping[str, int]]) -> None:
        base = self._keys.of_campaign(campaign)
        packed_up = packed_totals({keys.total(scope.who): fields for scope, fields in totals.items()})
        await self._ask(lambda: _TOTALS.run(self.client, [base + keys.TOTALS], [base, packed_up]))

    async def totals(self, campaign: str) -> Mapping[Scope, Mapping[str, int]]:
        base = self._keys.of_campaign(campaign)
        [names] = await self._read([("SMEMBERS", base + keys.TOTALS)])
        ends = sorted(name.decode() for name in names)
        answers = await self._read([("HGETALL", base + end) for end in ends])
        return {
            Scope(campaign, keys.read_total(end)): _numbers(answer.items())
            for end, answer in zip(ends, answers, strict=True)
        }

    async def close(self) -> None:
        await self.client.aclose()

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        return await ask(self.address, question)

    async def _read(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        answers: list[Any] = []
        for part in _parts(commands):
            answers += await self._ask(lambda: self._pipelined(part))  # noqa: B023 - awaited at once
        return answers

    async def _pipelined(self, commands: Iterable[tuple[Any, ...]]) -> list[Any]:
        pipeline = self.client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return await pipeline.execute()

    async def _hash(self, key: str) -> dict[str, int]:
        [answer] = await self._read([("HGETALL", key)])
        return _numbers(answer.items())

    def _schedule(self, partition: Partition) -> list[str]:
        base = self._keys.of(partition)
        return [base + keys.DUE, base + keys.LEASES, base + keys.LEASED]

    async def _try_out(self) -> None:
        """Run the scripts in a partition of their own: a user who may not run one of their commands is found now."""
        partition, scope = Partition("check", secrets.randbits(48)), Scope("check")
        start, middle, end = Cursor(), Cursor(1, "check"), Cursor(2, "check")
        fields = {scope: {f"field-{number}": 1 for number in range(100)}}
        there = Change(expected=start, next=middle, pieces={"a": b"1"}, increments=fields, fresh={scope: {"a": 1}})
        there = structs.replace(there, term_adds={"t": {"a"}}, due={"a": 1, "b": 1}, seen={1: {"a"}}, marks={"a": 1})
        gone = {scope: dict.fromkeys(fields[scope], -1)}
        back = Change(expected=middle, next=end, pieces={"a": None}, increments=gone, forget_days_before=2)
        back = structs.replace(back, term_drops={"t": {"a"}}, due={"a": None, "b": None})
        base = self._keys.of(partition)
        left = [base + suffix for suffix in (keys.CURSOR, keys.SCOPES, keys.MARKS, keys.fresh(scope))]
        try:
            await self.apply(partition, there)
            for lease in await self.lease(partition, now=1, limit=1, lease_ms=1):
                await self.release(lease, due=1)
            await self.seen(partition, {1: ["a"]})
            await self.load(partition, ["a"], ["t"])
            await self.series(partition, scope, unit="hour")
            await self.apply(partition, back)
            await self._read([("UNLINK", *left)])
        except (ApplyRefused, ResponseError) as error:
            raise UnfitStore(
                f"{self.address} does not let us write a trial batch: {error} The user needs: "
                f"ACL SETUSER <user> ~{self.prefix}:* +@all -@dangerous +info +cluster"
            ) from error


def _pairs(flat: Sequence[Any]) -> Iterable[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _numbers(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, int]:
    return {name.decode(): int(value) for name, value in fields}


def _parts(whole: Collection[T]) -> list[list[T]]:
    every = list(whole)
    return [every[start : start + _STEP] for start in range(0, len(every), _STEP)]
