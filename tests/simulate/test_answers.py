"""The stand-in's answers: in the documented shapes, and telling only what is shown and what was asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulate.builders import MINUTE, SECRETS, START, post, request, world
from tracker.simulate import instagram_api, tiktok_api, youtube_api
from tracker.simulate.cast import HINA, KAITO, MIO, STRANGER, THEO_TIKTOK
from tracker.simulate.instagram_api import Field, parse_fields
from tracker.simulate.model import Absence, Version
from tracker.simulate.world import shown_counts

GRAPH, TIKTOK, YOUTUBE = SECRETS["instagram"], SECRETS["tiktok"], SECRETS["youtube"]
MEDIA = "id,caption,permalink,timestamp,media_type,media_product_type,like_count,comments_count,owner,username"
VIDEO = "id,create_time,title,video_description,like_count,comment_count,share_count,view_count,save_count"
GONE = (Absence(since=START - 1_000),)


def graph(path: str, query: dict[str, str], *posts: Any, page: int = 50, token: str = GRAPH.key) -> tuple[int, Any]:
    """An Instagram answer: status and JSON."""
    answered = instagram_api.answer(world(*posts), GRAPH, request(path, query, bearer=token), page=page)
    return answered.status, json.loads(answered.body)


def tiktok(path: str, fields: str, body: object, *posts: Any, page: int = 20, method: str = "POST") -> tuple[int, Any]:
    """A TikTok answer to KAITO's token: status and JSON."""
    asked = request(
        path, {"fields": fields}, method=method, bearer=TIKTOK.tokens[KAITO.id], body=json.dumps(body).encode()
    )
    answered = tiktok_api.answer(world(*posts), TIKTOK, asked, page=page)
    return answered.status, json.loads(answered.body)


def youtube(call: str, query: dict[str, str], *posts: Any, page: int = 50, key: str = YOUTUBE.key) -> tuple[int, Any]:
    """A YouTube answer: status and JSON."""
    answered = youtube_api.answer(
        world(*posts), YOUTUBE, request(f"/youtube/v3/{call}", {**query, "key": key}), page=page
    )
    return answered.status, json.loads(answered.body)


def test_graph_fields_nest() -> None:
    asked = parse_fields("id,media.limit(5).after(x){id,like_count},username")
    assert [field.name for field in asked] == ["id", "media", "username"]
    assert asked[1] == Field("media", {"limit": "5", "after": "x"}, (Field("id", {}, ()), Field("like_count", {}, ())))


@pytest.mark.parametrize("asked", ["id,}", "id,%", "media{id}}"])
def test_malformed_graph_fields_are_an_error_of_syntax(asked: str) -> None:
    status, body = graph(f"/v25.0/{HINA.id}", {"fields": asked})
    assert (status, body["error"]["code"]) == (400, 2500)


def test_a_media_object_has_what_was_asked_for_and_nothing_else() -> None:
    made = post(HINA, "18", text="ゆず")
    status, body = graph("/v25.0/18", {"fields": MEDIA}, made)
    counts = shown_counts(world(made), made, START)
    assert status == 200
    assert body == {
        "id": "18",
        "caption": "ゆず",
        "permalink": made.permalink,
        "timestamp": "2030-03-17T16:46:40+0000",
        "media_type": "IMAGE",
        "media_product_type": "FEED",
        "like_count": counts["likes"],
        "comments_count": counts["comments"],
        "owner": {"id": HINA.id},
        "username": HINA.handle,
    }
    assert type(body["like_count"]) is int
    assert graph("/18", {"fields": "caption"}, made)[1] == {"id": "18", "caption": "ゆず"}


def test_hidden_likes_are_left_out() -> None:
    _, body = graph("/18", {"fields": MEDIA}, post(HINA, "18", hidden=frozenset({"likes"})))
    assert "like_count" not in body
    assert "comments_count" in body


def test_several_ids_are_answered_by_id_and_one_that_is_gone_fails_them_all() -> None:
    here, gone = post(HINA, "18"), post(HINA, "19", absences=GONE)
    status, body = graph("/v25.0/", {"ids": "18", "fields": "id,like_count"}, here, gone)
    assert (status, set(body)) == (200, {"18"})
    status, body = graph("/v25.0/", {"ids": "18,19", "fields": "id,like_count"}, here, gone)
    assert (status, body["error"]["code"]) == (404, 803)


def test_what_is_gone_is_an_error_with_its_subcode_and_told_as_absent() -> None:
    gone = post(HINA, "19", absences=GONE)
    answered = instagram_api.answer(world(gone), GRAPH, request("/v25.0/19", {"access_token": GRAPH.key}), page=9)
    error = json.loads(answered.body)["error"]
    assert (answered.status, error["code"], error["error_subcode"]) == (400, 100, 33)
    assert [(told.post, told.absent) for told in answered.told] == [("19", True)]


def test_an_account_tells_its_followers_and_its_newest_posts_in_pages_that_may_be_short() -> None:
    posts = [post(HINA, str(20 + n), published=START - n * MINUTE) for n in range(1, 6)]
    posts.append(post(HINA, "99", medium="story"))
    status, body = graph(
        f"/v25.0/{HINA.id}", {"fields": "followers_count,media_count,media.limit(4){id,caption}"}, *posts, page=2
    )
    assert status == 200
    assert body["followers_count"] == HINA.followers
    assert [media["id"] for media in body["media"]["data"]] == ["21", "22"]
    assert body["media"]["paging"]["next"].startswith("http://127.0.0.1:1/v25.0/")
    after = body["media"]["paging"]["cursors"]["after"]
    status, rest = graph(f"/v25.0/{HINA.id}/media", {"fields": "id", "limit": "25", "after": after}, *posts)
    assert [media["id"] for media in rest["data"]] == ["23", "24", "25"]
    assert "next" not in rest["paging"]


def test_a_mentioned_media_is_reached_through_the_mentioned_account_alone() -> None:
    mention = post(STRANGER, "77", text="#yuzuspring", mentions=HINA)
    fields = "mentioned_media.media_id(77){id,caption,like_count,owner}"
    _, body = graph(f"/{HINA.id}", {"fields": fields}, mention)
    assert body["mentioned_media"]["caption"] == "#yuzuspring"
    assert body["mentioned_media"]["owner"] == {"id": STRANGER.id}
    assert graph("/77", {"fields": MEDIA}, mention)[0] == 403


@pytest.mark.parametrize("token", ["", "stolen"])
def test_a_wrong_token_is_401_everywhere(token: str) -> None:
    assert graph("/18", {"fields": "id"}, post(HINA, "18"), token=token)[0] == 401
    asked = request("/v2/video/list/", {"fields": VIDEO}, method="POST", bearer=token, body=b"{}")
    refused = tiktok_api.answer(world(), TIKTOK, asked, page=9)
    assert (refused.status, json.loads(refused.body)["error"]["code"]) == (401, "access_token_invalid")
    assert youtube("videos", {"part": "id", "id": "x"}, key=token)[0] == 401


def test_tiktok_has_its_error_object_on_success_and_no_saves() -> None:
    made = post(KAITO, "751000001")
    status, body = tiktok("/v2/video/query/", VIDEO, {"filters": {"video_ids": ["751000001", "751000009"]}}, made)
    assert status == 200
    assert body["error"]["code"] == "ok"
    (video,) = body["data"]["videos"]
    assert (video["id"], video["create_time"]) == ("751000001", made.published // 1000)
    assert video.keys() == set(VIDEO.split(",")) - {"save_count"}
    assert type(video["view_count"]) is int


def test_tiktok_shows_a_token_only_its_own_users_videos() -> None:
    _, body = tiktok("/v2/video/query/", VIDEO, {"filters": {"video_ids": ["75100001"]}}, post(THEO_TIKTOK, "75100001"))
    assert body["data"]["videos"] == []


def test_tiktoks_pages_may_be_short_and_has_more_leads_to_the_end() -> None:
    posts = [post(KAITO, str(75100 + n), published=START - n * MINUTE) for n in range(1, 6)]
    seen: list[str] = []
    body: dict[str, Any] = {"data": {"has_more": True, "cursor": None}}
    while body["data"]["has_more"]:
        asked = {"max_count": 20, "cursor": body["data"]["cursor"]}
        _, body = tiktok("/v2/video/list/", "id", {k: v for k, v in asked.items() if v is not None}, *posts, page=2)
        assert len(body["data"]["videos"]) <= 2
        seen += [video["id"] for video in body["data"]["videos"]]
    assert seen == [made.id for made in posts]


@pytest.mark.parametrize("body", [{"max_count": 21}, {"max_count": 0}, {"max_count": "9"}])
def test_tiktok_refuses_more_than_twenty_at_once(body: dict[str, Any]) -> None:
    assert tiktok("/v2/video/list/", "id", body)[0] == 400
    assert tiktok("/v2/video/query/", "id", {"filters": {"video_ids": ["1"] * 21}})[0] == 400


def test_tiktok_tells_a_users_followers() -> None:
    _, body = tiktok("/v2/user/info/", "open_id,follower_count", {}, method="GET")
    assert body["data"]["user"] == {"open_id": KAITO.id, "follower_count": KAITO.followers}


def test_youtubes_statistics_are_strings_and_hidden_ones_are_not_there() -> None:
    made = post(MIO, "syn00000001", hidden=frozenset({"likes", "comments"}))
    status, body = youtube("videos", {"part": "snippet,statistics", "id": "syn00000001,syn00000002"}, made)
    assert status == 200
    (item,) = body["items"]
    views = shown_counts(world(made), made, START)["views"]
    assert item["statistics"] == {"viewCount": str(views), "favoriteCount": "0"}
    assert item["snippet"]["publishedAt"] == "2030-03-17T16:46:40Z"
    assert item["snippet"]["channelId"] == MIO.id
    assert "status" not in item


def test_youtube_refuses_more_than_fifty_ids_and_a_request_without_a_part() -> None:
    assert youtube("videos", {"part": "id", "id": ",".join(["x"] * 51)})[0] == 400
    assert youtube("videos", {"id": "x"})[0] == 400


def test_a_channel_tells_rounded_subscribers_as_a_string() -> None:
    _, body = youtube("channels", {"part": "statistics", "id": MIO.id})
    assert body["items"][0]["statistics"]["subscriberCount"] == "88400"


def test_the_uploads_playlist_is_paged_by_token_newest_first() -> None:
    posts = [post(MIO, f"syn0000000{n}", published=START - n * MINUTE) for n in range(1, 5)]
    query = {"part": "snippet,contentDetails", "playlistId": youtube_api.uploads_of(MIO), "maxResults": "50"}
    _, first = youtube("playlistItems", query, *posts, page=3)
    _, second = youtube("playlistItems", {**query, "pageToken": first["nextPageToken"]}, *posts, page=3)
    ids = [item["contentDetails"]["videoId"] for item in first["items"] + second["items"]]
    assert ids == [made.id for made in posts]
    assert "nextPageToken" not in second


def test_an_edit_is_seen_in_the_next_answer_and_not_before() -> None:
    edits = (Version(since=0, text="before", title="a"), Version(since=START + 5_000, text="after", title="b"))
    made = post(MIO, "syn00000001", versions=edits)
    titles = []
    for at in (START + 4_999, START + 5_000):
        asked = request("/videos", {"part": "snippet", "id": made.id, "key": YOUTUBE.key}, at=at)
        answered = youtube_api.answer(world(made), YOUTUBE, asked, page=9)
        titles.append(json.loads(answered.body)["items"][0]["snippet"]["title"])
        assert [(told.title, told.text) for told in answered.told] == [
            (titles[-1], ["before", "after"][len(titles) - 1])
        ]
    assert titles == ["a", "b"]


def test_what_an_answer_says_of_counts_is_what_it_told() -> None:
    made = post(HINA, "18", hidden=frozenset({"likes"}))
    asked = request("/18", {"fields": "like_count,comments_count,view_count"}, bearer=GRAPH.key)
    (told,) = instagram_api.answer(world(made), GRAPH, asked, page=9).told
    counts = shown_counts(world(made), made, START)
    assert told.counts == {"comments": counts["comments"], "views": counts["views"]}
