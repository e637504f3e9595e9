"""What the API says of the small world: each number with what it rests on, and nothing that is not known."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.domain.world import DAY, HOUR, MINUTE, T
from tests.web.ground import NOW, Ground


def named(numbers: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [number for number in numbers if number["name"] == name]
    return found


async def test_a_number_carries_value_basis_source_age_and_what_is_unknown(shared: Ground) -> None:
    page = (await shared.get("/v1/campaigns/spring")).json()
    likes = named(page["numbers"], "likes")
    assert likes == {
        "name": "likes",
        "value": 100,
        "unit": "count",
        "basis": "last known value of each post; 1 of 2 posts known",
        "known": 1,
        "unknown": 1,
        "currency": None,
        "sources": ["webhook"],
        "at": T + 2 * HOUR,
        "age_ms": HOUR,
    }
    assert named(page["numbers"], "engagement_rate.followers")["value"] == "0.110000"


async def test_what_is_unknown_is_null_and_never_zero(shared: Ground) -> None:
    page = (await shared.get("/v1/campaigns/spring")).json()
    saves = named(page["numbers"], "saves")
    assert (saves["value"], saves["known"], saves["unknown"]) == (None, 0, 2)
    empty = (await shared.get("/v1/campaigns/autumn")).json()
    assert not empty["counted"]
    assert {named(empty["numbers"], name)["value"] for name in ("likes", "cvr", "followers")} == {None}
    assert named(empty["numbers"], "likes")["age_ms"] is None


async def test_word_of_mouth_is_told_apart_from_what_was_agreed(shared: Ground) -> None:
    page = (await shared.get("/v1/campaigns/spring")).json()
    assert named(page["numbers"], "posts")["value"] == 2
    assert named(page["word_of_mouth"], "posts")["value"] == 1


async def test_the_funnel_goes_from_clicks_to_money_each_currency_by_itself(shared: Ground) -> None:
    funnel = (await shared.get("/v1/campaigns/spring")).json()["funnel"]
    assert [funnel[step]["value"] for step in ("clicks", "conversions", "by_click", "by_code")] == [2, 2, 1, 1]
    assert funnel["rate"]["value"] == "0.500000"
    assert {(each["currency"], each["value"]) for each in funnel["net"]} == {("JPY", 3500), ("EUR", 1999)}
    assert {(each["currency"], each["value"]) for each in funnel["refunds"]} == {("JPY", 1500)}


async def test_the_speed_says_of_how_many_posts_it_is_known(shared: Ground) -> None:
    speed = (await shared.get("/v1/campaigns/spring")).json()["speed"]
    (likes,) = [each for each in speed["metrics"] if each["metric"] == "likes"]
    half_an_hour, hour = (next(one for one in likes["reached"] if one["seconds"] == age) for age in (1800, 3600))
    assert half_an_hour == {"seconds": 1800, "value": 60, "known": 1, "interpolated": 0, "unknown": 1}
    assert hour == {"seconds": 3600, "value": 73, "known": 1, "interpolated": 1, "unknown": 1}
    assert likes["reached"][0]["value"] is None
    assert sum(bucket["posts"] for bucket in likes["half_life"]) == 1
    assert next(each for each in speed["metrics"] if each["metric"] == "saves")["half_life"] is None


async def test_how_fast_counters_grow_is_told_when_asked_for(shared: Ground) -> None:
    slow = (await shared.get("/v1/campaigns/spring")).json()["numbers"]
    fast = (await shared.get("/v1/campaigns/spring", velocity="true")).json()["numbers"]
    assert {each["name"] for each in fast} - {each["name"] for each in slow} == {
        f"velocity.{name}" for name in ("likes", "comments", "views", "clicks")
    }


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, ["autumn", "spring"]),
        ({"sort": "starts_at"}, ["spring", "autumn"]),
        ({"state": "running"}, ["spring"]),
        ({"state": "planned"}, ["autumn"]),
        ({"state": "ended"}, []),
        ({"client": "Aurora"}, ["autumn"]),
        ({"search": "GOLD"}, ["autumn"]),
    ],
)
async def test_campaigns_are_searched_filtered_and_sorted(
    shared: Ground, query: dict[str, Any], ids: list[str]
) -> None:
    assert [item["id"] for item in (await shared.get("/v1/campaigns", **query)).json()["items"]] == ids


async def test_the_history_of_a_counter_adds_up_to_it(shared: Ground) -> None:
    history = (await shared.get("/v1/campaigns/spring/series", field="likes", unit="minute")).json()
    assert [(point["at"], point["change"], point["total"]) for point in history["points"]] == [
        (T + 30 * MINUTE, 60, 60),
        (T + 2 * HOUR, 40, 100),
    ]
    since: dict[str, Any] = {"field": "likes", "unit": "hour", "from": T + HOUR}
    cut = (await shared.get("/v1/campaigns/spring/series", **since)).json()
    assert (cut["before"], cut["points"][-1]["total"]) == (60, 100)
    of_anna = (await shared.get("/v1/campaigns/spring/series", field="revenue.JPY", who="anna")).json()
    assert [point["change"] for point in of_anna["points"]] == [5000]


async def test_an_instant_may_be_written_as_rfc_3339(shared: Ground) -> None:
    path = "/v1/campaigns/spring/series"
    ms: dict[str, Any] = {"field": "likes", "from": T, "to": T + DAY}
    text: dict[str, Any] = {"field": "likes", "from": "2024-10-04T00:00:00Z", "to": "2024-10-05T02:00:00+02:00"}
    by_ms, by_text = await shared.get(path, **ms), await shared.get(path, **text)
    assert by_ms.json() == by_text.json()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"field": "likes", "unit": "minute", "who": "anna"}, "unit"),
        ({"field": "likes", "from": T, "to": T}, "to"),
        ({"field": "likes", "unit": "minute", "from": 0}, "from"),
        ({"field": "likes", "from": "yesterday"}, "from"),
        ({"field": "likes", "from": "2026-11-01T00:00:00"}, "from"),
        ({"field": "lieks"}, "field"),
        ({}, "field"),
    ],
)
async def test_a_history_that_there_is_not_is_refused_by_the_field(
    shared: Ground, query: dict[str, Any], field: str
) -> None:
    answer = await shared.get("/v1/campaigns/spring/series", **query)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])


async def test_a_campaigns_creators_come_with_their_agreements_and_numbers(shared: Ground) -> None:
    (anna,) = (await shared.get("/v1/campaigns/spring/creators")).json()["items"]
    assert (anna["id"], anna["name"], anna["agreements"][0]["id"]) == ("anna", "Synthetic Anna", "deal")
    assert named(anna["numbers"], "likes")["value"] == 100
    assert named(anna["numbers"], "conversions")["value"] == 2


async def test_the_posts_of_a_campaign_say_how_they_count(shared: Ground) -> None:
    items = (await shared.get("/v1/campaigns/spring/posts", sort="-likes")).json()["items"]
    assert items[0]["post"] == "p"
    assert {item["post"]: item["how"] for item in items} == {"p": "agreement", "q": "agreement", "fan": "word_of_mouth"}
    unknown = next(item for item in items if item["post"] == "q")
    assert named(unknown["numbers"], "likes") | {"basis": ""} == {
        "name": "likes", "value": None, "unit": "count", "basis": "", "known": 0, "unknown": 1, "currency": None,
        "sources": None, "at": None, "age_ms": None,
    }  # fmt: skip
    assert unknown["label"] is None
    of_fans = (await shared.get("/v1/campaigns/spring/posts", how="word_of_mouth")).json()["items"]
    assert [item["post"] for item in of_fans] == ["fan"]


async def test_a_post_shows_its_curve_and_how_it_stands(shared: Ground) -> None:
    page = (await shared.get("/v1/posts/youtube/UC-anna/p")).json()
    assert [(row["age_ms"], row["totals"][page["metrics"].index("likes")]) for row in page["curve"]] == [
        (30 * MINUTE, 60),
        (2 * HOUR, 100),
    ]
    assert (page["text"]["value"], page["tags"], page["post"]["live"]) == ("new #ad", ["ad"], True)
    assert (await shared.get("/v1/posts/youtube/UC-anna/none")).status_code == 404


async def test_a_creators_campaign_posts_stand_beside_the_normal_ones(shared: Ground) -> None:
    page = (await shared.get("/v1/creators/anna")).json()
    assert (page["promoted"]["count"], page["normal"]["count"]) == (2, 1)
    assert named(page["promoted"]["medians"], "median.likes")["value"] == "100.0"
    assert named(page["promoted"]["medians"], "median.likes")["unknown"] == 1
    assert named(page["normal"]["medians"], "median.engagement_rate.followers")["value"] == "0.310000"
    (account,) = page["accounts"]
    assert account["followers"] == [{"at": T - HOUR, "followers": 1000}]
    assert account["now"]["value"] == 1000


async def test_the_checklist_names_every_creator_and_what_is_not_judged_is_no_pass(shared: Ground) -> None:
    page = (await shared.get("/v1/campaigns/spring/checklist")).json()
    (anna,) = page["creators"]
    assert anna["outcomes"] == {"pass": 1, "fail": 1, "not_assessable": 1}
    assert {check["rule"] for check in anna["checks"]} == {"agreement.posts_due", "compliance.label"}
    empty = (await shared.get("/v1/campaigns/autumn/checklist")).json()["creators"]
    assert [(each["creator"], each["checks"]) for each in empty] == [("ben", [])]


async def test_the_rules_say_what_is_set_and_what_they_last_said(shared: Ground) -> None:
    (rule,) = (await shared.get("/v1/rules", campaign="spring")).json()["items"]
    assert (rule["severity"], rule["definition"], rule["outcomes"]) == ("critical", "strict", {"fail": 2, "pass": 1})
    assert rule["settings"] == [{"name": "least", "value": 5, "default": 3, "meaning": ""}]
    (for_all,) = (await shared.get("/v1/rules")).json()["items"]
    assert (for_all["severity"], for_all["outcomes"], for_all["overrides"]) == ("warning", None, ["strict"])


@pytest.mark.parametrize(
    ("order", "attributed", "why"),
    [
        ("o-code", {"campaign": "spring", "creator": "anna", "by": "code"}, "lists its code"),
        ("o-click", {"campaign": "spring", "creator": "anna", "by": "click"}, "clicked on a link"),
        ("o-lost", None, "no agreement lists its code; no click is known"),
    ],
)
async def test_an_order_says_to_whom_it_is_attributed_and_why(
    shared: Ground, order: str, attributed: object, why: str
) -> None:
    page = (await shared.get(f"/v1/conversions/{order}")).json()
    assert page["attributed"] == attributed
    assert why in page["why"]


async def test_orders_are_listed_by_what_leads_to_them_and_not_otherwise(shared: Ground) -> None:
    by_code = (await shared.get("/v1/conversions", code=" Anna10 ")).json()["items"]
    by_link = (await shared.get("/v1/conversions", link="go")).json()["items"]
    assert ([one["order"] for one in by_code], [one["order"] for one in by_link]) == (["o-code"], ["o-click"])
    assert by_code[0]["refunds"] == [{"refund": "r1", "paid_back": {"amount": 1500, "currency": "JPY"}}]
    refused = await shared.get("/v1/conversions")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "code")


async def test_the_pipeline_says_how_far_behind_it_is_and_what_is_installed(shared: Ground) -> None:
    page = (await shared.get("/v1/pipeline")).json()
    assert (page["lag"], page["dead"], page["plugins"][0]["name"]) == (5, 1, "quiet")
    assert page["partitions"][0]["age_ms"] == NOW - T - 2 * HOUR


async def test_a_token_learns_about_itself(shared: Ground) -> None:
    page = (await shared.get("/v1/me", "operator", "spring")).json()
    assert (page["role"], page["campaigns"]) == ("operator", ["spring"])
    assert (await shared.get("/v1/me")).json()["campaigns"] is None


async def walked(shared: Ground, path: str, **query: Any) -> list[httpx.Response]:
    """Every page of a list, one item each."""
    pages = [await shared.get(path, limit=1, **query)]
    while (cursor := pages[-1].json()["next"]) is not None:
        assert len(pages) < 20
        pages.append(await shared.get(path, limit=1, cursor=cursor, **query))
    return pages


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/campaigns", {"sort": "name"}),
        ("/v1/campaigns", {"sort": "-ends_at"}),
        ("/v1/creators", {}),
        ("/v1/links", {}),
        ("/v1/alerts", {"state": "open"}),
        ("/v1/campaigns/spring/posts", {"sort": "-views"}),
        ("/v1/campaigns/spring/creators", {}),
        ("/v1/conversions", {"code": "anna10"}),
    ],
)
async def test_pages_show_each_item_once_in_the_order_of_the_whole(
    shared: Ground, path: str, query: dict[str, Any]
) -> None:
    whole = (await shared.get(path, **query)).json()["items"]
    paged = [item for page in await walked(shared, path, **query) for item in page.json()["items"]]
    assert whole
    assert paged == whole


async def test_a_cursor_of_another_question_or_of_nobody_is_refused(shared: Ground) -> None:
    cursor = (await shared.get("/v1/campaigns", limit=1)).json()["next"]
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/v1/campaigns", {"sort": "name", "cursor": cursor}),
        ("/v1/campaigns", {"state": "running", "cursor": cursor}),
        ("/v1/creators", {"cursor": cursor}),
        ("/v1/campaigns", {"cursor": "abc"}),
        ("/v1/campaigns", {"cursor": cursor[:-3]}),
        ("/v1/campaigns", {"cursor": "🙂"}),
    ]
    for path, query in asked:
        answer = await shared.get(path, **query)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "cursor"), (path, query)


async def test_an_unknown_parameter_is_refused_with_what_was_meant(shared: Ground) -> None:
    answer = await shared.get("/v1/campaigns", limt=5)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["errors"][0]["field"], problem["request"]) == ("limt", answer.headers["x-request-id"])
    assert "did you mean `limit`?" in problem["errors"][0]["detail"]


async def test_all_faults_of_a_query_are_told_at_once(shared: Ground) -> None:
    answer = await shared.get("/v1/campaigns?limit=0&state=done&limit=5&sort=size")
    assert [error["field"] for error in answer.json()["errors"]] == ["limit", "state", "limit", "sort"]


async def test_an_answer_is_not_sent_twice_to_who_has_it(ground: Ground) -> None:
    async with ground.client() as client:
        first = await client.get("/v1/campaigns/spring")
        ground.clock.now += MINUTE
        tag = {"if-none-match": first.headers["etag"]}
        again = await client.get("/v1/campaigns/spring", headers=tag)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        other = await client.get("/v1/campaigns/autumn", headers=tag)
        assert other.status_code == 200
        ground.take(ground.parts.definitions.rules.campaigns["autumn"], deleted=True)
        assert (await client.get("/v1/campaigns", headers=tag)).status_code == 200


async def test_a_request_keeps_its_id_where_that_is_well_formed(shared: Ground) -> None:
    async with shared.client() as client:
        for offered, kept in (("abcdef-123", True), ("a", False), ("x" * 65, False), ('"><script>', False)):
            answer = await client.get("/v1/me", headers={"x-request-id": offered})
            assert (answer.headers["x-request-id"] == offered) is kept


async def test_every_answer_has_the_headers_that_keep_a_browser_from_harm(shared: Ground) -> None:
    for path in ("/v1/me", "/nowhere", "/health/live", "/v1/campaigns?token=x"):
        headers = (await shared.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "access-control-allow-origin" not in headers
