"""Writing dead letters, and stopping when there are too many: a bad deploy must not empty a topic into them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import cast

from tracker.codec.dead import DeadLetter, Origin, encode
from tracker.domain.events import Instant
from tracker.sending import Outgoing, Place, partition_of
from tracker.store.base import Partition
from tracker.stream.transport import Batch, Record
from tracker.topics import Stage, Topics


class TooManyDeadLetters(Exception):
    """More records were refused than is plausible. None of this batch was processed."""

    def __init__(self, batch: Batch, count: int, window_seconds: int, example: DeadLetter) -> None:
        super().__init__(
            f"{batch}: {count} records were refused within {window_seconds} s, more than worker.dead_limit allows. "
            f"The last was {example.where}: {example.origin.reason}. "
            "This batch was not applied and the worker stopped. Put the cause right (a plugin's new version?), "
            "or raise worker.dead_limit (TRACKER_WORKER__DEAD_LIMIT), and start again."
        )
        self.count = count
        self.example = example


REASON_BYTES = 400
"""Longer reasons are cut: a letter must fit into a record, however large the payload and whatever a plugin says."""


class DeadLetters:
    """Makes the letters of one worker and counts them. `limit` letters within `window_seconds` are the most."""

    def __init__(self, topics: Topics, logs: Mapping[Stage, str], *, limit: int, window_seconds: int) -> None:
        self._topics = topics
        self._logs = logs
        self._limit = limit
        self._window = window_seconds
        self._recent: deque[tuple[Instant, int]] = deque()
        self.written = 0

    def letter(self, where: Partition, record: Record, reason: str, *, refused_by: str, now: Instant) -> DeadLetter:
        """The letter of one record of a partition."""
        stage = cast(Stage, where.stage)
        origin = Origin(
            reason=_readable(reason),
            stage=stage,
            topic=self._topics.name(stage),
            partition=where.number,
            offset=record.offset,
            log=self._logs[stage],
            refused_by=refused_by,
            at=now,
        )
        return DeadLetter(origin, record.key, record.value, tuple(record.headers))

    def outgoing(self, batch: Batch, letters: Sequence[DeadLetter], now: Instant) -> dict[Place, list[Outgoing]]:
        """What to send for the letters of one batch. Raises TooManyDeadLetters, and then nothing must be applied."""
        if not letters:
            return {}
        self._recent.append((now, len(letters)))
        while self._recent[0][0] < now - self._window * 1000:
            self._recent.popleft()
        count = sum(each for _, each in self._recent)
        if count > self._limit:
            raise TooManyDeadLetters(batch, count, self._window, letters[-1])
        self.written += len(letters)
        records: dict[Place, list[Outgoing]] = {}
        for letter in letters:
            key, value, headers = encode(letter)
            place = (self._topics.name("dead"), partition_of(key or b"", self._topics.partitions))
            records.setdefault(place, []).append(Outgoing(key, value, headers))
        return records


def _readable(reason: str) -> str:
    """A reason that can be written whatever a plugin put into it: no half characters, and not a whole payload."""
    written = reason.encode(errors="backslashreplace")
    return written[:REASON_BYTES].decode(errors="ignore") + ("…" if len(written) > REASON_BYTES else "")
