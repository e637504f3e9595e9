"""YouTube's servers, as documented: Data API v3 lists, and the hub's Atom pushes.

1. Statistics are strings. A hidden count is not there. A video that cannot be seen is not in the list.
2. A part that was not asked for is not in the answer; no key is 401.
3. A push tells of an upload, a changed title, or (as a tombstone, without `yt:videoId`) a deletion; never a figure.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from tracker.simulate.model import Account, CountName, Post, World
from tracker.simulate.wire import (
    Answer,
    JsonObject,
    Request,
    Secrets,
    Told,
    Webhook,
    account_of,
    answer_json,
    counts_of,
    iso,
    post_of,
)
from tracker.simulate.world import Signal, shown_counts, shown_followers

COUNTS: dict[str, CountName] = {"viewCount": "views", "likeCount": "likes", "commentCount": "comments"}
MOST = 50
ATOM = "http://www.w3.org/2005/Atom"
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
FEEDS = "https://www.youtube.com/xml/feeds/videos.xml?channel_id="


def _error(status: int, reason: str, message: str) -> Answer:
    inner = {"message": message, "domain": "youtube.synthetic", "reason": reason}
    return answer_json(status, {"error": {"code": status, "message": message, "errors": [inner]}})


def too_many() -> Answer:
    return _error(429, "rateLimitExceeded", "The request was sent too fast.")


def _page(kind: str, items: list[JsonObject], total: int) -> JsonObject:
    return {
        "kind": kind,
        "etag": "synthetic",
        "items": items,
        "pageInfo": {"totalResults": total, "resultsPerPage": len(items)},
    }


def uploads_of(account: Account) -> str:
    """The id of a channel's uploads playlist."""
    return "UU" + account.id[2:]


def answer(world: World, secrets: Secrets, request: Request, *, page: int) -> Answer:
    """Answer one API request at `request.at`; a page of a list holds `page` items at most."""
    key = request.query.get("key") or request.headers.get("x-goog-api-key") or request.bearer
    if key not in {secrets.key, *secrets.tokens.values()}:
        return _error(401, "authError", "Request had invalid authentication credentials.")
    parts = set(filter(None, request.query.get("part", "").split(",")))
    if request.method != "GET" or not parts:
        return _error(400, "missingRequiredParameter", "No filter selected, or part is missing.")
    match request.path.rstrip("/").rsplit("/", 1)[-1]:
        case "videos":
            return _videos(world, request, parts)
        case "channels":
            return _channels(world, request, parts)
        case "playlistItems":
            return _playlist(world, request, parts, page)
        case _:
            return _error(404, "notFound", f"{request.path} is not known")


def _videos(world: World, request: Request, parts: set[str]) -> Answer:
    ids = [id for id in request.query.get("id", "").split(",") if id]
    if not 1 <= len(ids) <= MOST:
        return _error(400, "invalidParameter", f"id must name 1 to {MOST} videos")
    items: list[JsonObject] = []
    told: list[Told] = []
    for id in ids:
        post = post_of(world, id)
        if post is None or post.account.platform != "youtube" or not post.visible(request.at):
            told.append(Told(post=id, absent=True))
            continue
        item = _video(world, post, request.at, parts)
        items.append(item)
        snippet, statistics = item.get("snippet", {}), item.get("statistics", {})
        told.append(
            Told(
                post=id,
                account=post.account.id,
                counts=counts_of(statistics, COUNTS),
                title=snippet.get("title"),
                text=snippet.get("description"),
            )
        )
    return answer_json(200, _page("youtube#videoListResponse", items, len(items)), told)


def _video(world: World, post: Post, at: int, parts: set[str]) -> JsonObject:
    counts = shown_counts(world, post, at)
    version = post.version(at)
    known: JsonObject = {
        "snippet": {
            "publishedAt": iso(post.published),
            "channelId": post.account.id,
            "title": version.title,
            "description": version.text,
            "channelTitle": post.account.name,
        },
        "statistics": {name: str(counts[canonical]) for name, canonical in COUNTS.items() if canonical in counts}
        | {"favoriteCount": "0"},
        "contentDetails": {"duration": "PT4M13S", "definition": "hd"},
        "status": {"uploadStatus": "processed", "privacyStatus": "public", "embeddable": True},
        "paidProductPlacementDetails": {
            "hasPaidProductPlacement": bool(version.roles) and post.account.creator is not None
        },
    }
    said = {name: value for name, value in known.items() if name in parts}
    return {"kind": "youtube#video", "etag": "synthetic", "id": post.id, **said}


def _channels(world: World, request: Request, parts: set[str]) -> Answer:
    ids = [id for id in request.query.get("id", "").split(",") if id]
    if not 1 <= len(ids) <= MOST:
        return _error(400, "invalidParameter", f"id must name 1 to {MOST} channels")
    items: list[JsonObject] = []
    told: list[Told] = []
    for id in ids:
        account = account_of(world, id)
        if account is None or account.platform != "youtube":
            continue
        videos = [post for post in world.of(account) if post.visible(request.at)]
        followers = shown_followers(world, account, request.at)
        known: JsonObject = {
            "snippet": {"title": account.name, "customUrl": account.handle},
            "statistics": {
                "viewCount": "1000000",
                "subscriberCount": str(followers),
                "hiddenSubscriberCount": False,
                "videoCount": str(len(videos)),
            },
            "contentDetails": {"relatedPlaylists": {"likes": "", "uploads": uploads_of(account)}},
        }
        said = {name: value for name, value in known.items() if name in parts}
        items.append({"kind": "youtube#channel", "etag": "synthetic", "id": id, **said})
        if "statistics" in parts:
            told.append(Told(account=id, followers=followers))
    return answer_json(200, _page("youtube#channelListResponse", items, len(items)), told)


def _playlist(world: World, request: Request, parts: set[str], page: int) -> Answer:
    """The uploads of a channel, newest first; the page token is the place of the first item."""
    playlist = request.query.get("playlistId", "")
    account = next((a for a in world.accounts if a.platform == "youtube" and uploads_of(a) == playlist), None)
    if account is None:
        return _error(404, "playlistNotFound", "The playlist identified with the playlistId parameter cannot be found.")
    videos = sorted((post for post in world.of(account) if post.visible(request.at)), key=lambda post: -post.published)
    begin = int(request.query.get("pageToken", "P0").removeprefix("P"))
    most = min(int(request.query.get("maxResults", "5")), MOST, page)
    shown = videos[begin : begin + most]
    items: list[JsonObject] = []
    told: list[Told] = []
    for post in shown:
        version = post.version(request.at)
        known: JsonObject = {
            "snippet": {
                "publishedAt": iso(post.published),
                "channelId": account.id,
                "title": version.title,
                "description": version.text,
                "playlistId": playlist,
                "resourceId": {"kind": "youtube#video", "videoId": post.id},
                "videoOwnerChannelId": account.id,
            },
            "contentDetails": {"videoId": post.id, "videoPublishedAt": iso(post.published)},
            "status": {"privacyStatus": "public"},
        }
        said = {name: value for name, value in known.items() if name in parts}
        items.append({"kind": "youtube#playlistItem", "etag": "synthetic", "id": f"PLI{post.id}", **said})
        if "snippet" in parts:
            told.append(Told(post=post.id, account=account.id, title=version.title, text=version.text))
    body = _page("youtube#playlistItemListResponse", items, len(videos))
    if begin + len(shown) < len(videos):
        body["nextPageToken"] = f"P{begin + len(shown)}"
    return answer_json(200, body, told)


def webhooks(signals: Sequence[Signal], secrets: Secrets, at: int) -> list[Webhook]:
    """What the hub pushes of these signals, one delivery each."""
    made: list[Webhook] = []
    for signal in signals:
        post = signal.post
        match signal.kind:
            case "appeared" | "changed" | "returned":
                version = post.version(signal.at)
                text = _entry(post, signal.at)
                told: tuple[Told, ...] = (Told(post=post.id, account=post.account.id, title=version.title),)
            case "vanished":
                text, told = _tombstone(post, signal.at), ()
            case _:
                continue
        body = text.encode()
        mac = hmac.new(secrets.signing.encode(), body, hashlib.sha1).hexdigest()
        link = f"<{FEEDS}{post.account.id}>; rel=self, <https://pubsubhubbub.appspot.com/>; rel=hub"
        headers = {"content-type": "application/atom+xml", "x-hub-signature": f"sha1={mac}", "link": link}
        made.append(Webhook(platform="youtube", body=body, headers=headers, told=told, signals=(signal,)))
    return made


def _entry(post: Post, at: int) -> str:
    published = iso(post.published, zone="+00:00")
    # The hub's `updated` of an upload follows `published` by seconds; of an edit it is the edit's.
    updated = iso(max(at, post.published), zone=f".{at % 1000:03}000000+00:00")
    version = post.version(at)
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        f'<feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" xmlns="{ATOM}">'
        f'<link rel="hub" href="https://pubsubhubbub.appspot.com"/><link rel="self" href="{FEEDS}{post.account.id}"/>'
        f"<title>YouTube video feed</title><updated>{updated}</updated>\n"
        f"<entry><id>yt:video:{post.id}</id><yt:videoId>{post.id}</yt:videoId>"
        f"<yt:channelId>{post.account.id}</yt:channelId><title>{escape(version.title or '')}</title>"
        f'<link rel="alternate" href="{post.permalink}"/>'
        f"<author><name>{escape(post.account.name)}</name><uri>https://www.youtube.com/channel/{post.account.id}</uri></author>"
        f"<published>{published}</published><updated>{updated}</updated></entry></feed>\n"
    )


def _tombstone(post: Post, at: int) -> str:
    when = iso(at, zone="+00:00")
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        f'<feed xmlns:at="{TOMBSTONES}" xmlns="{ATOM}">'
        f"<at:deleted-entry ref={quoteattr('yt:video:' + post.id)} when={quoteattr(when)}>"
        f'<link href="{post.permalink}"/>'
        f"<at:by><name>{escape(post.account.name)}</name><uri>https://www.youtube.com/channel/{post.account.id}</uri></at:by>"
        "</at:deleted-entry></feed>\n"
    )
