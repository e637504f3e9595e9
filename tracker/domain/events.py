"""What can happen: the canonical facts, and the events that carry them.

1. A fact is frozen and says what one source stated; it never says what we conclude from it.
2. `None` is "the source did not say"; it is never zero, never false, never empty.
3. `observed_at` is the instant a statement is *about* (a poll: when the answer came; a webhook: the payload's own
   time where it has one). Whatever has a newer and an older value is decided by it, never by the order of arrival.
4. `occurred_at` is when the thing itself happened, as the platform tells it; many platforms do not.
5. On the wire an event is a CloudEvents 1.0 JSON object; its `data` is the fact. Readers ignore fields they do not
   know and refuse a `schemaversion` they do not know.

Ids are strings end to end. Instants are milliseconds since the epoch, UTC. Money is integer minor units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, get_args, get_type_hints

from msgspec import Meta, Struct

from tracker.domain.definitions import Definition, DefinitionKind

Instant = Annotated[int, Meta(ge=0, le=253_402_300_799_999, description="ms since the epoch, UTC")]
Id = Annotated[str, Meta(min_length=1, max_length=512)]
PLATFORM_PATTERN = r"^[a-z][a-z0-9_]{0,31}$"
Platform = Annotated[str, Meta(pattern=PLATFORM_PATTERN)]
# msgspec hands a pattern to `re`, which takes as long as all the rest of a fact: whoever decodes events looks at each
# platform once (tracker.codec.events).
UncheckedPlatform = Annotated[str, Meta(extra_json_schema={"pattern": PLATFORM_PATTERN})]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$", description="ISO 4217")]
# Lua numbers are doubles: a count above 2^53 - 1 could not be added exactly in the apply script.
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Text = Annotated[str, Meta(max_length=100_000)]

Source = Literal["webhook", "poll", "import", "simulate"]
Medium = Literal["feed", "carousel", "reel", "story", "video", "short", "live", "article", "post"]
Metric = Literal["likes", "comments", "shares", "saves", "views", "reach", "impressions"]
METRICS: tuple[Metric, ...] = ("likes", "comments", "shares", "saves", "views", "reach", "impressions")


class Origin(Struct, frozen=True, array_like=True, gc=False):
    """Where in the inbox an event came from: log id, partition, offset, index among the events of that record."""

    log: str
    partition: int
    offset: int
    index: int


UNPLACED = Origin("", -1, -1, -1)


class Fact(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What every statement has. An adapter leaves `origin` alone: the adapt stage places it."""

    platform: UncheckedPlatform
    observed_at: Instant
    occurred_at: Instant | None = None
    origin: Origin = UNPLACED


class AccountFact(Fact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A statement about one account on one platform."""

    account: Id


class PostFact(AccountFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A statement about one post of one account."""

    post: Id


class PostPublished(PostFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The post is up, and this is how it looks. `occurred_at` is when it was published.

    Sent for a push, and for every poll that shows the post: the core finds edits and restorations by comparing.
    """

    permalink: Text | None = None
    author: Id | None = None
    title: Text | None = None
    text: Text | None = None
    medium: Medium | None = None
    paid_label: bool | None = None


class PostEdited(PostFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The source says that the post was edited; what it now says, as far as told."""

    permalink: Text | None = None
    title: Text | None = None
    text: Text | None = None
    paid_label: bool | None = None


class PostRemoved(PostFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The post can no longer be seen. `absent`: it was asked for and not in the answer."""

    reason: Literal["deleted", "private", "absent", "unknown"] = "unknown"


class PostRestored(PostFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The post can be seen again."""


class ReactionObserved(PostFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Running totals of a post as the platform showed them at `observed_at`."""

    published_at: Instant | None = None
    likes: Count | None = None
    comments: Count | None = None
    shares: Count | None = None
    saves: Count | None = None
    views: Count | None = None
    reach: Count | None = None
    impressions: Count | None = None
    metric_definition: Annotated[str, Meta(min_length=1, max_length=64)] = "1"


class ReactionAdded(PostFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One more reaction. `reaction` is the platform's own id of this event: a repeat has the same."""

    reaction: Id
    metric: Literal["likes", "shares", "saves"]
    flavour: Id | None = None


class ReactionRemoved(PostFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One reaction fewer. `reaction` identifies this removal, not the reaction that was added."""

    reaction: Id
    metric: Literal["likes", "shares", "saves"]
    flavour: Id | None = None


class CommentFact(PostFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A statement about one comment under one post."""

    comment: Id


class CommentCreated(CommentFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A comment stands under the post. `parent` is the comment it replies to."""

    parent: Id | None = None
    text: Text | None = None


class CommentEdited(CommentFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A comment was changed, or made visible again."""

    text: Text | None = None


class CommentRemoved(CommentFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A comment was deleted."""


class CommentHidden(CommentFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A comment was hidden from the public."""


class AudienceObserved(AccountFact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """How many follow an account. `rounded`: the platform gives significant figures only."""

    followers: Count | None = None
    posts: Count | None = None
    rounded: bool = False
    metric_definition: Annotated[str, Meta(min_length=1, max_length=64)] = "1"


class LinkClicked(Fact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Somebody followed one of our links. `click` is the signed id that was handed out; `link` the link's code."""

    click: Id
    link: Id


class ConversionRecorded(Fact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An order, reported once. `link` and `clicked_at` were read from the verified click id, where there was one."""

    order: Id
    amount: Count
    currency: Currency
    code: Id | None = None
    click: Id | None = None
    link: Id | None = None
    clicked_at: Instant | None = None


class ConversionRefunded(Fact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Money of an order given back. `refund` is the shop's id of this refund: a repeat has the same."""

    order: Id
    refund: Id
    amount: Count
    currency: Currency


class DefinitionChanged(Fact, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A campaign, creator, agreement or link was defined anew (or deleted: `definition` is None).

    Sent to every partition of the canonical topics, so that each partition's state is a function of its own log.
    `observed_at` is when it was applied; `version` grows by one with each change of this definition.
    """

    kind: DefinitionKind
    id: Id
    version: Annotated[int, Meta(ge=1)]
    definition: Definition | None = None


class Event(Struct, frozen=True, kw_only=True, gc=False, tag_field="type"):
    """A CloudEvents 1.0 envelope, structured JSON mode. `source` says by which door the statement came."""

    id: Id
    source: Source
    specversion: Literal["1.0"] = "1.0"
    schemaversion: Literal[1] = 1


class PostPublishedEvent(Event, frozen=True, kw_only=True, gc=False, tag="post.published"):
    data: PostPublished


class PostEditedEvent(Event, frozen=True, kw_only=True, gc=False, tag="post.edited"):
    data: PostEdited


class PostRemovedEvent(Event, frozen=True, kw_only=True, gc=False, tag="post.removed"):
    data: PostRemoved


class PostRestoredEvent(Event, frozen=True, kw_only=True, gc=False, tag="post.restored"):
    data: PostRestored


class ReactionObservedEvent(Event, frozen=True, kw_only=True, gc=False, tag="reaction.observed"):
    data: ReactionObserved


class ReactionAddedEvent(Event, frozen=True, kw_only=True, gc=False, tag="reaction.added"):
    data: ReactionAdded


class ReactionRemovedEvent(Event, frozen=True, kw_only=True, gc=False, tag="reaction.removed"):
    data: ReactionRemoved


class CommentCreatedEvent(Event, frozen=True, kw_only=True, gc=False, tag="comment.created"):
    data: CommentCreated


class CommentEditedEvent(Event, frozen=True, kw_only=True, gc=False, tag="comment.edited"):
    data: CommentEdited


class CommentRemovedEvent(Event, frozen=True, kw_only=True, gc=False, tag="comment.removed"):
    data: CommentRemoved


class CommentHiddenEvent(Event, frozen=True, kw_only=True, gc=False, tag="comment.hidden"):
    data: CommentHidden


class AudienceObservedEvent(Event, frozen=True, kw_only=True, gc=False, tag="audience.observed"):
    data: AudienceObserved


class LinkClickedEvent(Event, frozen=True, kw_only=True, gc=False, tag="link.clicked"):
    data: LinkClicked


class ConversionRecordedEvent(Event, frozen=True, kw_only=True, gc=False, tag="conversion.recorded"):
    data: ConversionRecorded


class ConversionRefundedEvent(Event, frozen=True, kw_only=True, gc=False, tag="conversion.refunded"):
    data: ConversionRefunded


class DefinitionChangedEvent(Event, frozen=True, kw_only=True, gc=False, tag="definition.changed"):
    data: DefinitionChanged


AnyEvent = (
    PostPublishedEvent
    | PostEditedEvent
    | PostRemovedEvent
    | PostRestoredEvent
    | ReactionObservedEvent
    | ReactionAddedEvent
    | ReactionRemovedEvent
    | CommentCreatedEvent
    | CommentEditedEvent
    | CommentRemovedEvent
    | CommentHiddenEvent
    | AudienceObservedEvent
    | LinkClickedEvent
    | ConversionRecordedEvent
    | ConversionRefundedEvent
    | DefinitionChangedEvent
)

EVENTS: dict[type[Fact], Callable[..., AnyEvent]] = {
    get_type_hints(event)["data"]: event for event in get_args(AnyEvent)
}


def wrap(fact: Fact, *, id: str, source: Source) -> AnyEvent:
    """Put a fact into the envelope of its type."""
    return EVENTS[type(fact)](id=id, source=source, data=fact)
