"""What the watcher and the process in which rules run say to each other: MessagePack, each frame after its length.

1. The watcher says a `Job`; the process answers, for each task in its order, `Began` and then `Done` or `Failed`; at
   the end `End`. Before the first job it says `Ready`.
2. What a rule returned stays packed (`Done.verdicts`): what it is, is looked at by the watcher.
"""

from __future__ import annotations

import struct
from typing import Any, Literal

import msgspec
from msgspec import Struct

from tracker.domain.events import Instant

LENGTH = struct.Struct(">I")
ANSWER_BYTES = 32 * 1024 * 1024
"""The longest answer that is read. A rule's verdicts must leave some room in it."""
About = Literal["campaign", "pipeline"]


class RuleInfo(Struct, frozen=True, array_like=True):
    """A rule that the process has, and whose it is."""

    name: str
    about: About
    plugin: str


class Task(Struct, frozen=True, array_like=True):
    """One rule to be run, with its settings as they were written."""

    rule: str
    settings: dict[str, Any]


class Job(Struct, frozen=True, array_like=True):
    """Facts to be judged (CampaignFacts or PipelineFacts, packed), and by which rules."""

    about: About
    now: Instant
    tasks: tuple[Task, ...]
    facts: msgspec.Raw


class Ready(Struct, frozen=True, array_like=True, tag="ready"):
    """Plugins are loaded. `memory_bytes`: the limit that is kept; None: this platform keeps none."""

    rules: tuple[RuleInfo, ...]
    memory_bytes: int | None


class Began(Struct, frozen=True, array_like=True, tag="began"):
    rule: str


class Done(Struct, frozen=True, array_like=True, tag="done"):
    rule: str
    verdicts: msgspec.Raw


class Failed(Struct, frozen=True, array_like=True, tag="failed"):
    """The rule was not run, or raised, or returned what is no verdict.

    `blame`: `settings` that do not fit; `memory`: there was not enough, and the process must not go on after it.
    """

    rule: str
    reason: str
    blame: Literal["rule", "settings", "memory"] = "rule"


class End(Struct, frozen=True, array_like=True, tag="end"):
    """Every task was done."""


Answer = Ready | Began | Done | Failed | End

_encoder = msgspec.msgpack.Encoder()
job_decoder = msgspec.msgpack.Decoder(Job)
answer_decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def frame(said: Job | Answer) -> bytes:
    body = _encoder.encode(said)
    return LENGTH.pack(len(body)) + body
