"""Dead letters read back and replayed.

1. A letter that stands twice (a worker repeated itself after a crash) is one letter.
2. Replaying sends a payload as it was; the letter stays where it is, as a record of what happened.
3. An event that counting refused loses its origin when it is replayed: it was seen, so by its origin it would be
   dropped as a duplicate of ours; it was not counted, so it must not be.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from tracker.codec import events as codec
from tracker.codec.dead import DeadLetter, UnreadableLetter, decode
from tracker.domain.events import UNPLACED, wrap
from tracker.kafka_ends import log_ends
from tracker.topics import Stage, Topics

_WAIT_MS = 5_000


class LettersCutShort(Exception):
    """The topic of dead letters could not be read to its end."""


class Publishes(Protocol):
    """What is needed of a publisher."""

    def publish(
        self,
        stage: Stage,
        key: bytes | None,
        value: bytes,
        headers: Sequence[tuple[str, bytes]] = (),
        *,
        partition: int | None = None,
    ) -> Awaitable[object]: ...


async def read_letters(bootstrap: str, topics: Topics) -> list[DeadLetter]:
    """All letters, oldest first, each once. Raises LettersCutShort."""
    places = [TopicPartition(topics.name("dead"), number) for number in range(topics.partitions)]
    letters: dict[str, DeadLetter] = {}
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False) as consumer:
        ends = await log_ends(consumer, places)
        begins = await consumer.beginning_offsets(places)
        open_places = {place for place in places if begins[place] < ends[place]}
        for place in places:
            consumer.seek(place, begins[place])
        while open_places:
            fetched = await consumer.getmany(*open_places, timeout_ms=_WAIT_MS)
            if not fetched:
                raise LettersCutShort(
                    f"{topics.name('dead')}: no answer for {_WAIT_MS // 1000} s before its end. Try again."
                )
            for place, records in fetched.items():
                for record in records:
                    try:
                        letter = decode(record.key, record.value, record.headers)
                    except UnreadableLetter as error:
                        where = f"{place.topic}[{place.partition}]@{record.offset}"
                        raise LettersCutShort(
                            f"{where}: {error}. Remove the record, or read the topic by hand."
                        ) from error
                    letters.setdefault(letter.id, letter)
                if records[-1].offset + 1 >= ends[place]:
                    open_places.discard(place)
    return sorted(letters.values(), key=lambda letter: letter.origin.at)


async def replay_letters(publisher: Publishes, letters: Sequence[DeadLetter]) -> None:
    """Put letters back: payloads into the inbox by their key, canonical events into the partition they stood in."""
    for letter in letters:
        origin = letter.origin
        partition = None if origin.stage == "inbox" else origin.partition
        value = letter.value or b""
        await publisher.publish(
            origin.stage,
            letter.key,
            value if origin.stage == "inbox" else _without_origin(value),
            letter.headers,
            partition=partition,
        )


def _without_origin(value: bytes) -> bytes:
    try:
        event = codec.decode(value)
    except codec.UnreadableEvent:
        return value
    fact = msgspec.structs.replace(event.data, origin=UNPLACED)
    return codec.encode(wrap(fact, id=event.id, source=event.source))
