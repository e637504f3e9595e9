"""Instagram's webhook envelope, in all the shapes Meta documents.

1. `{"object": "instagram", "entry": [...]}`, alone or in an array (the App Dashboard's test payloads).
2. An entry has `changes: [{field, value}]`, or one `field` and `value` of its own (Instagram Login), or `messaging` or
   `standby` (conversations: none of our business).
3. `entry.time` is when it was sent: what a statement is about is no later. A comment has no time of its own.
4. Fields that we do not count are passed over: Meta adds fields, and an envelope holds up to 1,000 updates of others.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from tracker.domain.events import CommentCreated, Fact, Instant, ReactionObserved
from tracker.plugin import RawPayload, Unreadable
from tracker.plugin.reading import Node, read_json

PLATFORM = "instagram"
_FIRST_MS = 10**11  # as seconds this is the year 5138, as ms 1973: entries of `messaging` count in ms


class Change(Struct, frozen=True):
    """One update: the account it was sent for, when it was sent, and what it says."""

    account: str
    at: Instant
    field: str
    value: Node


class Mention(Struct, frozen=True):
    """Somebody mentioned `account` in the post `media`, or in the comment `comment` under it."""

    account: str
    media: str
    comment: str | None


def facts(raw: RawPayload) -> list[Fact]:
    """What a webhook states. A mention states nothing yet: it names ids, and `mentions` says what to ask."""
    found: list[Fact] = []
    for change in changes(raw):
        if change.field in {"comments", "live_comments"}:
            found.append(_comment(change))
        elif change.field == "story_insights":
            found.append(_story(change))
        elif change.field == "mentions":
            _mention(change)
    return found


def mentions(raw: RawPayload) -> list[Mention]:
    """The mentions of a webhook, each once, in its order."""
    return list(dict.fromkeys(_mention(change) for change in changes(raw) if change.field == "mentions"))


def changes(raw: RawPayload) -> Iterator[Change]:
    """Every update of a webhook, whatever the shape of its envelope."""
    document = read_json(raw.body)
    for envelope in document.elements() if document.is_array() else [document]:
        if envelope.member("object").string() != PLATFORM:
            raise Unreadable(f'{envelope.path}.object: expected "{PLATFORM}"')
        for entry in envelope.member("entry").elements():
            yield from _entry_changes(entry, raw.received_at)


def _entry_changes(entry: Node, received_at: Instant) -> Iterator[Change]:
    account = entry.member("id").identifier()
    at = _sent_at(entry, received_at)
    listed, flat = entry.maybe("changes"), entry.maybe("field")
    if listed is not None:
        for change in listed.elements():
            yield Change(account, at, change.member("field").string(), change.member("value"))
    elif flat is not None:
        yield Change(account, at, flat.string(), entry.member("value"))
    elif entry.maybe("messaging") is None and entry.maybe("standby") is None:
        raise Unreadable(f"{entry.path}: an entry without changes, field or messaging")


def _sent_at(entry: Node, received_at: Instant) -> Instant:
    time = entry.maybe("time")
    if time is None:
        return received_at
    return time.milliseconds() if time.integer() >= _FIRST_MS else time.seconds()


def _comment(change: Change) -> CommentCreated:
    value = change.value
    media = value.member("media")
    # A comment under an advertisement made of a post is a comment on that post; the copy is no post of the account.
    post = media.maybe("original_media_id") or media.member("id")
    parent, text = value.maybe("parent_id"), value.maybe("text")
    comment = value.maybe("id") or value.member("comment_id")
    return CommentCreated(
        platform=PLATFORM,
        account=change.account,
        post=post.identifier(),
        comment=comment.identifier(),
        parent=None if parent is None else parent.identifier(),
        text=None if text is None else text.text(),
        observed_at=change.at,
    )


def _story(change: Change) -> ReactionObserved:
    """The last observation of a story, sent when it expires."""
    return ReactionObserved(
        platform=PLATFORM,
        account=change.account,
        post=change.value.member("media_id").identifier(),
        observed_at=change.at,
        reach=_withheld_below_five(change.value.maybe("reach")),
        impressions=_withheld_below_five(change.value.maybe("impressions")),
    )


def _withheld_below_five(number: Node | None) -> int | None:
    """-1 is Meta's word for fewer than five viewers: not a number anybody may add up."""
    if number is None or number.value == -1:
        return None
    return number.count()


def _mention(change: Change) -> Mention:
    comment = change.value.maybe("comment_id")
    media = _plain(change.value.member("media_id"))
    return Mention(change.account, media, None if comment is None else _plain(comment))


def _plain(node: Node) -> str:
    """An id that will stand inside a field expansion, `media_id(...){...}`: digits and _, or it could end it."""
    id = node.identifier()
    if not id.isascii() or not id.replace("_", "").isalnum():
        raise Unreadable(f"{node.path}: expected an id of letters, digits and _")
    return id
