"""Adapting: a payload becomes all of its events or one dead letter, and nothing is published that cannot be right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from tests.stream.builders import LOGS, TOPICS, Logs, Outbox, Rewinds, T, parts
from tests.stream.orders import like, payload
from tracker.codec import events as codec
from tracker.domain import events as ev
from tracker.plugin.api import PlatformAdapter, RawPayload, Unreadable
from tracker.sending import NotSent, Outgoing, Place
from tracker.store.base import Change, Cursor, Partition
from tracker.store.memory import MemoryStore
from tracker.stream.adapt import AHEAD_MS, Adapter
from tracker.stream.cursors import LogChanged
from tracker.stream.letters import TooManyDeadLetters
from tracker_direct.adapter import Direct

INBOX = (TOPICS.name("inbox"), 0)
P = Partition("inbox", 0)


class Odd(Direct):
    """A plugin with a fault of our choosing."""

    name = "odd"

    def __init__(self, parse: Callable[[RawPayload], Any]) -> None:
        self._parse = parse

    def parse(self, raw: RawPayload) -> Sequence[ev.Fact]:
        return cast(Sequence[ev.Fact], self._parse(raw))


class Bench:
    def __init__(self, *, odd: Callable[[RawPayload], Any] = lambda _raw: [], dead_limit: int = 1_000) -> None:
        self.store = MemoryStore()
        self.logs = Logs()
        self.rewinds = Rewinds()
        self.before: Callable[[Place, Outgoing], None] = lambda _place, _record: None
        platforms: dict[str, PlatformAdapter] = {"direct": Direct(), "odd": Odd(odd)}
        outbox = Outbox(self.logs, lambda place, record: self.before(place, record))  # noqa: PLW0108 (it is exchanged later)
        made = parts(self.store, self.logs, sender=outbox, dead_limit=dead_limit)
        self.adapter = Adapter(made, platforms, self.rewinds)

    async def adapt(self, *records: Outgoing, start: int | None = None) -> None:
        for record in records:
            self.logs.append(INBOX, record)
        await self.adapter.assign([P])
        at = (await self.cursor()) if start is None else start
        await self.adapter.process(self.logs.batch("inbox", 0, at, self.logs.end("inbox", 0)))

    async def cursor(self) -> int:
        return (await self.store.open(P)).cursor.next_offset

    def events(self) -> list[ev.AnyEvent]:
        return [
            codec.decode(record.value or b"")
            for (topic, _), records in self.logs.records.items()
            if topic == TOPICS.name("activity")
            for record in records
        ]


async def test_every_event_names_where_in_the_inbox_it_came_from() -> None:
    bench = Bench()
    await bench.adapt(payload(like(1), like(2)), payload(like(3)))
    assert [event.data.origin for event in bench.events()] == [
        ev.Origin(LOGS["inbox"], 0, 0, 0),
        ev.Origin(LOGS["inbox"], 0, 0, 1),
        ev.Origin(LOGS["inbox"], 0, 1, 0),
    ]
    assert len({event.id for event in bench.events()}) == 3
    assert await bench.cursor() == 2


@pytest.mark.parametrize("faulty", [0, 1, 2])
async def test_half_a_payload_is_never_published(faulty: int) -> None:
    facts = [like(1), like(2), like(3)]
    facts[faulty] = {**facts[faulty], "likes": -1}
    bench = Bench()
    await bench.adapt(payload(*facts), payload(like(9)))
    assert [cast(ev.ReactionObserved, event.data).likes for event in bench.events()] == [9]
    (letter,) = bench.logs.letters()
    assert (letter.origin.stage, letter.origin.offset, letter.origin.refused_by) == ("inbox", 0, "direct")
    assert await bench.cursor() == 2


@pytest.mark.parametrize(("ahead", "letters"), [(AHEAD_MS, 0), (AHEAD_MS + 1, 1)])
async def test_a_statement_about_a_time_more_than_a_day_ahead_is_refused(ahead: int, letters: int) -> None:
    bench = Bench()
    await bench.adapt(payload(like(1), like(2, at=T + ahead)))
    assert len(bench.logs.letters()) == letters
    assert len(bench.events()) == 2 * (1 - letters)


def _raises(error: Exception) -> Callable[[RawPayload], Any]:
    def parse(_raw: RawPayload) -> Any:
        raise error

    return parse


_FACT = ev.ReactionObserved(platform="odd", account="a", post="p", observed_at=T)
FAULTS: dict[str, Callable[[RawPayload], Any]] = {
    "says that it cannot read it": _raises(Unreadable("$.x: no such thing")),
    "raises something": _raises(KeyError("x")),
    "raises with half a character": _raises(ValueError("\ud800")),
    "raises with a whole payload": _raises(ValueError("x" * 9_000_000)),
    "recurses without end": _raises(RecursionError()),
    "returns nothing at all": lambda _raw: None,
    "returns a generator": lambda _raw: (fact for fact in [_FACT]),
    "returns what is no fact": lambda _raw: [{"likes": 1}],
    "returns a definition": lambda _raw: [
        ev.DefinitionChanged(platform="odd", observed_at=T, kind="campaign", id="c", version=1)
    ],
    "puts a string for a count": lambda _raw: [
        ev.ReactionObserved(platform="odd", account="a", post="p", observed_at=T, likes="7")  # type: ignore[arg-type]
    ],
    "puts half a character into an id": lambda _raw: [
        ev.ReactionObserved(platform="odd", account="\ud800", post="p", observed_at=T)
    ],
    "names no account": lambda _raw: [ev.ReactionObserved(platform="odd", account="", post="p", observed_at=T)],
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_in_a_plugin_costs_one_payload_and_is_kept_with_it(fault: str) -> None:
    bench = Bench(odd=FAULTS[fault])
    await bench.adapt(payload(platform="odd"), payload(like(4)))
    (letter,) = bench.logs.letters()
    assert letter.origin.reason
    assert len(letter.origin.reason.encode()) < 500
    assert (letter.origin.offset, letter.value) == (0, bench.logs.records[INBOX][0].value)
    assert len(bench.events()) == 1
    assert await bench.cursor() == 2


async def test_a_platform_without_a_plugin_is_a_letter_that_says_which_there_are() -> None:
    bench = Bench()
    await bench.adapt(payload(like(1), platform="nowhere"))
    (letter,) = bench.logs.letters()
    assert "`nowhere`" in letter.origin.reason
    assert "direct, odd" in letter.origin.reason


async def test_a_record_that_no_door_of_ours_wrote_is_a_letter() -> None:
    bench = Bench()
    await bench.adapt(Outgoing(b"k", b"\x00\xff"), Outgoing(None, b"", [("tracker", b"{}")]), payload(like(1)))
    assert [letter.origin.offset for letter in bench.logs.letters()] == [0, 1]
    assert len(bench.events()) == 1


async def test_a_burst_of_bad_payloads_stops_it_before_anything_is_published() -> None:
    bench = Bench(dead_limit=2)
    with pytest.raises(TooManyDeadLetters):
        await bench.adapt(payload(like(1)), *[Outgoing(None, b"bad")] * 3)
    assert bench.events() == []
    assert bench.logs.letters() == []
    assert await bench.cursor() == 0


async def test_after_a_failed_send_the_cursor_stays_and_the_same_events_are_made_again() -> None:
    bench = Bench()
    refuse = iter([False, True])

    def before(place: Place, _record: Outgoing) -> None:
        if next(refuse, False):
            raise NotSent(place, 1, "a test")

    bench.before = before
    with pytest.raises(NotSent):
        await bench.adapt(payload(like(1), like(2)))
    assert await bench.cursor() == 0
    await bench.adapt()
    first, again, second = bench.events()
    assert first == again
    assert second.data.origin.index == 1
    assert await bench.cursor() == 1


async def test_a_gap_in_the_inbox_is_read_again_from_the_cursor_and_asked_for_once() -> None:
    bench = Bench()
    await bench.adapt(payload(like(1)), payload(like(2)), start=1)
    await bench.adapter.process(bench.logs.batch("inbox", 0, 1, 2))
    assert bench.rewinds.asked == [(INBOX[0], 0, 0)]
    assert bench.events() == []
    await bench.adapter.process(bench.logs.batch("inbox", 0, 0, 2))
    assert len(bench.events()) == 2


async def test_a_cursor_that_another_worker_moved_is_taken_over() -> None:
    bench = Bench()
    bench.logs.append(INBOX, payload(like(1)))
    await bench.adapter.assign([P])
    await bench.store.apply(P, Change(expected=Cursor(), next=Cursor(1, LOGS["inbox"])))
    await bench.adapter.process(bench.logs.batch("inbox", 0, 0, 1))
    assert bench.adapter.cursors() == {P: Cursor(1, LOGS["inbox"])}
    assert bench.rewinds.asked == [(INBOX[0], 0, 1)]


async def test_a_store_that_lost_its_last_writes_is_noticed_while_the_inbox_is_idle() -> None:
    bench = Bench()
    await bench.adapt(payload(like(1)))
    bench.store._rooms = {}
    await bench.adapter.check()
    assert bench.rewinds.asked == [(INBOX[0], 0, 0)]
    assert bench.adapter.cursors()[P].next_offset == 0


async def test_an_inbox_that_is_another_one_is_refused() -> None:
    bench = Bench()
    await bench.store.apply(P, Change(expected=Cursor(), next=Cursor(4, "the log before")))
    with pytest.raises(LogChanged):
        await bench.adapter.assign([P])
