"""A batch at work: private copies of what it touches, and a note of what it lacks.

1. The partition is only read. A state is copied when the batch first touches it; the copy is what the batch changes.
2. What is not known is noted, and `Lacking` breaks the fold off: the batch comes again when it has been loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import copy
from typing import TypeVar

from tracker.domain.audience import Account
from tracker.domain.commerce import Click, Order
from tracker.domain.contribution import Touched, difference
from tracker.domain.counters import DAY, Ledgers, Matches
from tracker.domain.events import AnyEvent, Origin, PostFact, ReactionAdded, ReactionRemoved, Source
from tracker.domain.matching import match_post
from tracker.domain.observing import take_in
from tracker.domain.partition import Folded, Missing, PartitionState, Refusal, heard_mark
from tracker.domain.pieces import State, account_piece, post_piece, post_terms
from tracker.domain.posts import Comment, Draft, Post
from tracker.domain.rules import Rules
from tracker.domain.schedule import DueItem, item, next_look_at_account, next_look_at_post

Increment = ReactionAdded | ReactionRemoved
S = TypeVar("S", Post, Account, Comment, Order, Click)

REPEAT_WINDOW_DAYS = 7
"""So long an increment's id is kept. Platforms repeat a webhook for up to 72 h; the rest is for what we held up."""


class Lacking(Exception):
    """The batch needs what is noted in `Batch.missing`."""


class Origins:
    """The highest origin seen of each inbox partition: what is not beyond it is a duplicate of ours."""

    __slots__ = ("_index", "_known", "_log", "_offset", "_partition", "_seen")

    def __init__(self, known: Mapping[tuple[str, int], tuple[int, int]]) -> None:
        self._known = known
        self._seen: dict[tuple[str, int], tuple[int, int]] = {}
        # Those of one inbox partition mostly follow each other: its mark is kept at hand.
        self._log: str | None = None
        self._partition = self._offset = self._index = -1

    def is_beyond(self, origin: Origin) -> bool:
        """Whether an event is no duplicate of ours. From then on its origin is the highest seen."""
        if origin.partition != self._partition or origin.log != self._log:
            if origin.partition < 0:  # UNPLACED
                return True
            self._turn_to((origin.log, origin.partition))
        offset, index = origin.offset, origin.index
        if offset < self._offset or (offset == self._offset and index <= self._index):
            return False
        self._offset, self._index = offset, index
        return True

    def _turn_to(self, inbox: tuple[str, int]) -> None:
        seen = self.seen()
        self._log, self._partition = inbox
        self._offset, self._index = seen.get(inbox) or self._known.get(inbox) or (-1, -1)

    def seen(self) -> dict[tuple[str, int], tuple[int, int]]:
        """(log, inbox partition) → (offset, index) of the highest that this batch saw."""
        if self._log is not None:
            self._seen[self._log, self._partition] = (self._offset, self._index)
        return self._seen


class Batch:
    """One batch of one partition, while it is folded."""

    def __init__(self, partition: PartitionState) -> None:
        self.partition = partition
        self.rules = partition.rules
        self.missing = Missing()
        self.ledgers = Ledgers()
        self.drafts: dict[str, Draft] = {}
        """By piece key."""
        self.drafts_by_place: dict[tuple[str, str, str], Draft] = {}
        """The same by platform, account and post: most events are about a post, and its key takes time to format."""
        self.states: dict[str, State] = {}
        """New states of all but posts, by piece key."""
        self.origins = Origins(partition.origins)
        self.observed = partition.marks.get("observed", -1)
        self.heard: dict[tuple[str, Source], int] = {}
        """Platform and door → the latest `observed_at` of this batch."""
        self.counted: set[tuple[int, str]] = set()
        self.definitions: dict[str, bytes] = {}
        self.term_adds: dict[str, set[str]] = {}
        self.term_drops: dict[str, set[str]] = {}
        self.refused: list[Refusal] = []

    # -- what is known -----------------------------------------------------------------------------------------------

    def piece(self, key: str) -> State | None:
        """A piece as it is now, only to be read; None where there is none. Raises Lacking."""
        draft = self.drafts.get(key)
        if draft is not None:
            return draft.post
        state = self.states.get(key)
        if state is not None:
            return state
        try:
            return self.partition.states[key]
        except KeyError:
            self.missing.pieces.add(key)
            raise Lacking from None

    def state(self, key: str, kind: type[S]) -> S | None:
        """The same, of a kind that is known. Raises Lacking."""
        state = self.piece(key)
        assert state is None or isinstance(state, kind)
        return state

    def led_to(self, terms: Collection[str], besides: Collection[str] = ()) -> set[str]:
        """The pieces that these terms lead to: all of them known, and those `besides`. Raises Lacking."""
        self.missing.terms.update(term for term in terms if term not in self.partition.terms)
        keys: set[str] = set()
        for term in terms:
            stored = self.partition.terms.get(term, frozenset())
            keys |= (stored - self.term_drops.get(term, set())) | self.term_adds.get(term, set())
        for needed in (keys, besides):
            self.missing.pieces.update(key for key in needed if not self._knows(key))
        if self.missing:
            raise Lacking
        return keys

    def _knows(self, key: str) -> bool:
        return key in self.partition.states or key in self.drafts or key in self.states

    def count_once(self, fact: Increment) -> bool:
        """Whether an increment counts: it was not counted before. Raises Lacking."""
        place = counted_place(fact)
        if place in self.counted:
            return False
        known = self.partition.counted.get(place)
        if known is None:
            self.missing.ids.setdefault(place[0], set()).add(place[1])
            raise Lacking
        if not known:
            self.counted.add(place)
        return not known

    def hear(self, event: AnyEvent) -> None:
        """Note when a platform was last heard of, by which door."""
        place = (event.data.platform, event.source)
        if event.data.observed_at > self.heard.get(place, -1):
            self.heard[place] = event.data.observed_at

    # -- private copies ----------------------------------------------------------------------------------------------

    def draft(self, fact: PostFact) -> Draft:
        """The post that a statement is about, to be changed. Raises Lacking."""
        place = (fact.platform, fact.account, fact.post)
        draft = self.drafts_by_place.get(place)
        if draft is None:
            key = post_piece(*place)
            draft = self.drafts.get(key)
            if draft is None:
                known = self.state(key, Post)
                draft = self.drafts[key] = Draft.new(*place) if known is None else self._copied(known)
            self.drafts_by_place[place] = draft
        return draft

    def draft_of(self, key: str, post: Post) -> Draft:
        """A post that is known, to be changed."""
        draft = self.drafts.get(key)
        if draft is None:
            draft = self.drafts[key] = self._copied(post)
        return draft

    def account(self, platform: str, account: str) -> Account:
        """An account, to be changed. Raises Lacking."""
        key = account_piece(platform, account)
        mine = self.states.get(key)
        if mine is None:
            known = self.state(key, Account)
            mine = self.states[key] = Account(platform, account) if known is None else copy(known)
        assert isinstance(mine, Account)
        return mine

    def own_rules(self) -> Rules:
        """The definitions, to be changed."""
        if self.rules is self.partition.rules:
            self.rules = self.rules.copy()
        return self.rules

    def _copied(self, post: Post) -> Draft:
        return Draft.of(post, self.ledgers.of(post.matches, "posts"))

    # -- what follows ------------------------------------------------------------------------------------------------

    def rematch(self, key: str, draft: Draft, minute: int) -> None:
        """Find anew where a post counts, and lead to it from what it now carries."""
        take_in(draft)
        post = draft.post
        terms = post_terms(post)
        before = (set() if draft.old is None else post_terms(draft.old)) if draft.terms is None else draft.terms
        draft.terms = terms
        self.relead(key, before, terms)
        matches = match_post(post, self.rules)
        if matches != post.matches:
            post.matches = matches
            draft.move(self.ledgers.of(matches, "posts"), minute)

    def relead(self, key: str, before: set[str], after: set[str]) -> None:
        """Lead to a piece from other terms than before."""
        for term in after - before:
            self.term_adds.setdefault(term, set()).add(key)
            self.term_drops.get(term, set()).discard(key)
        for term in before - after:
            self.term_drops.setdefault(term, set()).add(key)
            self.term_adds.get(term, set()).discard(key)

    def next_look(self, post: Post) -> int | None:
        """When a post is due to be looked at. None: not at all."""
        if self.partition.stage != "activity" or "post" not in self.partition.polls.get(post.platform, ()):
            return None
        until = self.rules.watched_until(post.platform, post.account)
        return next_look_at_post(post, until, self.partition.cadence)

    def _next_look_at(self, account: Account) -> int | None:
        if self.partition.stage != "activity" or "account" not in self.partition.polls.get(account.platform, ()):
            return None
        until = self.rules.watched_until(account.platform, account.account)
        return next_look_at_account(account, until, self.partition.cadence)

    # -- the end -----------------------------------------------------------------------------------------------------

    def folded(self) -> Folded:
        """All that the batch changes."""
        due: dict[str, int | None] = {}
        for key, draft in self.drafts.items():
            take_in(draft)
            self._count(draft)
            post = draft.post
            look = self.next_look(post)
            if look != post.due:
                post.due = look
                due[item(DueItem(platform=post.platform, account=post.account, post=post.post))] = look
            self.states[key] = post
        for state in self.states.values():
            if isinstance(state, Account) and (look := self._next_look_at(state)) != state.due:
                state.due = look
                due[item(DueItem(platform=state.platform, account=state.account))] = look
        sums = self.ledgers.sums()
        day, day_before = self.observed // DAY, self.partition.marks.get("observed", -1) // DAY
        oldest = day - REPEAT_WINDOW_DAYS
        seen: dict[int, set[str]] = {}
        for counted_day, id in self.counted:
            if counted_day >= oldest:
                seen.setdefault(counted_day, set()).add(id)
        return Folded(
            states=self.states,
            increments=sums.increments,
            minutes=sums.minutes,
            hours=sums.hours,
            fresh=sums.fresh,
            definitions=self.definitions,
            origins={
                f"{log}/{inbox}": f"{offset}/{index}" for (log, inbox), (offset, index) in self.origins.seen().items()
            },
            marks=self._marks(),
            term_adds={term: keys for term, keys in self.term_adds.items() if keys},
            term_drops={term: keys for term, keys in self.term_drops.items() if keys},
            due=due,
            seen=seen,
            forget_days_before=oldest if day > day_before and oldest > 0 else None,
            refused=self.refused,
            touched={scope.campaign for part in sums for scope in part},
            rules=self.rules,
        )

    def _marks(self) -> dict[str, int]:
        """The marks that are higher than before."""
        reached = {heard_mark(*place): at for place, at in self.heard.items()} | {"observed": self.observed}
        return {name: at for name, at in reached.items() if at > self.partition.marks.get(name, -1)}

    def _count(self, draft: Draft) -> None:
        """Give the ledgers what the post contributes more than before the batch."""
        draft.settle()
        old, new = draft.old, draft.post
        before: Matches = () if old is None else old.matches
        if before == new.matches:
            if draft.ledger is not None:
                difference(draft.ledger.counts, old, new, Touched(draft.values, draft.tails, draft.anywhere))
            return
        for sign, matches in ((-1, before), (1, new.matches)):
            ledger = self.ledgers.of(matches, "posts")
            if ledger is not None:
                ledger.matched += sign
                difference(ledger.counts, old if sign < 0 else None, new if sign > 0 else None)


def counted_place(fact: Increment) -> tuple[int, str]:
    """The day of an increment and its id, as the store keeps it.

    The day stands in the id too: the store answers for many days with one set of ids.
    """
    day = (fact.observed_at if fact.occurred_at is None else fact.occurred_at) // DAY
    return day, f"{day}/{fact.reaction}"
