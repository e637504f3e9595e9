"""Our own door's JSON. Every payload here is synthetic."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tracker.domain import events as ev
from tracker.plugin import RawPayload, Secrets, Unreadable
from tracker.plugin.testing import NOW, AdapterContract
from tracker_direct.adapter import IMPORTED, Direct

ADAPTER = Direct()
RECEIVED = 1_780_000_005_000
CLICK: dict[str, Any] = {"type": "link.clicked", "click": "signed-click", "link": "spring"}
ORDER: dict[str, Any] = {
    "type": "conversion.recorded",
    "order": "o-1",
    "amount": 4200,
    "currency": "JPY",
    "code": "SPRING10",
    "occurred_at": 1_780_000_000_000,
}
REFUND: dict[str, Any] = {
    "type": "conversion.refunded",
    "order": "o-1",
    "refund": "r-1",
    "amount": 200,
    "currency": "JPY",
}
REACTION: dict[str, Any] = {
    "type": "reaction.observed",
    "platform": "instagram",
    "account": "178",
    "post": "901",
    "observed_at": 1_780_000_000_000,
    "likes": 5,
}


def raw(document: object, source: ev.Source = "webhook") -> RawPayload:
    body = json.dumps(document).encode()
    return RawPayload(platform="direct", source=source, name="door", received_at=RECEIVED, body=body)


class TestDirectKeepsTheContract(AdapterContract):
    adapter = ADAPTER
    samples = (raw(CLICK), raw(ORDER), raw(REFUND), raw([CLICK, ORDER]), raw([REACTION, CLICK], "import"))


def test_a_click_is_ours_and_happened_when_it_came() -> None:
    assert ADAPTER.parse(raw(CLICK)) == [
        ev.LinkClicked(platform="direct", observed_at=RECEIVED, click="signed-click", link="spring")
    ]


def test_an_order_keeps_its_own_times() -> None:
    [order] = ADAPTER.parse(raw({**ORDER, "observed_at": 1_780_000_001_000}))
    assert (order.occurred_at, order.observed_at) == (1_780_000_000_000, 1_780_000_001_000)


@pytest.mark.parametrize(
    "document",
    [
        {**CLICK, "lnik": "spring"},
        {**CLICK, "origin": ["log", 1, 2, 3]},
        {**CLICK, "link": 7},
        {**CLICK, "link": ""},
        {**CLICK, "platform": "instagram"},
        {**CLICK, "click": "\ud83d"},
        {**ORDER, "amount": "4200"},
        {**ORDER, "amount": 4200.0},
        {**ORDER, "amount": -1},
        {**ORDER, "amount": 2**53},
        {**ORDER, "currency": "yen"},
        {"type": "conversion.recorded", "order": "o-1", "currency": "JPY"},
        {"type": "definition.changed"},
        {"type": "post.unheard_of"},
        {"link": "spring"},
        REACTION,
        [CLICK, {**CLICK, "link": None}],
        "link.clicked",
    ],
)
def test_nothing_is_guessed(document: object) -> None:
    with pytest.raises(Unreadable):
        ADAPTER.parse(raw(document))


def test_an_import_states_facts_of_any_platform_but_no_definitions() -> None:
    [fact] = ADAPTER.parse(raw(REACTION, "import"))
    assert fact == ev.ReactionObserved(
        platform="instagram", account="178", post="901", observed_at=1_780_000_000_000, likes=5
    )
    with pytest.raises(Unreadable):
        ADAPTER.parse(raw({"type": "definition.changed", "kind": "link", "id": "x", "version": 1}, "import"))
    assert set(IMPORTED.values()) == set(ev.EVENTS) - {ev.DefinitionChanged}


def test_no_webhook_comes_in_by_this_name() -> None:
    verdict = ADAPTER.verify({}, b"{}", Secrets(signing=("s",)), NOW)
    assert (verdict.ok, verdict.answer_status) == (False, 404)
