"""The shelf of alerts: how each stands, and what every rule last said, for those who read (API, CLI, dashboard).

1. It is a view of the compacted topic `alerts.current` and of the last evaluation: whoever loses it loses nothing.
2. A later state (episode, serial) is never overwritten by an earlier one, whoever writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from tracker.domain.alerts import Alert, place
from tracker.domain.events import Instant
from tracker.domain.verdicts import Verdict
from tracker.store import keys
from tracker.store.client import AnyRedis, ask, script

_SHELVE = script("shelve")
_RANK = 24
_AT_ONCE = 200

_alert = msgspec.json.Decoder(Alert)
_encode = msgspec.json.Encoder().encode


class RuleSaid(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one rule said of one campaign ("" : of the pipeline) when it was last asked. `failure`: why it could not."""

    rule: str
    at: Instant
    verdicts: tuple[Verdict, ...] = ()
    failure: str | None = None


_said = msgspec.json.Decoder(RuleSaid)


class AlertShelf:
    """Reads, and for the watcher writes. Raises StoreUnreachable."""

    def __init__(self, client: AnyRedis, address: str, prefix: str) -> None:
        self._client = client
        self._address = address
        self._prefix = prefix

    async def of_campaign(self, campaign: str) -> list[Alert]:
        """Every alert of a campaign, open or resolved: the last episode of each. "" : the pipeline's."""
        key = keys.alerts(self._prefix, campaign)
        found: Any = await ask(self._address, lambda: self._client.execute_command("HGETALL", key))
        return [_alert.decode(memoryview(value)[_RANK:]) for value in _values(found)]

    async def campaigns(self) -> list[str]:
        """The campaigns that have alerts or verdicts, sorted; "" is the pipeline."""
        key = keys.alerted(self._prefix)
        found: Any = await ask(self._address, lambda: self._client.execute_command("SMEMBERS", key))
        return sorted(keys.read_alerted(name.decode()) for name in found)

    async def verdicts(self, campaign: str) -> list[RuleSaid]:
        """What each rule last said of a campaign."""
        key = keys.verdicts(self._prefix, campaign)
        found: Any = await ask(self._address, lambda: self._client.execute_command("HGETALL", key))
        return sorted((_said.decode(value) for value in _values(found)), key=lambda said: said.rule)

    async def put(self, campaign: str, alerts: Iterable[Alert]) -> None:
        """Remember how alerts stand. Of one (episode, serial) the one that is written last stays."""
        waiting = [argument for alert in alerts for argument in (place(alert), _rank(alert), b"1", _encode(alert))]
        if not waiting:
            return
        await self._note(campaign)
        key = keys.alerts(self._prefix, campaign)
        for start in range(0, len(waiting), 4 * _AT_ONCE):
            part = waiting[start : start + 4 * _AT_ONCE]
            await ask(self._address, lambda part=part: _SHELVE.run(self._client, [key], part))  # type: ignore[misc]

    async def say(self, campaign: str, said: Sequence[RuleSaid]) -> None:
        """Remember what the rules said; what a rule that is not named said before is forgotten."""
        key = keys.verdicts(self._prefix, campaign)
        wanted: Mapping[str, bytes] = {each.rule: _encode(each) for each in said}

        async def write() -> None:
            pipeline = self._client.pipeline(transaction=True)
            pipeline.execute_command("DEL", key)
            if wanted:
                pairs = [part for pair in wanted.items() for part in pair]
                pipeline.execute_command("HSET", key, *pairs)
            await pipeline.execute()

        await self._note(campaign)
        await ask(self._address, write)

    async def forget_campaign(self, campaign: str) -> None:
        """Drop what the rules said of a campaign that is gone; its alerts stay, resolved."""
        key = keys.verdicts(self._prefix, campaign)
        await ask(self._address, lambda: self._client.execute_command("DEL", key))

    async def _note(self, campaign: str) -> None:
        key, name = keys.alerted(self._prefix), keys.alerted_name(campaign)
        await ask(self._address, lambda: self._client.execute_command("SADD", key, name))


def _rank(alert: Alert) -> str:
    return f"{alert.episode:012d}{alert.serial:012d}"


def _values(answer: Any) -> list[bytes]:
    """The values of HGETALL, which answers pairs, or a mapping once redis-py has parsed it."""
    return list(answer.values()) if isinstance(answer, dict) else list(answer[1::2])
