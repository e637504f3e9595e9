"""The queue and the delivery log, in a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from msgspec.structs import replace

from tests.harness.redis import RedisCluster
from tests.notify.told import an_event
from tracker.codec import alerts as codec
from tracker.notify.lane import Attempt, after
from tracker.notify.queue import Delivery, Keeping, Leased, Queue, event_in
from tracker.plugin.notifiers import Delivered, Later, Meaning, Never
from tracker.store import keys
from tracker.store.client import address_of, connect

DAY = 86_400_000
Open = Callable[..., AbstractAsyncContextManager[Queue]]


@asynccontextmanager
async def opened(
    url: str, prefix: str, keeping: Keeping | None = None, *, cluster: bool = False
) -> AsyncIterator[Queue]:
    client = await connect(url, cluster=cluster)
    try:
        yield Queue(client, address_of(url), prefix, keeping)
    finally:
        await client.aclose()


@pytest.fixture
async def queue(redis_url: str, redis_prefix: str) -> AsyncIterator[Queue]:
    async with opened(redis_url, redis_prefix) as made:
        yield made


async def put(queue: Queue, number: int = 1, *, now: int = 1_000, notifier: str = "ops") -> bool:
    event = an_event(number, now=now)
    return await queue.put(notifier, event, codec.encode(event), now)


async def take(queue: Queue, now: int, *, limit: int = 10, notifier: str = "ops") -> tuple[Leased, ...]:
    return (await queue.take(notifier, now, lease_ms=100, limit=limit)).leased


async def settle(queue: Queue, leased: Leased, meaning: Meaning, now: int, status: int | None = 200) -> bool:
    stands = after(leased.delivery, Attempt(meaning, status), now, queue.keeping.give_up_ms, 0.5)
    return await queue.settle(leased, stands, now)


async def test_what_is_queued_is_taken_once_and_delivered_once(queue: Queue) -> None:
    assert await put(queue)
    (leased,) = await take(queue, 1_000)
    assert event_in(leased) == an_event(1)
    assert await take(queue, 1_050) == ()
    assert await settle(queue, leased, Delivered(), 1_060)
    assert await take(queue, 99_000) == ()
    (logged,) = await queue.log("ops")
    assert (logged.status, logged.attempts, logged.last_status, logged.next_at) == ("delivered", 1, 200, None)


async def test_an_event_that_is_known_is_not_queued_again_whatever_became_of_it(queue: Queue) -> None:
    await put(queue)
    assert not await put(queue)
    (leased,) = await take(queue, 1_000)
    assert not await put(queue)
    await settle(queue, leased, Delivered(), 1_010)
    assert not await put(queue)
    assert await put(queue, notifier="another")


async def test_who_dies_with_a_lease_loses_nothing_and_who_comes_late_changes_nothing(queue: Queue) -> None:
    await put(queue)
    (late,) = await take(queue, 1_000)
    assert await take(queue, 1_099) == ()
    (again,) = await take(queue, 1_100)
    assert again.delivery == late.delivery
    assert not await settle(queue, late, Delivered(), 1_120)
    assert await settle(queue, again, Never("no"), 1_130, 410)
    assert not await settle(queue, late, Delivered(), 1_140)
    (logged,) = await queue.log("ops")
    assert (logged.status, logged.last_error) == ("failed", "no")


async def test_what_failed_is_due_again_after_its_pause(queue: Queue) -> None:
    await put(queue)
    (leased,) = await take(queue, 1_000)
    await settle(queue, leased, Later("busy", 60_000), 1_010, 503)
    taken = await queue.take("ops", 1_020, lease_ms=100, limit=1)
    assert (taken.leased, taken.next_due) == ((), 61_010)
    (again,) = await take(queue, 61_010)
    assert (again.delivery.attempts, again.delivery.last_status, again.delivery.last_error) == (1, 503, "busy")


async def test_the_longest_due_is_taken_first_and_no_more_than_there_is_room_for(queue: Queue) -> None:
    for number, now in ((1, 3_000), (2, 1_000), (3, 2_000)):
        await put(queue, number, now=now)
    taken = [leased.delivery.queued_at for leased in await take(queue, 9_000, limit=2)]
    assert taken == [1_000, 2_000]


async def test_of_one_notifier_another_knows_nothing(queue: Queue) -> None:
    await put(queue, notifier="one")
    assert await take(queue, 1_000, notifier="two") == ()
    assert await queue.notifiers() == ["one"]
    assert await queue.was_told("one", an_event(1).data.id)
    assert not await queue.was_told("two", an_event(1).data.id)
    assert not await queue.was_told("one", an_event(2).data.id)


async def test_what_has_ended_can_be_sent_again_with_the_same_id(queue: Queue) -> None:
    await put(queue)
    id = an_event(1).id
    assert not await queue.replay("ops", id, 1_000), "it waits already"
    (leased,) = await take(queue, 1_000)
    await settle(queue, leased, Never("no"), 1_010, 410)
    assert await queue.replay("ops", id, 5 * DAY)
    (again,) = await take(queue, 5 * DAY)
    assert (again.delivery.id, again.delivery.since, again.event) == (id, 5 * DAY, leased.event)
    assert not await queue.replay("ops", "al-unknown-1", 1_000)


async def test_all_that_failed_and_only_that_is_sent_again(queue: Queue) -> None:
    for number in range(4):
        await put(queue, number)
    ends: list[Meaning] = [Delivered(), Never("no"), Never("no"), Later("busy")]
    leased = await take(queue, 1_000)
    for each, end in zip(leased, ends, strict=True):
        await settle(queue, each, end, 1_010)
    assert await queue.replay_failed("ops", 1_020) == 2
    assert {again.delivery.id for again in await take(queue, 1_020)} == {leased[1].delivery.id, leased[2].delivery.id}


async def test_what_has_ended_is_kept_so_many_and_so_long(redis_url: str, redis_prefix: str) -> None:
    async with opened(redis_url, redis_prefix, Keeping(entries=2, days=1)) as queue:
        for number in range(4):
            await put(queue, number, now=1_000 + number)
        for leased in await take(queue, 2_000):
            await settle(queue, leased, Delivered(), leased.delivery.queued_at)
        assert [each.queued_at for each in await queue.log("ops")] == [1_003, 1_002]
        await put(queue, 9, now=2 * DAY)
        (leased,) = await take(queue, 2 * DAY)
        await settle(queue, leased, Delivered(), 2 * DAY)
        assert [each.queued_at for each in await queue.log("ops")] == [2 * DAY]


async def test_what_comes_when_too_many_wait_is_written_down_as_failed_and_can_be_replayed(
    redis_url: str, redis_prefix: str
) -> None:
    async with opened(redis_url, redis_prefix, Keeping(waiting=2)) as queue:
        for number in range(3):
            await put(queue, number, now=1_000 + number)
        newest, *waiting = await queue.log("ops")
        assert (newest.status, [each.status for each in waiting]) == ("failed", ["waiting", "waiting"])
        assert "2 notices wait" in newest.last_error
        assert await queue.replay("ops", newest.id, 2_000)


async def test_every_key_expires_when_nothing_new_comes(queue: Queue, redis_url: str, redis_prefix: str) -> None:
    await put(queue)
    (leased,) = await take(queue, 1_000)
    await settle(queue, leased, Delivered(), 1_010)
    client = await connect(redis_url, cluster=False)
    places = [key.decode() for key in await client.execute_command("KEYS", f"{redis_prefix}:*")]
    left = {key: await client.pttl(key) for key in places if "{" in key}
    await client.aclose()
    assert left.keys() == {*keys.of_notifier(redis_prefix, "ops")} - {f"{redis_prefix}:waiting:{{n:ops}}"}
    assert all(0 < ttl <= queue.keeping.expires_ms for ttl in left.values())


async def test_a_cluster_serves_it_too(redis_cluster: RedisCluster, redis_prefix: str) -> None:
    async with opened(redis_cluster.url, redis_prefix, cluster=True) as queue:
        for notifier in ("a", "b", "c", "d"):
            await put(queue, notifier=notifier)
            (leased,) = await take(queue, 1_000, notifier=notifier)
            assert await settle(queue, leased, Never("no"), 1_010)
            assert await queue.replay_failed(notifier, 1_020) == 1
            assert [each.status for each in await queue.log(notifier)] == ["waiting"]
        assert await queue.notifiers() == ["a", "b", "c", "d"]


def test_a_notifiers_keys_are_of_one_slot_and_no_id_can_break_out_of_them() -> None:
    assert len({key.partition("{")[2] for key in keys.of_notifier("tracker", "ops")}) == 1
    for notifier in ("a}b", "a:b", "", "{"):
        with pytest.raises(ValueError, match="Redis key"):
            keys.of_notifier("tracker", notifier)


def delivery() -> Delivery:
    return Delivery(id="a-1", notifier="ops", alert="a", type="alert.firing", campaign="c", queued_at=0, since=0)


def test_a_try_is_given_up_when_the_next_would_come_too_late_and_says_after_how_many() -> None:
    late = replace(delivery(), attempts=6)
    given_up = after(late, Attempt(Later("answered 503"), 503), 3 * DAY - 1, 3 * DAY, 0.5)
    assert (given_up.status, given_up.next_at) == ("failed", None)
    assert given_up.last_error == "answered 503 (given up after 7 attempts)"


def test_a_receiver_that_asks_for_patience_gets_it_and_one_that_asks_for_haste_does_not() -> None:
    assert after(delivery(), Attempt(Later("busy", 3_600_000), 429), 10, 3 * DAY, 0.5).next_at == 3_600_010
    assert after(delivery(), Attempt(Later("busy", 0), 429), 10, 3 * DAY, 0.5).next_at == 5_010
