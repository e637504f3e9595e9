"""The AsyncAPI 3.0 document of the topics: what stands where, keyed by what, kept for how long, and for whom.

1. Every topic is in it. A public one may be read by anybody and keeps the promise of docs/reference/compatibility.md;
   an internal one (`x-internal`) is for the tracker's own processes and may change without notice.
2. Nobody but the tracker writes any of them: the operations are what the tracker sends.
3. Payloads are the JSON Schemas beside it; the document says nothing of its own about a field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_type_hints

import msgspec
import yaml

from tracker.codec import dead, inbox
from tracker.codec.alerts import PIPELINE
from tracker.domain.events import (
    EVENTS,
    AnyEvent,
    ConversionRecorded,
    ConversionRefunded,
    DefinitionChanged,
    Fact,
    LinkClicked,
)
from tracker.domain.verdicts import CATEGORIES
from tracker.settings import Kafka
from tracker.topics import ALERTS, STAGES, Stage, Topics, configuration

VERSION = "1.0.0"
"""Of the contract: the first number grows with a `schemaversion`, the second with a topic, a message or a field."""
INTERNAL: frozenset[Stage] = frozenset({"inbox", "touched"})
SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
_BINDINGS = "0.5.0"
_JSON, _EVENT, _BYTES = "application/json", "application/cloudevents+json", "application/octet-stream"
_ANYTHING: Mapping[str, Any] = {"type": "string", "format": "binary", "description": "The source's very bytes."}
_TOUCHED: Mapping[str, Any] = {"type": "object", "properties": {"partition": {"type": "string"}}}

_MEANING: Mapping[Stage, str] = {
    "inbox": "Raw payloads of the platforms, byte by byte, with what is known of their arrival in one header.",
    "activity": (
        "What happened to posts, reactions, comments and audiences: all of one account in one partition, in order. "
        "Definitions are sent to every partition, so that a partition's counters follow from its own log."
    ),
    "commerce": "Clicks, orders and refunds. Definitions are sent to every partition, as in `activity`.",
    "registry": (
        "The book of definitions: the latest record of a key stands. It names addresses of notifiers and hashes of "
        "tokens: give it to whom you would show these."
    ),
    "touched": "Which campaign's partial counters have changed; a signal from the tracker to itself.",
    "dead": "What could not be processed: key, value and headers of the source record, and one header that says why.",
    "alerts.current": (
        "Every alert as it stands, pending and resolved ones too: the latest record of a key stands, in the partition "
        "that its campaign has in the other alert topics. Read it from the beginning to know what is open."
    ),
    "alerts.acts": "What people did about alerts. The latest record of a key stands.",
}


def document() -> dict[str, Any]:
    """The whole document, as plain data."""
    topics = Topics()
    return {
        "asyncapi": "3.0.0",
        "id": "urn:tracker:topics:1",
        "info": {
            "title": "Campaign tracker: topics",
            "version": VERSION,
            "description": (
                "The Kafka topics of the campaign tracker. Records are delivered at least once: whoever keeps the "
                "`id` of what was handled sees each once. Readers ignore fields that they do not know and refuse a "
                "`schemaversion` that they do not know. What may change, and what may not: "
                "docs/reference/compatibility.md."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": _EVENT,
        "servers": {
            "kafka": {
                "host": Kafka().bootstrap,
                "protocol": "kafka",
                "description": "Where the tracker's own settings look when nothing else is said (kafka.bootstrap).",
            }
        },
        "channels": {stage: _channel(topics, stage) for stage in STAGES},
        "operations": {f"send.{stage}": _operation(stage) for stage in STAGES},
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def text() -> str:
    """The document as YAML."""
    made = "# Made by `make schemas` from the program. Do not edit.\n"
    return made + yaml.safe_dump(document(), allow_unicode=True, sort_keys=False, width=110)


def _configuration(stage: Stage) -> dict[str, Any]:
    """How a topic is set up, in the binding's types."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in configuration(stage).items()}


def messages_of(stage: Stage) -> Sequence[str]:
    """The names of the messages that stand in a topic."""
    if stage in ALERTS.values():
        return ("alert",)
    named = {
        "inbox": ("payload",),
        "registry": (_tag(DefinitionChanged),),
        "touched": ("touched",),
        "dead": ("letter",),
        "alerts.current": ("alert.current",),
        "alerts.acts": ("act",),
    }
    return named.get(stage) or tuple(name for name, at in _placed().items() if at in (stage, None))


def _channel(topics: Topics, stage: Stage) -> dict[str, Any]:
    category = next((each for each in CATEGORIES if ALERTS[each] == stage), None)
    meaning = _MEANING.get(stage) or f"Every change of an alert of the category `{category}`, kept for ever."
    return {
        "address": "{prefix}." + stage,
        "title": stage,
        "description": meaning,
        "parameters": {
            "prefix": {"default": topics.prefix, "description": "The setting topics.prefix of the installation."}
        },
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages_of(stage)},
        "tags": [{"name": "internal" if stage in INTERNAL else "public"}],
        "bindings": {
            "kafka": {
                "topic": topics.name(stage),
                "partitions": topics.partitions,
                "replicas": topics.replication,
                "topicConfiguration": _configuration(stage),
                "bindingVersion": _BINDINGS,
            }
        },
        **({"x-internal": True} if stage in INTERNAL else {}),
    }


def _operation(stage: Stage) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{stage}"},
        "messages": [{"$ref": f"#/channels/{stage}/messages/{name}"} for name in messages_of(stage)],
    }


def _messages() -> dict[str, Any]:
    made = {name: _event(name, at) for name, at in _placed().items()}
    campaign = f"The campaign's id; `{PIPELINE}` for what is of no campaign."
    where = "rule|campaign|subject|check: what stays the same from episode to episode. `%` and `|` are `%25` and `%7C`."
    did = "`ack:{alert}`, `note:{alert}:{id}` or `silence:{id}`."
    return made | {
        "alert": _message("alert", _EVENT, campaign, "An alert changed.", _file("alerts/alert.schema.json")),
        "alert.current": _message("alert", _EVENT, where, "An alert as it stands.", _file("alerts/alert.schema.json")),
        "act": _message("act", _JSON, did, "What somebody did about alerts.", _file("alerts/act.schema.json")),
        "letter": {
            **_message("letter", _BYTES, "As the source record's.", "A record that could not be processed.", _ANYTHING),
            "headers": _header(
                dead.HEADER,
                {
                    "description": "JSON: why it is here, and where it was read.",
                    "x-content-schema": {"$ref": "#/components/schemas/Origin"},
                },
            ),
        },
        "payload": {
            **_message("payload", _BYTES, "`{platform}:{account}` or `{platform}:{source}`.", "A payload.", _ANYTHING),
            "headers": _header(inbox.HEADER, {"description": "JSON: whence and when it came, and what was asked for."}),
        },
        "touched": _message("touched", _JSON, "The campaign's id.", "A campaign's counters changed.", _TOUCHED),
    }


def _event(name: str, at: Stage | None) -> dict[str, Any]:
    if at is None:
        key = "`{kind}:{id}`"
    elif at == "activity":
        key = "`{platform}:{account}`"
    else:
        key = "The click's id" if name == _tag(LinkClicked) else "The order's id"
    return _message(name, _EVENT, f"{key}.", None, _file(f"events/{name}.schema.json"))


def _message(name: str, content: str, key: str, summary: str | None, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        **({"summary": summary} if summary else {}),
        "contentType": content,
        "payload": payload,
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": _BINDINGS}},
    }


def _file(path: str) -> dict[str, Any]:
    return {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"./{path}"}}


def _header(name: str, about: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string", "contentMediaType": _JSON, **about}},
        "required": [name],
    }


def _schemas() -> dict[str, Any]:
    """What stands in the header of a letter; everything else has a file of its own."""
    _, components = msgspec.json.schema_components([dead.Origin], ref_template="#/components/schemas/{name}")
    return dict(sorted(components.items()))


def _placed() -> dict[str, Stage | None]:
    """Every event type and the topic that it stands in (tracker.topics.place); None: in all that are counted."""
    return {_tag(fact): _stage(fact) for fact in EVENTS}


def _stage(fact: type[Fact]) -> Stage | None:
    if fact is DefinitionChanged:
        return None
    return "commerce" if fact in (LinkClicked, ConversionRecorded, ConversionRefunded) else "activity"


def _tag(fact: type[Fact]) -> str:
    hints = {get_type_hints(event)["data"]: event for event in get_args(AnyEvent)}
    return str(hints[fact].__struct_config__.tag)
