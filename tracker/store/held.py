"""Which platforms may not be asked, until when, and why: told by the pollers, read by whoever judges the pipeline.

What was told last stands. It is a hint for people: what a poller may ask is decided by itself and the shared budget.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from tracker.domain.events import Instant
from tracker.domain.facts import QuotaFacts
from tracker.store import keys
from tracker.store.client import AnyRedis, ask

Why = Literal["quota", "rate", "token"]


class Hold(Struct, frozen=True, kw_only=True):
    """A platform is left alone until `until`; told at `at`."""

    until: Instant
    reason: Why
    at: Instant


_hold = msgspec.json.Decoder(Hold)
_encode = msgspec.json.Encoder().encode


class Holds:
    """The holds of an installation, in Redis. Raises StoreUnreachable."""

    def __init__(self, client: AnyRedis, address: str, prefix: str) -> None:
        self._client = client
        self._address = address
        self._key = keys.held(prefix)

    async def tell(self, platform: str, hold: Hold) -> None:
        value = _encode(hold)
        await ask(self._address, lambda: self._client.execute_command("HSET", self._key, platform, value))

    async def read(self) -> list[QuotaFacts]:
        """Every platform that was ever held; one whose hold is over still says until when it was."""
        found: Any = await ask(self._address, lambda: self._client.execute_command("HGETALL", self._key))
        pairs = found.items() if isinstance(found, dict) else zip(found[::2], found[1::2], strict=True)
        holds = ((name.decode(), _hold.decode(value)) for name, value in pairs)
        return sorted(
            (
                QuotaFacts(platform=platform, blocked_until=hold.until, reason=hold.reason, at=hold.at)
                for platform, hold in holds
            ),
            key=lambda quota: quota.platform,
        )
