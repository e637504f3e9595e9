"""TikTok, trap by trap. Every payload here is synthetic: the documented formats, invented contents."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tracker.domain.events import (
    AudienceObserved,
    CommentCreated,
    CommentEdited,
    CommentHidden,
    CommentRemoved,
    Instant,
    PostPublished,
    PostRemoved,
    ReactionObserved,
)
from tracker.plugin import Access, DueItem, HttpRequest, RawPayload, Secrets, Unreadable
from tracker.plugin.testing import NOW, AdapterContract
from tracker_tiktok.adapter import TikTok

ADAPTER = TikTok()
ACCESS = Access(base_url="https://open.example", token="all", tokens={"user-1": "own"})
SECRETS = Secrets(signing=("client-secret",))
SENT_S = 1_780_000_000
RECEIVED = 1_780_000_005_000
BIG = 7_301_234_567_890_123_457  # above 2^53: a double would end in 456
USER = DueItem(platform="tiktok", account="user-1")
COMMENT: dict[str, Any] = {
    "comment_id": BIG,
    "video_id": BIG + 2,
    "parent_comment_id": BIG + 4,
    "comment_type": "reply",
    "comment_action": "insert",
    "timestamp": SENT_S * 1000 + 250,
    "unique_identifier": "synthetic",
}
VIDEO: dict[str, Any] = {
    "id": "v1",
    "create_time": SENT_S - 3_600,
    "title": "synthetic title",
    "video_description": "synthetic #words",
    "share_url": "https://www.tiktok.com/@synthetic/video/1",
    "view_count": 900,
    "like_count": 80,
    "comment_count": 7,
    "share_count": 6,
}
OK = {"code": "ok", "message": "", "log_id": "synthetic"}


def hook(event: str, content: object, **changed: object) -> RawPayload:
    """A webhook. `content` is encoded into a string, as TikTok does."""
    envelope = {
        "client_key": "key",
        "event": event,
        "create_time": SENT_S,
        "user_openid": "user-1",
        "content": content if isinstance(content, str) else json.dumps(content),
        **changed,
    }
    body = json.dumps(envelope).encode()
    return RawPayload(platform="tiktok", source="webhook", name="main", received_at=RECEIVED, body=body)


def comment(**changed: object) -> RawPayload:
    return hook("comment.update", {**COMMENT, **changed})


def video_item(post: str = "v1", account: str = "user-1") -> DueItem:
    return DueItem(platform="tiktok", account=account, post=post)


def answer(data: object, endpoint: str, *items: DueItem, code: str = "ok", status: int = 200) -> RawPayload:
    document = {"data": data, "error": {**OK, "code": code}}
    return RawPayload(
        platform="tiktok",
        source="poll",
        name="api",
        received_at=RECEIVED,
        body=json.dumps(document).encode(),
        endpoint=endpoint,
        items=items,
        status=status,
    )


def signed(body: bytes, secret: str, at: Instant) -> dict[str, str]:
    seconds = str(at // 1000)
    digest = hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"tiktok-signature": f"t={seconds},s={digest}"}


def sent(request: HttpRequest) -> Any:
    assert request.body is not None
    return json.loads(request.body)


class TestTikTokKeepsTheContract(AdapterContract):
    adapter = ADAPTER
    samples = (
        comment(),
        comment(comment_action="delete"),
        comment(comment_action="set_to_hidden"),
        comment(comment_action="set_to_public"),
        hook("post.publish.publicly_available", {"publish_id": "p", "publish_type": "DIRECT_POST", "post_id": BIG}),
        hook("post.publish.no_longer_publicaly_available", {"publish_id": "p", "post_id": str(BIG)}),
        hook("authorization.removed", {"reason": 1}),
        answer({"videos": [VIDEO], "cursor": SENT_S * 1000, "has_more": True}, "list", USER),
        answer({"videos": [VIDEO]}, "query", video_item("v1"), video_item("v2")),
        answer({"user": {"open_id": "user-1", "follower_count": 10, "video_count": 2}}, "user", USER),
        answer({}, "query", video_item(), code="rate_limit_exceeded", status=429),
    )

    def sign(self, body: bytes, secret: str, now: Instant) -> Mapping[str, str]:
        return signed(body, secret, now)


# Signature


@pytest.mark.parametrize(("age_s", "ok"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_a_signature_is_good_for_five_minutes(age_s: int, ok: bool) -> None:
    headers = signed(b"{}", "client-secret", NOW)
    assert ADAPTER.verify(headers, b"{}", SECRETS, NOW + age_s * 1000).ok is ok


def test_the_signed_time_cannot_be_exchanged() -> None:
    headers = signed(b"{}", "client-secret", NOW)
    later = headers["tiktok-signature"].replace(str(NOW // 1000), str(NOW // 1000 + 400))
    assert not ADAPTER.verify({"tiktok-signature": later}, b"{}", SECRETS, NOW + 400_000).ok


# Webhooks


def test_the_content_is_read_a_second_time_and_ids_above_2_to_the_53_stay_exact() -> None:
    assert ADAPTER.parse(comment()) == [
        CommentCreated(
            platform="tiktok",
            account="user-1",
            post=str(BIG + 2),
            comment=str(BIG),
            parent=str(BIG + 4),
            occurred_at=SENT_S * 1000 + 250,
            observed_at=SENT_S * 1000 + 250,
        )
    ]


@pytest.mark.parametrize("none", [0, "0", None])
def test_a_parent_of_0_is_none(none: object) -> None:
    [fact] = ADAPTER.parse(comment(parent_comment_id=none))
    assert isinstance(fact, CommentCreated)
    assert fact.parent is None


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("insert", CommentCreated),
        ("delete", CommentRemoved),
        ("set_to_hidden", CommentHidden),
        ("set_to_friends_only", CommentHidden),
        ("set_to_public", CommentEdited),
    ],
)
def test_each_action_on_a_comment_has_its_fact(action: str, kind: type) -> None:
    [fact] = ADAPTER.parse(comment(comment_action=action))
    assert type(fact) is kind


def test_two_actions_in_one_second_are_told_apart_by_the_timestamp_in_ms() -> None:
    [hidden] = ADAPTER.parse(comment(comment_action="set_to_hidden", timestamp=SENT_S * 1000 + 100))
    [shown] = ADAPTER.parse(comment(comment_action="set_to_public", timestamp=SENT_S * 1000 + 900))
    assert hidden.observed_at < shown.observed_at


def test_a_timestamp_that_is_the_comments_own_age_does_not_put_an_action_into_the_past() -> None:
    [fact] = ADAPTER.parse(comment(comment_action="delete", timestamp=(SENT_S - 86_400) * 1000))
    assert fact.observed_at == SENT_S * 1000


@pytest.mark.parametrize("spelling", ["publicaly", "publicly"])
def test_a_post_that_is_no_longer_public_is_removed_in_both_spellings(spelling: str) -> None:
    raw = hook(f"post.publish.no_longer_{spelling}_available", {"publish_id": "p", "post_id": BIG})
    assert ADAPTER.parse(raw) == [
        PostRemoved(platform="tiktok", account="user-1", post=str(BIG), observed_at=SENT_S * 1000)
    ]


def test_a_publicly_available_post_is_published() -> None:
    [fact] = ADAPTER.parse(hook("post.publish.publicly_available", {"publish_id": "p", "post_id": str(BIG)}))
    assert isinstance(fact, PostPublished)
    assert (fact.post, fact.account, fact.observed_at) == (str(BIG), "user-1", SENT_S * 1000)


@pytest.mark.parametrize(
    "event",
    [
        "post.publish.failed",
        "post.publish.complete",
        "post.publish.inbox_delivered",
        "video.upload.failed",
        "video.publish.completed",
        "authorization.removed",
        "tcm.something_new",
    ],
)
def test_events_that_the_public_does_not_see_state_nothing(event: str) -> None:
    assert ADAPTER.parse(hook(event, {"publish_id": "p"})) == []


@pytest.mark.parametrize(
    "raw",
    [
        hook("comment.pinned", COMMENT),
        comment(comment_action="set_to_gold"),
        hook("comment.update", "{not json"),
        hook("comment.update", '{"comment_id":1,"comment_id":2}'),
        hook("comment.update", "[]"),
        comment(video_id=None),
        comment(comment_id=1.5),
        comment(timestamp="yesterday"),
        hook("comment.update", COMMENT, create_time=-1),
        hook("comment.update", COMMENT, user_openid=None),
    ],
)
def test_a_comment_that_cannot_be_read_is_refused(raw: RawPayload) -> None:
    with pytest.raises(Unreadable):
        ADAPTER.parse(raw)


def test_a_fault_inside_the_content_is_named_by_its_place() -> None:
    with pytest.raises(Unreadable) as refused:
        ADAPTER.parse(comment(video_id=True))
    assert refused.value.reason.startswith("$.content→$.video_id: ")


# Answers


def test_an_error_object_on_success_is_no_error() -> None:
    assert ADAPTER.parse(answer({"videos": [VIDEO], "has_more": False}, "list", USER)) == [
        PostPublished(
            platform="tiktok",
            account="user-1",
            post="v1",
            observed_at=RECEIVED,
            occurred_at=(SENT_S - 3_600) * 1000,
            permalink="https://www.tiktok.com/@synthetic/video/1",
            title="synthetic title",
            text="synthetic #words",
            medium="video",
        ),
        ReactionObserved(
            platform="tiktok",
            account="user-1",
            post="v1",
            observed_at=RECEIVED,
            published_at=(SENT_S - 3_600) * 1000,
            likes=80,
            comments=7,
            shares=6,
            views=900,
        ),
    ]


def test_saves_reach_and_impressions_are_unknown() -> None:
    fact = ADAPTER.parse(answer({"videos": [VIDEO]}, "query", video_item()))[1]
    assert isinstance(fact, ReactionObserved)
    assert (fact.saves, fact.reach, fact.impressions) == (None, None, None)


def test_a_video_that_is_not_in_the_answer_is_absent() -> None:
    facts = ADAPTER.parse(answer({"videos": [VIDEO]}, "query", video_item("v2"), video_item("v1")))
    assert facts[0] == PostRemoved(
        platform="tiktok", account="user-1", post="v2", observed_at=RECEIVED, reason="absent"
    )
    assert [fact.post for fact in facts[1:] if isinstance(fact, PostPublished)] == ["v1"]


def test_an_answer_without_videos_removes_nothing() -> None:
    with pytest.raises(Unreadable):
        ADAPTER.parse(answer({}, "query", video_item()))


@pytest.mark.parametrize(
    ("code", "status"), [("rate_limit_exceeded", 429), ("access_token_invalid", 401), ("internal_error", 500)]
)
def test_a_limit_an_outage_or_a_refused_token_says_nothing_about_posts(code: str, status: int) -> None:
    assert ADAPTER.parse(answer({}, "query", video_item(), code=code, status=status)) == []


def test_an_error_that_is_our_fault_is_a_dead_letter() -> None:
    with pytest.raises(Unreadable, match="invalid_params"):
        ADAPTER.parse(answer({}, "query", video_item(), code="invalid_params", status=400))


@pytest.mark.parametrize("videos", [[], [VIDEO]], ids=["empty", "short"])
def test_a_short_page_is_not_the_last_one_and_its_cursor_counts_in_ms(videos: list[object]) -> None:
    raw = answer({"videos": videos, "cursor": SENT_S * 1000, "has_more": True}, "list", USER)
    [request] = ADAPTER.follow_up(raw, ACCESS)
    assert sent(request) == {"max_count": 20, "cursor": SENT_S * 1000}
    assert request.headers["authorization"] == "Bearer own"


@pytest.mark.parametrize(
    "data",
    [
        {"videos": [VIDEO], "cursor": SENT_S * 1000, "has_more": False},
        {"videos": [VIDEO], "cursor": (SENT_S - 8 * 86_400) * 1000, "has_more": True},
        {"videos": [VIDEO]},
    ],
    ids=["no more", "old enough", "nothing said"],
)
def test_no_page_is_asked_for_beyond_the_last_week_or_the_last_page(data: object) -> None:
    assert ADAPTER.follow_up(answer(data, "list", USER), ACCESS) == []


def test_a_user_gives_an_audience() -> None:
    user = {"open_id": "user-1", "follower_count": 10, "video_count": 2}
    assert ADAPTER.parse(answer({"user": user}, "user", USER)) == [
        AudienceObserved(platform="tiktok", account="user-1", observed_at=RECEIVED, followers=10, posts=2)
    ]


def test_a_token_of_another_user_is_noticed() -> None:
    with pytest.raises(Unreadable, match="another user"):
        ADAPTER.parse(answer({"user": {"open_id": "user-2", "follower_count": 10}}, "user", USER))


# Requests and limits


def test_twenty_posts_of_one_account_share_a_request() -> None:
    items = [video_item(f"v{number}", f"user-{number % 2}") for number in range(50)]
    requests = ADAPTER.requests(items, ACCESS)
    assert [len(request.items) for request in requests] == [20, 5, 20, 5]
    assert all({item.account for item in request.items} == {request.items[0].account} for request in requests)
    assert sent(requests[0])["filters"]["video_ids"] == [f"v{number}" for number in range(0, 40, 2)]


def test_an_account_is_asked_for_its_followers_and_its_newest_posts() -> None:
    assert [request.endpoint for request in ADAPTER.requests([USER], ACCESS)] == ["user", "list"]


def test_a_limit_is_told_by_the_status_or_by_the_error_code() -> None:
    limited = answer({}, "query", video_item(), code="rate_limit_exceeded").body
    assert ADAPTER.quota(429, {}, b"").wait_ms == 60_000
    assert ADAPTER.quota(400, {}, limited).wait_ms == 60_000
    assert ADAPTER.quota(200, {}, answer({}, "user", USER).body).wait_ms is None


@pytest.mark.parametrize(
    ("code", "status", "refused"),
    [("access_token_invalid", 401, True), ("scope_not_authorized", 401, True), ("internal_error", 500, False)],
)
def test_a_refused_token_is_told_by_the_errors_code(code: str, status: int, refused: bool) -> None:
    assert ADAPTER.quota(status, {}, json.dumps({"error": {"code": code}}).encode()).token_refused is refused
    assert ADAPTER.quota(status, {}, b"<html>").token_refused is None
