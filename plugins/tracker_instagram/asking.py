"""The requests to the Graph API, as data. Tokens travel in the Authorization header.

Posts are asked for together by `?ids=a,b,c` (at most 50), as far as one token reaches; accounts one by one, each
with its newest posts. Ids stand percent-encoded wherever they stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlencode

from tracker.plugin import Access, DueItem, HttpRequest
from tracker_instagram.webhooks import PLATFORM, Mention

IDS_PER_REQUEST = 50  # Graph API: "Multiple ID read requests", 50 ids
POSTS_PER_PAGE = 25  # Graph API's default page

POST = "post"
POSTS = "posts"
ACCOUNT = "account"
MEDIA = "media"
MENTION = "mention"

POST_FIELDS = (
    "id,permalink,shortcode,caption,timestamp,media_type,media_product_type,like_count,comments_count,view_count,"
    "saved_count,shares_count,owner,username"
)
# What Meta tells about other people's posts; their views, saves and shares are their own affair.
MENTIONED_FIELDS = (
    "id,permalink,caption,timestamp,media_type,media_product_type,like_count,comments_count,owner,username"
)
MENTIONED_COMMENT_FIELDS = "id,text,timestamp,username,media{id}"


def requests(items: Sequence[DueItem], access: Access) -> list[HttpRequest]:
    """One request for each account and for each 50 posts of one token."""
    found = [account(item, access) for item in items if item.post is None]
    by_token: dict[str | None, list[DueItem]] = {}
    for item in items:
        if item.post is not None:
            by_token.setdefault(access.token_for(item.account), []).append(item)
    batches = _batches(by_token)
    return found + [post(batch[0], access) if len(batch) == 1 else _posts(batch, access) for batch in batches]


def account(item: DueItem, access: Access) -> HttpRequest:
    fields = f"followers_count,media_count,media.limit({POSTS_PER_PAGE}){{{POST_FIELDS}}}"
    return _get(item.account, {"fields": fields}, ACCOUNT, (item,), access)


def media_page(item: DueItem, after: str, access: Access) -> HttpRequest:
    """The next page of an account's posts."""
    query = {"fields": POST_FIELDS, "limit": str(POSTS_PER_PAGE), "after": after}
    return _get(f"{quote(item.account, safe='')}/media", query, MEDIA, (item,), access, quoted=True)


def post(item: DueItem, access: Access) -> HttpRequest:
    return _get(item.post or "", {"fields": POST_FIELDS}, POST, (item,), access)


def mentioned(mention: Mention, access: Access) -> HttpRequest:
    """The post that mentions us, and the comment where one does: both through our own account's node."""
    fields = f"mentioned_media.media_id({mention.media}){{{MENTIONED_FIELDS}}}"
    if mention.comment is not None:
        fields += f",mentioned_comment.comment_id({mention.comment}){{{MENTIONED_COMMENT_FIELDS}}}"
    item = DueItem(platform=PLATFORM, account=mention.account, post=mention.media)
    return _get(mention.account, {"fields": fields}, MENTION, (item,), access)


def _posts(batch: Sequence[DueItem], access: Access) -> HttpRequest:
    ids = ",".join(dict.fromkeys(item.post or "" for item in batch))
    return _get("", {"ids": ids, "fields": POST_FIELDS}, POSTS, tuple(batch), access)


def _batches(by_token: dict[str | None, list[DueItem]]) -> Iterator[list[DueItem]]:
    for items in by_token.values():
        for start in range(0, len(items), IDS_PER_REQUEST):
            yield items[start : start + IDS_PER_REQUEST]


def _get(
    node: str,
    query: dict[str, str],
    endpoint: str,
    items: tuple[DueItem, ...],
    access: Access,
    *,
    quoted: bool = False,
) -> HttpRequest:
    token = access.token_for(items[0].account)
    path = node if quoted else quote(node, safe="")
    return HttpRequest(
        method="GET",
        url=f"{access.base_url.rstrip('/')}/{path}?{urlencode(query)}",
        endpoint=endpoint,
        items=items,
        headers={} if token is None else {"authorization": f"Bearer {token}"},
    )
