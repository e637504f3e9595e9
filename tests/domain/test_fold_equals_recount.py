"""The one law: whatever the batches, the crashes and the memory, the live core counts what the naive recount counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

from hypothesis import given, note, settings
from hypothesis import strategies as st
from msgspec import Struct, field

from tests.strategies import cuts, histories
from tracker.domain.counters import Scope
from tracker.domain.events import AnyEvent
from tracker.domain.fold import Folded, Located, Missing, PartitionState, commit, fold, wanted
from tracker.recount import Counters, recount_log

Stage = Literal["activity", "commerce"]
Fate = Literal["keep", "prefetch", "shrink", "reopen", "crash"]
"""What befalls a worker at a batch: nothing; it asks for the obvious first; its memory is cut; it starts anew after the
batch; it dies before the batch is written, and another one reads the same records again."""


class Shelf(Struct):
    """What is written: a store of one partition, as plain as can be."""

    pieces: dict[str, bytes] = field(default_factory=dict)
    terms: dict[str, set[str]] = field(default_factory=dict)
    seen: dict[int, set[str]] = field(default_factory=dict)
    definitions: dict[str, bytes] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)

    def opened(self, stage: Stage) -> PartitionState:
        return PartitionState(stage=stage, definitions=self.definitions, origins=self.origins, marks=self.marks)

    def answer(self, partition: PartitionState, asked: Missing) -> None:
        partition.learn(
            asked,
            {key: self.pieces.get(key) for key in asked.pieces},
            {term: set(self.terms.get(term, ())) for term in asked.terms},
            {id for day, ids in asked.ids.items() for id in ids & self.seen.get(day, set())},
        )

    def write(self, folded: Folded) -> None:
        for key, value in folded.pieces().items():
            if value is None:
                self.pieces.pop(key, None)
            else:
                self.pieces[key] = value
        for term, keys in folded.term_adds.items():
            self.terms.setdefault(term, set()).update(keys)
        for term, keys in folded.term_drops.items():
            self.terms.setdefault(term, set()).difference_update(keys)
        for day, ids in folded.seen.items():
            self.seen.setdefault(day, set()).update(ids)
        if folded.forget_days_before is not None:
            self.seen = {day: ids for day, ids in self.seen.items() if day >= folded.forget_days_before}
        self.definitions |= folded.definitions
        self.origins |= folded.origins
        self.marks |= folded.marks
        for into, sums in (
            (self.counters.partial, folded.increments),
            (self.counters.minutes, folded.minutes),
            (self.counters.hours, folded.hours),
        ):
            _add(into, sums)
        for scope, latest in folded.fresh.items():
            known = self.counters.fresh.setdefault(scope, {})
            for source, at in latest.items():
                known[source] = max(at, known.get(source, at))


def _add(into: dict[Scope, dict[str, int]], sums: Mapping[Scope, Mapping[str, int]]) -> None:
    for scope, amounts in sums.items():
        assert amounts, "a scope without a change is not written"
        for name, amount in amounts.items():
            assert amount != 0, "what cancels out is not written"
            row = into.setdefault(scope, {})
            row[name] = row.get(name, 0) + amount
            if row[name] == 0:
                del row[name]
        if not into[scope]:
            del into[scope]


def folded_whole(partition: PartitionState, shelf: Shelf, batch: Sequence[Located]) -> Folded:
    """Fold a batch, loading what it lacks. A batch lacks something a few times at most, or it would never end."""
    for _ in range(20):
        result = fold(partition, batch)
        if isinstance(result, Folded):
            return result
        assert result, "something is missing, but nothing is named"
        shelf.answer(partition, result)
    raise AssertionError("a batch was folded 20 times and still lacks something")


def live(
    history: Sequence[AnyEvent], stage: Stage, cut: Sequence[int], fates: Sequence[Fate]
) -> tuple[Counters, list[int]]:
    """Count as a worker does. The counters as written, and the offsets refused."""
    shelf = Shelf()
    partition = shelf.opened(stage)
    refused: list[int] = []
    for number, (start, end) in enumerate(pairwise(cut)):
        batch = [Located(offset, history[offset]) for offset in range(start, end)]
        fate = fates[number % len(fates)]
        if fate == "crash":
            folded_whole(partition, shelf, batch)
            partition = shelf.opened(stage)
        if fate == "prefetch":
            shelf.answer(partition, wanted(batch))
        folded = folded_whole(partition, shelf, batch)
        shelf.write(folded)
        refused += [refusal.offset for refusal in folded.refused]
        commit(partition, folded)
        if fate == "shrink":
            partition.shrink(1)
        if fate == "reopen":
            partition = shelf.opened(stage)
    return shelf.counters, refused


fate_lists = st.lists(st.sampled_from(("keep", "prefetch", "shrink", "reopen", "crash")), min_size=1, max_size=5)


def agree(history: Sequence[AnyEvent], stage: Stage, cut: Sequence[int], fates: Sequence[Fate]) -> None:
    for offset, event in enumerate(history):
        note(f"{offset} {event.source} {event.data}")
    found, refused = live(history, stage, cut, fates)
    expected = recount_log([Located(offset, event) for offset, event in enumerate(history)])
    assert refused == [refusal.offset for refusal in expected.refused]
    assert found.partial == expected.partial
    assert found.minutes == expected.minutes
    assert found.hours == expected.hours
    assert found.fresh == expected.fresh


@settings(deadline=None)
@given(st.data(), histories("activity"), fate_lists)
def test_posts_are_counted_as_the_recount_counts_them(
    data: st.DataObject, history: list[AnyEvent], fates: list[Fate]
) -> None:
    agree(history, "activity", data.draw(cuts(len(history))), fates)


@settings(deadline=None)
@given(st.data(), histories("commerce"), fate_lists)
def test_money_is_counted_as_the_recount_counts_it(
    data: st.DataObject, history: list[AnyEvent], fates: list[Fate]
) -> None:
    agree(history, "commerce", data.draw(cuts(len(history))), fates)


@settings(deadline=None)
@given(histories("activity", max_size=60), fate_lists)
def test_one_event_a_batch_counts_the_same(history: list[AnyEvent], fates: list[Fate]) -> None:
    agree(history, "activity", range(len(history) + 1), fates)
