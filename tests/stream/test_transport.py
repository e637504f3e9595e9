"""The Faust seam on a real broker: what is read, from where, and what stops it."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP

from tests.stream.builders import Kept
from tests.stream.group import PARTITIONS, PATIENCE, Broker, Store, Worker
from tracker.embedded.broker import EmbeddedBroker
from tracker.stream import transport
from tracker.stream.seam import HandlerReturned, Reading, commit_hint, rewind
from tracker.stream.transport import AssignmentFailed, Batch, CursorOutOfRange, LogRange, cut

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def broker(kafka: Any, topic_prefix: str) -> Broker:
    return Broker(kafka.bootstrap, topic_prefix)


@pytest.fixture
def apache(kafka: Any) -> None:
    """For what the embedded broker answers otherwise."""
    if kafka.kind == EmbeddedBroker.kind:
        pytest.skip("the embedded broker deletes no records, has no transactions, and is slow to see a member leave")


def tps(*topics: str) -> list[TP]:
    return [TP(topic, partition) for topic in topics for partition in range(PARTITIONS)]


async def test_the_batches_of_a_partition_hold_every_offset_once_and_in_order(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    handlers = list(logging.getLogger().handlers)
    topics = [await broker.topic("a"), await broker.topic("b")]
    for topic in topics:
        await broker.fill(topic, 10_000)
    store = Store()
    async with Worker(broker, store, *topics, reading=Reading(batch_records=700)) as worker:
        await store.until(lambda: store.counted >= 20_000, worker)
    assert store.offsets == {tp: list(range(2_500)) for tp in tps(*topics)}
    assert worker.refused == []
    assert all(len(batch.records) <= 700 and batch.highwater == 2_500 for batch in worker.delivered)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 (a directory of this test's own)
    assert logging.getLogger().handlers == handlers


async def test_a_fetch_gives_each_partition_one_whole_batch(broker: Broker) -> None:
    topic = await broker.topic("a")
    await broker.fill(topic, 10_000)
    store = Store()
    async with Worker(broker, store, topic, reading=Reading(batch_records=3_000)) as worker:
        await store.until(lambda: store.counted >= 10_000, worker)
    assert [len(batch.records) for batch in worker.delivered] == [2_500] * PARTITIONS


@pytest.mark.parametrize("most", [1, 2, 3, 4, 9])
def test_a_large_batch_is_cut_into_seamless_ones(most: int) -> None:
    records = [Kept("t", 0, offset, b"") for offset in (7, 8, 11, 12)]
    whole = Batch(topic="t", partition=0, first_offset=5, next_offset=14, records=records)
    parts = cut(whole, most)
    assert [record for part in parts for record in part.records] == records
    assert all(1 <= len(part.records) <= most for part in parts)
    assert [part.first_offset for part in parts] == [5, *(part.next_offset for part in parts[:-1])]
    assert parts[-1].next_offset == 14


async def test_a_restart_resumes_at_its_cursors_whatever_kafka_has_committed(broker: Broker) -> None:
    topic = await broker.topic("a")
    await broker.fill(topic, 4_000)
    store = Store()
    store.cursors = {tp: 100 * (tp.partition + 1) for tp in tps(topic)}
    await broker.commit(broker.prefix, {tp: 1_000 if tp.partition % 2 else 7 for tp in tps(topic)})
    async with Worker(broker, store, topic) as worker:
        await store.until(lambda: store.counted >= 4_000 - 1_000, worker)
    assert store.offsets == {tp: list(range(100 * (tp.partition + 1), 1_000)) for tp in tps(topic)}


@pytest.mark.usefixtures("apache")
async def test_two_workers_share_the_partitions_and_one_takes_over_from_the_cursors(broker: Broker) -> None:
    topics = [await broker.topic("a"), await broker.topic("b")]
    store = Store()
    reading = Reading(session_timeout_s=20.0, heartbeat_s=0.3)
    stays, leaves = (Worker(broker, store, *topics, reading=reading) for _ in range(2))
    filled = 0

    async def fill_and_count(*workers: Worker) -> None:
        nonlocal filled
        for topic in topics:
            await broker.fill(topic, 1_000)
        filled += 2_000
        await store.until(lambda: store.counted >= filled, *workers)

    async with stays, leaves:
        while not (stays.delivered and leaves.delivered):
            await fill_and_count(stays, leaves)
        leaves.stop.set()
        started = time.monotonic()
        await leaves.running
        assert time.monotonic() - started < 3.0
        await fill_and_count(stays)
        assert time.monotonic() - started < 15.0, "a worker that stops leaves its group, and no session has to time out"
    assert store.offsets == {tp: list(range(filled // 8)) for tp in tps(*topics)}
    assert {batch.partition for batch in stays.delivered} == set(range(PARTITIONS))


async def test_a_handler_that_raises_stops_the_worker_and_the_next_one_gets_the_batch_again(broker: Broker) -> None:
    topic = await broker.topic("a", partitions=1)
    await broker.fill(topic, 3_000, partitions=1)
    store = Store()
    tp = TP(topic, 0)

    class Faulty(Worker):
        async def count(self, batches: AsyncIterator[Batch]) -> None:
            async for batch in batches:
                self.delivered.append(batch)
                if batch.first_offset >= 1_000:
                    raise LookupError(str(batch))
                self.store.apply(batch)

    async with Faulty(broker, store, topic, reading=Reading(batch_records=500)) as faulty:
        error = await faulty.outcome()
    assert isinstance(error, LookupError)
    assert error.args == (f"{topic}[0]@1000..1500",)
    assert faulty.delivered[-1].first_offset == 1_000, "nothing is delivered after the batch that failed"
    assert store.cursors == {tp: 1_000}
    async with Worker(broker, store, topic) as worker:
        await store.until(lambda: store.counted >= 3_000, worker)
    assert store.offsets == {tp: list(range(3_000))}


async def test_a_handler_that_returns_while_the_worker_runs_stops_it(broker: Broker) -> None:
    topic = await broker.topic("a", partitions=1)
    await broker.fill(topic, 10, partitions=1)

    class Leaves(Worker):
        async def count(self, batches: AsyncIterator[Batch]) -> None:
            async for _batch in batches:
                return

    async with Leaves(broker, Store(), topic) as worker:
        error = await worker.outcome()
    assert isinstance(error, HandlerReturned)
    assert error.name == "count"


@pytest.mark.parametrize(("cursor", "told"), [(100, "now begins at 500: 400 offsets"), (1_001, "ends at 1000, before")])
@pytest.mark.usefixtures("apache")
async def test_a_cursor_that_the_log_does_not_hold_stops_the_worker(broker: Broker, cursor: int, told: str) -> None:
    topic = await broker.topic("a", partitions=1)
    await broker.fill(topic, 1_000, partitions=1)
    tp = TP(topic, 0)
    await broker.forget_before(tp, 500)
    store = Store()
    store.cursors[tp] = cursor
    async with Worker(broker, store, topic) as worker:
        error = await worker.outcome()
    assert isinstance(error, CursorOutOfRange)
    assert (error.topic, error.partition, error.cursor, error.log_range) == (topic, 0, cursor, LogRange(500, 1_000))
    assert f"{topic}[0]@{cursor}" in str(error)
    assert told in str(error)
    assert "tracker rebuild" in str(error)
    assert worker.delivered == []
    assert store.cursors == {tp: cursor}


@pytest.mark.usefixtures("apache")
async def test_records_that_vanish_under_a_running_worker_stop_it(broker: Broker) -> None:
    topic = await broker.topic("a", partitions=1)
    await broker.fill(topic, 1_000, partitions=1)
    tp = TP(topic, 0)
    store = Store()
    async with Worker(broker, store, topic) as worker:
        await store.until(lambda: store.counted >= 1_000, worker)
        await broker.forget_before(tp, 500)
        await rewind(worker.app, {tp: 100})
        error = await worker.outcome()
    assert isinstance(error, CursorOutOfRange)
    assert (error.cursor, error.log_range) == (100, LogRange(500, 1_000))


async def test_a_store_without_a_cursor_stops_the_worker_before_it_reads(broker: Broker) -> None:
    topic = await broker.topic("a")
    await broker.fill(topic, 100)

    class Forgetful(Store):
        async def read(self, ranges: Mapping[TP, LogRange]) -> Mapping[TP, int]:
            return {tp: 0 for tp in ranges if tp.partition != 2}

    async with Worker(broker, Forgetful(), topic) as worker:
        error = await worker.outcome()
    assert isinstance(error, AssignmentFailed)
    assert error.partitions == (TP(topic, 2),)
    assert worker.delivered == []


async def test_a_store_that_fails_stops_the_worker_with_its_own_error(broker: Broker) -> None:
    topic = await broker.topic("a")

    class Down(Store):
        async def read(self, ranges: Mapping[TP, LogRange]) -> Mapping[TP, int]:
            raise ConnectionRefusedError("the store")

    async with Worker(broker, Down(), topic) as worker:
        error = await worker.outcome()
    assert isinstance(error, ConnectionRefusedError)


async def test_a_store_that_does_not_answer_stops_the_worker(broker: Broker) -> None:
    topic = await broker.topic("a")

    class Hangs(Store):
        async def read(self, ranges: Mapping[TP, LogRange]) -> Mapping[TP, int]:
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

    reading = Reading(session_timeout_s=1.5, heartbeat_s=0.3, request_timeout_s=2.0)
    async with Worker(broker, Hangs(), topic, reading=reading) as worker:
        error = await worker.outcome()
    assert isinstance(error, AssignmentFailed)
    assert set(error.partitions) == set(tps(topic))


async def test_a_fetch_that_left_out_offsets_is_made_again(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = await broker.topic("a", partitions=1)
    await broker.fill(topic, 1_000, partitions=1)
    tp = TP(topic, 0)
    store = Store()
    left_out: list[int] = []
    fetch_records = transport.ConsumerThread._fetch_records

    async def leaving_out(self: transport.ConsumerThread, *args: Any, **kwargs: Any) -> Any:
        fetched = await fetch_records(self, *args, **kwargs)
        if store.counted >= 1_000 and fetched and not left_out:
            left_out.extend(record.offset for record in fetched[tp][:5])
            fetched = {tp: fetched[tp][5:]} if fetched[tp][5:] else {}
        return fetched

    monkeypatch.setattr(transport.ConsumerThread, "_fetch_records", leaving_out)
    async with Worker(broker, store, topic) as worker:
        await store.until(lambda: store.counted >= 1_000, worker)
        for filled in (2_000, 3_000):
            await broker.fill(topic, 1_000, partitions=1)
            await store.until(lambda filled=filled: store.counted >= filled, worker)  # type: ignore[misc]
    assert left_out == list(range(1_000, 1_000 + len(left_out)))
    assert left_out
    assert store.offsets == {tp: list(range(3_000))}
    assert worker.refused == []


@pytest.mark.usefixtures("apache")
async def test_the_holes_of_a_log_itself_are_passed(broker: Broker) -> None:
    topic = await broker.topic("a", partitions=1)
    for _ in range(3):  # the mark that ends a transaction takes an offset that no record has; one id: it comes in time
        await broker.fill(topic, 10, partitions=1, transaction=broker.prefix)
    tp = TP(topic, 0)
    store = Store()
    async with Worker(broker, store, topic, reading=Reading(batch_records=10)) as worker:
        await store.until(lambda: store.counted >= 30, worker)
    assert store.offsets == {tp: [*range(10), *range(11, 21), *range(22, 32)]}
    assert worker.refused == [], "a batch begins where the last one ended, also where the log has a hole"


async def test_a_store_that_lost_its_last_writes_is_read_again_from_where_it_is(broker: Broker) -> None:
    topic = await broker.topic("a", partitions=1)
    await broker.fill(topic, 1_000, partitions=1)
    tp = TP(topic, 0)
    store = Store()
    async with Worker(broker, store, topic) as worker:
        await store.until(lambda: store.counted >= 1_000, worker)
        store.cursors[tp] = 300
        del store.offsets[tp][300:]
        await rewind(worker.app, {tp: 300})
        await store.until(lambda: store.counted >= 1_000, worker)
    assert store.offsets == {tp: list(range(1_000))}


@pytest.mark.usefixtures("apache")
async def test_a_hint_is_what_a_lag_monitor_sees(broker: Broker) -> None:
    topic = await broker.topic("a")
    await broker.fill(topic, 400)
    store = Store()
    async with Worker(broker, store, topic) as worker:
        await store.until(lambda: store.counted >= 400, worker)
        assert await commit_hint(worker.app, {**store.cursors, TP("someone.elses", 0): 5})
        assert await broker.committed(broker.prefix) == dict.fromkeys(tps(topic), 100)


async def test_a_handler_that_waits_is_given_no_more_than_the_buffers_hold(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await broker.topic("a")
    await broker.fill(topic, 20_000)
    store = Store()
    busy = asyncio.Event()
    given: list[Batch] = []
    to_message = transport.Consumer._to_message

    def giving(self: transport.Consumer, tp: TP, record: Any) -> Any:
        given.append(record)
        return to_message(self, tp, record)

    monkeypatch.setattr(transport.Consumer, "_to_message", giving)

    class Slow(Worker):
        async def count(self, batches: AsyncIterator[Batch]) -> None:
            async for _batch in batches:
                busy.set()
                await asyncio.Event().wait()

    reading = Reading(batch_records=100, buffered_batches=2)
    async with Slow(broker, store, topic, reading=reading):
        async with asyncio.timeout(PATIENCE):
            await busy.wait()
            await asyncio.sleep(1.0)  # nothing tells that nothing more happens
    assert 1 <= len(given) <= reading.buffered_batches + 3
    assert all(len(batch.records) <= 100 for batch in given)


def test_the_ceiling_is_the_documented_sum() -> None:
    assert Reading(partition_bytes=1_000, buffered_batches=4).ceiling_bytes(partitions=24, handlers=3) == 1_000 * (
        48 + 21
    )
