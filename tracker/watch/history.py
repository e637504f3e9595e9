"""Reading along with the topics on which alerts are told."""

from __future__ import annotations

from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition

from tracker.topics import ALERTS, Topics


async def follow(bootstrap: str, topics: Topics, told: Callable[[bytes], None], *, earlier: bool) -> None:
    """Give every alert event as it is told, until cancelled; with `earlier` all that were ever told come first."""
    places = [
        TopicPartition(topics.name(stage), number) for stage in ALERTS.values() for number in range(topics.partitions)
    ]
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False) as consumer:
        consumer.assign(places)
        await (consumer.seek_to_beginning if earlier else consumer.seek_to_end)(*places)
        while True:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                for record in records:
                    told(record.value)
