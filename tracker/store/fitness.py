"""Whether a server can be trusted with counters.

1. It never evicts: an evicted key is a lost count. The policy must be `noeviction` on every node, even while
   `maxmemory` is 0, for that may be set at any time.
2. It is Redis 6.2 or later, or Valkey; a cluster serves all of its slots.
3. We may run every command that the scripts use: a command refused half-way through a script would leave half a batch.
"""

from __future__ import annotations

import re
from typing import Any

from redis.asyncio import RedisCluster
from redis.exceptions import ResponseError

from tracker.store.base import UnfitStore
from tracker.store.client import AnyRedis

OLDEST = (6, 2)
SLOTS = 16_384


async def check_servers(client: AnyRedis, address: str) -> None:
    """Raises UnfitStore with the command that puts it right; what redis-py raises when a node cannot be reached."""
    if isinstance(client, RedisCluster):
        await check_coverage(client, address)
        for node in client.get_nodes():
            await _check_node(client, f"{node.host}:{node.port}", {"target_nodes": node})
    else:
        await _check_node(client, address, {})


async def check_coverage(client: AnyRedis, address: str) -> None:
    """Raises UnfitStore if a cluster has slots that no node serves. A single server has no slots to miss."""
    if not isinstance(client, RedisCluster):
        return
    told = await client.execute_command("CLUSTER INFO", target_nodes=client.get_default_node())
    info = told if isinstance(told, dict) else dict(line.split(":", 1) for line in told.decode().split())
    covered = int(info["cluster_slots_ok"])
    if covered < SLOTS:
        host = address.partition("/")[0]
        raise UnfitStore(
            f"The cluster at {address} serves {covered} of {SLOTS} slots, so some partitions have no home. "
            f"Start the nodes that are down, or look with: redis-cli --cluster check {host}, and mend with: "
            f"redis-cli --cluster fix {host}"
        )


async def _check_node(client: AnyRedis, address: str, target: dict[str, Any]) -> None:
    server = await _info(client, "server", target)
    check_version(str(server.get("redis_version", "0")), address, valkey="valkey_version" in server)
    policy = (await _info(client, "memory", target)).get("maxmemory_policy") or await _configured_policy(client, target)
    if policy is None:
        raise UnfitStore(
            f"{address} tells neither by INFO memory nor by CONFIG GET whether it may evict keys, and an evicted key "
            "is a lost count. Allow one of the two: ACL SETUSER <user> +info"
        )
    if policy != "noeviction":
        raise UnfitStore(
            f"{address} may evict keys (maxmemory-policy {policy}), and an evicted key is a lost count. "
            "Run: redis-cli CONFIG SET maxmemory-policy noeviction (and set it in its configuration file)."
        )


def check_version(version: str, address: str, *, valkey: bool) -> None:
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST and not valkey:
        raise UnfitStore(
            f"{address} is Redis {version}: 6.2 or later is needed, or any Valkey. "
            "Upgrade it, or point TRACKER_REDIS__URL elsewhere."
        )


async def _info(client: AnyRedis, section: str, target: dict[str, Any]) -> dict[str, Any]:
    told: Any = await client.execute_command("INFO", section, **target)
    return told if isinstance(told, dict) else {}


async def _configured_policy(client: AnyRedis, target: dict[str, Any]) -> str | None:
    try:
        told: Any = await client.execute_command("CONFIG GET", "maxmemory-policy", **target)
    except ResponseError:
        return None  # managed servers refuse CONFIG
    pairs = told.items() if isinstance(told, dict) else zip(told[::2], told[1::2], strict=True)
    return next((_text(value) for name, value in pairs if _text(name) == "maxmemory-policy"), None)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
