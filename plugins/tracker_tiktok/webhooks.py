"""TikTok's webhook envelope, the same for both of its APIs.

1. `{client_key, event, create_time (s), user_openid, content}`; `content` is JSON in a string: read twice.
2. Ids are JSON numbers above 2^53 in places; they are read exactly and kept as strings.
3. `post.publish.no_longer_publicaly_available` is how TikTok writes it; both spellings are understood.
4. Events about posts or comments that we do not know are refused; all others are none of our business.
"""

from __future__ import annotations

from tracker.domain.events import (
    CommentCreated,
    CommentEdited,
    CommentHidden,
    CommentRemoved,
    Fact,
    Instant,
    PostPublished,
    PostRemoved,
)
from tracker.plugin import RawPayload, Unreadable
from tracker.plugin.reading import Node, read_json

PLATFORM = "tiktok"

_GONE = frozenset({"post.publish.no_longer_publicaly_available", "post.publish.no_longer_publicly_available"})
# Steps of an upload through our app: nothing the public sees.
_UNSEEN = frozenset(
    {
        "post.publish.complete",
        "post.publish.failed",
        "post.publish.inbox_delivered",
        "video.publish.completed",
        "video.upload.failed",
    }
)
_OURS = ("comment.", "post.", "video.")


def facts(raw: RawPayload) -> list[Fact]:
    """What a webhook states."""
    envelope = read_json(raw.body)
    event = envelope.member("event").string()
    account = envelope.member("user_openid").identifier()
    at = envelope.member("create_time").seconds()
    if event == "comment.update":
        return [_comment(_content(envelope), account, at)]
    if event == "post.publish.publicly_available":
        return [_published(_content(envelope), account, at)]
    if event in _GONE:
        post = _content(envelope).member("post_id").identifier()
        return [PostRemoved(platform=PLATFORM, account=account, post=post, observed_at=at)]
    if event.startswith(_OURS) and event not in _UNSEEN:
        raise Unreadable(f"$.event: unknown event {event[:64]!a} about a post or a comment")
    return []


def _content(envelope: Node) -> Node:
    content = envelope.member("content")
    return read_json(content.text().encode("utf-8"), path=f"{content.path}→$")


def _published(content: Node, account: str, at: Instant) -> PostPublished:
    """The post can be seen. When it was created the event does not tell: a poll does."""
    return PostPublished(
        platform=PLATFORM, account=account, post=content.member("post_id").identifier(), observed_at=at, medium="video"
    )


def _comment(content: Node, account: str, sent_at: Instant) -> Fact:
    """One comment's change. The texts are not told.

    `create_time` counts in seconds and `timestamp` in ms: of two changes in one second the later must win, so the
    more exact of the two is taken where they agree, and the envelope's where `timestamp` is the comment's own age.
    """
    action = content.member("comment_action")
    at = max(sent_at, content.member("timestamp").milliseconds())
    comment = content.member("comment_id").identifier()
    post = content.member("video_id").identifier()
    match action.string():
        case "insert":
            return CommentCreated(
                platform=PLATFORM,
                account=account,
                post=post,
                comment=comment,
                parent=_parent(content),
                occurred_at=content.member("timestamp").milliseconds(),
                observed_at=at,
            )
        case "delete":
            return CommentRemoved(platform=PLATFORM, account=account, post=post, comment=comment, observed_at=at)
        case "set_to_hidden" | "set_to_friends_only":
            return CommentHidden(platform=PLATFORM, account=account, post=post, comment=comment, observed_at=at)
        case "set_to_public":
            return CommentEdited(platform=PLATFORM, account=account, post=post, comment=comment, observed_at=at)
        case _:
            raise Unreadable(f"{action.path}: unknown action {action.value[:64]!a}")


def _parent(content: Node) -> str | None:
    """The comment this one replies to; 0 stands for none."""
    parent = content.maybe("parent_comment_id")
    id = "0" if parent is None else parent.identifier()
    return None if id == "0" else id
