"""What the Data API's answers state.

1. Counts are strings. One that is left out is unknown: `likeCount` where hidden, `commentCount` where closed.
2. A video that was asked for and is not among the items is absent; one that is private or rejected is removed.
3. Subscribers are rounded down to three significant figures from 1,000 on, and unknown where hidden.
4. Views were defined anew on 2026-08-27 for all formats: observations from then on say so, so that nobody takes the
   jump for a reaction. (Shorts changed on 2025-03-31 too; an answer does not tell a Short from a video.)
5. The uploads playlist finds videos and their words; their counts are asked for by `videos`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tracker.domain.events import AudienceObserved, Fact, Instant, PostPublished, PostRemoved, ReactionObserved
from tracker.plugin import Access, DueItem, HttpRequest, RawPayload, Unreadable
from tracker.plugin.reading import Node, read_json
from tracker_youtube import asking, limits
from tracker_youtube.feed import PLATFORM

VIEWS_REDEFINED = ((1_787_788_800_000, "2026-08-27"),)  # 2026-08-27T00:00:00Z, all formats
FIRST_DEFINITION = "1"
ROUNDED_FROM = 1_000
# How far back an account's uploads are paged through: what was published while nobody looked for a week is found.
DISCOVERY_MS = 7 * 86_400_000


def facts(raw: RawPayload) -> Sequence[Fact]:
    """What an answer to one of our requests states."""
    if not raw.items:
        raise Unreadable(f"an answer of {raw.endpoint!r} that does not say what was asked")
    document = _document(raw)
    if document is None:
        return []
    match raw.endpoint:
        case asking.VIDEOS:
            return _videos(document, raw)
        case asking.CHANNELS:
            return _channels(document, raw)
        case asking.UPLOADS:
            return _uploads(document, raw)
        case _:
            raise Unreadable(f"an answer of {raw.endpoint!r}, which this adapter never asks")


def next_requests(raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
    """The next page of a channel's uploads, while the last one was all of the last week."""
    document = _document(raw) if raw.endpoint == asking.UPLOADS and raw.items else None
    page = None if document is None else document.maybe("nextPageToken")
    if document is None or page is None:
        return []
    times = [_uploaded_at(item) for item in _items(document)]
    oldest = min((at for at in times if at is not None), default=None)
    if oldest is None or oldest < raw.received_at - DISCOVERY_MS:
        return []
    return [asking.uploads(raw.items[0], access, page=page.identifier())]


def metric_definition(observed_at: Instant) -> str:
    """How YouTube counted views at that instant."""
    return next((name for since, name in reversed(VIEWS_REDEFINED) if observed_at >= since), FIRST_DEFINITION)


def _document(raw: RawPayload) -> Node | None:
    """The answer; None where it is about the asking only. Raises Unreadable for any other error."""
    if raw.status is not None and (raw.status in {401, 403, 429} or raw.status >= 500):
        return None
    document = read_json(raw.body)
    error = document.maybe("error")
    if error is None:
        return document
    reasons = limits.reasons(error)
    known = limits.DAY_REASONS | limits.PACE_REASONS | limits.ASKING_REASONS | limits.ABSENT_REASONS
    if reasons & known:
        return None
    named = ", ".join(sorted(reasons))[:100] or "no reason"
    raise Unreadable(f"{raw.endpoint}: the Data API answered error {error.member('code').integer()} ({named!a})")


def _items(document: Node) -> list[Node]:
    items = document.maybe("items")  # left out where nothing was found
    return [] if items is None else list(items.elements())


def _by_id(document: Node) -> dict[str, Node]:
    return {item.member("id").identifier(): item for item in _items(document)}


def _videos(document: Node, raw: RawPayload) -> list[Fact]:
    # Whatever is not among the items will be called absent, so this must really be the list of them.
    if document.member("kind").string() != "youtube#videoListResponse":
        raise Unreadable('$.kind: expected "youtube#videoListResponse"')
    shown = _by_id(document)
    found: list[Fact] = []
    for item in raw.items:
        video = shown.get(item.post or "")
        if video is None:
            found.append(_removed(item, raw.received_at, "absent"))
        else:
            found.extend(_video(video, item, raw.received_at))
    return found


def _video(video: Node, item: DueItem, at: Instant) -> list[Fact]:
    status = video.maybe("status")
    hidden = None if status is None else _hidden(status)
    if hidden is not None:
        return [_removed(item, at, hidden)]
    snippet = video.member("snippet")
    published_at = snippet.member("publishedAt").time()
    placement = video.maybe("paidProductPlacementDetails")
    label = None if placement is None else placement.maybe("hasPaidProductPlacement")
    statistics = video.maybe("statistics")
    id = item.post or ""
    return [
        PostPublished(
            platform=PLATFORM,
            account=item.account,
            post=id,
            observed_at=at,
            occurred_at=published_at,
            permalink=f"https://www.youtube.com/watch?v={id}",
            author=_id(snippet, "channelId"),
            title=_text(snippet, "title"),
            text=_text(snippet, "description"),
            paid_label=None if label is None else label.flag(),
        ),
        ReactionObserved(
            platform=PLATFORM,
            account=item.account,
            post=id,
            observed_at=at,
            published_at=published_at,
            likes=_count(statistics, "likeCount"),
            comments=_count(statistics, "commentCount"),
            views=_count(statistics, "viewCount"),
            metric_definition=metric_definition(at),
        ),
    ]


def _hidden(status: Node) -> Literal["deleted", "private", "unknown"] | None:
    """Why the public cannot see a video; None where it can (unlisted ones too, by their address)."""
    privacy, upload = status.maybe("privacyStatus"), status.maybe("uploadStatus")
    if privacy is not None and privacy.string() == "private":
        return "private"
    match None if upload is None else upload.string():
        case "deleted":
            return "deleted"
        case "rejected" | "failed":
            return "unknown"
        case _:
            return None


def _removed(item: DueItem, at: Instant, reason: Literal["deleted", "private", "absent", "unknown"]) -> PostRemoved:
    return PostRemoved(platform=PLATFORM, account=item.account, post=item.post or "", observed_at=at, reason=reason)


def _channels(document: Node, raw: RawPayload) -> list[Fact]:
    shown = _by_id(document)
    return [
        _audience(shown[item.account].member("statistics"), item.account, raw.received_at)
        for item in raw.items
        if item.account in shown
    ]


def _audience(statistics: Node, account: str, at: Instant) -> AudienceObserved:
    hidden = statistics.maybe("hiddenSubscriberCount")
    concealed = hidden is not None and hidden.flag()
    followers = None if concealed else _count(statistics, "subscriberCount")
    return AudienceObserved(
        platform=PLATFORM,
        account=account,
        observed_at=at,
        followers=followers,
        posts=_count(statistics, "videoCount"),
        rounded=followers is not None and followers >= ROUNDED_FROM,
    )


def _uploads(document: Node, raw: RawPayload) -> list[Fact]:
    account, found = raw.items[0].account, list[Fact]()
    for item in _items(document):
        published_at = _uploaded_at(item)
        if published_at is None:
            continue  # private or deleted: the playlist keeps a place for it, without its time
        id, snippet = item.member("contentDetails").member("videoId").identifier(), item.member("snippet")
        found.append(
            PostPublished(
                platform=PLATFORM,
                account=account,
                post=id,
                observed_at=raw.received_at,
                occurred_at=published_at,
                permalink=f"https://www.youtube.com/watch?v={id}",
                title=_text(snippet, "title"),
                text=_text(snippet, "description"),
            )
        )
    return found


def _uploaded_at(item: Node) -> Instant | None:
    status = item.maybe("status")
    privacy = None if status is None else status.maybe("privacyStatus")
    written = item.member("contentDetails").maybe("videoPublishedAt")
    if written is None or (privacy is not None and privacy.string() == "private"):
        return None
    return written.time()


def _id(node: Node, key: str) -> str | None:
    found = node.maybe(key)
    return None if found is None else found.identifier()


def _text(node: Node, key: str) -> str | None:
    found = node.maybe(key)
    return None if found is None else found.text()


def _count(statistics: Node | None, key: str) -> int | None:
    number = None if statistics is None else statistics.maybe(key)
    return None if number is None else number.count_in_string()
