"""Stories told to a store of several partitions: each event goes where Kafka would put it, and is counted there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, cast

from msgspec import Struct

from tracker.domain import events as ev
from tracker.domain.definitions import Definition, DefinitionKind
from tracker.domain.fold import Folded, Located, fold
from tracker.domain.partition import PartitionState
from tracker.domain.rules import Rules
from tracker.sending import partition_of
from tracker.store.base import Cursor, Partition, Store
from tracker.stream.processor import change_of
from tracker.topics import Stage, place

PARTITIONS = 3
LOG = "cluster/topic"
COUNTED: Sequence[Literal["activity", "commerce"]] = ("activity", "commerce")


class Told(Struct):
    """What the book says."""

    rules: Rules
    versions: int = 0

    def change(self, definition: Definition, *, at: int) -> ev.DefinitionChanged:
        """Put a definition into the book; what is told of it."""
        self.versions += 1
        change = ev.DefinitionChanged(
            platform="direct",
            observed_at=at,
            kind=cast(DefinitionKind, definition.__struct_config__.tag),
            id=definition.id,
            version=self.versions,
            definition=definition,
        )
        self.rules.change(change)
        return change


def told() -> Told:
    return Told(Rules())


async def tell(store: Store, *events: ev.AnyEvent) -> None:
    """One batch for each partition that any of these events goes to."""
    batches: dict[Partition, list[ev.AnyEvent]] = {}
    for event in events:
        for partition in _homes(event.data):
            batches.setdefault(partition, []).append(event)
    for partition, batch in batches.items():
        await _count(store, partition, batch)


async def say(store: Store, *facts: ev.Fact, source: ev.Source = "webhook") -> None:
    await tell(store, *(ev.wrap(fact, id="synthetic", source=source) for fact in facts))


async def define(store: Store, book: Told, *definitions: Definition, at: int) -> None:
    """Put definitions into the book, and tell every partition of them."""
    await say(store, *[book.change(one, at=at) for one in definitions])


def home(key: str, stage: Stage = "activity") -> Partition:
    return Partition(stage, partition_of(key.encode(), PARTITIONS))


def _homes(fact: ev.Fact) -> Iterable[Partition]:
    if isinstance(fact, ev.DefinitionChanged):
        return [Partition(stage, number) for stage in COUNTED for number in range(PARTITIONS)]
    stage, key = place(fact)
    return [home(key, stage)]


async def _count(store: Store, partition: Partition, batch: Sequence[ev.AnyEvent]) -> None:
    head = await store.open(partition)
    state = PartitionState(
        stage=cast(Literal["activity", "commerce"], partition.stage),
        definitions=head.definitions,
        origins=head.origins,
        marks=head.marks,
        owns=lambda key: home(key) == partition,
    )
    start = head.cursor.next_offset
    located = [Located(start + number, event) for number, event in enumerate(batch)]
    for _ in range(9):
        outcome = fold(state, located)
        if isinstance(outcome, Folded):
            break
        loaded = await store.load(partition, outcome.pieces, outcome.terms)
        state.learn(outcome, loaded.pieces, loaded.terms, await store.seen(partition, outcome.ids))
    else:
        raise AssertionError("folded nine times, and still lacking")
    await store.apply(partition, change_of(outcome, head.cursor, Cursor(start + len(batch), LOG)))
