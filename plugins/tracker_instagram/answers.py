"""What the Graph API's answers state.

1. A post's answer gives two facts, how it looks and what it counts, both as of the answer's arrival.
2. A count that is left out is unknown (`like_count` of hidden likes); a caption that is left out of an account's own
   post is empty: Graph leaves empty fields out.
3. A post that its owner's token cannot see is absent. In `?ids=` one such post fails the whole request: that answer
   states nothing, and each post is asked for by itself.
4. A limit, an outage or a refused token states nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracker.domain.events import (
    AudienceObserved,
    CommentCreated,
    Fact,
    Instant,
    Medium,
    PostPublished,
    PostRemoved,
    ReactionObserved,
)
from tracker.plugin import Access, DueItem, HttpRequest, RawPayload, Unreadable
from tracker.plugin.reading import Node, read_json
from tracker_instagram import asking, limits
from tracker_instagram.webhooks import PLATFORM

# How far back an account's posts are paged through: what was published while nobody looked for a week is still found.
DISCOVERY_MS = 7 * 86_400_000

_MEDIA: dict[str, Medium] = {"IMAGE": "feed", "VIDEO": "video", "CAROUSEL_ALBUM": "carousel"}
_PRODUCTS: dict[str, Medium] = {"REELS": "reel", "STORY": "story"}


def facts(raw: RawPayload) -> Sequence[Fact]:
    """What an answer to one of our requests states."""
    if not raw.items:
        raise Unreadable(f"an answer of {raw.endpoint!r} that does not say what was asked")
    if _says_nothing(raw):
        return []
    document = read_json(raw.body)
    error = document.maybe("error")
    return _of_document(raw, document) if error is None else _of_error(raw, error)


def next_requests(raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
    """Each post by itself where a batch failed over one of them; the next page where the last one was all recent."""
    if not raw.items or _says_nothing(raw):
        return []
    document = read_json(raw.body)
    error = document.maybe("error")
    if error is not None:
        batch_failed = raw.endpoint == asking.POSTS and not limits.is_about_the_asking(error)
        return [asking.post(item, access) for item in raw.items] if batch_failed else []
    page = document.maybe("media") if raw.endpoint == asking.ACCOUNT else document
    if page is None or raw.endpoint not in {asking.ACCOUNT, asking.MEDIA}:
        return []
    after = _after(page)
    recent = [_published_at(post) for post in page.member("data").elements()]
    oldest = min((at for at in recent if at is not None), default=None)
    if after is None or oldest is None or oldest < raw.received_at - DISCOVERY_MS:
        return []
    return [asking.media_page(raw.items[0], after, access)]


def _says_nothing(raw: RawPayload) -> bool:
    return raw.status is not None and (raw.status == 429 or raw.status >= 500)


def _of_document(raw: RawPayload, document: Node) -> list[Fact]:
    match raw.endpoint:
        case asking.POST:
            return _post(document, raw.items[0].account, raw.received_at)
        case asking.POSTS:
            return _posts(document, raw)
        case asking.ACCOUNT:
            media = document.maybe("media")
            return [_audience(document, raw), *([] if media is None else _listed(media, raw))]
        case asking.MEDIA:
            return _listed(document, raw)
        case asking.MENTION:
            return _mention(document, raw)
        case _:
            raise Unreadable(f"an answer of {raw.endpoint!r}, which this adapter never asks")


def _of_error(raw: RawPayload, error: Node) -> list[Fact]:
    if limits.is_about_the_asking(error) or raw.endpoint == asking.POSTS:
        return []
    code, item = error.member("code").integer(), raw.items[0]
    if limits.is_gone(error) and raw.endpoint == asking.MENTION:
        return []  # deleted before we came to look; it was never a post of ours
    if limits.is_gone(error) and raw.endpoint == asking.POST:
        return [_absent(item, raw.received_at)]
    raise Unreadable(f"{raw.endpoint} of account {item.account}: the Graph API answered error {code}")


def _posts(document: Node, raw: RawPayload) -> list[Fact]:
    if not any(True for _ in document.members()):
        raise Unreadable("$: an answer with no post at all")
    found: list[Fact] = []
    for item in raw.items:
        post = document.maybe(item.post or "")
        if post is None:
            found.append(_absent(item, raw.received_at))
        else:
            found.extend(_post(post, item.account, raw.received_at))
    return found


def _listed(page: Node, raw: RawPayload) -> list[Fact]:
    account, at = raw.items[0].account, raw.received_at
    return [fact for post in page.member("data").elements() for fact in _post(post, account, at)]


def _audience(user: Node, raw: RawPayload) -> AudienceObserved:
    return AudienceObserved(
        platform=PLATFORM,
        account=raw.items[0].account,
        observed_at=raw.received_at,
        followers=_count(user, "followers_count"),
        posts=_count(user, "media_count"),
    )


def _post(post: Node, account: str, at: Instant) -> list[Fact]:
    caption = post.maybe("caption")
    return _appearance_and_counts(post, account, at, "" if caption is None else caption.text())


def _mention(document: Node, raw: RawPayload) -> list[Fact]:
    """The post that mentions us is somebody else's: its account is the owner's id, or `@handle` where none is told."""
    media = document.maybe("mentioned_media")
    if media is None:
        return []
    caption = media.maybe("caption")
    account = _owner(media)
    if account is None:
        raise Unreadable(f"{media.path}: neither owner nor username: no account to count it for")
    text = None if caption is None else caption.text()
    found = _appearance_and_counts(media, account, raw.received_at, text)
    comment = document.maybe("mentioned_comment")
    if comment is not None:
        words, written_at = comment.maybe("text"), comment.maybe("timestamp")
        found.append(
            CommentCreated(
                platform=PLATFORM,
                account=account,
                post=media.member("id").identifier(),
                comment=comment.member("id").identifier(),
                text=None if words is None else words.text(),
                occurred_at=None if written_at is None else written_at.time(),
                observed_at=raw.received_at,
            )
        )
    return found


def _appearance_and_counts(post: Node, account: str, at: Instant, text: str | None) -> list[Fact]:
    id, published_at = post.member("id").identifier(), _published_at(post)
    permalink = post.maybe("permalink")
    return [
        PostPublished(
            platform=PLATFORM,
            account=account,
            post=id,
            observed_at=at,
            occurred_at=published_at,
            permalink=None if permalink is None else permalink.text(),
            author=_owner(post),
            text=text,
            medium=_medium(post),
        ),
        ReactionObserved(
            platform=PLATFORM,
            account=account,
            post=id,
            observed_at=at,
            published_at=published_at,
            likes=_count(post, "like_count"),
            comments=_count(post, "comments_count"),
            views=_count(post, "view_count"),
            saves=_count(post, "saved_count"),
            shares=_count(post, "shares_count"),
        ),
    ]


def _absent(item: DueItem, at: Instant) -> PostRemoved:
    return PostRemoved(platform=PLATFORM, account=item.account, post=item.post or "", observed_at=at, reason="absent")


def _owner(post: Node) -> str | None:
    owner, username = post.maybe("owner"), post.maybe("username")
    if owner is not None:
        return owner.member("id").identifier()
    return None if username is None else f"@{username.identifier()}"


def _medium(post: Node) -> Medium | None:
    """REELS and STORY are product types; a reel's media type is VIDEO like any other's."""
    product, kind = post.maybe("media_product_type"), post.maybe("media_type")
    found = None if product is None else _PRODUCTS.get(product.string())
    return found or (None if kind is None else _MEDIA.get(kind.string()))


def _published_at(post: Node) -> Instant | None:
    written = post.maybe("timestamp")
    return None if written is None else written.time()


def _count(node: Node, key: str) -> int | None:
    number = node.maybe(key)
    return None if number is None else number.count()


def _after(page: Node) -> str | None:
    """The cursor of the next page; the last page has cursors too, but no `next`."""
    paging = page.maybe("paging")
    if paging is None or paging.maybe("next") is None:
        return None
    cursors = paging.maybe("cursors")
    after = None if cursors is None else cursors.maybe("after")
    return None if after is None else after.identifier()
