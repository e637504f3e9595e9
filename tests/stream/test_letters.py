"""Dead letters: whole, with their coordinates, and not too many."""

from __future__ import annotations

import pytest

from tests.stream.builders import LOGS, TOPICS, Kept, Logs, T
from tracker.codec import dead
from tracker.store.base import Partition
from tracker.stream.letters import REASON_BYTES, DeadLetters, TooManyDeadLetters

INBOX = Partition("inbox", 1)
RECORD = Kept(TOPICS.name("inbox"), 1, 7, b"\x00body", b"key", (("tracker", b"{}"), ("x", b"\xff")))


def letters(limit: int = 10, window_seconds: int = 60) -> DeadLetters:
    return DeadLetters(TOPICS, LOGS, limit=limit, window_seconds=window_seconds)


def test_a_letter_reads_back_whole_with_its_reason_and_where_from() -> None:
    made = letters()
    letter = made.letter(INBOX, RECORD, "no such field", refused_by="direct", now=T)
    ((_, (sent,)),) = made.outgoing(Logs().batch("inbox", 1, 7, 8), [letter], T).items()
    assert dead.decode(sent.key, sent.value, sent.headers) == letter
    assert (letter.where, letter.origin.log) == ("t.inbox[1]@7", LOGS["inbox"])
    assert (letter.key, letter.value, letter.headers) == (RECORD.key, RECORD.value, RECORD.headers)


def test_a_letter_written_again_after_a_crash_has_the_same_id() -> None:
    first = letters().letter(INBOX, RECORD, "once", refused_by="direct", now=T)
    again = letters().letter(INBOX, RECORD, "twice", refused_by="direct", now=T + 1)
    assert first.id == again.id


@pytest.mark.parametrize("reason", ["x" * 100_000, "\ud800" * 1_000, "日本" * 5_000, "short"])
def test_a_reason_can_always_be_written_and_stays_small(reason: str) -> None:
    made = letters()
    letter = made.letter(INBOX, RECORD, reason, refused_by="direct", now=T)
    assert len(letter.origin.reason.encode()) <= REASON_BYTES + len("…".encode())
    ((_, (sent,)),) = made.outgoing(Logs().batch("inbox", 1, 7, 8), [letter], T).items()
    assert dead.decode(sent.key, sent.value, sent.headers).origin.reason == letter.origin.reason


@pytest.mark.parametrize(("pause_ms", "stops"), [(59_000, True), (61_000, False)])
def test_the_limit_is_for_a_window_of_time(pause_ms: int, stops: bool) -> None:
    made = letters(limit=3)
    batch = Logs().batch("inbox", 1, 7, 8)
    letter = made.letter(INBOX, RECORD, "bad", refused_by="direct", now=T)
    made.outgoing(batch, [letter] * 2, T)
    if stops:
        with pytest.raises(TooManyDeadLetters) as stopped:
            made.outgoing(batch, [letter] * 2, T + pause_ms)
        assert stopped.value.count == 4
        assert made.written == 2
    else:
        made.outgoing(batch, [letter] * 2, T + pause_ms)
        assert made.written == 4


def test_a_batch_without_letters_is_nothing_to_send() -> None:
    assert letters().outgoing(Logs().batch("inbox", 1, 7, 8), [], T) == {}
