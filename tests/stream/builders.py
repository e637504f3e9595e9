"""Logs, batches and workers' parts in memory: what the stages see of Kafka, without Kafka."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from msgspec import Struct

from tracker.codec import dead
from tracker.codec import events as codec
from tracker.domain import events as ev
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition
from tracker.domain.partition import Located
from tracker.domain.schedule import Cadence
from tracker.recount import Counters, recount_log
from tracker.sending import Outgoing, Place, Sender
from tracker.store.base import Partition, Store
from tracker.stream.letters import DeadLetters
from tracker.stream.processor import Parts
from tracker.stream.transport import Batch, Record
from tracker.topics import Stage, Topics

TOPICS = Topics(prefix="t", partitions=2)
LOGS: dict[Stage, str] = {"inbox": "inbox-log", "activity": "activity-log", "commerce": "commerce-log"}
T = 1_780_000_000_000
DAY = 86_400_000


class Kept(Struct, frozen=True):
    """A record as it stands in a log."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = 0
    timestamp_type: int = 0


class Logs:
    """Every log, in memory; also where a sender of `Outbox` sends to."""

    def __init__(self) -> None:
        self.records: dict[Place, list[Kept]] = {}

    def append(self, place: Place, record: Outgoing) -> None:
        log = self.records.setdefault(place, [])
        log.append(Kept(*place, len(log), record.value, record.key, tuple(record.headers)))

    def put(self, stage: Stage, number: int, *values: bytes) -> None:
        for value in values:
            self.append((TOPICS.name(stage), number), Outgoing(None, value))

    def batch(self, stage: Stage, number: int, start: int, end: int) -> Batch:
        """The records from `start` up to, without, `end`, as the transport gives them."""
        place = (TOPICS.name(stage), number)
        records = [record for record in self.records.get(place, []) if start <= record.offset < end]
        return Batch(
            topic=place[0],
            partition=number,
            first_offset=start,
            next_offset=end,
            records=cast(Sequence[Record], records),
        )

    def end(self, stage: Stage, number: int) -> int:
        return len(self.records.get((TOPICS.name(stage), number), []))

    def letters(self) -> list[dead.DeadLetter]:
        """Every dead letter as often as it was written."""
        return [
            dead.decode(record.key, record.value, record.headers)
            for (topic, _), records in self.records.items()
            if topic == TOPICS.name("dead")
            for record in records
        ]

    def recount(self, stage: Stage, number: int) -> Counters:
        """What a log amounts to, the plain way; what is no event is passed over."""
        located: list[Located] = []
        for record in self.records.get((TOPICS.name(stage), number), []):
            try:
                located.append(Located(record.offset, codec.decode(record.value or b"")))
            except codec.UnreadableEvent:
                continue
        return recount_log(located)


class Outbox(Sender):
    """Sends into `Logs`. `before` is called with each place and record before it is there, and may raise."""

    def __init__(self, logs: Logs, before: Callable[[Place, Outgoing], None] = lambda _place, _record: None) -> None:
        self._logs = logs
        self._before = before

    async def send(self, records: Mapping[Place, Sequence[Outgoing]]) -> None:
        for place, each in records.items():
            for record in each:
                self._before(place, record)
                self._logs.append(place, record)


class Rewinds:
    """Where partitions were asked to be read again from."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int]] = []

    async def __call__(self, topic: str, partition: int, offset: int) -> None:
        self.asked.append((topic, partition, offset))


class Touched:
    """What was announced as changed."""

    def __init__(self) -> None:
        self.told: list[tuple[Partition, set[str]]] = []

    def __call__(self, partition: Partition, campaigns: set[str]) -> None:
        self.told.append((partition, campaigns))


def parts(store: Store, logs: Logs, *, sender: Sender | None = None, dead_limit: int = 1_000) -> Parts:
    return Parts(
        store=store,
        topics=TOPICS,
        logs=LOGS,
        sender=sender or Outbox(logs),
        letters=DeadLetters(TOPICS, LOGS, limit=dead_limit, window_seconds=60),
        cadence=Cadence(),
        polls={},
        clock=lambda: T,
    )


def defined(*definitions: Definition) -> list[bytes]:
    """Definitions as they stand in a partition's log."""
    return [
        codec.checked(
            ev.wrap(
                ev.DefinitionChanged(
                    platform="tracker",
                    observed_at=T,
                    kind=definition.__struct_config__.tag,  # type: ignore[arg-type]
                    id=definition.id,
                    version=number + 1,
                    definition=definition,
                ),
                id=f"d{number}",
                source="import",
            )
        )
        for number, definition in enumerate(definitions)
    ]


GLOW = (
    Campaign(id="glow", name="Synthetic", starts_at=T - DAY, ends_at=T + DAY),
    Creator(id="mio", name="Synthetic", accounts=(AccountRef(platform="instagram", account="a1"),)),
    Agreement(id="g1", campaign="glow", creator="mio"),
)


def liked(count: int, *, post: str = "p1", at: int = T, origin: ev.Origin = ev.UNPLACED) -> bytes:
    """`post` has so many likes."""
    fact = ev.ReactionObserved(
        platform="instagram", account="a1", post=post, observed_at=at, published_at=T, likes=count, origin=origin
    )
    return codec.checked(ev.wrap(fact, id=f"{post}-{at}-{count}", source="poll"))
