"""What each kind of statement about a post, a comment or an account does to a batch.

1. A step looks for everything it needs before it changes anything that another step could see.
2. A step returns why its event is refused, or None. A refused event changes nothing.
3. Where a post counts is settled before its numbers change, so that each change is booked where the post then counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from tracker.domain import posts
from tracker.domain.audience import followers_at, observed, unchanged_after
from tracker.domain.batch import REPEAT_WINDOW_DAYS, Batch
from tracker.domain.counters import DAY, MINUTE
from tracker.domain.events import (
    METRICS,
    AnyEvent,
    AudienceObservedEvent,
    CommentCreated,
    CommentCreatedEvent,
    CommentEditedEvent,
    CommentHidden,
    CommentHiddenEvent,
    CommentRemoved,
    CommentRemovedEvent,
    Fact,
    PostEditedEvent,
    PostFact,
    PostPublishedEvent,
    PostRemovedEvent,
    PostRestoredEvent,
    ReactionAdded,
    ReactionAddedEvent,
    ReactionObservedEvent,
    ReactionRemovedEvent,
    Source,
)
from tracker.domain.observing import take_in
from tracker.domain.pieces import account_term, comment_piece, post_piece
from tracker.domain.posts import DELETED, HIDDEN, LIVE, REMOVED, VISIBLE, Draft

_STANDING: Mapping[type[Fact], int] = {CommentRemoved: DELETED, CommentHidden: HIDDEN}


def _looks(batch: Batch, event: PostPublishedEvent | PostEditedEvent) -> str | None:
    fact = event.data
    draft = batch.draft(fact)
    changed = posts.describe(draft, fact)
    posts.stands(draft, fact.observed_at, LIVE)
    published_at = fact.occurred_at if isinstance(event, PostPublishedEvent) else None
    _place(batch, draft, fact, event.source, published_at=published_at, changed=changed)
    return None


def _removed(batch: Batch, event: PostRemovedEvent) -> str | None:
    draft = batch.draft(event.data)
    posts.stands(draft, event.data.observed_at, REMOVED)
    _place(batch, draft, event.data, event.source)
    return None


def _restored(batch: Batch, event: PostRestoredEvent) -> str | None:
    draft = batch.draft(event.data)
    posts.stands(draft, event.data.observed_at, LIVE)
    _place(batch, draft, event.data, event.source)
    return None


def _reactions(batch: Batch, event: ReactionObservedEvent) -> None:
    """Running totals wait, unless they say anew when the post came to be."""
    fact = event.data
    draft = batch.drafts_by_place.get((fact.platform, fact.account, fact.post)) or batch.draft(fact)
    post = draft.post
    if post.published_at is None or fact.observed_at < post.seen_at:
        _place(batch, draft, fact, event.source, published_at=fact.published_at)
    draft.waiting.append(event)


def _increment(batch: Batch, event: ReactionAddedEvent | ReactionRemovedEvent) -> str | None:
    fact = event.data
    at = _instant(fact)
    day = at // DAY
    if batch.observed >= 0 and day < batch.observed // DAY - REPEAT_WINDOW_DAYS:
        return (
            f"an increment of day {day} (since the epoch), more than {REPEAT_WINDOW_DAYS} days before the latest event "
            f"(day {batch.observed // DAY}): whether {fact.reaction!r} was counted can no longer be known. It was not "
            "counted; the next observation of the post makes its number right again"
        )
    if not batch.count_once(fact):
        return None
    draft = batch.draft(fact)
    _place(batch, draft, fact, event.source)
    amount: Literal[1, -1] = -1
    if isinstance(fact, ReactionAdded):
        amount = 1
        posts.reacted(draft, at)
    take_in(draft)
    posts.add(draft, METRICS.index(fact.metric), amount, at=at, observed_at=fact.observed_at)
    return None


def _comment(
    batch: Batch, event: CommentCreatedEvent | CommentEditedEvent | CommentRemovedEvent | CommentHiddenEvent
) -> str | None:
    fact = event.data
    key = comment_piece(fact.platform, fact.account, fact.post, fact.comment)
    before = batch.state(key, posts.Comment)
    draft = batch.draft(fact)
    _place(batch, draft, fact, event.source)
    after = posts.Comment((fact.observed_at, _STANDING.get(type(fact), VISIBLE)))
    if before is None or after.standing > before.standing:
        posts.comment_stands(draft, before, after)
        batch.states[key] = after
    if isinstance(fact, CommentCreated):
        posts.reacted(draft, _instant(fact))
    return None


def _place(
    batch: Batch,
    draft: Draft,
    fact: PostFact,
    source: Source,
    *,
    published_at: int | None = None,
    changed: bool = False,
) -> None:
    """Settle where and when the post stands, after one more statement about it. `changed`: what it carries did."""
    post = draft.post
    at = fact.observed_at
    moved = False
    if at < post.seen_at or (published_at is not None and post.published_at is None):
        take_in(draft)
        moved = posts.seen(draft, at, published_at)
    if moved:
        account = batch.account(fact.platform, fact.account)
        account.newest = max(account.newest, post.at)
        post.followers = followers_at(account.followers, post.at)
    if moved or changed:
        batch.rematch(post_piece(fact.platform, fact.account, fact.post), draft, at // MINUTE)
    if source == "poll" and (post.polled_at is None or at > post.polled_at):
        post.polled_at = at
    if draft.ledger is not None:
        draft.ledger.renew(source, at)


def _audience(batch: Batch, event: AudienceObservedEvent) -> str | None:
    fact = event.data
    account = batch.account(fact.platform, fact.account)
    if event.source == "poll" and (account.polled_at is None or fact.observed_at > account.polled_at):
        account.polled_at = fact.observed_at
    if fact.followers is None:
        return None
    before, after = account.followers, observed(account.followers, fact.observed_at, fact.followers)
    if after is before:
        return None
    account.followers = after
    if unchanged_after(before, after) <= account.newest:
        for key in batch.led_to((account_term(fact.platform, fact.account),)):
            post = batch.piece(key)
            if isinstance(post, posts.Post) and followers_at(after, post.at) != post.followers:
                batch.draft_of(key, post).post.followers = followers_at(after, post.at)
    return None


def _instant(fact: Fact) -> int:
    return fact.observed_at if fact.occurred_at is None else fact.occurred_at


ACTIVITY_STEPS: Mapping[type[AnyEvent], Callable[[Batch, Any], str | None]] = {
    ReactionObservedEvent: _reactions,
    PostPublishedEvent: _looks,
    PostEditedEvent: _looks,
    PostRemovedEvent: _removed,
    PostRestoredEvent: _restored,
    ReactionAddedEvent: _increment,
    ReactionRemovedEvent: _increment,
    CommentCreatedEvent: _comment,
    CommentEditedEvent: _comment,
    CommentRemovedEvent: _comment,
    CommentHiddenEvent: _comment,
    AudienceObservedEvent: _audience,
}
