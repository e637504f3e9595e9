"""Canonical events as bytes: what is refused, and what tomorrow's writer may add."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import activity_facts, commerce_facts, definition_changes, sources
from tracker.codec.events import MAX_EVENT_BYTES, UnreadableEvent, checked, decode, encode
from tracker.domain import events as ev

PLAIN = ev.wrap(
    ev.ReactionObserved(platform="instagram", account="a", post="p", observed_at=1_000, likes=3), id="e1", source="poll"
)


def raw(**changes: Any) -> bytes:
    return json.dumps({**json.loads(encode(PLAIN)), **changes}).encode()


def with_fact(extra: str) -> bytes:
    """The plain event with something put into its fact, as text."""
    return encode(PLAIN).replace(b'"likes":3', b'"likes":3,' + extra.encode())


@given(st.one_of(activity_facts, commerce_facts, definition_changes()), sources)
def test_what_is_encoded_reads_back_the_same(fact: ev.Fact, source: ev.Source) -> None:
    event = ev.wrap(fact, id="e", source=source)
    assert decode(encode(event)) == event
    assert checked(event) == encode(event)


def test_fields_that_are_unknown_are_ignored_in_the_envelope_and_in_the_fact() -> None:
    assert decode(raw(traceparent="00-1-2", dataschema=None)) == PLAIN
    assert decode(with_fact('"sentiment":{"joy":[1,2,{"deep":null}]}')) == PLAIN


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (raw(schemaversion=2), "$.schemaversion"),
        (raw(specversion="2.0"), "$.specversion"),
        (raw(type="post.exploded"), "$.type"),
        (raw(source="carrier pigeon"), "$.source"),
        (raw(id=""), "$.id"),
        (raw(data=None), "$.data"),
        (with_fact('"likes":-1'), "$.data.likes"),
        (with_fact('"likes":1.0'), "$.data.likes"),
        (with_fact('"likes":"3"'), "$.data.likes"),
        (with_fact('"likes":9007199254740992'), "$.data.likes"),
        (with_fact('"likes":true'), "$.data.likes"),
        (with_fact('"likes":NaN'), "malformed"),
        (with_fact('"new":NaN'), "malformed"),
        (with_fact('"new":Infinity'), "malformed"),
        (with_fact('"new":01'), "malformed"),
        (with_fact('"new":' + "[" * 100_000 + "]" * 100_000), "recursion"),
        (with_fact('"new":' + '{"a":' * 50_000 + "1" + "}" * 50_000), "recursion"),
        (with_fact('"new":"\\ud800"'), "truncated"),
        (with_fact('"new":"X"').replace(b"X", b"\xff"), "utf-8"),
        (encode(PLAIN).replace(b'"p"', b'"\xc3("'), "utf-8"),
        (encode(PLAIN) + b" x", "trailing"),
        (encode(PLAIN)[:-1], "truncated"),
        (b"\xef\xbb\xbf" + encode(PLAIN), "malformed"),
        (b"", "truncated"),
        (b"null", "object"),
        (b"[]", "object"),
        (b"\x00\x01", "malformed"),
        (with_fact('"new":"' + "x" * MAX_EVENT_BYTES + '"'), str(MAX_EVENT_BYTES)),
    ],
    ids=lambda value: value[:60].decode(errors="replace") if isinstance(value, bytes) else None,
)
def test_what_is_no_event_of_ours_is_refused_with_its_place(value: bytes, reason: str) -> None:
    with pytest.raises(UnreadableEvent, match=re.escape(reason)):
        decode(value)


def test_of_a_key_that_stands_twice_the_last_value_is_read() -> None:
    # Everybody of ours reads through `decode`, and only our encoder, which cannot repeat a key, writes (ADR 0001).
    read = decode(with_fact('"likes":4'))
    assert isinstance(read, ev.ReactionObservedEvent)
    assert read.data.likes == 4


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(value: bytes) -> None:
    try:
        event = decode(value)
    except UnreadableEvent:
        return
    assert decode(encode(event)) == event


@given(st.data(), st.one_of(activity_facts, commerce_facts, definition_changes()))
def test_no_damage_to_an_event_breaks_the_reader(data: st.DataObject, fact: ev.Fact) -> None:
    value = bytearray(encode(ev.wrap(fact, id="e", source="poll")))
    for _ in range(data.draw(st.integers(1, 3))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    try:
        event = decode(bytes(value))
    except UnreadableEvent:
        return
    assert decode(encode(event)) == event


@pytest.mark.parametrize(
    "event",
    [
        ev.wrap(ev.PostRemoved(platform="No Platform", account="a", post="p", observed_at=1), id="e", source="poll"),
        ev.wrap(ev.PostRemoved(platform="x", account="a", post="p", observed_at=-1), id="e", source="poll"),
        ev.wrap(ev.PostRemoved(platform="x", account="", post="p", observed_at=1), id="e", source="poll"),
        ev.wrap(
            ev.ReactionObserved(platform="x", account="a", post="p", observed_at=1, likes=2**80), id="e", source="poll"
        ),
        ev.wrap(
            ev.PostEdited(platform="x", account="a", post="p", observed_at=1, text="\ud800"), id="e", source="poll"
        ),
        ev.wrap(
            ev.PostEdited(platform="x", account="a", post="p", observed_at=1, text="x" * 100_001), id="e", source="poll"
        ),
    ],
)
def test_an_event_that_could_not_be_read_is_not_written(event: ev.AnyEvent) -> None:
    with pytest.raises(UnreadableEvent):
        checked(event)


def test_defaults_are_left_out_of_the_fact_and_stand_in_the_envelope() -> None:
    assert msgspec.json.decode(encode(PLAIN)) == {
        "type": "reaction.observed",
        "id": "e1",
        "source": "poll",
        "specversion": "1.0",
        "schemaversion": 1,
        "data": {"platform": "instagram", "observed_at": 1_000, "account": "a", "post": "p", "likes": 3},
    }
