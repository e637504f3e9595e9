"""The Display API v2: what is asked, and what its answers state.

1. An answer is `{data, error}`; `error.code` is "ok" on success.
2. Posts are asked for by 20 at most, one user's token at a time; a post that is not in the answer is absent.
3. A page may be short, even empty: `has_more` alone says whether there is another. `cursor` is a time in ms.
4. A count that is left out is unknown. An answer about another user than the one asked for is refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from tracker.domain.events import AudienceObserved, Fact, PostPublished, PostRemoved, ReactionObserved
from tracker.plugin import Access, DueItem, Headers, HttpRequest, Quota, RawPayload, Unreadable
from tracker.plugin.limits import retry_after_ms
from tracker.plugin.reading import Node, read_json
from tracker_tiktok.webhooks import PLATFORM

IDS_PER_REQUEST = 20  # video.query: "filters.video_ids", at most 20
POSTS_PER_PAGE = 20  # video.list: max_count, at most 20
HOLD_MS = 60_000  # 600 requests a minute for each endpoint, over a sliding window of one minute
# How far back an account's posts are paged through: what was published while nobody looked for a week is still found.
DISCOVERY_MS = 7 * 86_400_000

USER = "user"
LIST = "list"
QUERY = "query"

POST_FIELDS = "id,create_time,title,video_description,share_url,view_count,like_count,comment_count,share_count"
USER_FIELDS = "open_id,follower_count,video_count"

_TOKEN_CODES = frozenset({"access_token_invalid", "scope_not_authorized", "scope_permission_missed"})
# About the asking, not about what was asked for.
_ASKING_CODES = _TOKEN_CODES | {"internal_error", "rate_limit_exceeded"}


def requests(items: Sequence[DueItem], access: Access) -> list[HttpRequest]:
    """Two requests for each account (its followers, its newest posts), and one for each 20 posts of one account."""
    found: list[HttpRequest] = []
    by_account: dict[str, list[DueItem]] = {}
    for item in items:
        if item.post is None:
            found += [_user(item, access), _list(item, access, {"max_count": POSTS_PER_PAGE})]
        else:
            by_account.setdefault(item.account, []).append(item)
    for posts in by_account.values():
        for start in range(0, len(posts), IDS_PER_REQUEST):
            found.append(_query(posts[start : start + IDS_PER_REQUEST], access))
    return found


def next_requests(raw: RawPayload, access: Access) -> list[HttpRequest]:
    """The next page of an account's posts, while it still reaches into the last week."""
    if raw.endpoint != LIST or not raw.items or _says_nothing(raw):
        return []
    data = _data(raw)
    if data is None:
        return []
    has_more, cursor = data.maybe("has_more"), data.maybe("cursor")
    if has_more is None or not has_more.flag() or cursor is None:
        return []
    if cursor.milliseconds() < raw.received_at - DISCOVERY_MS:
        return []
    return [_list(raw.items[0], access, {"max_count": POSTS_PER_PAGE, "cursor": cursor.milliseconds()})]


def facts(raw: RawPayload) -> Sequence[Fact]:
    """What an answer to one of our requests states."""
    if not raw.items:
        raise Unreadable(f"an answer of {raw.endpoint!r} that does not say what was asked")
    if _says_nothing(raw):
        return []
    data = _data(raw)
    if data is None:
        return []
    match raw.endpoint:
        case "user":
            return [_audience(data, raw)]
        case "list":
            videos = data.maybe("videos")
            account = raw.items[0].account
            return (
                [] if videos is None else [fact for video in videos.elements() for fact in _post(video, account, raw)]
            )
        case "query":
            return _queried(data, raw)
        case _:
            raise Unreadable(f"an answer of {raw.endpoint!r}, which this adapter never asks")


def quota(status: int, headers: Headers, body: bytes) -> Quota:
    """How long to wait where the limit was met: TikTok says so by 429, or by the error's code alone.

    A refused token too is told by the error's code.
    """
    code = _error_code(body) if status >= 400 else None
    if status == 429 or code == "rate_limit_exceeded":
        return Quota(used_share=1.0, wait_ms=retry_after_ms(headers) or HOLD_MS)
    return Quota(token_refused=None if code is None else code in _TOKEN_CODES)


def _user(item: DueItem, access: Access) -> HttpRequest:
    url = f"{access.base_url.rstrip('/')}/v2/user/info/?fields={USER_FIELDS}"
    return HttpRequest(method="GET", url=url, endpoint=USER, items=(item,), headers=_bearer(item, access))


def _list(item: DueItem, access: Access, body: dict[str, int]) -> HttpRequest:
    return _post_json("list", body, LIST, (item,), access)


def _query(items: Sequence[DueItem], access: Access) -> HttpRequest:
    ids = list(dict.fromkeys(item.post for item in items))
    return _post_json("query", {"filters": {"video_ids": ids}}, QUERY, tuple(items), access)


def _post_json(call: str, body: object, endpoint: str, items: tuple[DueItem, ...], access: Access) -> HttpRequest:
    return HttpRequest(
        method="POST",
        url=f"{access.base_url.rstrip('/')}/v2/video/{call}/?fields={POST_FIELDS}",
        endpoint=endpoint,
        items=items,
        headers={"content-type": "application/json", **_bearer(items[0], access)},
        body=json.dumps(body, separators=(",", ":")).encode(),
    )


def _bearer(item: DueItem, access: Access) -> dict[str, str]:
    token = access.token_for(item.account)
    return {} if token is None else {"authorization": f"Bearer {token}"}


def _says_nothing(raw: RawPayload) -> bool:
    return raw.status is not None and (raw.status == 429 or raw.status >= 500)


def _data(raw: RawPayload) -> Node | None:
    """The answer's `data`; None where the answer is about the asking only. Raises Unreadable for any other error."""
    document = read_json(raw.body)
    code = document.member("error").member("code").string()
    if code in _ASKING_CODES:
        return None
    if code != "ok":
        raise Unreadable(f"{raw.endpoint} of account {raw.items[0].account}: error.code is not ok ({code[:64]!a})")
    return document.member("data")


def _error_code(body: bytes) -> str | None:
    try:
        return read_json(body).member("error").member("code").string()
    except Unreadable:
        return None  # an error page of something in between: the status alone speaks


def _audience(data: Node, raw: RawPayload) -> AudienceObserved:
    user, account = data.member("user"), raw.items[0].account
    told = user.maybe("open_id")
    if told is not None and told.identifier() != account:
        raise Unreadable(f"{told.path}: the token of account {account} belongs to another user")
    return AudienceObserved(
        platform=PLATFORM,
        account=account,
        observed_at=raw.received_at,
        followers=_count(user, "follower_count"),
        posts=_count(user, "video_count"),
    )


def _queried(data: Node, raw: RawPayload) -> list[Fact]:
    found: dict[str, Node] = {}
    for video in data.member("videos").elements():
        found[video.member("id").identifier()] = video
    told: list[Fact] = []
    for item in raw.items:
        video_ = found.get(item.post or "")
        if video_ is not None:
            told.extend(_post(video_, item.account, raw))
        else:
            told.append(
                PostRemoved(
                    platform=PLATFORM,
                    account=item.account,
                    post=item.post or "",
                    observed_at=raw.received_at,
                    reason="absent",
                )
            )
    return told


def _post(video: Node, account: str, raw: RawPayload) -> list[Fact]:
    id, created = video.member("id").identifier(), video.maybe("create_time")
    published_at = None if created is None else created.seconds()
    return [
        PostPublished(
            platform=PLATFORM,
            account=account,
            post=id,
            observed_at=raw.received_at,
            occurred_at=published_at,
            permalink=_text(video, "share_url"),
            title=_text(video, "title"),
            text=_text(video, "video_description"),
            medium="video",
        ),
        ReactionObserved(
            platform=PLATFORM,
            account=account,
            post=id,
            observed_at=raw.received_at,
            published_at=published_at,
            likes=_count(video, "like_count"),
            comments=_count(video, "comment_count"),
            shares=_count(video, "share_count"),
            views=_count(video, "view_count"),
        ),
    ]


def _text(node: Node, key: str) -> str | None:
    found = node.maybe(key)
    return None if found is None else found.text()


def _count(node: Node, key: str) -> int | None:
    number = node.maybe(key)
    return None if number is None else number.count()
