"""State turned into facts: what a rule is shown of a post and of an account.

1. Nothing is concluded and nothing is lost that a rule may ask for: a register becomes what it says and when it was
   seen, a mark for "never" becomes None.
2. How a post counts is read from its matches, which were settled when it was counted; nothing is matched anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracker.domain.audience import Account
from tracker.domain.events import Instant
from tracker.domain.facts import AccountFacts, PostFacts, Said
from tracker.domain.posts import LIVE, Post


def post_facts(post: Post, *, campaign: str | None, creator: str) -> PostFacts:
    """What is known of a post, as `campaign` sees it (None: as nobody in particular does).

    `creator` is the id of whoever it is of ("": a stranger).
    """
    seen_at, standing = post.presence
    return PostFacts(
        platform=post.platform,
        account=post.account,
        post=post.post,
        creator=creator,
        how=next((match.how for match in post.matches if match.campaign == campaign), None),
        campaigns=tuple(match.campaign for match in post.matches),
        seen_at=post.seen_at,
        published_at=post.published_at,
        live=standing == LIVE,
        live_at=_instant(seen_at),
        permalink=None if post.permalink is None else post.permalink[1],
        title=_said(post.title),
        text=_said(post.text),
        medium=None if post.medium is None else post.medium[1],
        paid_label=_said(post.paid_label),
        edited=post.edited,
        totals=tuple(post.totals),
        observed_at=_instants(post.observed_at),
        # While it is unknown when the post was published, its rows are told by instants, and are no curve.
        curve=() if post.published_at is None else tuple(post.curve),
        first_reaction_at=post.reacted_at,
        followers=post.followers,
        comments=post.comments,
        tags=post.tags,
        mentions=post.mentions,
        links=post.links,
        polled_at=post.polled_at,
    )


def account_facts(platform: str, account: str, known: Account | None) -> AccountFacts:
    """What is known of an account; `known` None: nothing."""
    if known is None:
        return AccountFacts(platform=platform, account=account)
    return AccountFacts(platform=platform, account=account, followers=known.followers, polled_at=known.polled_at)


def _said(register: tuple[Instant, str] | tuple[Instant, bool] | None) -> Said | None:
    return None if register is None else Said(*register)


def _instant(at: int) -> Instant | None:
    return at if at >= 0 else None


def _instants(each: Sequence[int]) -> tuple[Instant | None, ...]:
    return tuple(_instant(at) for at in each)
