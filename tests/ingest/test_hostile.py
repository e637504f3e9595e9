"""Whatever is sent to the door: never a fault of ours, a 2xx only for what is on the inbox, no secret in any log."""

import logging
import string

import httpx
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingest.doors import API_TOKEN, SECRETS, SIGNING, VERIFY_TOKEN, Door, raw_http, signed

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

names = st.sampled_from(
    [
        "x-sample-signature",
        "x-sample-delivery",
        "content-type",
        "content-encoding",
        "authorization",
        "cookie",
        "x-other",
    ]
)
values = st.text(string.printable.strip() + "éÿ", max_size=60)
paths = st.sampled_from(["/hooks/sample/main", "/hooks/sample/other", "/v1/conversions", "/v1/refunds", "/r/abc", "/"])
# What the client lets through; raw bytes are the next test's.
queries = string.printable.strip().replace("#", "")
requests = st.tuples(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"]),
    paths,
    st.text(queries, max_size=30),
    st.dictionaries(names, values, max_size=4),
    st.binary(max_size=400),
    st.booleans(),
)
fuzzing = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@fuzzing
@given(st.lists(requests, min_size=1, max_size=8))
async def test_no_request_is_a_fault_of_ours_and_only_a_genuine_one_gets_in(
    door: Door, sent: list[tuple[str, str, str, dict[str, str], bytes, bool]]
) -> None:
    accepted: list[bytes] = []
    for method, path, query, headers, body, genuine in sent:
        more = signed(body) if genuine else {}
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in (headers | more).items()]
        url = httpx.URL(f"http://{door.host}:{door.port}{path}").copy_with(query=query.encode())
        answer = await door.client.request(method, url, headers=encoded, content=body)
        assert answer.status_code < 500
        if answer.status_code < 300 and method == "POST":
            accepted.append(body)
    assert sorted(raw.body for raw in await door.inbox()) == sorted(accepted)


@fuzzing
@given(st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6), st.booleans())
async def test_bytes_that_are_no_http_bring_nothing_in_and_nothing_down(
    door: Door, chunks: list[bytes], headed: bool
) -> None:
    head = [b"POST /hooks/sample/main HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"] if headed else []
    answer = await raw_http(door, [*head, *chunks, b"\r\n\r\n"], half_close=True)
    assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5"))
    assert await door.inbox() == []


async def test_no_secret_is_ever_logged_nor_shown(
    door: Door, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as said:
        await door.client.get("/hooks/sample/main", params={"challenge": "c", "token": VERIFY_TOKEN})
        await door.client.get("/hooks/sample/main", params={"challenge": "c", "token": f"{VERIFY_TOKEN}x"})
        await door.hook(b"{}", signed(b"{}", SIGNING[1]))
        await door.hook(b"{}", {"x-sample-signature": SIGNING[0]})
        await door.conversion({"order": "o-1", "amount": -1, "currency": "EUR"})
        await door.conversion({"order": "o-1", "amount": 1, "currency": "EUR"}, token=f"{API_TOKEN}y")
        await door.client.get(f"/r/nosuch?token={API_TOKEN}")
    assert [line["status"] for line in said if line["event"] == "request"] == [200, 403, 200, 401, 422, 401, 404]
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    shown = [str(said), "\n".join(ours), "".join(capfd.readouterr()), await door.metrics()]
    for secret in SECRETS:
        assert not any(secret in text for text in shown)
