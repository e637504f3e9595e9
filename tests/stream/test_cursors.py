"""Which log a cursor belongs to, and what is said when it is not the one that is there."""

from __future__ import annotations

import pytest

from tests.stream.builders import LOGS, TOPICS
from tracker.store.base import Cursor, Partition
from tracker.stream.cursors import LogChanged, TopicsChanged, checked, same_logs

P = Partition("activity", 1)


@pytest.mark.parametrize("cursor", [Cursor(), Cursor(7, "here")])
def test_a_cursor_of_this_log_or_of_none_yet_is_good(cursor: Cursor) -> None:
    assert checked(P, "t.activity", cursor, "here") == cursor


def test_a_cursor_of_another_log_is_refused_with_its_place_and_what_to_do() -> None:
    with pytest.raises(LogChanged) as refused:
        checked(P, "t.activity", Cursor(7, "before"), "here")
    assert (refused.value.partition, refused.value.cursor, refused.value.log) == (P, Cursor(7, "before"), "here")
    assert "t.activity[1]@7" in str(refused.value)
    assert "tracker rebuild" in str(refused.value)


def test_a_topic_that_changed_while_the_worker_ran_is_named() -> None:
    with pytest.raises(TopicsChanged) as refused:
        same_logs(TOPICS, LOGS, {**LOGS, "commerce": "another"})
    assert refused.value.topics == ("t.commerce",)


def test_topics_that_are_the_same_are_and_so_are_those_not_known_before() -> None:
    same_logs(TOPICS, LOGS, LOGS)
    same_logs(TOPICS, {}, LOGS)
