"""A group of workers on a real broker, counting into a store as plain as can be."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete
from faust.types import TP

from tracker.stream.seam import App, Reading, build_app, consume, run_app
from tracker.stream.transport import Batch, LogRange

PARTITIONS = 4
PATIENCE = 30.0


class Broker:
    """Topics of one test on the session's broker."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap, self.prefix = bootstrap, prefix

    async def topic(self, name: str, *, partitions: int = PARTITIONS) -> str:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(f"{self.prefix}.{name}", partitions, 1)])
        finally:
            await admin.close()
        return f"{self.prefix}.{name}"

    async def fill(
        self, topic: str, count: int, *, partitions: int = PARTITIONS, transaction: str | None = None
    ) -> None:
        """`count` records, dealt to the partitions in turn."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, linger_ms=5, transactional_id=transaction, max_batch_size=65536
        )
        await producer.start()
        try:
            if transaction is not None:
                await producer.begin_transaction()
            for number in range(count):
                await producer.send(topic, value=b"record %d" % number, partition=number % partitions)
            await producer.flush()
            if transaction is not None:
                await producer.commit_transaction()
        finally:
            await producer.stop()

    async def forget_before(self, tp: TP, offset: int) -> None:
        """As retention does: the partition's log now begins at `offset`."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.delete_records({TopicPartition(*tp): RecordsToDelete(before_offset=offset)})
        finally:
            await admin.close()

    async def commit(self, group: str, offsets: Mapping[TP, int]) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([TopicPartition(*tp) for tp in offsets])
            await consumer.commit({TopicPartition(*tp): offset for tp, offset in offsets.items()})
        finally:
            await consumer.stop()

    async def committed(self, group: str) -> dict[TP, int]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(group)
        finally:
            await admin.close()
        return {TP(tp.topic, tp.partition): meta.offset for tp, meta in offsets.items()}


class Store:
    """Cursors as the store keeps them: moved only by the batch that begins at them, so a record is counted once."""

    def __init__(self) -> None:
        self.cursors: dict[TP, int] = {}
        self.offsets: dict[TP, list[int]] = defaultdict(list)
        self.changed = asyncio.Event()

    @property
    def counted(self) -> int:
        return sum(len(offsets) for offsets in self.offsets.values())

    async def read(self, ranges: Mapping[TP, LogRange]) -> Mapping[TP, int]:
        return {tp: self.cursors.setdefault(tp, log.earliest) for tp, log in ranges.items()}

    def apply(self, batch: Batch) -> bool:
        tp = TP(batch.topic, batch.partition)
        if batch.first_offset != self.cursors[tp]:
            return False
        self.cursors[tp] = batch.next_offset
        self.offsets[tp].extend(record.offset for record in batch.records)
        self.changed.set()
        return True

    async def until(self, condition: Callable[[], bool], *workers: Worker) -> None:
        """Wait until the condition holds, or raise what a worker stopped for."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self.changed.clear()
                change = asyncio.ensure_future(self.changed.wait())
                await asyncio.wait({change, *(worker.running for worker in workers)}, return_when="FIRST_COMPLETED")
                change.cancel()
                for worker in workers:
                    if worker.running.done():
                        worker.running.result()


class Worker:
    """One app in the group, counting into a store."""

    def __init__(self, broker: Broker, store: Store, *topics: str, reading: Reading | None = None) -> None:
        self.store = store
        self.delivered: list[Batch] = []
        self.refused: list[Batch] = []
        self.stop = asyncio.Event()
        self.app: App = build_app(
            brokers=broker.bootstrap, group=broker.prefix, cursors=self.read, client_id="test", reading=reading
        )
        consume(self.app, topics, self.count, name="count")

    async def read(self, ranges: Mapping[TP, LogRange]) -> Mapping[TP, int]:
        return await self.store.read(ranges)

    async def count(self, batches: AsyncIterator[Batch]) -> None:
        async for batch in batches:
            self.delivered.append(batch)
            if not self.store.apply(batch):
                self.refused.append(batch)

    async def __aenter__(self) -> Worker:
        self.running = asyncio.ensure_future(run_app(self.app, self.stop))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.stop.set()
        await asyncio.gather(self.running, return_exceptions=True)

    async def outcome(self) -> BaseException | None:
        """What the worker stopped for, once it has stopped by itself."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait({self.running})
        return self.running.exception()
