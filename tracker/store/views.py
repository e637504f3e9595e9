"""Views: whole sets of counters beside each other in one Redis, one of them active.

1. The pointer `<prefix>:view` names the active view; while it is missing, the first view is active.
2. Switching is one step, and only from the view one believes is active.
3. The active view is never dropped. Dropping goes in small steps, so that the server stays responsive.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from redis.asyncio import RedisCluster

from tracker.store import keys
from tracker.store.client import AnyRedis, script

_SWITCH = script("switch")
_STEP = 500


class ViewMoved(Exception):
    """Somebody else switched the view meanwhile. Nothing was changed."""

    def __init__(self, expected: str, active: str, wanted: str) -> None:
        super().__init__(
            f"The active view is {active}, not {expected}: it was switched meanwhile, "
            f"and {wanted} was not made active. "
            "Look at both (tracker status) before you switch again."
        )
        self.expected = expected
        self.active = active
        self.wanted = wanted


class ViewInUse(Exception):
    """The active view holds the counters that everybody reads: it is not dropped."""

    def __init__(self, view: str) -> None:
        super().__init__(
            f"{view} is the active view, and was not dropped. Switch to another one first (tracker rebuild)."
        )
        self.view = view


async def active_view(client: AnyRedis, prefix: str) -> str:
    """Raises what redis-py raises."""
    name: Any = await client.get(keys.pointer(prefix))
    return keys.DEFAULT_VIEW if name is None else str(name, "utf-8")


async def switch_view(client: AnyRedis, prefix: str, *, expected: str, to: str) -> None:
    """Make `to` the active view if `expected` still is. Raises ViewMoved; ValueError for an impossible name."""
    keys.Keys(prefix, to)
    active: bytes = await _SWITCH.run(client, [keys.pointer(prefix)], [expected, to, keys.DEFAULT_VIEW])
    if active.decode() != to:
        raise ViewMoved(expected, active.decode(), to)


async def views(client: AnyRedis, prefix: str) -> list[str]:
    """The views that hold anything, sorted. Looks at all keys, in steps: for people, not for a hot path."""
    found = {keys.view_of(key.decode()) async for part in _scan(client, keys.cursors(prefix)) for key in part}
    return sorted(found)


async def drop_view(client: AnyRedis, prefix: str, view: str, on_step: Callable[[int], None] | None = None) -> int:
    """Remove a view that is not active. Raises ViewInUse.

    Returns how many keys went; `on_step` is told the number so far.
    """
    if view == await active_view(client, prefix):
        raise ViewInUse(view)
    gone = 0
    async for part in _scan(client, keys.Keys(prefix, view).glob()):
        pipeline = client.pipeline(transaction=False)
        for key in part:
            pipeline.execute_command("UNLINK", key)  # a cluster pipeline refuses `unlink` itself
        gone += sum(await pipeline.execute())
        if on_step is not None:
            on_step(gone)
    return gone


async def _scan(client: AnyRedis, pattern: str) -> AsyncIterator[list[bytes]]:
    nodes: list[dict[str, Any]] = [{}]
    if isinstance(client, RedisCluster):
        nodes = [{"target_nodes": node} for node in client.get_primaries()]
    for node in nodes:
        cursor: Any = 0
        while True:
            answer: Any = await client.execute_command("SCAN", cursor, "MATCH", pattern, "COUNT", _STEP, **node)
            cursor, part = answer
            cursor = next(iter(cursor.values())) if isinstance(cursor, dict) else int(cursor)  # a cluster's: by node
            if part:
                yield part
            if not cursor:
                break
