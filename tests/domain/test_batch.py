"""Duplicates of ours: what is not beyond the highest origin of its inbox partition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracker.domain.batch import Origins
from tracker.domain.events import UNPLACED, Origin

origins = st.builds(Origin, st.sampled_from(("a", "b")), st.integers(0, 2), st.integers(0, 4), st.integers(0, 2))


def test_only_what_is_beyond_the_highest_mark_is_new() -> None:
    seen = Origins({("log", 0): (5, 1)})
    told = [seen.is_beyond(Origin("log", 0, *mark)) for mark in ((5, 0), (5, 1), (5, 2), (5, 2), (4, 9), (6, 0))]
    assert told == [False, False, True, False, False, True]
    assert seen.seen() == {("log", 0): (6, 0)}


@given(st.lists(origins, max_size=30))
def test_each_inbox_partition_of_each_log_has_a_mark_of_its_own(arriving: list[Origin]) -> None:
    seen, highest = Origins({}), dict[tuple[str, int], tuple[int, int]]()
    for origin in arriving:
        inbox, mark = (origin.log, origin.partition), (origin.offset, origin.index)
        assert seen.is_beyond(origin) == (mark > highest.get(inbox, (-1, -1)))
        highest[inbox] = max(mark, highest.get(inbox, (-1, -1)))
    assert seen.seen() == highest


def test_what_was_placed_nowhere_is_never_a_duplicate() -> None:
    seen = Origins({})
    assert seen.is_beyond(UNPLACED)
    assert seen.is_beyond(UNPLACED)
    assert seen.seen() == {}
