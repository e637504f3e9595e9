"""Sending what was made of a batch, so that nothing is ever out of order.

1. Everything for one partition goes as whole record batches, one under way at a time: a batch is in the log whole or
   not at all, and nothing follows one that failed. (A producer that packs by itself may deliver the second half of
   a burst after the first half timed out; the origin marks would then drop the first half's repeat.)
2. `send` returns when every record is acknowledged (acks=all). If it raises, what was sent may be sent again: the same
   records have the same origins, and the counting stage drops what it has seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from msgspec import Struct

from tracker.topics import MAX_RECORD_BYTES

_BATCH_BYTES = MAX_RECORD_BYTES
_DELIVERY_MS = 20_000


class Outgoing(Struct, frozen=True):
    """One record to send."""

    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


Place = tuple[str, int]
"""Topic and partition."""


class NotSent(Exception):
    """Records that the broker did not acknowledge. Nothing after them was sent to that partition."""

    def __init__(self, place: Place, records: int, cause: str) -> None:
        super().__init__(
            f"{place[0]}[{place[1]}]: {records} records were not acknowledged ({cause}). The cursor did not move: "
            "they are made and sent again after a restart. "
            "Check that the brokers run and that enough replicas are in sync."
        )
        self.place = place
        self.records = records


def partition_of(key: bytes, partitions: int) -> int:
    """Kafka's own placing of a key (murmur2, as the Java client's default partitioner)."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


class Sender:
    """A producer of whole batches for one event loop."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            client_id="tracker-worker",
            acks="all",
            request_timeout_ms=_DELIVERY_MS,
            max_batch_size=_BATCH_BYTES,
            max_request_size=_BATCH_BYTES + 65_536,
        )

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def send(self, records: Mapping[Place, Sequence[Outgoing]]) -> None:
        """Send every list in its order; partitions go side by side. Raises NotSent, after all have ended."""
        outcomes = await asyncio.gather(
            *(self._send_all(place, each) for place, each in records.items()), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _send_all(self, place: Place, records: Sequence[Outgoing]) -> None:
        done = 0
        while done < len(records):
            builder = self._producer.create_batch()
            packed = done
            while packed < len(records) and self._append(builder, records[packed]):
                packed += 1
            if packed == done:
                raise NotSent(
                    place, 1, f"a record of {len(records[done].value)} bytes; at most {_BATCH_BYTES} are possible"
                )
            try:
                await (await self._producer.send_batch(builder, place[0], partition=place[1]))
            except KafkaError as error:
                raise NotSent(place, len(records) - done, str(error)) from error
            done = packed

    @staticmethod
    def _append(builder: Any, record: Outgoing) -> bool:
        return (
            builder.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers)) is not None
        )
