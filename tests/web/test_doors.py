"""Every route of the application is guarded as its row says: nobody comes in where they may not."""

from __future__ import annotations

import base64
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.ground import NOW, Ground, laid
from tracker.settings import Api as ApiSettings
from tracker.web import tokens
from tracker.web.app import PUBLIC, TABLE
from tracker.web.routes import Route
from tracker.web.tokens import Role

VALUES = {"campaign": "spring", "creator": "anna", "platform": "youtube", "account": "UC-anna", "post": "p"}
LESSER: dict[Role, Role | None] = {"viewer": None, "operator": "viewer", "admin": "operator"}


def address(row: Route, **values: str) -> str:
    path = row.path
    for name in row.parameters:
        path = path.replace(f"{{{name}}}", values.get(name, VALUES.get(name, "none")))
    return path


def rows(*reaches: str) -> list[Route]:
    return [row for row in TABLE if not reaches or row.reach in reaches]


async def test_every_route_of_the_application_stands_in_the_table_or_is_public(shared: Ground) -> None:
    served = {
        (method, route.path_format)
        for route in shared.api.litestar.routes
        for method in getattr(route, "methods", ())
        if method != "OPTIONS"
    }
    declared = {(row.method, row.path) for row in TABLE}
    assert len(declared) > 20
    assert served == declared | {("GET", path) for path in PUBLIC}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
async def test_nobody_comes_in_without_a_good_token(shared: Ground, row: Route) -> None:
    good = shared.token(row.role)
    bad = {
        "none": None,
        "of another scheme": f"Basic {good}",
        "empty": "Bearer ",
        "not ours": "Bearer abc",
        "with another secret": f"Bearer {good[:-1]}{'A' if good[-1] != 'A' else 'B'}",
        "unknown": f"Bearer trk_zzzzzzzz_{'a' * 43}",
        "no ASCII": "Bearer é",
    }
    revoked = shared.token(row.role, note=f"revoked {row.name}")
    shared.revoke(revoked)
    bad["revoked"] = f"Bearer {revoked}"
    bad["expired"] = f"Bearer {shared.token(row.role, days=0)}"
    async with shared.client(None) as client:
        for why, value in bad.items():
            headers = {} if value is None else {b"authorization": value.encode("latin-1")}
            answer = await client.request(row.method, address(row), headers=headers)
            assert answer.status_code == 401, why
            assert answer.headers["www-authenticate"].startswith('Bearer realm="tracker"'), why
            assert answer.json()["type"].startswith("urn:tracker:problem:"), why


@pytest.mark.parametrize("row", [row for row in TABLE if row.role != "viewer"], ids=lambda row: row.name)
async def test_too_low_a_role_is_not_allowed(shared: Ground, row: Route) -> None:
    lesser = LESSER[row.role]
    assert lesser is not None
    async with shared.client(lesser) as client:
        answer = await client.request(row.method, address(row))
    assert answer.status_code == 403
    assert f'scope="{row.role}"' in answer.headers["www-authenticate"]
    async with shared.client(row.role) as client:
        assert (await client.request(row.method, address(row))).status_code != 403


@pytest.mark.parametrize("row", rows("campaign"), ids=lambda row: row.name)
async def test_a_campaign_out_of_a_tokens_reach_is_not_found_as_one_that_is_not_there(
    shared: Ground, row: Route
) -> None:
    query = {"field": "likes"} if row.path.endswith("series") else {}
    async with shared.client(row.role, "autumn") as client:
        hidden = await client.request(row.method, address(row, campaign="spring"), params=query)
        absent = await client.request(row.method, address(row, campaign="nothere"), params=query)
        own = await client.request(row.method, address(row, campaign="autumn"), params=query)
    assert (hidden.status_code, absent.status_code, own.status_code) == (404, 404, 200)
    assert hidden.json()["detail"].replace("spring", "") == absent.json()["detail"].replace("nothere", "")


@pytest.mark.parametrize("row", rows("installation"), ids=lambda row: row.name)
async def test_the_installation_is_closed_to_tokens_that_are_limited_to_campaigns(shared: Ground, row: Route) -> None:
    async with shared.client(row.role, "spring") as client:
        answer = await client.request(row.method, address(row))
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:tracker:problem:limited")


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/v1/campaigns", {"spring"}),
        ("/v1/creators", {"anna"}),
        ("/v1/alerts", {"p", "q"}),
        ("/v1/links", {"go"}),
    ],
)
async def test_lists_hold_only_what_is_of_a_tokens_campaigns(shared: Ground, path: str, seen: set[str]) -> None:
    limited, all_of_it = await shared.get(path, "viewer", "spring"), await shared.get(path)
    named = {item["subject"]["post"] if "subject" in item else item["id"] for item in limited.json()["items"]}
    assert named == seen
    assert len(all_of_it.json()["items"]) > len(seen)


@pytest.mark.parametrize(
    "path",
    ["/v1/creators/ben", "/v1/conversions/o-lost", "/v1/definitions?id=autumn", "/v1/alerts?campaign=autumn",
     "/v1/links?campaign=autumn", "/v1/rules?campaign=autumn", "/v1/creators?campaign=autumn",
     "/v1/silences?campaign=autumn"],
)  # fmt: skip
async def test_what_is_of_another_campaign_is_not_found(shared: Ground, path: str) -> None:
    assert (await shared.get(path, "viewer", "spring")).status_code == 404
    assert (await shared.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("place", "to_spring", "to_autumn"),
    [("UC-anna/p", 200, 404), ("UC-anna/plain", 200, 404), ("UC-fan/fan", 200, 404)],
)
async def test_a_post_is_shown_to_its_campaign_and_a_normal_one_to_those_of_its_creator(
    shared: Ground, place: str, to_spring: int, to_autumn: int
) -> None:
    path = f"/v1/posts/youtube/{place}"
    assert (await shared.get(path, "viewer", "spring")).status_code == to_spring
    assert (await shared.get(path, "viewer", "autumn")).status_code == to_autumn


async def test_an_alert_of_another_campaign_can_neither_be_read_nor_taken(shared: Ground) -> None:
    hidden = next(alert for alert in shared.alerts.newest_first() if alert.campaign == "autumn")
    assert (await shared.get(f"/v1/alerts/{hidden.id}", "operator", "spring")).status_code == 404
    for what, body in (("acknowledge", {}), ("note", {"note": "x"})):
        answer = await shared.send("POST", f"/v1/alerts/{hidden.id}/{what}", body, "operator", "spring")
        assert answer.status_code == 404
    assert shared.outbox.records == []


@pytest.mark.parametrize("path", ["/v1/campaigns", "/v1/me", "/health/live", "/nowhere", "/v1/openapi.json"])
@pytest.mark.parametrize("name", ["token", "access_token", "q"])
async def test_a_token_in_an_address_is_refused_with_what_to_do(shared: Ground, path: str, name: str) -> None:
    given: dict[str, Any] = {name: shared.token()}
    answer = await shared.get(path, **given)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:tracker:problem:token-in-address")
    assert "Authorization: Bearer" in answer.json()["detail"]
    assert shared.token() not in answer.text


async def test_a_token_in_a_path_is_refused(shared: Ground) -> None:
    assert (await shared.get(f"/v1/campaigns/{shared.token()}")).status_code == 400


async def test_no_token_is_ever_logged(shared: Ground, caplog: pytest.LogCaptureFixture) -> None:
    import structlog.testing

    secret = shared.token().rpartition("_")[2]
    with structlog.testing.capture_logs() as lines:
        await shared.get("/v1/campaigns")
        await shared.get("/v1/campaigns", token=shared.token())
        await shared.get(f"/v1/{shared.token()}")
    assert len(lines) == 3
    assert secret not in repr(lines)


async def test_a_token_is_refused_from_the_moment_it_is_revoked(ground: Ground) -> None:
    token = ground.token()
    async with ground.client() as client:
        assert (await client.get("/v1/me")).status_code == 200
        ground.revoke(token)
        assert (await client.get("/v1/me")).status_code == 401


async def test_a_token_that_asks_too_often_is_told_when_to_come_back() -> None:
    ground = await laid(settings=ApiSettings(requests_per_minute=60, burst=2))
    async with ground.client() as client:
        answers = [await client.get("/v1/me") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert (await ground.get("/v1/me", "operator")).status_code == 200
        ground.clock.now += 1000 * int(answers[-1].headers["retry-after"])
        assert (await client.get("/v1/me")).status_code == 200


@given(st.binary(min_size=37, max_size=37), st.binary(min_size=37, max_size=37))
def test_a_token_opens_to_its_whole_self_alone(random: bytes, other: bytes) -> None:
    made = tokens.make(random, role="viewer", created_at=NOW, days=1)
    known = {made.definition.id: made.definition}
    assert tokens.judge(made.token, known, NOW).id == made.definition.id
    stranger = tokens.make(random[:5] + other[5:], role="admin", created_at=NOW, days=1)
    if stranger.token != made.token:
        with pytest.raises(tokens.BadToken):
            tokens.judge(stranger.token, known, NOW)
    with pytest.raises(tokens.BadToken, match="expired"):
        tokens.judge(made.token, known, NOW + tokens.DAY_MS)


def test_a_token_has_256_random_bits_and_only_its_hash_is_kept() -> None:
    made = tokens.make(bytes(range(37)), role="viewer", created_at=NOW, days=1)
    prefix, id, secret = made.token.split("_", 2)
    assert (prefix, set(id) <= set(string.ascii_lowercase + "234567")) == ("trk", True)
    assert len(base64.urlsafe_b64decode(secret + "=")) * 8 == 256
    assert secret not in repr(made.definition)
