from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.plugin import Unreadable
from tracker.plugin.reading import MAX_DEPTH, Node, read_json, read_time, whole_characters

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_any_json_reads_back_exactly(document: Any) -> None:
    assert read_json(json.dumps(document).encode()).value == document
    assert read_json(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")).value == document


@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:\\e1-.Nn', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_unreadable(body: bytes) -> None:
    try:
        document = read_json(body)
    except Unreadable as error:
        reason = error.reason
    else:
        assert json.loads(body) == document.value
        return
    assert reason.startswith("$")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":1,"a":1}', "same key twice"),
        (b'{"b":{"a":1,"a":2}}', "same key twice"),
        (b"[NaN]", "NaN is no JSON"),
        (b"[Infinity]", "Infinity is no JSON"),
        (b"[-Infinity]", "-Infinity is no JSON"),
        (b"[1e999]", "too large"),
        (b"\xff", "not UTF-8"),
        ('"é"'.encode("latin-1"), "not UTF-8"),
        ('"é"'.encode("utf-16"), "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "deep"),
        (b'{"a":' * 100_000, "deep"),
        (b"1" * 10_000, "digits"),
    ],
)
def test_what_is_no_strict_json_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_json(body)


def test_brackets_inside_strings_do_not_nest() -> None:
    assert read_json(json.dumps(["[{" * 500, '\\"[' * 500]).encode()).is_array()
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH).is_array()


def test_a_document_beyond_the_size_is_refused_unread() -> None:
    with pytest.raises(Unreadable, match="11 bytes; at most 10"):
        read_json(b'"123456789"', max_bytes=10)


def test_integers_are_exact_at_any_size() -> None:
    assert read_json(b"[7301234567890123457]").value == [7_301_234_567_890_123_457]
    assert Node(7_301_234_567_890_123_457).identifier() == "7301234567890123457"


@pytest.mark.parametrize("bad", [None, True, 1.0, -1, "", "x" * 513, "a\nb", "\ud83d", [], {}, 10**600])
def test_what_is_no_id_is_refused(bad: object) -> None:
    with pytest.raises(Unreadable):
        Node(bad).identifier()


@pytest.mark.parametrize("bad", [None, True, 1.0, -1, 2**53, "1", [], {}])
def test_what_is_no_count_is_refused_and_is_never_zero(bad: object) -> None:
    with pytest.raises(Unreadable):
        Node(bad).count()


@pytest.mark.parametrize("bad", [None, 1, "", "-1", "1.5", "1e3", " 1", "٣", "9007199254740992", "9" * 30])
def test_what_is_no_count_in_a_string_is_refused(bad: object) -> None:
    with pytest.raises(Unreadable):
        Node(bad).count_in_string()


def test_absent_and_null_are_both_not_said() -> None:
    document = read_json(b'{"null":null,"zero":0,"empty":""}')
    assert document.maybe("null") is None
    assert document.maybe("absent") is None
    assert document.member("zero").count() == 0
    assert document.member("empty").text() == ""
    with pytest.raises(Unreadable, match=r"\$\.null: missing"):
        document.member("null")


def test_a_reason_names_the_place_and_the_type_but_never_the_contents() -> None:
    document = read_json(b'{"entry":[{"from":{"id":{"secret":"personal"}}}]}')
    [entry] = document.member("entry").elements()
    with pytest.raises(Unreadable) as refused:
        entry.member("from").member("id").identifier()
    assert refused.value.reason == "$.entry[0].from.id: expected an id (string or integer), got an object"


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2021-07-26T10:45:19+0000", 1_627_296_319_000),
        ("2021-07-26T10:45:19Z", 1_627_296_319_000),
        ("2021-07-26T10:45:19.000Z", 1_627_296_319_000),
        ("2021-07-26T19:45:19+09:00", 1_627_296_319_000),
        ("2021-07-26T03:45:19-0700", 1_627_296_319_000),
        ("2021-07-26T10:45:19.552394234+00:00", 1_627_296_319_552),
        ("2021-07-26T10:45:19.5Z", 1_627_296_319_500),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("1970-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ],
)
def test_every_way_a_platform_writes_a_time_is_read(written: str, instant: int) -> None:
    assert read_time(written) == instant


@pytest.mark.parametrize(
    "written",
    ["", "2021-07-26", "2021-07-26T10:45:19", "2021-02-30T10:45:19Z", "1969-12-31T23:59:59Z", "2021-07-26T25:00:00Z",
     "2021-07-26T10:45:19 UTC", "٢٠٢١-07-26T10:45:19Z", "1627296319", "9999-12-31T23:59:59-2359"],
)  # fmt: skip
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="expected a time"):
        read_time(written)


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=30))
def test_a_cut_emoji_becomes_a_replacement_character_and_all_else_stays(text: str) -> None:
    whole = whole_characters(text)
    whole.encode("utf-8")
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert whole == text


def test_half_a_pair_is_replaced_and_a_whole_one_is_joined() -> None:
    assert whole_characters("a\ud83d") == "a\ufffd"
    assert whole_characters("\ud83d\ude00\ude00") == "😀\ufffd"


def test_a_text_that_is_too_long_is_refused_with_its_length() -> None:
    with pytest.raises(Unreadable, match="100001 characters"):
        Node("x" * 100_001).text()
