"""Reading the store whole: all that is known of a campaign, or of the pipeline, put together for whoever judges it.

1. The store is only read. A piece that did not change since it was last read is not decoded again.
2. What is defined is taken from the book; what counts for what, from the posts' own matches. So while a changed
   definition is on its way through the partitions, posts count as the partitions still see it.
3. A partition is read in several steps, posts before sums. What is counted in between is in the sums alone: where
   nothing is, the posts of a scope add up to its total (assembly.py).
4. Of strangers' word of mouth the newest `others_at_most` posts are given, and a warning says what was left out. The
   total of `~wom` counts every post.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from heapq import nlargest
from typing import Protocol

import structlog

from tracker.domain.audience import Account
from tracker.domain.commerce import Order
from tracker.domain.counters import DAY, Scope
from tracker.domain.events import Instant
from tracker.domain.facts import CampaignFacts, PartitionFacts, PipelineFacts, PostFacts, QuotaFacts, RuleFailure
from tracker.domain.facts_of import post_facts
from tracker.domain.pieces import State, account_piece, account_term, decode_state, post_piece, unnamed_term
from tracker.domain.posts import Post
from tracker.domain.rules import Rules, account_key
from tracker.gather.assembly import (
    Cast,
    Found,
    assembled,
    by_age,
    creator_of,
    latest_heard,
    unattributed_codes,
    watched_accounts,
)
from tracker.sending import partition_of
from tracker.store.base import Head, Partition, Store

log = structlog.get_logger(__name__)

READ = ("inbox", "activity", "commerce")
"""The stages that have a cursor."""
COUNTED = ("activity", "commerce")
_AT_ONCE = 8
"""Partitions read at one time: each takes a connection."""
_STEP = 500
"""Pieces asked for and decoded in one go: neither the store nor this process's others wait for more."""
CODE_DAYS = 7
_NONE: frozenset[str] = frozenset()


class Book(Protocol):
    """Where definitions are looked up: tracker.definitions.following.Definitions is one."""

    @property
    def rules(self) -> Rules: ...


class Gatherer:
    """Gathers facts from one store.

    `others_at_most`: strangers' word-of-mouth posts in one campaign's facts. `remembered`: decoded pieces kept.
    """

    def __init__(
        self, store: Store, partitions: int, definitions: Book, *, others_at_most: int = 1_000, remembered: int = 20_000
    ) -> None:
        self._store = store
        self._partitions = partitions
        self._definitions = definitions
        self._others_at_most = others_at_most
        self._pieces = Pieces(remembered)
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @property
    def decoded(self) -> int:
        """Pieces decoded since the start."""
        return self._pieces.decoded

    async def campaign(self, campaign: str) -> CampaignFacts | None:
        """All that is known of a campaign; None where none is defined. Raises StoreUnreachable, UnreadableState."""
        cast = Cast.of(self._definitions.rules, campaign)
        if cast is None:
            return None
        partitions = [Partition(stage, number) for stage in COUNTED for number in range(self._partitions)]
        found = await asyncio.gather(*(self._read(partition, cast) for partition in partitions))
        crowd = sum(part.crowd_size for part in found)
        if crowd > self._others_at_most:
            log.warning(
                "word of mouth left out", campaign=campaign, posts=crowd, given=self._others_at_most,
                next="rules see the newest posts only; the totals count all",
            )  # fmt: skip
        return assembled(cast, found, others_at_most=self._others_at_most)

    async def posts_of_account(self, platform: str, account: str) -> list[PostFacts]:
        """Every post known of an account, the oldest first. Raises StoreUnreachable, UnreadableState."""
        partition, term = self._home(platform, account), account_term(platform, account)
        keys = (await self._store.load(partition, (), (term,))).terms[term]
        posts = [post async for part in self._posts(partition, keys) for post in part]
        creator = creator_of(self._definitions.rules, platform, account)
        return [post_facts(post, campaign=None, creator=creator) for post in sorted(posts, key=by_age)]

    async def post(self, platform: str, account: str, post: str) -> PostFacts | None:
        """What is known of one post; None where nothing is. Raises StoreUnreachable, UnreadableState."""
        key = post_piece(platform, account, post)
        known = [one async for part in self._posts(self._home(platform, account), (key,)) for one in part]
        creator = creator_of(self._definitions.rules, platform, account)
        return post_facts(known[0], campaign=None, creator=creator) if known else None

    async def pipeline(
        self,
        *,
        now: Instant,
        ends: Mapping[Partition, int],
        letters: Sequence[Instant] = (),
        quotas: Sequence[QuotaFacts] = (),
        failures: Sequence[RuleFailure] = (),
    ) -> PipelineFacts:
        """What is known of the pipeline. `ends`: the next offset of each log; the lag of one left out is unknown.

        `letters`, `quotas` and `failures` are not in the store, and are handed on. `codes` are of the orders of the
        last `CODE_DAYS` days. Raises StoreUnreachable, UnreadableState.
        """
        partitions = [Partition(stage, number) for stage in READ for number in range(self._partitions)]
        accounts = watched_accounts(self._definitions.rules, now)
        heads = await asyncio.gather(*(self._head(partition) for partition in partitions))
        commerce = [partition for partition in partitions if partition.stage == "commerce"]
        orders = await asyncio.gather(*(self._unnamed(partition, now) for partition in commerce))
        return PipelineFacts(
            partitions=tuple(
                PartitionFacts(
                    stage=partition.stage,
                    number=partition.number,
                    lag=max(0, ends[partition] - head.cursor.next_offset) if partition in ends else None,
                )
                for partition, head in zip(partitions, heads, strict=True)
            ),
            letters=tuple(sorted(letters)),
            heard=latest_heard(head.marks for head in heads),
            watched=tuple(sorted({platform for platform, _ in accounts})),
            quotas=tuple(quotas),
            failures=tuple(failures),
            codes=unattributed_codes(order for part in orders for order in part),
        )

    async def _head(self, partition: Partition) -> Head:
        async with self._slots:
            return await self._store.open(partition)

    async def _unnamed(self, partition: Partition, now: Instant) -> list[Order]:
        """The orders of the last days whose promo code no agreement names."""
        terms = {unnamed_term(now - days * DAY) for days in range(CODE_DAYS)}
        async with self._slots:
            keys = _NONE.union(*(await self._store.load(partition, (), terms)).terms.values())
            return [state async for part in self._states(partition, keys) for state in part if isinstance(state, Order)]

    async def _read(self, partition: Partition, cast: Cast) -> Found:
        found = Found()
        async with self._slots:
            if partition.stage == "activity":
                await self._read_posts(partition, cast, found)
            await self._read_sums(partition, cast.campaign.id, found)
        return found

    async def _read_posts(self, partition: Partition, cast: Cast, found: Found) -> None:
        places = [place for place in cast.owners if self._home(*place) == partition]
        own_terms = {account_term(*place) for place in places}
        pieces = [account_piece(*place) for place in places]
        loaded = await self._store.load(partition, pieces, own_terms | cast.terms)
        accounts = (state for state in self._pieces.states(loaded.pieces) if isinstance(state, Account))
        found.accounts = {(one.platform, one.account): one for one in accounts}
        own = _NONE.union(*(loaded.terms[term] for term in own_terms))
        led_to = _NONE.union(*(loaded.terms[term] for term in cast.terms)) - own
        async for part in self._posts(partition, own):
            found.own += part
        async for part in self._posts(partition, led_to):
            matched = [(post, match) for post in part if (match := cast.match(post)) is not None]
            found.submitted += [post for post, match in matched if match.how != "word_of_mouth"]
            crowd = [post for post, match in matched if match.how == "word_of_mouth"]
            found.crowd_size += len(crowd)
            found.crowd = nlargest(self._others_at_most, found.crowd + crowd, key=by_age)

    async def _read_sums(self, partition: Partition, campaign: str, found: Found) -> None:
        scopes = {scope for scope in await self._store.scopes(partition) if scope.campaign == campaign}
        for scope in sorted(scopes):
            found.totals[scope.who] = await self._store.partial(partition, scope)
            found.fresh[scope.who] = await self._store.freshness(partition, scope)
        if Scope(campaign) in scopes:
            found.minutes = await self._store.series(partition, Scope(campaign), unit="minute")
            found.hours = await self._store.series(partition, Scope(campaign), unit="hour")

    async def _posts(self, partition: Partition, keys: Collection[str]) -> AsyncIterator[list[Post]]:
        """The posts among these pieces, some hundreds at a time."""
        async for part in self._states(partition, keys):
            yield [state for state in part if isinstance(state, Post)]

    async def _states(self, partition: Partition, keys: Collection[str]) -> AsyncIterator[list[State]]:
        ordered = sorted(keys)
        for start in range(0, len(ordered), _STEP):
            loaded = await self._store.load(partition, ordered[start : start + _STEP], ())
            yield self._pieces.states(loaded.pieces)

    def _home(self, platform: str, account: str) -> Partition:
        return Partition("activity", partition_of(account_key(platform, account).encode(), self._partitions))


class Pieces:
    """Decoded pieces, by their bytes: those used last, at most `limit`. They are shared, and only to be read."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: OrderedDict[str, tuple[bytes, State]] = OrderedDict()
        self.decoded = 0

    def states(self, pieces: Mapping[str, bytes | None]) -> list[State]:
        """Those that exist, decoded. Raises UnreadableState."""
        return [self._state(key, value) for key, value in pieces.items() if value is not None]

    def _state(self, key: str, value: bytes) -> State:
        known = self._known.pop(key, None)
        if known is None or known[0] != value:
            self.decoded += 1
            known = (value, decode_state(key, value))
        self._known[key] = known
        if len(self._known) > self._limit:
            self._known.popitem(last=False)
        return known[1]
