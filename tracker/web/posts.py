"""Posts and creators: the posts of a campaign, one post with its curve, a creator's posts beside their normal ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from tracker.domain.audience import Account
from tracker.domain.counters import How
from tracker.domain.definitions import AccountRef, Agreement, Creator
from tracker.domain.events import METRICS, Instant, Metric
from tracker.domain.facts import PostFacts, Said
from tracker.domain.figures import SHARE_DIGITS, Unit
from tracker.domain.pieces import account_piece, decode_state
from tracker.domain.rules import account_key
from tracker.sending import partition_of
from tracker.store.base import Partition
from tracker.web.index import CreatorSort
from tracker.web.lists import chosen, holds
from tracker.web.numbers import Number, of_post
from tracker.web.problems import not_found
from tracker.web.query import Paged, Search, Slug
from tracker.web.routes import Call, Route

PostSort = Literal["-published", "-likes", "-comments", "-views"]
_SORTED_BY: Final[Mapping[PostSort, Metric]] = {"-likes": "likes", "-comments": "comments", "-views": "views"}
NEWEST = 50
"""So many of a creator's posts of each kind are shown with the creator."""


class PostsQuery(Paged, frozen=True, kw_only=True):
    creator: Slug | None = None
    platform: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")] | None = None
    how: Literal["submitted", "agreement", "word_of_mouth"] | None = None
    live: (
        Annotated[bool, Meta(description="Only posts that can be seen (true), or that no longer can (false).")] | None
    ) = None
    sort: Annotated[
        PostSort, Meta(description="Of equal ones the platform, account and post decide; unknown is last.")
    ] = "-published"


class PostSummary(Struct, frozen=True, kw_only=True):
    """A post. `creator` "": a stranger's. `label`: the platform's own label as advertising; null: unknown."""

    platform: str
    account: str
    post: str
    creator: str
    how: How | None
    campaigns: tuple[str, ...]
    published_at: Instant | None
    seen_at: Instant
    live: bool
    live_at: Annotated[Instant | None, Meta(description="when it was last seen to be so; null: assumed")]
    edited: bool
    permalink: str | None
    medium: str | None
    label: Said | None
    numbers: tuple[Number, ...]


class PostPage(Struct, frozen=True, kw_only=True):
    items: tuple[PostSummary, ...]
    next: str | None


class CurveRow(Struct, frozen=True, kw_only=True):
    """One observation that is kept: running totals at an age of the post. null: not named by it (or no longer kept)."""

    age_ms: int
    definition: str
    totals: Annotated[tuple[int | None, ...], Meta(description="in the order of `metrics`")]


class Comments(Struct, frozen=True, kw_only=True):
    """Single comments that are known of, which are not all there are."""

    visible: int
    hidden: int
    deleted: int


class PostDetail(Struct, frozen=True, kw_only=True):
    """One post with all that is known of it. `curve` is empty while it is unknown when it was published."""

    post: PostSummary
    title: Said | None
    text: Said | None
    tags: tuple[str, ...]
    mentions: tuple[str, ...]
    links: tuple[str, ...]
    first_reaction_at: Instant | None
    polled_at: Instant | None
    comments: Comments
    metrics: tuple[Metric, ...]
    curve: tuple[CurveRow, ...]


class CreatorsQuery(Paged, frozen=True, kw_only=True):
    search: Search = None
    campaign: Slug | None = None
    platform: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")] | None = None
    sort: CreatorSort = "name"


class CreatorSummary(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    accounts: tuple[AccountRef, ...]
    campaigns: tuple[str, ...]


class CreatorPage(Struct, frozen=True, kw_only=True):
    items: tuple[CreatorSummary, ...]
    next: str | None


class Followers(Struct, frozen=True, kw_only=True):
    """The first observation of a UTC day."""

    at: Instant
    followers: int


class AccountDetail(Struct, frozen=True, kw_only=True):
    """An account, and how many followed it day by day. `followers` null in `now`: no source said so far."""

    platform: str
    account: str
    handle: str | None
    now: Number
    followers: tuple[Followers, ...]
    polled_at: Instant | None


class Posts(Struct, frozen=True, kw_only=True):
    """Posts of one kind: how many are known, medians over those, and the newest ones."""

    count: int
    medians: tuple[Number, ...]
    newest: tuple[PostSummary, ...]


class CreatorDetail(Struct, frozen=True, kw_only=True):
    """A creator. `promoted`: the posts that count for a campaign; `normal`: those that count for none, the baseline."""

    definition: Creator
    agreements: tuple[Agreement, ...]
    accounts: tuple[AccountDetail, ...]
    promoted: Posts
    normal: Posts


async def posts_of_campaign(call: Call) -> PostPage:
    query: PostsQuery = call.query
    facts = await call.parts.gatherer.campaign(call.path["campaign"])
    posts = () if facts is None else facts.posts()
    rows = sorted(
        (
            (_key(post, query.sort), post)
            for post in posts
            if (query.creator is None or post.creator == query.creator)
            and (query.platform is None or post.platform == query.platform)
            and (query.how is None or post.how == query.how)
            and (query.live is None or post.live == query.live)
        ),
        key=lambda row: row[0],
    )
    found, following = chosen(call, rows)
    return PostPage(items=tuple(_summary(call, post) for post in found), next=following)


def _key(post: PostFacts, sort: PostSort) -> tuple[int | str, ...]:
    place = post.platform, post.account, post.post
    metric = _SORTED_BY.get(sort)
    if metric is None:
        return (-post.at, *place)
    value = post.total(metric)
    return (1 if value is None else -value, *place)


def _summary(call: Call, post: PostFacts) -> PostSummary:
    return PostSummary(
        platform=post.platform,
        account=post.account,
        post=post.post,
        creator=post.creator,
        how=post.how,
        campaigns=tuple(filter(call.who.sees, post.campaigns)),
        published_at=post.published_at,
        seen_at=post.seen_at,
        live=post.live,
        live_at=post.live_at,
        edited=post.edited,
        permalink=post.permalink,
        medium=post.medium,
        label=post.paid_label,
        numbers=of_post(post, call.now),
    )


async def post(call: Call) -> PostDetail:
    place = call.path["platform"], call.path["account"], call.path["post"]
    found = await call.parts.gatherer.post(*place)
    if found is None or not _may_see(call, found):
        raise not_found("nothing is known of this post")
    visible, hidden, deleted = found.comments
    return PostDetail(
        post=_summary(call, found),
        title=found.title,
        text=found.text,
        tags=found.tags,
        mentions=found.mentions,
        links=found.links,
        first_reaction_at=found.first_reaction_at,
        polled_at=found.polled_at,
        comments=Comments(visible=visible, hidden=hidden, deleted=deleted),
        metrics=METRICS,
        curve=tuple(CurveRow(age_ms=row[0], definition=row[2], totals=row[3:]) for row in found.curve),
    )


def _may_see(call: Call, post: PostFacts) -> bool:
    """A post of a campaign that the token sees, or a normal one of a creator of such a campaign."""
    if call.who.campaigns is None or any(map(call.who.sees, post.campaigns)):
        return True
    return not post.campaigns and post.creator != "" and _sees_creator(call, post.creator)


def _sees_creator(call: Call, creator: str) -> bool:
    return call.who.campaigns is None or bool(call.index.campaigns_of(creator) & call.who.campaigns)


async def creators(call: Call) -> CreatorPage:
    query: CreatorsQuery = call.query
    if query.campaign is not None:
        call.campaign(query.campaign)
    rows = [
        (key, one)
        for key, one in call.index.creators(query.sort)
        if _sees_creator(call, one.id)
        and (query.campaign is None or query.campaign in call.index.campaigns_of(one.id))
        and (query.platform is None or any(each.platform == query.platform for each in one.accounts))
        and holds(query.search, one.id, one.name, *(each.handle for each in one.accounts))
    ]
    found, following = chosen(call, rows)
    return CreatorPage(
        items=tuple(
            CreatorSummary(
                id=one.id,
                name=one.name,
                accounts=one.accounts,
                campaigns=tuple(sorted(filter(call.who.sees, call.index.campaigns_of(one.id)))),
            )
            for one in found
        ),
        next=following,
    )


async def creator(call: Call) -> CreatorDetail:
    id = call.path["creator"]
    rules = call.parts.definitions.rules
    definition = rules.creators.get(id)
    if definition is None or not _sees_creator(call, id):
        raise not_found(f"there is no creator `{id[:100]}`")
    gatherer = call.parts.gatherer
    places = [(one.platform, one.account) for one in definition.accounts]
    by_account = await asyncio.gather(*(gatherer.posts_of_account(*place) for place in places))
    accounts = await asyncio.gather(*(_account(call, one) for one in definition.accounts))
    posts = [post for part in by_account for post in part]
    agreements = (rules.agreements[one].agreement for one in sorted(rules.agreements_by_creator.get(id, ())))
    return CreatorDetail(
        definition=definition,
        agreements=tuple(one for one in agreements if call.who.sees(one.campaign)),
        accounts=tuple(accounts),
        promoted=_posts(call, [post for post in posts if any(map(call.who.sees, post.campaigns))]),
        normal=_posts(call, [post for post in posts if not post.campaigns]),
    )


async def _account(call: Call, ref: AccountRef) -> AccountDetail:
    piece = account_piece(ref.platform, ref.account)
    number = partition_of(account_key(ref.platform, ref.account).encode(), call.parts.topics.partitions)
    value = (await call.parts.store.load(Partition("activity", number), [piece], [])).pieces[piece]
    state = None if value is None else decode_state(piece, value)
    known = state if isinstance(state, Account) else Account(ref.platform, ref.account)
    at, followers = known.followers[-1] if known.followers else (None, None)
    return AccountDetail(
        platform=ref.platform,
        account=ref.account,
        handle=ref.handle,
        now=Number(
            name="followers",
            value=followers,
            unit="count",
            basis="first observation of the newest day" if followers is not None else "no source said so far",
            sources=None,
            at=at,
            age_ms=None if at is None else max(0, call.now - at),
        ),
        followers=tuple(Followers(at=day, followers=count) for day, count in known.followers),
        polled_at=known.polled_at,
    )


def _posts(call: Call, posts: Sequence[PostFacts]) -> Posts:
    newest = sorted(posts, key=lambda post: (-post.at, post.platform, post.account, post.post))[:NEWEST]
    return Posts(
        count=len(posts),
        medians=tuple(_medians(posts, call.now)),
        newest=tuple(_summary(call, post) for post in newest),
    )


def _medians(posts: Sequence[PostFacts], now: Instant) -> Iterable[Number]:
    rates = [_rate(post) for post in posts]
    yield _median(
        "engagement_rate.followers", rates, posts, "share", "(likes + comments) / followers at post time", now
    )
    for metric in ("likes", "comments", "views"):
        values = [post.totals[METRICS.index(metric)] for post in posts]
        yield _median(metric, values, posts, "count", "last known value", now)


def _median(
    name: str,
    values: Sequence[int | Decimal | None],
    posts: Sequence[PostFacts],
    unit: Unit,
    what: str,
    now: Instant,
) -> Number:
    """The median of what is known; of an even number the mean of the middle two."""
    known = sorted(value for value in values if value is not None)
    at = max((post.newest_at for post, value in zip(posts, values, strict=True) if value is not None), default=None)
    middle = None if not known else Decimal(known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2
    digits = SHARE_DIGITS if unit == "share" else Decimal("0.1")
    return Number(
        name=f"median.{name}",
        value=None if middle is None else str(middle.quantize(digits, ROUND_HALF_EVEN)),
        unit=unit,
        basis=f"median post: {what}; {len(known)} of {len(values)} posts known",
        known=len(known),
        unknown=len(values) - len(known),
        sources=None,
        at=at,
        age_ms=None if at is None else max(0, now - at),
    )


def _rate(post: PostFacts) -> Decimal | None:
    likes, comments = post.total("likes"), post.total("comments")
    if likes is None or comments is None or not post.followers:
        return None
    return Decimal(likes + comments) / post.followers


ROUTES = (
    Route(
        method="GET",
        path="/v1/campaigns/{campaign}/posts",
        role="viewer",
        reach="campaign",
        tag="campaigns",
        summary="The posts that count for a campaign",
        description="Strangers' word-of-mouth posts are given up to a number, the newest ones; totals count them all.",
        query=PostsQuery,
        answer=PostPage,
        handler=posts_of_campaign,
    ),
    Route(
        method="GET",
        path="/v1/creators",
        role="viewer",
        reach="filtered",
        tag="creators",
        summary="List creators",
        query=CreatorsQuery,
        answer=CreatorPage,
        errors=(404,),
        handler=creators,
    ),
    Route(
        method="GET",
        path="/v1/creators/{creator}",
        role="viewer",
        reach="filtered",
        tag="creators",
        summary="One creator: accounts, followers over time, campaign posts beside normal ones",
        answer=CreatorDetail,
        errors=(404,),
        handler=creator,
    ),
    Route(
        method="GET",
        path="/v1/posts/{platform}/{account}/{post}",
        role="viewer",
        reach="filtered",
        tag="posts",
        summary="One post: what it says, how it stands, and its curve",
        answer=PostDetail,
        errors=(404,),
        handler=post,
    ),
)
