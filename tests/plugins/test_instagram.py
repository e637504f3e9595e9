"""Instagram, trap by trap. Every payload here is synthetic: the documented formats, invented contents."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tracker.domain.events import (
    AudienceObserved,
    CommentCreated,
    Instant,
    PostPublished,
    PostRemoved,
    ReactionObserved,
)
from tracker.plugin import Access, DueItem, RawPayload, Secrets, Unreadable
from tracker.plugin.testing import NOW, AdapterContract
from tracker_instagram.adapter import Instagram

ADAPTER = Instagram()
ACCESS = Access(base_url="https://graph.example/v25.0", token="all", tokens={"178": "own"})
SECRETS = Secrets(signing=("app-secret",), verify_token="chosen")
SENT_S = 1_780_000_000
RECEIVED = 1_780_000_005_000
PUBLISHED = 1_779_999_000_000  # 2026-05-28T20:10:00Z
MEDIA: dict[str, Any] = {
    "id": "901",
    "permalink": "https://www.instagram.com/reel/AbC/",
    "shortcode": "AbC",
    "caption": "morning coffee #synthetic",
    "timestamp": "2026-05-28T20:10:00+0000",
    "media_type": "VIDEO",
    "media_product_type": "REELS",
    "like_count": 120,
    "comments_count": 7,
    "view_count": 5000,
    "saved_count": 12,
    "shares_count": 3,
    "owner": {"id": "178"},
    "username": "synthetic.creator",
}
COMMENT: dict[str, Any] = {
    "id": "c1",
    "text": "プラ",
    "from": {"id": "55", "username": "synthetic.fan"},
    "parent_id": "c0",
    "media": {"id": "901", "media_product_type": "REELS"},
}


def body(document: object) -> bytes:
    return json.dumps(document).encode()


def hook(*entries: object) -> RawPayload:
    return raw_hook({"object": "instagram", "entry": list(entries)})


def raw_hook(document: object) -> RawPayload:
    return RawPayload(platform="instagram", source="webhook", name="main", received_at=RECEIVED, body=body(document))


def entry(field: str, value: object) -> dict[str, Any]:
    return {"id": "178", "time": SENT_S, "changes": [{"field": field, "value": value}]}


def post_item(post: str = "901", account: str = "178") -> DueItem:
    return DueItem(platform="instagram", account=account, post=post)


ACCOUNT_ITEM = DueItem(platform="instagram", account="178")


def answer(document: object, endpoint: str, *items: DueItem, status: int = 200) -> RawPayload:
    return RawPayload(
        platform="instagram",
        source="poll",
        name="api",
        received_at=RECEIVED,
        body=document if isinstance(document, bytes) else body(document),
        endpoint=endpoint,
        items=items,
        status=status,
    )


def error(code: int, subcode: int | None = None) -> dict[str, Any]:
    told = {"message": "synthetic", "type": "OAuthException", "code": code, "fbtrace_id": "x"}
    return {"error": told if subcode is None else {**told, "error_subcode": subcode}}


def without(document: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}


def reaction(raw: RawPayload) -> ReactionObserved:
    [found] = [fact for fact in ADAPTER.parse(raw) if isinstance(fact, ReactionObserved)]
    return found


def published(raw: RawPayload) -> PostPublished:
    [found] = [fact for fact in ADAPTER.parse(raw) if isinstance(fact, PostPublished)]
    return found


def signature(secret: str, message: bytes, method: str = "sha256") -> str:
    return f"{method}={hmac.new(secret.encode(), message, method).hexdigest()}"


class TestInstagramKeepsTheContract(AdapterContract):
    adapter = ADAPTER
    samples = (
        hook(entry("comments", COMMENT), entry("live_comments", COMMENT)),
        raw_hook(
            [{"object": "instagram", "entry": [{"id": "178", "time": SENT_S, "field": "comments", "value": COMMENT}]}]
        ),
        hook(entry("story_insights", {"media_id": "902", "impressions": 40, "reach": 33, "exits": 1, "replies": 0})),
        hook(entry("mentions", {"media_id": "903", "comment_id": "c9"})),
        hook({"id": "178", "time": SENT_S * 1000, "messaging": [{"message": {"mid": "m"}}]}),
        answer(MEDIA, "post", post_item()),
        answer({"901": MEDIA, "902": {**MEDIA, "id": "902"}}, "posts", post_item("901"), post_item("902")),
        answer(
            {"followers_count": 10, "media_count": 2, "media": {"data": [MEDIA]}, "id": "178"}, "account", ACCOUNT_ITEM
        ),
        answer({"data": [MEDIA], "paging": {"cursors": {"after": "Q"}, "next": "https://x"}}, "media", ACCOUNT_ITEM),
        answer(
            {
                "mentioned_media": {**without(MEDIA, "owner"), "id": "903"},
                "mentioned_comment": {"id": "c9", "text": "@us", "timestamp": "2026-05-28T20:11:00+0000"},
                "id": "178",
            },
            "mention",
            post_item("903"),
        ),
        answer(error(100, 33), "post", post_item(), status=400),
        answer(error(4), "posts", post_item("901"), post_item("902"), status=403),
    )

    def sign(self, body: bytes, secret: str, now: Instant) -> Mapping[str, str]:
        return {"x-hub-signature-256": signature(secret, body)}


# Signature and handshake


def test_the_older_sha1_signature_counts_only_where_the_newer_one_is_absent() -> None:
    older = {"x-hub-signature": signature("app-secret", b"{}", "sha1")}
    assert ADAPTER.verify(older, b"{}", SECRETS, NOW).ok
    assert not ADAPTER.verify({**older, "x-hub-signature-256": "sha256=" + "0" * 64}, b"{}", SECRETS, NOW).ok
    assert not ADAPTER.verify({"x-hub-signature": signature("app-secret", b"{}")}, b"{}", SECRETS, NOW).ok


def test_the_signature_is_over_the_bytes_as_escaped_and_not_over_what_they_mean() -> None:
    escaped = b'{"text":"\\u30d7"}'
    headers = {"x-hub-signature-256": signature("app-secret", escaped)}
    assert ADAPTER.verify(headers, escaped, SECRETS, NOW).ok
    assert not ADAPTER.verify(headers, json.dumps(json.loads(escaped), ensure_ascii=False).encode(), SECRETS, NOW).ok


def test_a_handshake_with_the_right_token_gets_its_raw_challenge_back() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "chosen", "hub.challenge": "1158201444"}
    handshake = ADAPTER.handshake(query, SECRETS)
    assert handshake is not None
    assert (handshake.status, handshake.body, handshake.media_type) == (200, b"1158201444", "text/plain")


@pytest.mark.parametrize(
    "query",
    [
        {"hub.mode": "subscribe", "hub.verify_token": "wrong", "hub.challenge": "1"},
        {"hub.mode": "subscribe", "hub.challenge": "1"},
        {"hub.mode": "unsubscribe", "hub.verify_token": "chosen", "hub.challenge": "1"},
        {"hub.mode": "subscribe", "hub.verify_token": "chosen"},
    ],
)
def test_any_other_handshake_is_refused(query: dict[str, str]) -> None:
    handshake = ADAPTER.handshake(query, SECRETS)
    assert handshake is not None
    assert (handshake.status, handshake.body) == (403, b"")


def test_without_a_configured_token_no_handshake_passes() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "1"}
    handshake = ADAPTER.handshake(query, Secrets(signing=("app-secret",)))
    assert handshake is not None
    assert handshake.status == 403


# Envelopes


@pytest.mark.parametrize(
    "document",
    [
        {"object": "instagram", "entry": [entry("comments", COMMENT)]},
        {"object": "instagram", "entry": [{"id": "178", "time": SENT_S, "field": "comments", "value": COMMENT}]},
        [{"object": "instagram", "entry": [entry("comments", COMMENT)]}],
        {"object": "instagram", "entry": [entry("comments", {**without(COMMENT, "id"), "comment_id": "c1"})]},
        {"object": "instagram", "entry": [entry("live_comments", COMMENT)]},
    ],
    ids=["changes", "flat", "array", "comment_id", "live"],
)
def test_a_comment_is_one_in_every_shape_of_envelope(document: object) -> None:
    assert ADAPTER.parse(raw_hook(document)) == [
        CommentCreated(
            platform="instagram",
            account="178",
            post="901",
            comment="c1",
            parent="c0",
            text="プラ",
            observed_at=SENT_S * 1000,
        )
    ]


def test_a_comment_has_no_time_of_its_own() -> None:
    [comment] = ADAPTER.parse(hook(entry("comments", COMMENT)))
    assert comment.occurred_at is None


def test_an_entry_without_a_time_is_about_the_moment_it_came() -> None:
    [comment] = ADAPTER.parse(hook(without(entry("comments", COMMENT), "time")))
    assert comment.observed_at == RECEIVED


def test_a_comment_under_an_advertisement_belongs_to_the_post_that_was_advertised() -> None:
    media = {"id": "ad-copy", "ad_id": "7", "original_media_id": "901"}
    [comment] = ADAPTER.parse(hook(entry("comments", {**COMMENT, "media": media})))
    assert isinstance(comment, CommentCreated)
    assert comment.post == "901"


def test_a_thousand_updates_in_one_envelope_all_arrive_in_order() -> None:
    entries = [entry("comments", {**COMMENT, "id": f"c{number}"}) for number in range(1_000)]
    comments = [fact.comment for fact in ADAPTER.parse(hook(*entries)) if isinstance(fact, CommentCreated)]
    assert comments == [f"c{number}" for number in range(1_000)]


def test_messages_and_fields_that_we_do_not_count_are_passed_over() -> None:
    messaging = {"id": "178", "time": SENT_S * 1000, "messaging": [{"sender": {"id": "1"}}]}
    assert ADAPTER.parse(hook(messaging, entry("message_reactions", {"mid": "m"}))) == []


@pytest.mark.parametrize(
    "document",
    [
        {"object": "page", "entry": []},
        {"entry": []},
        {"object": "instagram"},
        {"object": "instagram", "entry": [{"id": "178", "time": SENT_S}]},
        {"object": "instagram", "entry": [entry("comments", without(COMMENT, "media"))]},
        {"object": "instagram", "entry": [entry("comments", COMMENT), entry("comments", {})]},
    ],
)
def test_what_is_no_instagram_envelope_is_refused_whole(document: object) -> None:
    with pytest.raises(Unreadable):
        ADAPTER.parse(raw_hook(document))


def test_minus_one_in_story_insights_is_unknown_and_not_a_number() -> None:
    value = {"media_id": "902", "impressions": -1, "reach": 33, "replies": 0}
    assert ADAPTER.parse(hook(entry("story_insights", value))) == [
        ReactionObserved(platform="instagram", account="178", post="902", observed_at=SENT_S * 1000, reach=33)
    ]


def test_a_mention_states_nothing_and_is_asked_about() -> None:
    raw = hook(entry("mentions", {"media_id": "903", "comment_id": "99"}))
    assert ADAPTER.parse(raw) == []
    [request] = ADAPTER.follow_up(raw, ACCESS)
    fields = parse_qs(urlsplit(request.url).query)["fields"][0]
    assert "mentioned_media.media_id(903)" in fields
    assert "mentioned_comment.comment_id(99)" in fields
    assert request.headers == {"authorization": "Bearer own"}


def test_a_mention_cannot_smuggle_fields_into_the_request() -> None:
    with pytest.raises(Unreadable):
        ADAPTER.follow_up(hook(entry("mentions", {"media_id": "1){id},business_discovery.username(x"})), ACCESS)


def test_a_mentioning_post_belongs_to_its_owner_or_to_the_handle_where_no_owner_is_told() -> None:
    media = without(MEDIA, "owner")
    assert published(answer({"mentioned_media": MEDIA, "id": "1"}, "mention", post_item(account="1"))).account == "178"
    found = published(answer({"mentioned_media": media, "id": "1"}, "mention", post_item(account="1")))
    assert found.account == "@synthetic.creator"


# Answers


def test_a_poll_gives_how_the_post_looks_and_what_it_counts() -> None:
    assert ADAPTER.parse(answer(MEDIA, "post", post_item())) == [
        PostPublished(
            platform="instagram",
            account="178",
            post="901",
            observed_at=RECEIVED,
            occurred_at=PUBLISHED,
            permalink="https://www.instagram.com/reel/AbC/",
            author="178",
            text="morning coffee #synthetic",
            medium="reel",
        ),
        ReactionObserved(
            platform="instagram",
            account="178",
            post="901",
            observed_at=RECEIVED,
            published_at=PUBLISHED,
            likes=120,
            comments=7,
            views=5000,
            saves=12,
            shares=3,
        ),
    ]


def test_hidden_likes_are_unknown_and_not_zero() -> None:
    assert reaction(answer(without(MEDIA, "like_count"), "post", post_item())).likes is None
    assert reaction(answer({**MEDIA, "like_count": 0}, "post", post_item())).likes == 0


def test_a_caption_that_was_emptied_is_empty_so_that_a_lost_hashtag_is_seen() -> None:
    assert published(answer(without(MEDIA, "caption"), "post", post_item())).text == ""


@pytest.mark.parametrize(
    ("kind", "product", "medium"),
    [
        ("VIDEO", "REELS", "reel"),
        ("IMAGE", "STORY", "story"),
        ("CAROUSEL_ALBUM", "FEED", "carousel"),
        ("IMAGE", "FEED", "feed"),
        ("VIDEO", "FEED", "video"),
        ("IMAGE", "AD", "feed"),
        ("HOLOGRAM", "FEED", None),
    ],
)
def test_reels_is_a_product_type_and_an_unknown_type_is_unknown(kind: str, product: str, medium: str | None) -> None:
    shown = {**MEDIA, "media_type": kind, "media_product_type": product}
    assert published(answer(shown, "post", post_item())).medium == medium


@pytest.mark.parametrize(("code", "subcode"), [(100, 33), (803, None)])
def test_an_error_that_the_post_does_not_exist_is_an_absence(code: int, subcode: int | None) -> None:
    assert ADAPTER.parse(answer(error(code, subcode), "post", post_item(), status=400)) == [
        PostRemoved(platform="instagram", account="178", post="901", observed_at=RECEIVED, reason="absent")
    ]


def test_one_bad_id_fails_a_whole_batch_and_each_is_then_asked_for_by_itself() -> None:
    raw = answer(error(803), "posts", post_item("901"), post_item("902"), status=400)
    assert ADAPTER.parse(raw) == []
    assert [request.items for request in ADAPTER.follow_up(raw, ACCESS)] == [(post_item("901"),), (post_item("902"),)]


@pytest.mark.parametrize("code", [4, 190, 2, 80002])
def test_a_limit_or_a_refused_token_says_nothing_about_posts_and_is_not_asked_again_at_once(code: int) -> None:
    raw = answer(error(code), "posts", post_item("901"), post_item("902"), status=400)
    assert ADAPTER.parse(raw) == []
    assert list(ADAPTER.follow_up(raw, ACCESS)) == []


def test_an_error_that_is_our_fault_is_a_dead_letter() -> None:
    with pytest.raises(Unreadable, match="error 100"):
        ADAPTER.parse(answer(error(100), "post", post_item(), status=400))


def test_an_outage_says_nothing() -> None:
    assert ADAPTER.parse(answer(b"<html>503</html>", "post", post_item(), status=503)) == []


def test_a_post_missing_from_a_batch_is_absent() -> None:
    facts = ADAPTER.parse(answer({"901": MEDIA}, "posts", post_item("901"), post_item("902")))
    assert [type(fact).__name__ for fact in facts] == ["PostPublished", "ReactionObserved", "PostRemoved"]


def test_an_account_gives_its_followers_and_each_post_shown() -> None:
    page = {"data": [MEDIA, {**MEDIA, "id": "902"}]}
    facts = ADAPTER.parse(answer({"followers_count": 10, "media_count": 2, "media": page}, "account", ACCOUNT_ITEM))
    assert facts[0] == AudienceObserved(
        platform="instagram", account="178", observed_at=RECEIVED, followers=10, posts=2
    )
    assert [fact.post for fact in facts if isinstance(fact, PostPublished)] == ["901", "902"]


@pytest.mark.parametrize(
    ("timestamp", "paging", "pages"),
    [
        ("2026-05-28T20:10:00+0000", {"cursors": {"after": "QX=="}, "next": "https://graph.example/…"}, 1),
        ("2026-05-28T20:10:00+0000", {"cursors": {"after": "QX=="}}, 0),
        ("2026-04-28T20:10:00+0000", {"cursors": {"after": "QX=="}, "next": "https://graph.example/…"}, 0),
    ],
    ids=["recent", "last page", "old enough"],
)
def test_the_next_page_is_asked_for_while_the_posts_are_recent(
    timestamp: str, paging: dict[str, Any], pages: int
) -> None:
    page = {"data": [{**MEDIA, "timestamp": timestamp}], "paging": paging}
    requests = ADAPTER.follow_up(answer({"media": page}, "account", ACCOUNT_ITEM), ACCESS)
    assert len(requests) == pages
    assert all(parse_qs(urlsplit(request.url).query)["after"] == ["QX=="] for request in requests)


# Requests and limits


def test_fifty_posts_of_one_token_share_a_request_and_no_token_is_in_an_address() -> None:
    items = [post_item(str(number), account="1") for number in range(60)] + [post_item("x", account="178")]
    requests = ADAPTER.requests(items, ACCESS)
    assert [len(request.items) for request in requests] == [50, 10, 1]
    assert [request.headers["authorization"] for request in requests] == ["Bearer all", "Bearer all", "Bearer own"]
    assert parse_qs(urlsplit(requests[0].url).query)["ids"] == [",".join(str(number) for number in range(50))]


def test_usage_headers_tell_the_share_used_and_the_wait() -> None:
    app = {"call_count": 28, "total_time": 25, "total_cputime": 31}
    business = {"99": [{"type": "instagram", "call_count": 90, "estimated_time_to_regain_access": 3}]}
    headers = {"x-app-usage": json.dumps(app), "x-business-use-case-usage": json.dumps(business)}
    quota = ADAPTER.quota(200, headers, b"{}")
    assert (quota.used_share, quota.wait_ms) == (0.9, 180_000)
    assert ADAPTER.quota(200, {"x-app-usage": json.dumps(app)}, b"{}").wait_ms is None
    assert ADAPTER.quota(200, {}, b"{}").used_share is None


def test_a_limit_told_by_an_error_code_alone_is_heard() -> None:
    assert ADAPTER.quota(400, {}, body(error(17))).wait_ms == 15 * 60_000
    assert ADAPTER.quota(400, {}, body(error(100, 33))).wait_ms is None


@pytest.mark.parametrize(("code", "refused"), [(190, True), (102, True), (10, False), (100, False), (4, False)])
def test_a_refused_token_is_told_from_other_refusals_by_its_code(code: int, refused: bool) -> None:
    assert ADAPTER.quota(400, {}, body(error(code))).token_refused is refused


def test_where_no_error_can_be_read_the_status_is_left_to_speak() -> None:
    assert ADAPTER.quota(401, {}, b"<html>").token_refused is None
