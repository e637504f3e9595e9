"""The requests to the Data API, as data. The key travels in the x-goog-api-key header. Each call costs 1 unit.

Videos and channels are asked for by 50; each channel's newest videos by the first page of its uploads playlist, whose
id is the channel's with UU in place of UC. (search.list has a bucket of its own, of 100 calls a day: never used.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from tracker.plugin import Access, DueItem, HttpRequest

IDS_PER_REQUEST = 50
PER_PAGE = 50

VIDEOS = "videos"
CHANNELS = "channels"
UPLOADS = "uploads"

VIDEO_PARTS = "snippet,statistics,contentDetails,status,paidProductPlacementDetails"
CHANNEL_PARTS = "statistics"
UPLOAD_PARTS = "snippet,contentDetails,status"


def requests(items: Sequence[DueItem], access: Access) -> list[HttpRequest]:
    """One request for each 50 videos and each 50 channels of one key, and one for each channel's uploads."""
    posts = [item for item in items if item.post is not None]
    accounts = [item for item in items if item.post is None]
    return [
        *(
            _listed(VIDEOS, VIDEO_PARTS, batch, [item.post or "" for item in batch], access)
            for batch in _batches(posts, access)
        ),
        *(
            _listed(CHANNELS, CHANNEL_PARTS, batch, [item.account for item in batch], access)
            for batch in _batches(accounts, access)
        ),
        *(uploads(item, access) for item in accounts if item.account.startswith("UC")),
    ]


def uploads(item: DueItem, access: Access, *, page: str | None = None) -> HttpRequest:
    """A page of a channel's uploads, newest first."""
    playlist = f"UU{item.account[2:]}"
    query = {"part": UPLOAD_PARTS, "playlistId": playlist, "maxResults": str(PER_PAGE)}
    if page is not None:
        query["pageToken"] = page
    return _get("playlistItems", query, UPLOADS, (item,), access)


def _listed(endpoint: str, parts: str, batch: Sequence[DueItem], ids: Sequence[str], access: Access) -> HttpRequest:
    query = {"part": parts, "id": ",".join(dict.fromkeys(ids)), "maxResults": str(PER_PAGE)}
    return _get(endpoint, query, endpoint, tuple(batch), access)


def _batches(items: Sequence[DueItem], access: Access) -> Iterator[list[DueItem]]:
    by_key: dict[str | None, list[DueItem]] = {}
    for item in items:
        by_key.setdefault(access.token_for(item.account), []).append(item)
    for same in by_key.values():
        for start in range(0, len(same), IDS_PER_REQUEST):
            yield same[start : start + IDS_PER_REQUEST]


def _get(call: str, query: dict[str, str], endpoint: str, items: tuple[DueItem, ...], access: Access) -> HttpRequest:
    key = access.token_for(items[0].account)
    return HttpRequest(
        method="GET",
        url=f"{access.base_url.rstrip('/')}/{call}?{urlencode(query)}",
        endpoint=endpoint,
        items=items,
        headers={} if key is None else {"x-goog-api-key": key},
    )
