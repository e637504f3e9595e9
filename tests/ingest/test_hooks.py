"""The webhook door, over real HTTP and a real broker: what is answered, and what is then on the inbox."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.ingest.doors import BODY_LIMIT, SIGNING, VERIFY_TOKEN, Door, raw_http, signed

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_signed_delivery_is_on_the_inbox_as_it_came(door: Door) -> None:
    body = '{"text": "ünïcode \\u00e9", "big": 9007199254740993}'.encode()
    answer = await door.hook(body, signed(body, **{"x-sample-delivery": "d-1", "x-other": "not kept"}))
    assert answer.status_code == 200
    (raw,) = await door.inbox()
    assert (raw.body, raw.platform, raw.name, raw.source) == (body, "sample", "main", "webhook")
    assert raw.headers == {"x-sample-delivery": "d-1"}


@pytest.mark.parametrize("secret", SIGNING)
async def test_while_secrets_rotate_either_is_valid(door: Door, secret: str) -> None:
    assert (await door.hook(b"{}", signed(b"{}", secret))).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-sample-signature": ""},
        {"x-sample-signature": "0" * 64},
        {"x-sample-signature": signed(b"{} ")["x-sample-signature"]},
        {"x-sample-signature": signed(b"{}", "synthetic-stolen-secret")["x-sample-signature"]},
    ],
)
async def test_a_bad_signature_is_401_and_its_body_goes_nowhere(door: Door, headers: dict[str, str]) -> None:
    assert (await door.hook(b"{}", {"x-any": "1", **headers})).status_code == 401
    assert await door.inbox() == []


async def test_two_signature_headers_are_no_signature(door: Door) -> None:
    good = signed(b"{}")["x-sample-signature"]
    answer = await door.client.post(
        "/hooks/sample/main", content=b"{}", headers=[("x-sample-signature", good), ("x-sample-signature", "0" * 64)]
    )
    assert answer.status_code == 401


async def test_a_source_without_a_secret_accepts_nothing(door: Door) -> None:
    answer = await door.client.post("/hooks/sample/unsigned", content=b"{}", headers=signed(b"{}", ""))
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/hooks/sample/other", "/hooks/nosuch/main", "/hooks/sample", "/hooks/sample/main/x"])
async def test_an_unknown_platform_or_source_is_404(door: Door, path: str) -> None:
    assert (await door.client.post(path, content=b"{}", headers=signed(b"{}"))).status_code == 404
    assert await door.inbox() == []


async def test_the_handshake_answers_the_challenge_only_to_the_token(door: Door) -> None:
    good = await door.client.get("/hooks/sample/main", params={"challenge": "é<1>", "token": VERIFY_TOKEN})
    assert (good.status_code, good.text) == (200, "é<1>")
    assert good.headers["content-type"].startswith("text/plain")
    bad = await door.client.get("/hooks/sample/main", params={"challenge": "1", "token": "wrong"})
    assert (bad.status_code, bad.text) == (403, "")
    assert (await door.client.get("/hooks/sample/main")).status_code == 400
    assert (await door.client.get("/hooks/sample/other", params={"challenge": "1"})).status_code == 404
    assert (await door.client.get("/hooks/sample/main?" + "&".join("a" * 60))).status_code == 400


async def test_a_body_at_the_limit_is_taken_and_one_byte_more_is_413(door: Door) -> None:
    assert (await door.hook(b"x" * BODY_LIMIT)).status_code == 200
    refused = await door.hook(b"x" * (BODY_LIMIT + 1))
    assert refused.status_code == 413
    assert refused.headers["content-type"] == "application/problem+json"
    assert len(await door.inbox()) == 1


async def test_a_chunked_body_over_the_limit_is_413_before_it_ends(door: Door) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(BODY_LIMIT // 50_000 + 2):
            yield b"x" * 50_000

    answer = await door.client.post("/hooks/sample/main", content=endless())
    assert answer.status_code == 413
    assert await door.inbox() == []


async def test_a_content_length_that_lies_high_is_413_or_a_cut_off_body(door: Door) -> None:
    head = b"POST /hooks/sample/main HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    assert (await raw_http(door, [head % 10**12, b"{}"])).startswith(b"HTTP/1.1 413")
    assert (await raw_http(door, [head % 10**30, b"{}"])).startswith(b"HTTP/1.1 400")
    reader, writer = await asyncio.open_connection(door.host, door.port)
    writer.write(head % 100 + b"{}")
    writer.write_eof()
    async with asyncio.timeout(5):
        assert not (await reader.read()).startswith(b"HTTP/1.1 2")
    writer.close()
    assert await door.inbox() == []


async def test_a_content_length_that_lies_low_lets_nothing_unsigned_in(door: Door) -> None:
    body = b'{"a":1}'
    head = (
        f"POST /hooks/sample/main HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
        f"x-sample-signature: {signed(body)['x-sample-signature']}\r\n\r\n"
    ).encode()
    await raw_http(door, [head, body + b"smuggled"])
    assert [raw.body for raw in await door.inbox()] in ([], [body])


async def test_a_compressed_body_is_415(door: Door) -> None:
    answer = await door.hook(b"{}", {**signed(b"{}"), "content-encoding": "gzip"})
    assert answer.status_code == 415
    assert await door.inbox() == []


async def test_a_batch_of_a_thousand_updates_is_one_record_within_a_second(door: Door) -> None:
    body = b'{"entry":[' + b",".join(b'{"id":"%d","text":"%s"}' % (n, b"x" * 300) for n in range(1_000)) + b"]}"
    async with asyncio.timeout(1):
        assert (await door.hook(body)).status_code == 200
    assert [raw.body for raw in await door.inbox()] == [body]


async def test_every_acknowledged_delivery_of_many_at_once_is_there(door: Door) -> None:
    answers = await asyncio.gather(*[door.hook(b'{"n":%d}' % n) for n in range(200)])
    assert {answer.status_code for answer in answers} == {200}
    assert {raw.body for raw in await door.inbox()} == {b'{"n":%d}' % n for n in range(200)}


async def test_other_methods_are_refused(door: Door) -> None:
    assert (await door.client.put("/hooks/sample/main", content=b"{}")).status_code == 405


async def test_health_and_metrics_tell_what_happened(door: Door) -> None:
    await door.hook(b"{}")
    await door.hook(b"{}", {"x-any": "1"})
    await door.client.post("/hooks/made/up", content=b"{}")
    assert (await door.client.get("/health/live")).json() == {"status": "live"}
    assert (await door.client.get("/health/ready")).json()["parts"] == {"kafka": "ready", "definitions": "ready"}
    text = await door.metrics()
    for outcome, platform, source in (("accepted", "sample", "main"), ("bad_signature", "sample", "main"),
                                      ("unknown_source", "unknown", "unknown")):  # fmt: skip
        assert f'tracker_hooks_total{{outcome="{outcome}",platform="{platform}",source="{source}"}}' in text
    assert "made" not in text
    assert 'tracker_http_seconds_bucket{le="1.0",route="/hooks/{platform}/{source}"' in text
