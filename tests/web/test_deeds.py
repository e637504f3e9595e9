"""What is done through the API: alerts taken, silences, letters put back, definitions applied and deleted."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from tests.domain.world import MINUTE
from tests.web.ground import LETTER, NOW, Ground, alert, laid
from tracker.codec import events as codec
from tracker.codec.alerts import decode_act
from tracker.definitions import book as books
from tracker.domain.alerts import Acknowledged, Act, Noted, Silence
from tracker.settings import Api as ApiSettings
from tracker.store.base import StoreUnreachable
from tracker.store.memory import MemoryStore

SPRING_FILE = """
campaigns:
- id: winter
  name: Winter
  starts_at: "2026-12-01T00:00:00+09:00"
  ends_at: "2027-01-01T00:00:00+09:00"
"""
FAULTY_FILE = """campaigns:
- id: winter
  nam: Winter
  starts_at: "2026-12-01T00:00:00+09:00"
  ends_at: yesterday
"""


def acts(ground: Ground) -> list[Act]:
    return [decode_act(value) for value in ground.outbox.on("alerts.acts")]


def errors(answer: httpx.Response) -> list[str]:
    return [error["field"] for error in answer.json()["errors"]]


async def test_whoever_takes_an_alert_is_named_by_their_token(ground: Ground) -> None:
    wanted = alert("spring")
    answer = await ground.send("POST", f"/v1/alerts/{wanted.id}/acknowledge", {"note": "mine"}, "operator")
    assert answer.status_code == 202
    by = ground.token("operator").split("_")[1]
    assert acts(ground) == [Acknowledged(alert=wanted.id, serial=wanted.serial, by=by, at=NOW, note="mine")]


async def test_an_alert_is_taken_without_a_word_by_an_empty_body(ground: Ground) -> None:
    async with ground.client("operator") as client:
        assert (await client.post(f"/v1/alerts/{alert('spring').id}/acknowledge")).status_code == 202
    assert isinstance(acts(ground)[0], Acknowledged)


async def test_a_note_needs_words(ground: Ground) -> None:
    path = f"/v1/alerts/{alert('spring').id}/note"
    refused = await ground.send("POST", path, {"note": ""}, "operator")
    assert (refused.status_code, errors(refused)) == (422, ["note"])
    assert (await ground.send("POST", path, {"note": "back since noon"}, "operator")).status_code == 202
    (noted,) = acts(ground)
    assert isinstance(noted, Noted)
    assert noted.note == "back since noon"


async def test_a_resolved_alert_cannot_be_taken(ground: Ground) -> None:
    gone = msgspec.structs.replace(alert("spring"), state="resolved", serial=9)
    ground.alerts.put(gone)
    answer = await ground.send("POST", f"/v1/alerts/{gone.id}/acknowledge", {}, "operator")
    assert (answer.status_code, ground.outbox.records) == (409, [])


async def test_alerts_are_filtered(ground: Ground) -> None:
    asked: list[tuple[dict[str, Any], list[str]]] = [
        ({"campaign": "spring"}, ["q", "p"]),
        ({"severity": "critical"}, ["q"]),
        ({"state": "resolved"}, []),
        ({"state": "firing", "category": "engagement", "rule": "engagement.quiet"}, ["q", "p", "z"]),
        ({"category": "payout"}, []),
    ]
    for query, posts in asked:
        items = (await ground.get("/v1/alerts", **query)).json()["items"]
        assert sorted(item["subject"]["post"] for item in items) == sorted(posts), query


async def test_a_silence_is_made_seen_and_ended(ground: Ground) -> None:
    body = {"campaign": "spring", "rule": "engagement.*", "minutes": 60, "note": "known"}
    made = (await ground.send("POST", "/v1/silences", body, "operator")).json()["act"]
    assert (made["until"] - made["at"], made["act"]) == (60 * MINUTE, "silence")
    (seen,) = (await ground.get("/v1/silences", state="active")).json()["items"]
    assert seen == made
    ground.clock.now += MINUTE
    assert (await ground.send("DELETE", f"/v1/silences/{made['id']}", None, "operator")).status_code == 202
    assert (await ground.get("/v1/silences", state="active")).json()["items"] == []
    assert (await ground.send("DELETE", f"/v1/silences/{made['id']}", None, "operator")).status_code == 409
    first, last = acts(ground)
    assert isinstance(first, Silence)
    assert isinstance(last, Silence)
    assert (first.id, last.until) == (last.id, NOW + MINUTE)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"minutes": 5}, "campaign"),
        ({"minutes": 0, "campaign": "spring"}, "minutes"),
        ({"minutes": 5, "rule": "nonsense"}, "rule"),
        ({"minutes": 5, "campagin": "spring"}, "campagin"),
        ({"campaign": "spring"}, "minutes"),
    ],
)
async def test_a_silence_that_cannot_be_is_refused_by_the_field(
    ground: Ground, body: dict[str, Any], field: str
) -> None:
    answer = await ground.send("POST", "/v1/silences", body, "operator")
    assert (answer.status_code, field in errors(answer), ground.outbox.records) == (422, True, [])


async def test_a_limited_token_silences_within_its_campaigns_only(ground: Ground) -> None:
    async def silence(**body: Any) -> int:
        return (await ground.send("POST", "/v1/silences", {"minutes": 5, **body}, "operator", "spring")).status_code

    assert await silence(rule="engagement.*") == 422
    assert await silence(campaign="autumn") == 404
    assert await silence(alert=alert("autumn", "z").id) == 422
    assert await silence(alert=alert("spring").id) == 202
    assert await silence(campaign="spring") == 202
    assert len((await ground.get("/v1/silences", "viewer", "spring")).json()["items"]) == 2
    assert (await ground.get("/v1/silences", "viewer", "autumn")).json()["items"] == []


async def test_dead_letters_are_shown_whole_and_put_back_as_they_were(ground: Ground) -> None:
    (item,) = (await ground.get("/v1/dead-letters", "operator", reason="no plugin")).json()["items"]
    shown = (await ground.get(f"/v1/dead-letters/{item['id']}", "operator")).json()
    assert (shown["base64"], shown["text"], shown["headers"]) == (
        "/wByYXc=", None, [{"name": "platform", "value": "x"}],
    )  # fmt: skip
    assert (await ground.get("/v1/dead-letters", "operator", reason="other")).json()["items"] == []
    unknown = await ground.send("POST", "/v1/dead-letters:replay", {"ids": [item["id"], "no"]}, "operator")
    assert (unknown.status_code, ground.outbox.records) == (422, [])
    replayed = await ground.send("POST", "/v1/dead-letters:replay", {"ids": [item["id"]] * 2}, "operator")
    assert (replayed.status_code, replayed.json()) == (202, {"ids": [item["id"]]})
    assert ground.outbox.records == [("inbox", LETTER.key, LETTER.value)]


async def test_definitions_are_checked_without_being_written(ground: Ground) -> None:
    for path in ("/v1/definitions:validate", "/v1/definitions:apply?dry_run=true"):
        answer = await ground.send("POST", path, SPRING_FILE)
        assert answer.status_code == 200
        assert [(step["action"], step["id"]) for step in answer.json()["steps"]] == [("create", "winter")]
    assert ground.outbox.records == []


async def test_a_fault_in_a_definition_is_told_with_its_place_and_changes_nothing(ground: Ground) -> None:
    for path in ("/v1/definitions:validate", "/v1/definitions:apply"):
        answer = await ground.send("POST", path, FAULTY_FILE)
        assert answer.status_code == 422
        places = [(each["file"], each["line"], each["field"]) for each in answer.json()["errors"]]
        assert places == [("body", 2, "name"), ("body", 3, "nam"), ("body", 5, "ends_at")]
        assert "did you mean `name`?" in answer.json()["errors"][1]["detail"]
    assert ground.outbox.records == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (r'{"\ud800": []}', r"\ud800"),
        (r'{"creators": [{"id": "eve", "name": "\udfff"}]}', "name"),
    ],
)
async def test_half_a_character_is_refused_and_told_as_its_escape(ground: Ground, body: str, field: str) -> None:
    answer = await ground.send("POST", "/v1/definitions:apply", body)
    assert (answer.status_code, errors(answer), ground.outbox.records) == (422, [field], [])


async def test_a_definition_that_is_applied_is_written_broadcast_and_read_at_once(ground: Ground) -> None:
    first = (await ground.send("POST", "/v1/definitions:apply", SPRING_FILE)).json()
    assert (first["written"], first["unchanged"]) == (1, 0)
    (written,) = ground.outbox.on("registry")
    assert codec.decode(written).data.definition.id == "winter"  # type: ignore[union-attr]
    assert (len(ground.outbox.on("activity")), len(ground.outbox.on("commerce"))) == (1, 1)
    assert (await ground.get("/v1/campaigns/winter")).status_code == 200
    again = (await ground.send("POST", "/v1/definitions:apply", SPRING_FILE)).json()
    assert (again["written"], again["unchanged"]) == (0, 1)


async def test_what_was_not_told_to_a_partition_is_completed_by_applying_again(ground: Ground) -> None:
    await ground.send("POST", "/v1/definitions:apply", SPRING_FILE)
    again = (await ground.send("POST", "/v1/definitions:apply", SPRING_FILE)).json()
    # No worker counts here, so neither partition knows the definition.
    assert again["completed"] == 2


@pytest.mark.parametrize("form", ["json", "yaml"])
async def test_what_is_read_can_be_applied_as_it_is_and_changes_nothing(ground: Ground, form: str) -> None:
    read = await ground.get("/v1/definitions", "admin", format=form)
    kind = {"json": "application/json", "yaml": "application/yaml"}[form]
    assert read.headers["content-type"].startswith(kind)
    async with ground.client("admin") as client:
        answer = await client.post("/v1/definitions:validate", content=read.content, headers={"content-type": kind})
    assert {step["action"] for step in answer.json()["steps"]} == {"same"}
    assert len(answer.json()["steps"]) == len(books.standing(ground.parts.definitions.book)) - 1  # without the token


async def test_tokens_and_others_notifiers_are_not_shown(ground: Ground) -> None:
    everything = (await ground.get("/v1/definitions", "operator")).json()
    assert "notifiers" not in everything
    assert "tokens" not in everything
    assert "notifiers" in (await ground.get("/v1/definitions", "admin")).json()
    limited = (await ground.get("/v1/definitions", "admin", "spring")).json()
    assert {one["id"] for section in limited.values() for one in section} == {"spring", "anna", "deal", "go", "strict"}


async def test_what_is_still_needed_is_not_deleted_alone(ground: Ground) -> None:
    refused = await ground.send("DELETE", "/v1/definitions/agreement/none")
    assert refused.status_code == 404
    refused = await ground.send("DELETE", "/v1/definitions/creator/ben")
    assert (refused.status_code, "agreement `other`" in refused.json()["detail"]) == (409, True)
    assert ground.outbox.records == []
    done = await ground.send("DELETE", "/v1/definitions/creator/ben", params={"also": "agreement/other"})
    assert (done.status_code, done.json()["written"]) == (200, 2)
    assert (await ground.get("/v1/creators/ben")).status_code == 404


async def test_a_token_is_not_deleted_as_a_definition(ground: Ground) -> None:
    id = ground.token().split("_")[1]
    assert (await ground.send("DELETE", f"/v1/definitions/token/{id}")).status_code == 400
    assert (await ground.get("/v1/me")).status_code == 200


async def test_a_body_has_a_kind_a_length_and_a_form() -> None:
    ground = await laid(settings=ApiSettings(body_limit=1024))
    async with ground.client("admin") as client:
        answers = [
            await client.post("/v1/silences", content=b"x" * 1025, headers={"content-type": "application/json"}),
            await client.post("/v1/silences", content=b"{}", headers={"content-type": "text/html"}),
            await client.post("/v1/silences", content=b"{", headers={"content-type": "application/json"}),
            await client.post("/v1/definitions:apply", content=b"{}", headers={"content-type": "image/png"}),
        ]
    assert [answer.status_code for answer in answers] == [413, 415, 422, 415]
    assert "api.body_limit" in answers[0].json()["detail"]


async def test_without_kafka_a_deed_is_503_and_says_when_to_try_again(ground: Ground) -> None:
    ground.outbox.away = True
    for path, body in (("/v1/silences", {"minutes": 5, "campaign": "spring"}), ("/v1/definitions:apply", SPRING_FILE)):
        answer = await ground.send("POST", path, body)
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:tracker:problem:kafka-away")
        assert int(answer.headers["retry-after"]) > 0
    assert (await ground.get("/v1/silences")).json()["items"] == []
    assert (await ground.get("/v1/campaigns/winter")).status_code == 404


async def test_without_redis_numbers_are_503_and_definitions_are_still_told(ground: Ground) -> None:
    class Away(MemoryStore):
        async def totals(self, campaign: str) -> Any:
            raise StoreUnreachable("redis.example:6379", "connection refused")

    ground = await laid(Away())
    answer = await ground.get("/v1/campaigns/spring")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:tracker:problem:redis-away")
    assert "connection refused" in answer.json()["detail"]
    assert int(answer.headers["retry-after"]) > 0
    assert (await ground.get("/v1/definitions")).status_code == 200


async def test_what_nobody_foresaw_is_told_by_its_request_and_nothing_else(ground: Ground) -> None:
    async def broken() -> Any:
        raise RuntimeError("a secret of the house")

    ground = await laid(look=broken)
    answer = await ground.get("/v1/pipeline")
    assert (answer.status_code, answer.json()["request"]) == (500, answer.headers["x-request-id"])
    assert answer.headers["x-request-id"] in answer.json()["detail"]
    assert "secret of the house" not in answer.text


async def test_ready_says_which_part_is_not(ground: Ground) -> None:
    assert (await ground.get("/health/ready", None)).status_code == 200
    assert (await ground.get("/health/live", None)).status_code == 200

    async def faults() -> dict[str, str | None]:
        return {"kafka": "no answer", "redis": None}

    broken = await laid(faults=faults)
    answer = await broken.get("/health/ready", None)
    assert (answer.status_code, answer.json()["parts"]) == (503, {"kafka": "no answer", "redis": "ready"})


async def test_requests_are_measured_by_route_and_never_by_address(ground: Ground) -> None:
    await ground.get("/v1/campaigns/spring")
    await ground.get("/nowhere")
    text = (await ground.get("/metrics", None)).text
    assert 'tracker_api_seconds_count{route="/v1/campaigns/{campaign}",status="200"} 1.0' in text
    assert 'route="other",status="404"' in text


async def test_a_page_of_another_origin_may_call_only_where_that_is_set() -> None:
    asked = {"origin": "https://pages.example", "access-control-request-method": "GET"}
    for origins, allowed in (((), None), (("https://pages.example",), "https://pages.example")):
        ground = await laid(settings=ApiSettings(cors_origins=origins))
        async with ground.client() as client:
            preflight = await client.options("/v1/me", headers=asked)
            answer = await client.get("/v1/me", headers={"origin": "https://pages.example"})
        assert preflight.headers.get("access-control-allow-origin") == allowed
        assert answer.headers.get("access-control-allow-origin") == allowed
        assert answer.headers.get("access-control-allow-credentials") is None
