"""A platform's requests a minute, shared by all pollers of an installation.

1. In no minute are more requests granted than the platform's `requests_per_minute`, by however many pollers.
2. What is not granted is answered with how long to wait; nothing is taken then.
"""

from __future__ import annotations

from hashlib import sha1
from importlib.resources import files
from typing import Protocol

from tracker.store import keys
from tracker.store.client import AnyRedis, Script, ask

# A tenth of the allowance may be used at once: batches become due together.
_BURST_SHARE = 10


class Budget(Protocol):
    """Who says whether a request may be made now."""

    async def take(self, platform: str, per_minute: int, cost: int) -> int:
        """Take `cost` requests; 0 when granted, else the ms after which to ask again."""
        ...


class SharedBudget:
    """The allowance in Redis. Raises StoreUnreachable where Redis does not answer."""

    def __init__(self, client: AnyRedis, address: str, prefix: str) -> None:
        source = files("tracker.ingest").joinpath("budget.lua").read_bytes()
        self._script = Script("budget", source, sha1(source, usedforsecurity=False).hexdigest())
        self._client = client
        self._address = address
        self._prefix = prefix

    async def take(self, platform: str, per_minute: int, cost: int) -> int:
        """Asked again after a broken connection, a cost may be taken twice: never too many requests."""
        key = keys.quota(self._prefix, platform)
        size = max(1, per_minute // _BURST_SHARE)
        return int(await ask(self._address, lambda: self._script.run(self._client, [key], [per_minute, size, cost])))
