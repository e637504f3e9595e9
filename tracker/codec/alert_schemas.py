"""JSON Schemas of alert events and acts, made from the types, with what every field means.

The examples of a schema stand under `alerts/examples/`, whole; the schema itself shows a few.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec

from tracker.codec.alert_examples import act_examples, examples
from tracker.codec.alerts import AlertEvent, encode, encode_act
from tracker.domain.alerts import Acknowledged, Act, Alert, Note, Noted, Silence
from tracker.domain.verdicts import Evidence, Subject

ALERT_ID = "urn:tracker:alert:1"
ACT_ID = "urn:tracker:act:1"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BY = "Who did it: a token's id, or an operating user."
_WHEN_DONE = "When it was done: ms since the epoch, UTC."

MEANINGS: Mapping[type[msgspec.Struct], Mapping[str, str]] = {
    AlertEvent: {
        "type": "What happened to the alert: `alert.` and `data.what`. More kinds may come.",
        "id": "Names this change once and for all: `data.id`, `-`, `data.serial`. A repeat has the same id.",
        "source": "Who tells of it.",
        "subject": "The campaign's id, or `pipeline` for what is of no campaign. The key of the record, too.",
        "time": "When it changed: `data.at` as RFC 3339, UTC.",
        "specversion": "Of CloudEvents.",
        "datacontenttype": "Of `data`.",
        "schemaversion": "Of `data`. Readers refuse one that they do not know.",
        "data": "The alert as it stands after the change, whole.",
    },
    Alert: {
        "id": "Names the episode: the same rule about the same subject has another id when it is raised anew.",
        "rule": "The rule that raised it: `<category>.<what>`.",
        "category": "The category of the rule, and so the topic. More may come.",
        "severity": "How bad it is. `needs_human` is always `info`.",
        "campaign": "The campaign's id; empty for what is of no campaign.",
        "subject": "What was judged.",
        "check": "The item of a checklist, where a rule has several for one subject.",
        "episode": "Counts how often this rule was raised about this subject, from 1.",
        "serial": "Counts the changes of this episode, from 1; some are left out. A higher one is newer.",
        "state": "How the alert stands now.",
        "what": "What its latest change was. `repeated` and `noted` leave the state as it is. More may come.",
        "at": "When that change was: ms since the epoch, UTC.",
        "began_at": "When the rule first failed, in this episode: ms since the epoch, UTC.",
        "judged_at": "When the latest verdict was that raised it: ms since the epoch, UTC.",
        "outcome": "That verdict: `fail`, or `needs_human` where no machine can tell.",
        "summary": "One sentence by language (`en`, `ja`). English is always there. More languages may come.",
        "evidence": "The numbers behind it: whoever reads them can do the sum again.",
        "fired_at": "When it had failed for long enough: ms since the epoch, UTC. Null: it has not yet.",
        "raised": "The serial with which it fired, or with which its severity last rose. 0: it has not fired.",
        "told_at": "When others were last told: ms since the epoch, UTC.",
        "clear_since": "Since when it passes again, without being resolved yet: ms since the epoch, UTC.",
        "resolved_at": "When it was resolved: ms since the epoch, UTC.",
        "reason": "Why: `passed`, or `gone` (the campaign was deleted, the rule disabled: nobody judges it any more).",
        "acknowledged": "Who took it, and when. It is taken back when the severity rises.",
        "silence": "The id of the silence that holds it now.",
        "notes": "The latest notes, at most 20, in the order of their instants.",
    },
    Subject: {
        "campaign": "The campaign's id.",
        "creator": "The creator's id.",
        "agreement": "The agreement's id.",
        "platform": "The platform's name.",
        "account": "The platform's id of the account.",
        "post": "The platform's id of the post.",
        "code": "A promo code.",
        "part": "A part of the pipeline, e.g. `poller:youtube`.",
    },
    Evidence: {
        "name": "What it is; unique within the alert only by convention of the rule.",
        "value": "An integer for `count`, `instant`, `ms` and `minor`, else text (exact decimals). Null: unknown.",
        "unit": "`minor`: money in the currency's minor unit. `instant`: ms since the epoch, UTC. More may come.",
        "basis": "How it was computed, over what.",
        "limit": "What it was compared with, in the same unit.",
        "currency": "ISO 4217, with the unit `minor`.",
        "source": "Where the number came from.",
        "at": "The newest statement behind it: ms since the epoch, UTC.",
        "platform": "With `post`: the post that it is about, if that is not the subject.",
        "post": "See `platform`.",
        "offset": "Where a text begins in the post's text, in code points from 0.",
        "length": "How long that text is, in code points.",
    },
    Note: {"by": _BY, "at": _WHEN_DONE, "text": "What they wrote; may be empty."},
    Acknowledged: {
        "act": "What was done.",
        "alert": "The episode, by its id.",
        "serial": "The serial at which they saw it: what is raised after it is not taken by this.",
        "by": _BY,
        "at": _WHEN_DONE,
        "note": "What they wrote; may be empty.",
    },
    Noted: {
        "act": "What was done.",
        "id": "Tells several notes of one alert apart.",
        "alert": "The episode, by its id.",
        "by": _BY,
        "at": _WHEN_DONE,
        "note": "What they wrote.",
    },
    Silence: {
        "act": "What was done.",
        "id": "Names the silence; the one with the same id that was said last stands.",
        "by": _BY,
        "at": "From when on it holds: ms since the epoch, UTC.",
        "until": "Until when, exclusive: ms since the epoch, UTC. An earlier one ends it.",
        "rule": "Only alerts of this rule, or (`speed.*`) of this category. Empty: of all.",
        "campaign": "Only alerts of this campaign. Empty: of all.",
        "creator": "Only alerts about this creator. Empty: about all.",
        "platform": "Only alerts on this platform. Empty: on all.",
        "post": "Only alerts about this post. Empty: about all.",
        "alert": "Only this episode, by its id. Empty: all.",
        "note": "Why; may be empty.",
    },
}
"""What the fields mean to a subscriber. The types' own meanings are their docstrings."""


def alert_schema() -> dict[str, Any]:
    """The JSON Schema of an alert event, envelope included."""
    (root,), components = msgspec.json.schema_components([AlertEvent], ref_template="#/$defs/{name}")
    _describe(components, AlertEvent, Alert, Subject, Evidence, Note)
    envelope = components.pop(root["$ref"].rpartition("/")[2])
    alerts = _alerts()
    shown = [alerts["engagement"][1], alerts["compliance"][-1]]
    return _document(ALERT_ID, envelope | {"title": "alert"}, components, shown)


def act_schema() -> dict[str, Any]:
    """The JSON Schema of an act."""
    (root,), components = msgspec.json.schema_components([Act], ref_template="#/$defs/{name}")
    _describe(components, Acknowledged, Noted, Silence)
    about = {"title": "act", "description": "What somebody did about alerts: took one, wrote at one, silenced some."}
    return _document(ACT_ID, about | root, components, _acts()[1:4])


def files() -> Mapping[str, Any]:
    """What belongs into the directory of schemas, by path below it; each is a JSON value."""
    return {
        "alerts/alert.schema.json": alert_schema(),
        "alerts/act.schema.json": act_schema(),
        **{f"alerts/examples/{category}.json": shown for category, shown in _alerts().items()},
        "alerts/examples/acts.json": _acts(),
    }


def _alerts() -> Mapping[str, list[Any]]:
    return {category: [_plain(encode(event)) for event in events] for category, events in examples().items()}


def _acts() -> list[Any]:
    return [_plain(encode_act(act)) for act in act_examples()]


def _plain(value: bytes) -> Any:
    return msgspec.json.decode(value)


def _describe(components: dict[str, Any], *kinds: type[msgspec.Struct]) -> None:
    """Put every field's meaning in. Raises KeyError for a field without one."""
    for kind in kinds:
        about = components[kind.__name__]
        about["description"] = inspect.getdoc(kind)
        about["properties"] = {
            field: {**schema, "description": MEANINGS[kind][field]} for field, schema in about["properties"].items()
        }


def _document(id: str, root: dict[str, Any], components: dict[str, Any], shown: list[Any]) -> dict[str, Any]:
    return {
        "$schema": _DIALECT,
        "$id": id,
        **root,
        "examples": shown,
        "$defs": dict(sorted(components.items())),
    }
