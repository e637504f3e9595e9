"""A connection to Redis, Valkey or a Redis Cluster, and what its failures mean.

1. Commands are never sent twice by the library: a repeated apply would look like somebody else's.
2. What may be asked again (reads, leases, totals) is asked again here, a few times, and then is StoreUnreachable.
3. A server that is down at start is waited for, as long as it was said, and the one who waits is told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from hashlib import sha1
from importlib.resources import files
from typing import Any, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    NoPermissionError,
    NoScriptError,
    ReadOnlyError,
    RedisClusterException,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as ConnectionBroken
from redis.exceptions import TimeoutError as AnswerLate

from tracker.store.base import StoreUnreachable, UnfitStore

AnyRedis = Redis | RedisCluster
OnWait = Callable[[float, str], None]
"""Told while waiting: seconds left, and why the server was not reached."""

BROKEN = (ConnectionBroken, AnswerLate, OSError)
"""The connection failed: what was sent may have been done."""
TURNED_AWAY = (ClusterDownError, TryAgainError, ReadOnlyError, RedisClusterException)
"""A node answered that it cannot serve this now (failover, resharding): nothing was done."""

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 30.0
_ASK_AGAIN_AFTER = (0.05, 0.25, 1.0)
_WAIT_STEP = 1.0

T = TypeVar("T")


class Script(Struct, frozen=True):
    """A Lua script: sent by its digest, and whole only to a server that does not know it."""

    name: str
    source: bytes
    digest: str

    async def run(self, client: AnyRedis, keys: list[str], arguments: list[Any]) -> Any:
        """All `keys` must be of one slot; the first one says which node runs it. Raises what redis-py raises."""
        rest = (len(keys), *keys, *arguments)
        try:
            return await client.execute_command("EVALSHA", self.digest, *rest)
        except NoScriptError:
            return await client.execute_command("EVAL", self.source, *rest)


def script(name: str) -> Script:
    """The script in `<name>.lua` beside this module."""
    source = files("tracker.store").joinpath(f"{name}.lua").read_bytes()
    return Script(name, source, sha1(source, usedforsecurity=False).hexdigest())


def address_of(url: str) -> str:
    """Host, port and database of a Redis URL, without user and password."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}{parts.path}"


async def connect(url: str, *, cluster: bool, wait_seconds: float = 0, on_wait: OnWait | None = None) -> AnyRedis:
    """A client whose server has answered and is of the kind that was asked for.

    Raises StoreUnreachable after `wait_seconds`; UnfitStore for refused credentials, or a cluster taken for a single
    server or the reverse.
    """
    if cluster and urlsplit(url).path.strip("/") not in ("", "0"):
        raise UnfitStore(
            f"{address_of(url)}: a Redis Cluster has database 0 only: take the database off TRACKER_REDIS__URL."
        )
    single = Redis.from_url(url, **_options())
    try:
        mode = await _first_answer(single, address_of(url), wait_seconds, on_wait)
        _check_mode(mode, cluster, address_of(url))
    except BaseException:
        await single.aclose()
        raise
    if not cluster:
        return single
    await single.aclose()
    return await _connect_cluster(url)


async def ask(address: str, question: Callable[[], Awaitable[T]]) -> T:
    """Ask what may be asked again. Raises StoreUnreachable."""
    for pause in _ASK_AGAIN_AFTER:
        try:
            return await question()
        except (AuthenticationError, AuthorizationError):
            break
        except (*BROKEN, *TURNED_AWAY):
            await asyncio.sleep(pause)
    with unreachable(address):
        return await question()


@contextmanager
def unreachable(address: str) -> Iterator[None]:
    """Name failures by what they mean to the caller."""
    try:
        yield
    except (AuthenticationError, AuthorizationError, NoPermissionError) as error:
        raise UnfitStore(
            f"{address} refuses our credentials ({error}). Set user and password in the address, "
            "TRACKER_REDIS__URL=redis://user:password@host:port, or let the user do more: ACL SETUSER <user> +@all ~*"
        ) from error
    except (*BROKEN, *TURNED_AWAY) as error:
        raise StoreUnreachable(address, reason(error)) from error


def reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _options() -> dict[str, Any]:
    return {
        "decode_responses": False,
        "protocol": 2,  # the plain one, which every server and proxy of 6.2 and later speaks
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_timeout": _ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }


async def _first_answer(single: Redis, address: str, wait_seconds: float, on_wait: OnWait | None) -> str:
    started = time.monotonic()
    while True:
        try:
            with unreachable(address):
                info: dict[str, Any] = await single.info("server")
                return str(info.get("redis_mode", "standalone"))
        except StoreUnreachable as error:
            left = started + wait_seconds - time.monotonic()
            if left <= 0:
                raise StoreUnreachable(address, error.reason, wait_seconds) from error.__cause__
            if on_wait is not None:
                on_wait(left, error.reason)
            await asyncio.sleep(min(_WAIT_STEP, left))
        except ResponseError as error:
            raise UnfitStore(
                f"{address} refuses what its address asks for ({error}). Set TRACKER_REDIS__URL to a database it has; "
                "a node of a Redis Cluster has database 0 only, and needs TRACKER_REDIS__CLUSTER=true."
            ) from error


def _check_mode(mode: str, cluster: bool, address: str) -> None:
    if mode == "sentinel":
        raise UnfitStore(
            f"{address} is a Sentinel, which holds no data: set TRACKER_REDIS__URL to the primary it watches."
        )
    if mode == "cluster" and not cluster:
        raise UnfitStore(
            f"{address} is a node of a Redis Cluster, but the settings say a single server: "
            "set TRACKER_REDIS__CLUSTER=true."
        )
    if mode != "cluster" and cluster:
        raise UnfitStore(
            f"{address} is a single server, but the settings say a Redis Cluster: set TRACKER_REDIS__CLUSTER=false."
        )


async def _connect_cluster(url: str) -> RedisCluster:
    address = address_of(url)
    # Uncovered slots are found by `check`, which says which they are and what to do.
    client = RedisCluster.from_url(url, require_full_coverage=False, **_options())
    try:
        with unreachable(address):
            await client.initialize()
    except BaseException:
        await client.aclose()
        raise
    return client
