"""Where each partition is read from: the store's cursor, checked against the log it belongs to.

1. The position is the store's. Kafka's committed offsets are never read.
2. A cursor names its log. A topic that was deleted and created anew is another log: the worker stops and says so, also
   when that happens while it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracker.store.base import Cursor, Partition
from tracker.topics import Stage, Topics


class LogChanged(Exception):
    """The cursor belongs to another log than the topic that is there now. Nothing was applied."""

    def __init__(self, partition: Partition, topic: str, cursor: Cursor, log: str) -> None:
        super().__init__(
            f"{topic}[{partition.number}]@{cursor.next_offset}: the counters were made from log {cursor.log}, "
            f"the topic that is there now is log {log}: it was deleted and created anew, or this is another cluster. "
            "Nothing was applied and the worker stopped. Point kafka.bootstrap at the right cluster, restore the "
            "topic, or count anew from what is there: tracker rebuild"
        )
        self.partition = partition
        self.cursor = cursor
        self.log = log


class TopicsChanged(Exception):
    """Topics that were deleted and created anew while the worker ran. `topics` are their names."""

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(topics)}: deleted and created anew while the worker ran. Nothing of the new log was applied "
            "and the worker stopped. Start it again: it compares each cursor with its log, and says what to do."
        )
        self.topics = tuple(topics)


def same_logs(topics: Topics, before: Mapping[Stage, str], now: Mapping[Stage, str]) -> None:
    """Raises TopicsChanged where a topic is another log than before; what was not known before is not compared."""
    if changed := [topics.name(stage) for stage, log in before.items() if now.get(stage) != log]:
        raise TopicsChanged(changed)


def checked(partition: Partition, topic: str, cursor: Cursor, log: str) -> Cursor:
    """The cursor, if it is of this log (or was never moved). Raises LogChanged."""
    if cursor.log not in ("", log):
        raise LogChanged(partition, topic, cursor, log)
    return cursor
