"""The names of the topics, and what is keyed by what. The only place that formats a topic name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from msgspec import Struct

from tracker.domain import events as ev
from tracker.domain.verdicts import Category

Stage = Literal[
    "inbox",
    "activity",
    "commerce",
    "registry",
    "touched",
    "dead",
    "alerts.engagement",
    "alerts.speed",
    "alerts.authenticity",
    "alerts.conversion",
    "alerts.compliance",
    "alerts.agreement",
    "alerts.payout",
    "alerts.system",
    "alerts.current",
    "alerts.acts",
]
STAGES: tuple[Stage, ...] = get_args(Stage)
COMPACTED: frozenset[Stage] = frozenset({"registry", "alerts.current", "alerts.acts"})
ALERTS: Mapping[Category, Stage] = {
    "engagement": "alerts.engagement",
    "speed": "alerts.speed",
    "authenticity": "alerts.authenticity",
    "conversion": "alerts.conversion",
    "compliance": "alerts.compliance",
    "agreement": "alerts.agreement",
    "payout": "alerts.payout",
    "system": "alerts.system",
}
"""Where the alerts of a category are told."""


MAX_RECORD_BYTES = 8 * 1024 * 1024
"""Largest record of ours: a body at the receiver's limit, a page of an API, either of them as a dead letter."""
TOUCHED_RETENTION_MS = 24 * 3600 * 1000


def configuration(stage: Stage) -> dict[str, int | tuple[str, ...]]:
    """How a topic of ours is set up. Inbox, activity, commerce, dead and alerts are the book: kept for ever."""
    limit = {"max.message.bytes": MAX_RECORD_BYTES}
    if stage in COMPACTED:
        return {"cleanup.policy": ("compact",), **limit}
    kept = TOUCHED_RETENTION_MS if stage == "touched" else -1
    return {"cleanup.policy": ("delete",), "retention.ms": kept, "retention.bytes": -1, **limit}


class Topics(Struct, frozen=True, kw_only=True):
    """The topics of one installation. All have the same number of partitions."""

    prefix: str = "tracker"
    partitions: int = 8
    replication: int = 1

    def name(self, stage: Stage) -> str:
        return f"{self.prefix}.{stage}"

    def stage(self, topic: str) -> Stage:
        """The stage of a topic of ours. Raises KeyError for any other."""
        return {self.name(stage): stage for stage in STAGES}[topic]


def place(fact: ev.Fact) -> tuple[Stage, str]:
    """The stage and the Kafka key of a canonical fact. Definitions go to every partition and have no key here."""
    match fact:
        case ev.LinkClicked():
            return "commerce", fact.click
        case ev.ConversionRecorded() | ev.ConversionRefunded():
            return "commerce", fact.order
        case ev.AccountFact():
            return "activity", f"{fact.platform}:{fact.account}"
        case _:
            raise TypeError(f"{type(fact).__name__} has no single partition: it is broadcast")
