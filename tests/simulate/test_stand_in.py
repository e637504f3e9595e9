"""The stand-in over HTTP: it answers, it is busy at times, and it notes what it told once it has told it."""

from __future__ import annotations

import asyncio

import httpx

from tests.simulate.builders import SECRETS, START, post, request, world
from tracker.simulate.cast import HINA, KAITO, MIO
from tracker.simulate.model import World
from tracker.simulate.platforms import RETRY_AFTER_S, StandIn, serve
from tracker.simulate.told import ToldLog


def stand_in(of: World, told: ToldLog, *, busy_share: float = 0.0) -> StandIn:
    made = StandIn(SECRETS, told, lambda: START + 1, seed=7, busy_share=busy_share)
    made.begin(of)
    return made


async def test_it_serves_three_platforms_and_notes_what_it_told() -> None:
    told = ToldLog()
    small = world(post(HINA, "18"), post(KAITO, "75100001"), post(MIO, "syn00000001"))
    async with serve(stand_in(small, told)) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        graph = await client.get(
            "/instagram/v25.0/18",
            params={"fields": "id,like_count"},
            headers={"authorization": f"Bearer {SECRETS['instagram'].tokens[HINA.id]}"},
        )
        tiktok = await client.post(
            "/tiktok/v2/video/query/?fields=id,like_count",
            json={"filters": {"video_ids": ["75100001"]}},
            headers={"authorization": f"Bearer {SECRETS['tiktok'].tokens[KAITO.id]}"},
        )
        youtube = await client.get(
            "/youtube/youtube/v3/videos",
            params={"part": "statistics", "id": "syn00000001"},
            headers={"x-goog-api-key": SECRETS["youtube"].key},
        )
        nobody = await client.get("/myspace/v1")
    assert [answer.status_code for answer in (graph, tiktok, youtube, nobody)] == [200, 200, 200, 404]
    assert graph.json()["id"] == "18"
    assert {id: known.seen for id, known in told.posts.items()} == dict.fromkeys(
        ("18", "75100001", "syn00000001"), START + 1
    )


async def test_a_refused_request_told_nothing() -> None:
    told = ToldLog()
    async with (
        serve(stand_in(world(post(HINA, "18")), told)) as address,
        httpx.AsyncClient(base_url=address, trust_env=False) as client,
    ):
        answer = await client.get("/instagram/v25.0/18", params={"fields": "like_count"})
    assert answer.status_code == 401
    assert told.posts == {}


async def test_a_busy_platform_says_when_to_come_back_in_its_own_words() -> None:
    told = ToldLog()
    async with (
        serve(stand_in(world(), told, busy_share=1.0)) as address,
        httpx.AsyncClient(base_url=address, trust_env=False) as client,
    ):
        answers = [await client.get(f"/{name}/x") for name in ("instagram", "tiktok", "youtube")]
    assert {answer.status_code for answer in answers} == {429}
    assert {answer.headers["retry-after"] for answer in answers} == {str(RETRY_AFTER_S)}
    errors = [answer.json()["error"] for answer in answers]
    assert [error["code"] for error in errors] == [4, "rate_limit_exceeded", 429]


async def test_who_asks_before_the_world_begins_waits_for_it() -> None:
    made = StandIn(SECRETS, ToldLog(), lambda: START + 1, seed=7, busy_share=0.0)
    async with serve(made) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        early = asyncio.create_task(
            client.get("/instagram/v25.0/18", params={"access_token": SECRETS["instagram"].key})
        )
        await asyncio.wait_for(made.asked.wait(), 5)
        assert not early.done()
        made.begin(world(post(HINA, "18")))
        assert (await early).json() == {"id": "18"}


async def test_the_same_seed_is_busy_at_the_same_requests() -> None:
    busy = []
    for _ in range(2):
        stand = stand_in(world(), ToldLog(), busy_share=0.3)
        busy.append([stand.answer(world(), "youtube", request("/x")).status for _ in range(50)])
    assert busy[0] == busy[1]
    assert {429, 401} == set(busy[0])
