"""YouTube, trap by trap. Every payload here is synthetic: the documented formats, invented contents."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from tracker.domain.events import (
    AudienceObserved,
    Instant,
    PostEdited,
    PostPublished,
    PostRemoved,
    ReactionObserved,
)
from tracker.plugin import Access, DueItem, RawPayload, Secrets, Unreadable
from tracker.plugin.testing import NOW, AdapterContract
from tracker_youtube.adapter import YouTube
from tracker_youtube.answers import metric_definition
from tracker_youtube.limits import until_midnight_pacific

ADAPTER = YouTube()
ACCESS = Access(base_url="https://api.example/youtube/v3", token="the-key")
SECRETS = Secrets(signing=("hub-secret",), verify_token="chosen")
RECEIVED = 1_780_000_005_000  # 2026-05-28T20:26:45Z
CHANNEL = "UCsynthetic"
TOPIC = f"https://www.youtube.com/xml/feeds/videos.xml?channel_id={CHANNEL}"
PUBLISHED, PUBLISHED_MS = "2026-05-28T20:00:00+00:00", 1_779_998_400_000
ACCOUNT = DueItem(platform="youtube", account=CHANNEL)


def ms(written: str) -> int:
    return int(datetime.fromisoformat(written).timestamp() * 1000)


def entry(video: str = "vid-1", updated: str = "2026-05-28T20:00:07.552394234+00:00", title: str = "Title") -> str:
    return f"""<entry><id>yt:video:{video}</id><yt:videoId>{video}</yt:videoId><yt:channelId>{CHANNEL}</yt:channelId>
    <title>{title}</title><link rel="alternate" href="https://www.youtube.com/watch?v={video}"/>
    <author><name>Synthetic</name><uri>https://www.youtube.com/channel/{CHANNEL}</uri></author>
    <published>{PUBLISHED}</published><updated>{updated}</updated></entry>"""


BY = f"<at:by><name>Synthetic</name><uri>https://www.youtube.com/channel/{CHANNEL}</uri></at:by>"


def tombstone(by: str = BY, ref: str = "yt:video:vid-1") -> str:
    return f"""<at:deleted-entry ref="{ref}" when="2026-05-28T21:00:00+00:00">
    <link href="https://www.youtube.com/watch?v=vid-1"/>{by}</at:deleted-entry>"""


def feed(*entries: str) -> bytes:
    return f"""<?xml version='1.0' encoding='UTF-8'?>
    <feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" xmlns="http://www.w3.org/2005/Atom"
     xmlns:at="http://purl.org/atompub/tombstones/1.0"><link rel="self" href="{TOPIC}"/>
     <title>YouTube video feed</title>{"".join(entries)}</feed>""".strip().encode()


def push(*entries: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> RawPayload:
    return RawPayload(
        platform="youtube",
        source="webhook",
        name="main",
        received_at=RECEIVED,
        body=feed(*entries) if body is None else body,
        headers=headers or {},
    )


VIDEO: dict[str, Any] = {
    "kind": "youtube#video",
    "id": "vid-1",
    "snippet": {
        "publishedAt": "2026-05-28T20:00:00Z",
        "channelId": CHANNEL,
        "title": "Title",
        "description": "Words #synthetic",
    },
    "contentDetails": {"duration": "PT2M3S"},
    "status": {"uploadStatus": "processed", "privacyStatus": "public"},
    "statistics": {"viewCount": "9007199254740991", "likeCount": "120", "commentCount": "7", "favoriteCount": "0"},
    "paidProductPlacementDetails": {"hasPaidProductPlacement": True},
}
UPLOAD: dict[str, Any] = {
    "snippet": {"title": "Title", "description": "Words", "channelId": CHANNEL, "publishedAt": "2026-05-28T20:00:00Z"},
    "contentDetails": {"videoId": "vid-1", "videoPublishedAt": "2026-05-28T20:00:00Z"},
    "status": {"privacyStatus": "public"},
}


def answer(document: object, endpoint: str, *items: DueItem, status: int = 200, at: Instant = RECEIVED) -> RawPayload:
    return RawPayload(
        platform="youtube",
        source="poll",
        name="api",
        received_at=at,
        body=json.dumps(document).encode(),
        endpoint=endpoint,
        items=items,
        status=status,
    )


def videos(*shown: object, asked: tuple[str, ...] = ("vid-1",), at: Instant = RECEIVED) -> RawPayload:
    document = {"kind": "youtube#videoListResponse", "items": list(shown)}
    return answer(document, "videos", *map(video_item, asked), at=at)


def video_item(video: str = "vid-1") -> DueItem:
    return DueItem(platform="youtube", account=CHANNEL, post=video)


def channel(statistics: Mapping[str, object]) -> RawPayload:
    return answer({"items": [{"id": CHANNEL, "statistics": statistics}]}, "channels", ACCOUNT)


def error(reason: str, code: int = 403) -> dict[str, Any]:
    return {"error": {"code": code, "message": "synthetic", "errors": [{"reason": reason, "domain": "youtube.quota"}]}}


def changed(**sections: object) -> dict[str, Any]:
    return {**VIDEO, **sections}


def reaction(raw: RawPayload) -> ReactionObserved:
    [found] = [fact for fact in ADAPTER.parse(raw) if isinstance(fact, ReactionObserved)]
    return found


def published(raw: RawPayload) -> PostPublished:
    [found] = [fact for fact in ADAPTER.parse(raw) if isinstance(fact, PostPublished)]
    return found


class TestYouTubeKeepsTheContract(AdapterContract):
    adapter = ADAPTER
    samples = (
        push(entry(), entry("vid-2", "2026-05-28T23:00:00Z")),
        push(tombstone(), entry()),
        push(tombstone(by=""), headers={"link": f"<{TOPIC}>; rel=self"}),
        push(),
        videos(VIDEO, asked=("vid-1", "vid-2")),
        channel({"subscriberCount": "12300", "hiddenSubscriberCount": False, "videoCount": "5", "viewCount": "9"}),
        answer({"items": [UPLOAD], "nextPageToken": "CDIQAA"}, "uploads", ACCOUNT),
        answer(error("quotaExceeded"), "videos", video_item(), status=403),
    )

    def sign(self, body: bytes, secret: str, now: Instant) -> Mapping[str, str]:
        return {"x-hub-signature": f"sha1={hmac.new(secret.encode(), body, 'sha1').hexdigest()}"}


# Signature and handshake


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_the_signature_is_checked_by_the_method_that_its_header_names(method: str) -> None:
    digest = hmac.new(b"hub-secret", b"<feed/>", method).hexdigest()
    assert ADAPTER.verify({"x-hub-signature": f"{method}={digest}"}, b"<feed/>", SECRETS, NOW).ok
    other = "sha256" if method == "sha1" else "sha1"
    assert not ADAPTER.verify({"x-hub-signature": f"{other}={digest}"}, b"<feed/>", SECRETS, NOW).ok
    assert not ADAPTER.verify({"x-hub-signature": f"md5={digest}"}, b"<feed/>", SECRETS, NOW).ok


def test_a_push_that_does_not_verify_is_acknowledged_and_ignored() -> None:
    verdict = ADAPTER.verify({"x-hub-signature": "sha1=" + "0" * 40}, b"<feed/>", SECRETS, NOW)
    assert (verdict.ok, verdict.answer_status) == (False, 202)


def query(**changes: str) -> dict[str, str]:
    asked = {
        "mode": "subscribe",
        "topic": TOPIC,
        "challenge": "abc",
        "lease_seconds": "864000",
        "verify_token": "chosen",
    }
    return {f"hub.{name}": value for name, value in {**asked, **changes}.items() if value != "-"}


@pytest.mark.parametrize(
    ("asked", "secrets", "status"),
    [
        (query(), SECRETS, 200),
        (query(mode="unsubscribe"), SECRETS, 200),
        (query(verify_token="-"), Secrets(signing=("hub-secret",)), 200),
        (query(mode="unsubscribe", verify_token="-"), Secrets(signing=("hub-secret",)), 404),
        (query(verify_token="wrong"), SECRETS, 404),
        (query(verify_token="-"), SECRETS, 404),
        (query(topic="https://example.org/feed?channel_id=UCx"), SECRETS, 404),
        (query(topic="https://www.youtube.com/xml/feeds/videos.xml"), SECRETS, 404),
        (query(topic="-"), SECRETS, 404),
        (query(challenge="-"), SECRETS, 404),
        (query(mode="other"), SECRETS, 404),
        (query(mode="denied", topic="-"), SECRETS, 200),
    ],
)
def test_only_what_we_asked_the_hub_for_is_confirmed(asked: dict[str, str], secrets: Secrets, status: int) -> None:
    handshake = ADAPTER.handshake(asked, secrets)
    assert handshake is not None
    assert handshake.status == status
    assert handshake.body == (b"abc" if status == 200 and "denied" not in asked.values() else b"")


# Pushes


def test_an_upload_is_published_as_of_its_updated_time_of_nanoseconds() -> None:
    assert ADAPTER.parse(push(entry())) == [
        PostPublished(
            platform="youtube",
            account=CHANNEL,
            post="vid-1",
            observed_at=PUBLISHED_MS + 7_552,
            occurred_at=PUBLISHED_MS,
            permalink="https://www.youtube.com/watch?v=vid-1",
            author=CHANNEL,
            title="Title",
        )
    ]


def test_an_update_long_after_publishing_is_an_edit() -> None:
    facts = ADAPTER.parse(push(entry(updated="2026-05-28T23:00:00Z", title="New")))
    assert [type(fact) for fact in facts] == [PostPublished, PostEdited]
    assert facts[1] == PostEdited(
        platform="youtube",
        account=CHANNEL,
        post="vid-1",
        observed_at=ms("2026-05-28T23:00:00+00:00"),
        occurred_at=ms("2026-05-28T23:00:00+00:00"),
        permalink="https://www.youtube.com/watch?v=vid-1",
        title="New",
    )


@pytest.mark.parametrize(
    "raw",
    [push(tombstone()), push(tombstone(by=""), headers={"link": f'<http://hub>; rel=hub, <{TOPIC}>; rel="self"'})],
)
def test_a_tombstone_has_no_video_id_of_its_own_and_is_a_removal_all_the_same(raw: RawPayload) -> None:
    when = ms("2026-05-28T21:00:00+00:00")
    assert ADAPTER.parse(raw) == [
        PostRemoved(platform="youtube", account=CHANNEL, post="vid-1", observed_at=when, occurred_at=when)
    ]


def test_the_link_header_of_a_push_is_kept_for_its_tombstones() -> None:
    assert ADAPTER.kept_headers == {"link"}


def test_several_entries_come_in_order_and_a_repeated_one_is_one() -> None:
    facts = ADAPTER.parse(push(entry("a"), entry("b"), entry("a"), entry("a", "2026-05-28T20:01:00Z")))
    assert [fact.post for fact in facts if isinstance(fact, PostPublished)] == ["a", "b", "a"]


def test_an_address_of_a_short_says_that_it_is_one() -> None:
    raw = push(entry().replace("watch?v=", "shorts/"))
    assert published(raw).medium == "short"
    assert published(push(entry())).medium is None


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE feed [<!ENTITY a "aaaa">]><feed xmlns="http://www.w3.org/2005/Atom">&a;</feed>',
        b'<!DOCTYPE feed SYSTEM "http://127.0.0.1:1/feed.dtd"><feed xmlns="http://www.w3.org/2005/Atom"></feed>',
        b"<feed/>",
        b"not xml",
        b"",
        b'<?xml version="1.0" encoding="no-such"?><feed/>',
        feed(entry().replace("yt:videoId", "yt:other")),
        feed(entry().replace(PUBLISHED, "soon")),
        feed(tombstone(by="")),
        feed(tombstone(ref="vid-1")),
        b"<a>" * 50_000,
    ],
)
def test_what_is_no_such_feed_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        ADAPTER.parse(push(body=body))


# Answers


def test_counts_are_strings_and_a_poll_gives_how_the_video_looks_and_counts() -> None:
    assert ADAPTER.parse(videos(VIDEO)) == [
        PostPublished(
            platform="youtube",
            account=CHANNEL,
            post="vid-1",
            observed_at=RECEIVED,
            occurred_at=PUBLISHED_MS,
            permalink="https://www.youtube.com/watch?v=vid-1",
            author=CHANNEL,
            title="Title",
            text="Words #synthetic",
            paid_label=True,
        ),
        ReactionObserved(
            platform="youtube",
            account=CHANNEL,
            post="vid-1",
            observed_at=RECEIVED,
            published_at=PUBLISHED_MS,
            likes=120,
            comments=7,
            views=2**53 - 1,
        ),
    ]


@pytest.mark.parametrize("bad", [120, "1e3", "-1", "1.0", "", "٣", "9007199254740992"])
def test_a_count_that_is_no_string_of_digits_is_refused(bad: object) -> None:
    with pytest.raises(Unreadable):
        ADAPTER.parse(videos(changed(statistics={"likeCount": bad})))


def test_hidden_likes_and_closed_comments_are_unknown() -> None:
    found = reaction(videos(changed(statistics={"viewCount": "0"})))
    assert (found.likes, found.comments, found.views) == (None, None, 0)


def test_an_absent_paid_label_is_unknown() -> None:
    assert published(videos(changed(paidProductPlacementDetails=None))).paid_label is None
    label = {"hasPaidProductPlacement": False}
    assert published(videos(changed(paidProductPlacementDetails=label))).paid_label is False


def test_a_video_that_is_not_among_the_items_is_absent() -> None:
    facts = ADAPTER.parse(videos(VIDEO, asked=("vid-2", "vid-1")))
    assert facts[0] == PostRemoved(
        platform="youtube", account=CHANNEL, post="vid-2", observed_at=RECEIVED, reason="absent"
    )
    assert len(facts) == 3


def test_an_answer_without_items_at_all_is_all_absent_but_no_answer_is_not() -> None:
    raw = videos()
    [fact] = ADAPTER.parse(msgspec.structs.replace(raw, body=b'{"kind":"youtube#videoListResponse"}'))
    assert isinstance(fact, PostRemoved)
    with pytest.raises(Unreadable):
        ADAPTER.parse(msgspec.structs.replace(raw, body=b"{}"))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"privacyStatus": "private", "uploadStatus": "processed"}, "private"),
        ({"privacyStatus": "public", "uploadStatus": "deleted"}, "deleted"),
        ({"privacyStatus": "public", "uploadStatus": "rejected"}, "unknown"),
    ],
)
def test_a_private_deleted_or_rejected_video_is_removed(status: object, reason: str) -> None:
    [fact] = ADAPTER.parse(videos(changed(status=status)))
    assert isinstance(fact, PostRemoved)
    assert fact.reason == reason


def test_an_unlisted_video_is_still_up() -> None:
    assert len(ADAPTER.parse(videos(changed(status={"privacyStatus": "unlisted"})))) == 2


def test_views_are_marked_from_the_day_on_that_youtube_counts_them_anew() -> None:
    change = ms("2026-08-27T00:00:00+00:00")
    assert metric_definition(change - 1) == "1"
    assert metric_definition(change) == "2026-08-27"
    assert reaction(videos(VIDEO, at=change)).metric_definition == "2026-08-27"
    assert reaction(videos(VIDEO, at=change - 1)).metric_definition == "1"


@pytest.mark.parametrize(
    ("statistics", "followers", "rounded"),
    [
        ({"subscriberCount": "12300", "hiddenSubscriberCount": False, "videoCount": "5"}, 12_300, True),
        ({"subscriberCount": "999", "hiddenSubscriberCount": False, "videoCount": "5"}, 999, False),
        ({"subscriberCount": "0", "hiddenSubscriberCount": True, "videoCount": "5"}, None, False),
        ({"videoCount": "5"}, None, False),
    ],
)
def test_subscribers_are_rounded_from_a_thousand_on_and_unknown_where_hidden(
    statistics: dict[str, object], followers: int | None, rounded: bool
) -> None:
    assert ADAPTER.parse(channel(statistics)) == [
        AudienceObserved(
            platform="youtube",
            account=CHANNEL,
            observed_at=RECEIVED,
            followers=followers,
            posts=5,
            rounded=rounded,
        )
    ]


def test_the_uploads_playlist_finds_videos_and_passes_over_private_ones() -> None:
    private = {**UPLOAD, "contentDetails": {"videoId": "vid-2"}, "status": {"privacyStatus": "private"}}
    facts = ADAPTER.parse(answer({"items": [UPLOAD, private]}, "uploads", ACCOUNT))
    assert facts == [
        PostPublished(
            platform="youtube",
            account=CHANNEL,
            post="vid-1",
            observed_at=RECEIVED,
            occurred_at=PUBLISHED_MS,
            permalink="https://www.youtube.com/watch?v=vid-1",
            title="Title",
            text="Words",
        )
    ]


@pytest.mark.parametrize(("at", "pages"), [(RECEIVED, 1), (RECEIVED + 8 * 86_400_000, 0)])
def test_the_next_page_of_uploads_is_asked_for_while_they_are_recent(at: Instant, pages: int) -> None:
    raw = answer({"items": [UPLOAD], "nextPageToken": "CDIQAA"}, "uploads", ACCOUNT, at=at)
    requests = ADAPTER.follow_up(raw, ACCESS)
    assert [parse_qs(urlsplit(request.url).query)["pageToken"] for request in requests] == [["CDIQAA"]] * pages


@pytest.mark.parametrize(
    ("reason", "status"),
    [("quotaExceeded", 403), ("playlistNotFound", 404), ("keyInvalid", 400), ("backendError", 500)],
)
def test_an_error_about_the_asking_says_nothing_about_videos(reason: str, status: int) -> None:
    assert ADAPTER.parse(answer(error(reason, status), "videos", video_item(), status=status)) == []


def test_an_error_that_is_our_fault_is_a_dead_letter() -> None:
    with pytest.raises(Unreadable, match="unknownPart"):
        ADAPTER.parse(answer(error("unknownPart", 400), "videos", video_item(), status=400))


# Requests and limits


def test_fifty_share_a_request_and_the_key_is_in_no_address() -> None:
    requests = ADAPTER.requests([video_item(str(number)) for number in range(60)] + [ACCOUNT], ACCESS)
    assert [(request.endpoint, len(request.items)) for request in requests] == [
        ("videos", 50),
        ("videos", 10),
        ("channels", 1),
        ("uploads", 1),
    ]
    assert all(request.headers == {"x-goog-api-key": "the-key"} for request in requests)
    assert all(request.cost == 1 for request in requests)
    assert parse_qs(urlsplit(requests[3].url).query)["playlistId"] == ["UUsynthetic"]


@pytest.mark.parametrize(
    ("date", "hours"),
    [
        ("Thu, 28 May 2026 20:00:00 GMT", 11),  # 13:00 in Los Angeles, summer
        ("Thu, 05 Nov 2026 20:00:00 GMT", 12),  # 12:00, winter
        ("Sun, 01 Nov 2026 07:00:00 GMT", 25),  # midnight of the day that has 25 hours
    ],
)
def test_a_day_that_is_used_up_waits_for_midnight_pacific(date: str, hours: int) -> None:
    quota = ADAPTER.quota(403, {"date": date}, json.dumps(error("quotaExceeded")).encode())
    assert quota.wait_ms == hours * 3_600_000


def test_the_wait_for_midnight_is_never_nothing() -> None:
    midnight = ms("2026-05-28T00:00:00-07:00")
    assert until_midnight_pacific(midnight) == 24 * 3_600_000
    assert until_midnight_pacific(midnight - 1) == 1


def test_a_used_up_day_without_a_date_is_asked_again_in_an_hour_and_a_pace_limit_in_a_minute() -> None:
    assert ADAPTER.quota(403, {}, json.dumps(error("quotaExceeded")).encode()).wait_ms == 3_600_000
    assert ADAPTER.quota(403, {}, json.dumps(error("rateLimitExceeded")).encode()).wait_ms == 60_000
    assert ADAPTER.quota(403, {}, json.dumps(error("forbidden")).encode()).wait_ms is None


@pytest.mark.parametrize(
    ("reason", "status", "refused"),
    [("keyInvalid", 400, True), ("authError", 401, True), ("playlistItemsNotAccessible", 403, False)],
)
def test_a_refused_key_is_told_by_the_errors_reason(reason: str, status: int, refused: bool) -> None:
    assert ADAPTER.quota(status, {}, json.dumps(error(reason)).encode()).token_refused is refused
    assert ADAPTER.quota(status, {}, b"<html>").token_refused is None
