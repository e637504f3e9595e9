"""Conversions and refunds: what a shop may say, and what each mistake is answered."""

import json
from typing import Any

import pytest

from tests.ingest.doors import API_TOKEN, CLICK_SECRETS, OTHER_API_TOKEN, Door
from tracker.domain import click as clicks

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDER: dict[str, Any] = {"order": "o-1", "amount": 1999, "currency": "EUR"}
REFUND: dict[str, Any] = {**ORDER, "refund": "r-1"}
CLICK = clicks.issue("abc", 1_767_225_600_000, bytes(8), CLICK_SECRETS[1])


async def test_a_reported_order_is_on_the_inbox_with_what_its_click_says(door: Door) -> None:
    said = {**ORDER, "code": "SPRING10", "click": CLICK, "occurred_at": "2026-01-02T03:04:05+01:00"}
    answer = await door.conversion(said)
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted", "order": "o-1"})
    (raw,) = await door.inbox()
    body = json.loads(raw.body)
    assert body.pop("observed_at") == raw.received_at
    assert body == {
        **ORDER,
        "type": "conversion.recorded",
        "code": "SPRING10",
        "click": CLICK,
        "link": "abc",
        "clicked_at": 1_767_225_600_000,
        "occurred_at": 1_767_319_445_000,
    }


async def test_a_refund_is_on_the_inbox(door: Door) -> None:
    answer = await door.conversion(REFUND, path="/v1/refunds", token=OTHER_API_TOKEN)
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted", "order": "o-1", "refund": "r-1"})
    (raw,) = await door.inbox()
    body = json.loads(raw.body)
    assert {name: body[name] for name in REFUND} == REFUND
    assert (raw.name, body["type"]) == ("refunds", "conversion.refunded")


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Basic abc", f"Bearer {API_TOKEN}x", "Bearer é", API_TOKEN]
)
async def test_without_a_valid_token_it_is_401(door: Door, authorization: str | None) -> None:
    headers = {"content-type": "application/json"}
    if authorization is not None:
        headers["authorization"] = authorization
    encoded = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = await door.client.post("/v1/conversions", content=b"{}", headers=encoded)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert await door.inbox() == []


def fields(answer_body: dict[str, Any]) -> set[str]:
    return {error["field"] for error in answer_body["errors"]}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"order": ""}, {"order"}),
        ({"order": 7}, {"order"}),
        ({"order": None}, {"order"}),
        ({"order": "x" * 513}, {"order"}),
        ({"amount": -1}, {"amount"}),
        ({"amount": 19.99}, {"amount"}),
        ({"amount": "1999"}, {"amount"}),
        ({"amount": True}, {"amount"}),
        ({"amount": 2**53}, {"amount"}),
        ({"currency": "EURO"}, {"currency"}),
        ({"currency": "eur"}, {"currency"}),
        ({"currency": "ZZZ"}, {"currency"}),
        ({"click": "forged"}, {"click"}),
        ({"click": CLICK[:-1] + ("A" if CLICK[-1] != "A" else "B")}, {"click"}),
        ({"click": clicks.issue("abc", 1, bytes(8), "synthetic-retired-secret")}, {"click"}),
        ({"occurred_at": "2026-01-02T03:04:05"}, {"occurred_at"}),
        ({"occurred_at": 1_767_225_600}, {"occurred_at"}),
        ({"occurred_at": "1969-12-31T23:59:59Z"}, {"occurred_at"}),
        ({"occurred_at": "9999-01-01T00:00:00Z"}, {"occurred_at"}),
        ({"coupon": "X"}, {"coupon"}),
        ({"amount": -1, "currency": 5, "unknown": 1}, {"amount", "currency", "unknown"}),
    ],
)
async def test_a_bad_field_is_422_and_named(door: Door, change: dict[str, Any], named: set[str]) -> None:
    answer = await door.conversion({**ORDER, **change})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert fields(answer.json()) == named
    assert await door.inbox() == []


@pytest.mark.parametrize("missing", ["order", "refund", "amount", "currency"])
async def test_a_missing_field_is_422_and_named(door: Door, missing: str) -> None:
    body = {name: value for name, value in REFUND.items() if name != missing}
    answer = await door.conversion(body, path="/v1/refunds")
    assert (answer.status_code, fields(answer.json())) == (422, {missing})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"order":"o","order":"p","amount":1,"currency":"EUR"}',
        b'{"order":"o","amount":NaN,"currency":"EUR"}',
        b'{"order":"\xff","amount":1,"currency":"EUR"}',
        b'{"order":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"order":"\\ud800","amount":1,"currency":"EUR"}',
        b'\xef\xbb\xbf{"order":"o","amount":1,"currency":"EUR"}',
    ],
)
async def test_a_body_that_is_no_clean_json_is_422(door: Door, body: bytes) -> None:
    answer = await door.conversion(body)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert await door.inbox() == []


async def test_an_oversized_body_is_413_and_another_media_type_415(door: Door) -> None:
    assert (await door.conversion({**ORDER, "code": "x" * 70_000})).status_code == 413
    headers = {"authorization": f"Bearer {API_TOKEN}", "content-type": "application/x-www-form-urlencoded"}
    assert (await door.client.post("/v1/conversions", content=b"order=1", headers=headers)).status_code == 415
    headers = {**headers, "content-type": "application/json", "content-encoding": "gzip"}
    assert (await door.client.post("/v1/conversions", content=b"{}", headers=headers)).status_code == 415
