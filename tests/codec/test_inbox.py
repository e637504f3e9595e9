"""The laws of tracker/codec/inbox.py."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.codec.inbox import HEADER, MAX_HEADER_BYTES, UnreadableRecord, decode, encode
from tracker.plugin.api import DueItem, RawPayload

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
platforms = st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True)
items = st.builds(DueItem, platform=platforms, account=words, post=st.none() | words)
payloads = st.builds(
    RawPayload,
    platform=platforms,
    source=st.sampled_from(["webhook", "poll", "import", "simulate"]),
    name=words,
    received_at=st.integers(0, 253_402_300_799_999),
    body=st.binary(max_size=300),
    headers=st.dictionaries(words, words, max_size=4),
    endpoint=st.none() | words,
    items=st.lists(items, max_size=3).map(tuple),
    status=st.none() | st.integers(100, 599),
)

GOOD = {"platform": "sample", "source": "webhook", "name": "main", "received_at": 1}


def read(meta: object, value: bytes | None = b"{}") -> RawPayload:
    return decode(value, [(HEADER, msgspec.json.encode(meta))])


@given(payloads)
def test_what_is_encoded_reads_back_the_same(raw: RawPayload) -> None:
    _, value, headers = encode(raw)
    assert value is raw.body
    assert decode(value, headers) == raw


def test_a_poll_is_keyed_by_its_account_and_a_webhook_by_its_source() -> None:
    raw = RawPayload(platform="sample", source="webhook", name="main", received_at=1, body=b"")
    item = DueItem(platform="sample", account="a-1", post="p-1")
    assert encode(raw)[0] == b"sample:main"
    assert encode(msgspec.structs.replace(raw, source="poll", items=(item,)))[0] == b"sample:a-1"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"platform": "Not A Platform"}, "$.platform"),
        ({"source": "guess"}, "$.source"),
        ({"name": ""}, "$.name"),
        ({"received_at": -1}, "$.received_at"),
        ({"received_at": "1"}, "$.received_at"),
        ({"status": 99}, "$.status"),
        ({"headers": {"a": 1}}, "$.headers"),
        ({"items": [{"platform": "sample"}]}, "$.items"),
        ({"version": 2}, "version"),
    ],
)
def test_a_record_that_says_something_else_is_refused_with_the_place(wrong: dict[str, object], named: str) -> None:
    assert read(GOOD).name == "main"
    with pytest.raises(UnreadableRecord) as refused:
        read(GOOD | wrong)
    assert named in refused.value.reason


@pytest.mark.parametrize("missing", list(GOOD))
def test_a_record_that_lacks_a_field_is_refused(missing: str) -> None:
    with pytest.raises(UnreadableRecord, match=missing):
        read({name: value for name, value in GOOD.items() if name != missing})


def test_a_record_without_its_header_or_with_two_or_without_value_is_refused() -> None:
    header = (HEADER, msgspec.json.encode(GOOD))
    for headers in ([], [("other", b"{}")], [header, header], [(HEADER, None)]):
        with pytest.raises(UnreadableRecord, match="header"):
            decode(b"{}", headers)
    with pytest.raises(UnreadableRecord, match="no value"):
        read(GOOD, None)
    with pytest.raises(UnreadableRecord, match="at most"):
        read(GOOD | {"headers": {"a": "x" * MAX_HEADER_BYTES}})


@given(st.binary(max_size=80) | st.integers(1, 3_000).map(lambda depth: b"[" * depth))
def test_no_header_whatever_crashes_the_reader(header: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        decode(b"", [(HEADER, header)])


def test_a_payload_that_would_not_read_back_is_not_written() -> None:
    raw = RawPayload(platform="sample", source="webhook", name="main", received_at=1, body=b"", headers={"a": "\ud800"})
    with pytest.raises(UnreadableRecord):
        encode(raw)
