"""What only a Redis can do wrong: damaged keys, forgotten scripts, lost connections."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.store.contract import ANA, GLOW, SEVEN, first, then
from tests.store.servers import FrailLine, Lost
from tracker.embedded.redis import RedisServer
from tracker.store import keys
from tracker.store.base import ApplyRefused, ApplyUnknown, Cursor, StoreUnreachable
from tracker.store.redis import RedisStore


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisStore]:
    store = await RedisStore.connect(redis_url)
    yield store
    await store.close()


@pytest.fixture
async def raw(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


BASE = keys.Keys("tracker", "v1").of(SEVEN)
EVERYTHING: dict[str, Any] = {
    "pieces": {"a": b"1", "b": None},
    "increments": {GLOW: {"likes": 1}, ANA: {f"f{n}": 1 for n in range(60)}},
    "minutes": {GLOW: {"likes@1": 1}},
    "hours": {GLOW: {"likes@1": 1}},
    "fresh": {GLOW: {"poll": 1}},
    "definitions": {"link:a": b"{}"},
    "origins": {"log/0": "1/1"},
    "marks": {"observed": 1},
    "term_adds": {"joined": {"a"}},
    "term_drops": {"left": {"a"}},
    "due": {"i": 1, "j": None},
    "seen": {5: {"r"}},
    "forget_days_before": 3,
}
TOUCHED = [
    keys.CURSOR,
    keys.ORIGINS,
    keys.DEFINITIONS,
    keys.MARKS,
    keys.SCOPES,
    keys.PIECES,
    keys.DAYS,
    keys.DUE,
    keys.LEASES,
    keys.LEASED,
    keys.partial(GLOW),
    keys.partial(ANA),
    keys.minutes(GLOW),
    keys.hours(GLOW),
    keys.fresh(GLOW),
    keys.term("joined"),
    keys.term("left"),
    keys.seen(5),
]


@pytest.mark.parametrize("suffix", TOUCHED)
async def test_a_key_of_a_wrong_type_refuses_the_apply_and_changes_nothing(
    store: RedisStore, raw: Redis, suffix: str
) -> None:
    await raw.rpush(BASE + suffix, "planted")
    with pytest.raises(ApplyRefused) as refused:
        await store.apply(SEVEN, first(**EVERYTHING))
    assert refused.value.reason.startswith(f"the key {BASE + suffix} holds a list where a ")
    assert await raw.keys() == [(BASE + suffix).encode()]
    assert await raw.lrange(BASE + suffix, 0, -1) == [b"planted"]


@pytest.mark.parametrize("value", ["many", "1.5", "", "nan", "inf"])
@pytest.mark.parametrize("kind", [keys.partial(GLOW), keys.minutes(GLOW), keys.fresh(GLOW)])
async def test_a_field_that_is_no_integer_refuses_the_apply_and_changes_nothing(
    store: RedisStore, raw: Redis, kind: str, value: str
) -> None:
    for field in ("likes", "likes@1", "poll"):
        await raw.hset(BASE + kind, field, value)
    before = await raw.hgetall(BASE + kind)
    with pytest.raises(ApplyRefused):
        await store.apply(SEVEN, first(**EVERYTHING))
    assert await raw.keys() == [(BASE + kind).encode()]
    assert await raw.hgetall(BASE + kind) == before


async def test_a_server_without_memory_refuses_the_apply_and_changes_nothing(
    redis_server: Callable[..., RedisServer],
) -> None:
    server = redis_server()
    store = await RedisStore.connect(server.url)
    await store.apply(SEVEN, first(pieces={"b": b"2"}, increments={GLOW: {"likes": 1}}))
    client: Any = store.client
    await client.config_set("maxmemory", 1)
    with pytest.raises(ApplyRefused, match="maxmemory"):
        await store.apply(SEVEN, then(1, **EVERYTHING))
    await client.config_set("maxmemory", 0)
    assert (await store.open(SEVEN)).cursor.next_offset == 1
    assert (await store.load(SEVEN, ["a", "b"], [])).pieces == {"a": None, "b": b"2"}
    assert await store.partials(SEVEN) == {GLOW: {"likes": 1}}
    await store.apply(SEVEN, then(1, **EVERYTHING))
    await store.close()


async def test_a_server_that_forgot_the_scripts_gets_them_again(store: RedisStore, raw: Redis) -> None:
    await store.apply(SEVEN, first(increments={GLOW: {"likes": 1}}))
    await raw.script_flush()
    await store.apply(SEVEN, then(1, increments={GLOW: {"likes": 1}}))
    assert await store.partial(SEVEN, GLOW) == {"likes": 2}


async def test_numbers_are_readable_digits_for_those_who_use_redis_cli(store: RedisStore, raw: Redis) -> None:
    await store.apply(SEVEN, first(increments={GLOW: {"revenue.EUR": 10**15, "refunds": -(10**14)}}))
    assert await raw.hgetall(BASE + keys.partial(GLOW)) == {
        b"revenue.EUR": b"1000000000000000",
        b"refunds": b"-100000000000000",
    }


async def test_many_fields_at_once_make_a_table_of_a_hash(store: RedisStore, raw: Redis) -> None:
    await store.apply(SEVEN, first(increments={GLOW: {f"f{n}": 1 for n in range(60)}, ANA: {"likes": 1}}))
    assert await raw.object("ENCODING", BASE + keys.partial(GLOW)) == b"hashtable"
    assert await raw.object("ENCODING", BASE + keys.partial(ANA)) in (b"listpack", b"ziplist")
    assert await raw.hlen(BASE + keys.partial(GLOW)) == 60


async def test_an_item_written_anew_leaves_no_trace_of_its_lease(store: RedisStore, raw: Redis) -> None:
    await store.apply(SEVEN, first(due={"a": 1, "b": 1}))
    await store.lease(SEVEN, now=1, limit=2, lease_ms=10)
    await store.apply(SEVEN, then(1, due={"a": 5, "b": None}))
    assert await raw.exists(BASE + keys.LEASES, BASE + keys.LEASED) == 0
    assert await raw.zrange(BASE + keys.DUE, 0, -1) == [b"a"]


async def test_totals_that_are_not_named_leave_no_key(store: RedisStore, raw: Redis) -> None:
    await store.write_totals("spring-glow", {GLOW: {"likes": 3}, ANA: {"likes": 3}})
    await store.write_totals("spring-glow", {GLOW: {"views": 1}})
    assert sorted(await raw.keys()) == [b"tracker:v1:{c:spring-glow}:total", b"tracker:v1:{c:spring-glow}:totals"]
    assert await raw.hgetall("tracker:v1:{c:spring-glow}:total") == {b"views": b"1"}


async def test_a_stray_key_in_a_totals_place_is_overwritten(store: RedisStore, raw: Redis) -> None:
    await raw.rpush("tracker:v1:{c:spring-glow}:total", "planted")
    await store.write_totals("spring-glow", {GLOW: {"likes": 3}})
    assert await store.totals("spring-glow") == {GLOW: {"likes": 3}}


async def test_a_server_that_became_a_replica_is_unreachable_and_unchanged(
    redis_server: Callable[..., RedisServer], unused_address: str
) -> None:
    server = redis_server()
    store = await RedisStore.connect(server.url)
    await store.apply(SEVEN, first(pieces={"b": b"2"}))
    client: Any = store.client
    await client.replicaof("127.0.0.1", int(unused_address.rpartition(":")[2]))
    with pytest.raises((StoreUnreachable, ApplyRefused)):  # Redis 6.2 wraps the refusal in an error of the script
        await store.apply(SEVEN, then(1, pieces={"a": b"1", "b": None}, term_drops={"t": {"a"}}))
    await client.replicaof("NO", "ONE")
    assert (await store.open(SEVEN)).cursor.next_offset == 1
    assert (await store.load(SEVEN, ["a", "b"], [])).pieces == {"a": None, "b": b"2"}
    await store.close()


async def test_a_check_leaves_nothing_behind(store: RedisStore, raw: Redis) -> None:
    await store.check()
    assert await raw.keys() == []


@pytest.mark.parametrize(("lost", "applied"), [("request", False), ("answer", True)])
async def test_an_apply_whose_connection_breaks_is_unknown_and_the_cursor_tells_which(
    redis_url: str, lost: Lost, applied: bool
) -> None:
    async with FrailLine(redis_url) as line:
        store = await RedisStore.connect(line.url)
        await store.apply(SEVEN, first(increments={GLOW: {"likes": 1}}))
        line.lose_next(lost)
        with pytest.raises(ApplyUnknown) as unknown:
            await store.apply(SEVEN, then(1, increments={GLOW: {"likes": 1}}))
        assert (unknown.value.expected.next_offset, unknown.value.next.next_offset) == (1, 2)
        assert (await store.open(SEVEN)).cursor.next_offset == (2 if applied else 1)
        assert await store.partial(SEVEN, GLOW) == {"likes": 2 if applied else 1}
        await store.close()


@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_what_may_be_asked_again_survives_a_broken_connection(redis_url: str, lost: Lost) -> None:
    async with FrailLine(redis_url) as line:
        store = await RedisStore.connect(line.url)
        await store.apply(SEVEN, first(increments={GLOW: {"likes": 1}}))
        line.lose_next(lost)
        assert await store.partial(SEVEN, GLOW) == {"likes": 1}
        line.lose_next(lost)
        await store.write_totals("spring-glow", {GLOW: {"likes": 1}})
        assert await store.totals("spring-glow") == {GLOW: {"likes": 1}}
        await store.close()


async def test_a_server_that_is_gone_is_unreachable_and_serves_again_when_it_is_back(
    redis_server: Callable[..., RedisServer],
) -> None:
    server = redis_server()
    store = await RedisStore.connect(server.url)
    await store.apply(SEVEN, first(increments={GLOW: {"likes": 1}}))
    server.kill()
    with pytest.raises(StoreUnreachable) as unreachable:
        await store.partial(SEVEN, GLOW)
    assert unreachable.value.address == f"127.0.0.1:{server.port}/0"
    with pytest.raises(ApplyUnknown):
        await store.apply(SEVEN, then(1, increments={GLOW: {"likes": 1}}))
    server.start()
    assert (await store.open(SEVEN)).cursor.next_offset == 1
    await store.apply(SEVEN, then(1, increments={GLOW: {"likes": 1}}))
    assert await store.partial(SEVEN, GLOW) == {"likes": 2}
    await store.close()


async def test_one_who_waits_is_told_how_long_and_then_the_error(unused_address: str) -> None:
    told: list[tuple[float, str]] = []
    with pytest.raises(StoreUnreachable) as unreachable:
        await RedisStore.connect(
            f"redis://someone:secret@{unused_address}/0",
            wait_seconds=0.2,
            on_wait=lambda left, why: told.append((left, why)),
        )
    assert told
    assert all(0 < left <= 0.2 and "Connect" in why for left, why in told)
    assert unreachable.value.waited_seconds == 0.2
    assert unused_address in str(unreachable.value)
    assert "secret" not in str(unreachable.value)


async def test_a_server_that_comes_up_while_one_waits_is_used(redis_server: Callable[..., RedisServer]) -> None:
    server = redis_server()
    server.kill()
    store = await RedisStore.connect(server.url, wait_seconds=30, on_wait=lambda left, why: bring_up(server))
    assert (await store.open(SEVEN)).cursor == Cursor()
    await store.close()


def bring_up(server: RedisServer) -> None:
    if server.child is None or not server.child.running:
        server.start()
