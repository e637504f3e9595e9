"""The small parts of the API by themselves: cursors, the rate limit, what is kept for a while, the book of alerts."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.web.ground import NOW, alert
from tracker.domain.alerts import place
from tracker.web import cursors
from tracker.web.alertbook import AlertBook
from tracker.web.cursors import BadCursor
from tracker.web.kept import Kept
from tracker.web.limits import RateLimit

QUESTION = cursors.question("/v1/things", [("sort", "name")])
keys = st.lists(st.tuples(st.integers(-3, 3), st.text(max_size=4)), unique=True).map(sorted)


@given(keys, st.integers(1, 4))
def test_pages_together_are_the_whole_list_each_item_once(rows: list[cursors.Key], limit: int) -> None:
    listed = [(key, key) for key in rows]
    seen: list[cursors.Key] = []
    after: cursors.Key | None = None
    while True:
        page, last = cursors.page(listed, after, limit)
        assert len(page) <= limit
        seen += page
        assert len(seen) <= len(rows)
        if last is None:
            break
        after = cursors.read(cursors.write(QUESTION, last), QUESTION, rows[0])
    assert seen == rows


@given(keys, st.integers(1, 4), st.tuples(st.integers(-3, 3), st.text(max_size=4)))
def test_what_is_added_or_removed_between_pages_shifts_nothing(
    rows: list[cursors.Key], limit: int, changed: cursors.Key
) -> None:
    first, last = cursors.page([(key, key) for key in rows], None, limit)
    others = sorted(set(rows) ^ {changed})
    rest, _ = cursors.page([(key, key) for key in others], last, len(others) + 1)
    if last is not None:
        assert set(rows) - {changed} <= {*first, *rest}
        assert not {*first} & {*rest}


@given(st.text())
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        cursors.read(text, QUESTION, (1, "a"))


@given(keys.filter(bool))
def test_a_cursor_fits_its_own_question_alone(rows: list[cursors.Key]) -> None:
    cursor = cursors.write(QUESTION, rows[0])
    for other in (
        cursors.question("/v1/things", [("sort", "size")]),
        cursors.question("/v1/others", [("sort", "name")]),
        cursors.question("/v1/things", [("sort", "name"), ("state", "open")]),
    ):
        with pytest.raises(BadCursor, match="another question"):
            cursors.read(cursor, other, rows[0])


@given(st.integers(1, 600), st.integers(1, 20), st.lists(st.integers(0, 2_000), min_size=1, max_size=200))
def test_no_token_gets_more_than_its_burst_and_its_minutes(per_minute: int, burst: int, waits: list[int]) -> None:
    limit = RateLimit(per_minute, burst)
    now = NOW
    taken = 0
    for wait in waits:
        now += wait
        taken += limit.take("a", now) == 0
    assert taken <= burst + (now - NOW) * per_minute / 60_000


@given(st.integers(1, 600), st.integers(1, 20))
def test_who_comes_back_when_told_may_ask(per_minute: int, burst: int) -> None:
    limit = RateLimit(per_minute, burst)
    for _ in range(burst):
        assert limit.take("a", NOW) == 0
    wait = limit.take("a", NOW)
    assert wait > 0
    assert limit.take("b", NOW) == 0
    assert limit.take("a", NOW + wait - 1) == 1
    assert limit.take("a", NOW + wait) == 0


def test_buckets_of_tokens_that_no_longer_ask_are_forgotten() -> None:
    limit = RateLimit(60, 1)
    for number in range(5_000):
        limit.take(str(number), NOW + number * 1_000)
    assert len(limit._full_at) <= 1_001


async def test_what_costs_much_is_worked_out_once_however_many_ask() -> None:
    asked = 0

    async def find() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return asked

    kept = Kept(find, 1_000)
    assert await asyncio.gather(*(kept() for _ in range(5))) == [1] * 5
    assert await kept() == 1
    assert await Kept(find, 0)() == 2


async def test_a_failure_is_told_and_not_kept() -> None:
    answers = [OSError("away"), None]

    async def find() -> str:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return "there"

    kept = Kept(find, 1_000)
    with pytest.raises(OSError, match="away"):
        await kept()
    assert await kept() == "there"


def test_an_earlier_state_never_takes_the_place_of_a_later_one() -> None:
    book = AlertBook()
    first = alert("spring")
    later = replace(first, serial=first.serial + 1, state="acknowledged")
    assert book.put(later)
    assert not book.put(first)
    assert book.get(first.id) == later
    next_episode = replace(first, id="al-next", episode=2, serial=1, at=NOW + 1)
    assert book.put(next_episode)
    assert book.get(first.id) is None
    assert list(book.newest_first()) == [next_episode]


def test_alerts_are_listed_with_the_last_changed_first() -> None:
    book = AlertBook()
    ones = [alert("spring", str(number), at=NOW + number) for number in (2, 3, 1)]
    for one in ones:
        book.put(one)
    assert [one.subject.post for one in book.newest_first()] == ["3", "2", "1"]
    book.drop(place(ones[0]))
    assert [one.subject.post for one in book.newest_first()] == ["3", "1"]
