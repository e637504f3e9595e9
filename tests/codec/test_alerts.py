"""The laws of tracker/codec/alerts.py."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tracker.codec import alerts as codec
from tracker.codec.alert_examples import examples
from tracker.codec.alerts import MAX_ALERT_BYTES, UnreadableAlert, act_key, decode, decode_act, encode, encode_act
from tracker.domain.alerts import Acknowledged, Act, Alert, Note, Noted, Silence, State, What
from tracker.domain.verdicts import CATEGORIES, SEVERITIES, Evidence, EvidenceUnit, Outcome, Subject

words = st.text(st.characters(codec="utf-8"), max_size=20)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
instants = st.integers(0, 253_402_300_799_999)
maybe_instants = st.none() | instants
values = st.none() | st.integers() | words
subjects = st.builds(Subject, **dict.fromkeys(Subject.__struct_fields__, words))
evidence = st.builds(
    Evidence,
    name=names,
    value=values,
    unit=st.sampled_from(get_args(EvidenceUnit)),
    basis=words,
    limit=values,
    currency=st.none() | st.just("JPY"),
    source=st.none() | words,
    at=maybe_instants,
    platform=st.none() | words,
    post=st.none() | words,
    offset=st.none() | st.integers(0, 9),
    length=st.none() | st.integers(0, 9),
)
notes = st.builds(Note, by=names, at=instants, text=words)
summaries = st.dictionaries(st.sampled_from(("en", "ja")), words, max_size=2)
alerts = st.builds(
    Alert,
    id=names,
    rule=names,
    category=st.sampled_from(CATEGORIES),
    severity=st.sampled_from(SEVERITIES),
    campaign=words,
    subject=subjects,
    check=words,
    episode=st.integers(1, 9),
    serial=st.integers(1, 9),
    state=st.sampled_from(get_args(State)),
    what=st.sampled_from(get_args(What)),
    at=instants,
    began_at=instants,
    judged_at=instants,
    outcome=st.sampled_from(get_args(Outcome)),
    summary=summaries,
    evidence=st.lists(evidence, max_size=3).map(tuple),
    fired_at=maybe_instants,
    raised=st.integers(0, 9),
    told_at=maybe_instants,
    clear_since=maybe_instants,
    resolved_at=maybe_instants,
    reason=st.sampled_from((None, "passed", "gone")),
    acknowledged=st.none() | notes,
    silence=st.none() | words,
    notes=st.lists(notes, max_size=2).map(tuple),
)
acts: st.SearchStrategy[Act] = st.one_of(
    st.builds(Acknowledged, alert=words, serial=st.integers(1, 9), by=names, at=instants, note=words),
    st.builds(Noted, id=words, alert=words, by=names, at=instants, note=names),
    st.builds(
        Silence,
        by=names,
        at=instants,
        until=instants,
        **{field: words for field in Silence.__struct_fields__ if field not in ("by", "at", "until")},
    ),
)
PLAIN = codec.event_of(examples()["engagement"][1].data)


def raw(**changes: Any) -> bytes:
    return json.dumps({**json.loads(encode(PLAIN)), **changes}).encode()


def raw_alert(**changes: Any) -> bytes:
    return raw(data={**json.loads(encode(PLAIN))["data"], **changes})


@given(alerts)
def test_any_alert_reads_back_the_same(alert: Alert) -> None:
    event = codec.event_of(alert)
    assert decode(encode(event)) == event
    assert decode(encode(event)).data == alert


@given(acts)
def test_any_act_reads_back_the_same(act: Act) -> None:
    assert decode_act(encode_act(act)) == act


@given(alerts, alerts)
def test_two_events_have_one_id_only_if_they_are_the_same_change_of_the_same_episode(one: Alert, other: Alert) -> None:
    # An alert's own id is `al-` and letters and digits, so nothing in it can be taken for a serial (domain/alerts.py).
    one, other = (replace(each, id="al-" + each.id.encode().hex()) for each in (one, other))
    same = (one.id, one.serial) == (other.id, other.serial)
    assert (codec.event_of(one).id == codec.event_of(other).id) == same


@given(instants)
def test_the_time_is_the_alerts_instant_as_rfc_3339_has_it(at: int) -> None:
    text = codec.rfc3339(at)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    passed = datetime.fromisoformat(text) - epoch
    assert (passed.days * 86_400 + passed.seconds) * 1_000 + passed.microseconds // 1_000 == at


def test_the_envelope_is_a_cloud_event() -> None:
    written = json.loads(encode(PLAIN))
    alert = written.pop("data")
    assert written == {
        "type": "alert.firing",
        "id": f"{alert['id']}-2",
        "source": "tracker/alerts",
        "subject": "glow-2026",
        "time": "2026-05-28T20:56:40.000Z",
        "specversion": "1.0",
        "datacontenttype": "application/json",
        "schemaversion": 1,
    }


def test_what_is_of_no_campaign_has_the_pipeline_as_its_subject() -> None:
    assert codec.event_of(replace(PLAIN.data, campaign="")).subject == "pipeline"


def test_fields_that_are_unknown_are_ignored_in_the_envelope_and_in_the_alert() -> None:
    assert decode(raw(traceparent="00-1-2")) == PLAIN
    assert decode(raw_alert(mood={"deep": [None]})) == PLAIN


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (raw(schemaversion=2), "$.schemaversion"),
        (raw(specversion="0.3"), "$.specversion"),
        (raw(type="alert.exploded"), "$.type"),
        (raw(type="alert.resolved"), "$.type"),
        (raw(id="al-other-2"), "$.id"),
        (raw(id=""), "$.id"),
        (raw(subject=""), "$.subject"),
        (raw(data=None), "$.data"),
        (raw_alert(severity="dire"), "$.data.severity"),
        (raw_alert(serial=0), "$.data.serial"),
        (raw_alert(serial=3), "$.id"),
        (raw_alert(at=1.5), "$.data.at"),
        (raw_alert(evidence=[{"name": "x", "value": 0.5, "unit": "share"}]), "$.data.evidence[0].value"),
        (raw_alert(notes=[{"by": "", "at": 1}]), "$.data.notes[0].by"),
        (raw_alert(new="x" * MAX_ALERT_BYTES), str(MAX_ALERT_BYTES)),
        (raw_alert(new="X").replace(b'"X"', b'"\xff"'), "utf-8"),
        (raw_alert(new="X").replace(b'"X"', b"[" * 100_000 + b"]" * 100_000), "recursion"),
        (encode(PLAIN)[:-1], "truncated"),
        (b"", "truncated"),
        (b"[]", "object"),
    ],
    ids=lambda value: value[:40].decode(errors="replace") if isinstance(value, bytes) else None,
)
def test_what_is_no_alert_of_ours_is_refused_with_its_place(value: bytes, reason: str) -> None:
    with pytest.raises(UnreadableAlert, match=re.escape(reason)):
        decode(value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b'{"act":"forgotten","alert":"a","by":"t","at":1}', "$.act"),
        (b'{"act":"acknowledged","alert":"a","by":"t","at":1}', "serial"),
        (b'{"act":"noted","id":"n","alert":"a","by":"t","at":1,"note":""}', "$.note"),
        (b'{"act":"silence","id":"s","by":"t","at":1,"until":-1}', "$.until"),
        (b"null", "object"),
    ],
)
def test_what_is_no_act_of_ours_is_refused_with_its_place(value: bytes, reason: str) -> None:
    with pytest.raises(UnreadableAlert, match=re.escape(reason)):
        decode_act(value)


@pytest.mark.parametrize(
    "changes",
    [
        {"summary": {"en": "\ud800"}},
        {"summary": {"en": "x" * MAX_ALERT_BYTES}},
        {"at": -1},
        {"episode": 0},
        {"notes": (Note(by="", at=1),)},
        {"evidence": (Evidence(name="", value=1, unit="count"),)},
        {"evidence": (Evidence(name="x", value=0.5, unit="share"),)},  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_an_alert_that_could_not_be_read_is_not_written(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableAlert):
        encode(codec.event_of(replace(PLAIN.data, **changes)))


def test_an_act_that_could_not_be_read_is_not_written() -> None:
    with pytest.raises(UnreadableAlert):
        encode_act(Noted(id="n", alert="a", by="t", at=1, note="\ud800"))
    with pytest.raises(UnreadableAlert, match=re.escape("$.note")):
        encode_act(Noted(id="n", alert="a", by="t", at=1, note="x" * 2_001))


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(value: bytes) -> None:
    for read in (decode, decode_act):
        with pytest.raises(UnreadableAlert):
            read(value)


@given(st.data(), alerts)
def test_no_damage_to_an_alert_breaks_the_reader(data: st.DataObject, alert: Alert) -> None:
    value = bytearray(encode(codec.event_of(alert)))
    for _ in range(data.draw(st.integers(1, 3))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    try:
        event = decode(bytes(value))
    except UnreadableAlert:
        return
    assert decode(encode(event)) == event


def test_an_acknowledgement_takes_the_place_of_an_earlier_one_and_a_note_of_none() -> None:
    took = Acknowledged(alert="al-1", serial=2, by="t", at=1)
    wrote = Noted(id="n1", alert="al-1", by="t", at=1, note="x")
    assert act_key(took) == act_key(replace(took, serial=3, at=2, by="u")) == "ack:al-1"
    assert act_key(wrote) == "note:al-1:n1"
    assert act_key(replace(wrote, id="n2")) != act_key(wrote)
    assert act_key(Silence(id="s1", by="t", at=1, until=2)) == "silence:s1"
