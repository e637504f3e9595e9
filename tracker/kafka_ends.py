"""Where logs end, as a fetch sees it.

The embedded broker (Tansu 0.6) answers a question for the latest offset with the first offset of the last record batch,
plus one; the high watermark of a fetch is right there and on Apache Kafka alike. tests/embedded/test_ends.py fails
when the workaround is no longer needed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

_FETCH_MS = 300
_ROUNDS = 20


async def log_ends(consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
    """The offset that the next record of each partition will get. The consumer is the caller's, without a group.

    It is assigned these partitions and sought to their ends.
    """
    asked = list(partitions)
    ends: dict[TopicPartition, int] = dict(await consumer.end_offsets(asked))
    consumer.assign(asked)
    for partition, end in ends.items():
        consumer.seek(partition, end)
    for _ in range(_ROUNDS):
        fetched = await consumer.getmany(timeout_ms=_FETCH_MS)
        for partition, records in fetched.items():
            ends[partition] = max(ends[partition], records[-1].offset + 1, consumer.highwater(partition) or 0)
        if not fetched:
            break
    return ends
