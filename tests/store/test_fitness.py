"""A wrong server is refused at start, and the refusal says what to do."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from tests.harness.redis import RedisCluster
from tests.store.contract import GLOW, SEVEN, first
from tracker.embedded.process import free_port
from tracker.embedded.redis import RedisServer
from tracker.store.base import UnfitStore
from tracker.store.fitness import check_version
from tracker.store.redis import RedisStore


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
async def test_a_policy_that_may_evict_is_refused_with_the_command_that_cures_it(
    redis_server: Callable[..., RedisServer], policy: str
) -> None:
    server = redis_server(options={"maxmemory-policy": policy})
    store = await RedisStore.connect(server.url)
    with pytest.raises(UnfitStore, match=f"{policy}.*CONFIG SET maxmemory-policy noeviction"):
        await store.check()
    with Redis.from_url(server.url) as client:
        client.config_set("maxmemory-policy", "noeviction")
    await store.check()
    await store.close()


async def test_one_evicting_node_makes_a_cluster_unfit(redis_cluster: RedisCluster) -> None:
    store = await RedisStore.connect(redis_cluster.url, cluster=True)
    with Redis.from_url(redis_cluster.nodes[2].url) as client:
        client.config_set("maxmemory-policy", "allkeys-lfu")
        try:
            with pytest.raises(UnfitStore, match=f":{redis_cluster.nodes[2].port} may evict"):
                await store.check()
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    await store.check()
    await store.close()


async def test_a_cluster_taken_for_a_single_server_is_refused(redis_cluster: RedisCluster) -> None:
    with pytest.raises(UnfitStore, match="TRACKER_REDIS__CLUSTER=true"):
        await RedisStore.connect(redis_cluster.url)


async def test_a_single_server_taken_for_a_cluster_is_refused(redis_url: str) -> None:
    with pytest.raises(UnfitStore, match="TRACKER_REDIS__CLUSTER=false"):
        await RedisStore.connect(redis_url, cluster=True)


async def test_a_cluster_with_a_database_other_than_0_is_refused(redis_cluster: RedisCluster) -> None:
    with pytest.raises(UnfitStore, match="database 0"):
        await RedisStore.connect(redis_cluster.url.removesuffix("/0") + "/3", cluster=True)


async def test_a_cluster_with_a_slot_that_nobody_serves_is_refused(redis_server: Callable[..., RedisServer]) -> None:
    options = {"cluster-enabled": "yes", "cluster-config-file": "nodes.conf", "cluster-port": str(free_port())}
    server = redis_server(options=options)
    with Redis.from_url(server.url) as client:
        client.execute_command("CLUSTER", "ADDSLOTS", *range(16_000))
    with pytest.raises(UnfitStore, match=r"serves 16000 of 16384 slots.*--cluster fix"):
        await RedisStore.connect(server.url, cluster=True)


@pytest.mark.parametrize("command", ["hdel", "zrem", "unlink", "sadd", "object", "evalsha", "smismember"])
async def test_a_user_who_may_not_run_a_command_of_the_scripts_is_refused_before_any_count(
    redis_url: str, command: str
) -> None:
    with Redis.from_url(redis_url) as client:
        client.acl_setuser("narrow", enabled=True, nopass=True, keys=["*"], commands=["+@all", f"-{command}"])
    store = await RedisStore.connect(redis_url.replace("redis://", "redis://narrow:any@"))
    try:
        with pytest.raises(UnfitStore, match="ACL SETUSER"):
            await store.check()
    finally:
        await store.close()
        with Redis.from_url(redis_url) as client:
            client.acl_deluser("narrow")


async def test_a_user_without_config_is_fit(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        client.acl_setuser(
            "managed", enabled=True, nopass=True, keys=["tracker:*"], commands=["+@all", "-@dangerous", "+info"]
        )
    store = await RedisStore.connect(redis_url.replace("redis://", "redis://managed:any@"))
    await store.check()
    await store.apply(SEVEN, first(increments={GLOW: {"likes": 1}}))
    await store.close()
    with Redis.from_url(redis_url) as client:
        client.acl_deluser("managed")


async def test_a_wrong_password_is_refused_at_once(redis_server: Callable[..., RedisServer]) -> None:
    server = redis_server()
    with Redis.from_url(server.url) as client:
        client.acl_setuser("someone", enabled=True, passwords=["+right"], keys=["*"], commands=["+@all"])
    with pytest.raises(UnfitStore, match="refuses our credentials"):
        await RedisStore.connect(server.url.replace("redis://", "redis://someone:wrong@"), wait_seconds=60)


@pytest.mark.parametrize(
    ("version", "valkey", "fit"), [("6.0.16", False, False), ("6.2.0", False, True), ("5", False, False)]
)
def test_versions_before_6_2_are_refused(version: str, valkey: bool, fit: bool) -> None:
    told: Any = None
    try:
        check_version(version, "127.0.0.1:1", valkey=valkey)
    except UnfitStore as unfit:
        told = str(unfit)
    assert (told is None) == fit
    assert fit or "6.2 or later" in told
