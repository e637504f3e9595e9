"""The naive recount: every counter from the whole log, the plain way. The oracle of `tracker audit` and of the tests.

1. It implements docs/explanation/counting.md and nothing else. Where it is slow, that is the price of being obvious.
2. With the live core it shares the events, the definitions, the tokeniser and the names of the scopes: no other line.
3. It keeps every statement. After each event it works out anew, from all statements, what the thing concerned (a post,
   an order, a click) contributes; the change goes to the counters and, at the minute of the event, to the series.

Only answers that cannot have changed are kept: a metric's figures while no further point of it came, a post's matches
while neither the definitions nor what it carries changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Literal, NamedTuple, Protocol, TypeVar

from msgspec import Struct, field

from tracker.domain import events as ev
from tracker.domain.counters import CAMPAIGN_SCOPE, WORD_OF_MOUTH, Scope
from tracker.domain.definitions import Agreement, Campaign, Creator, Definition, Link
from tracker.domain.text import carries_link, links, mentions, normal_address, normal_mention, normal_tag, tags
from tracker.recount.post import DAY, HOUR, MINUTE, Fields, How, Post, PostKey, followers_at, instant, post_fields
from tracker.store.base import Partition

REPEAT_WINDOW_DAYS = 7
SERIES = frozenset({*ev.METRICS, "clicks", "conversions"})

Contribution = dict[Scope, Fields]
_D = TypeVar("_D", bound=Definition)


class Placed(Protocol):
    """A decoded record with its offset in the partition."""

    @property
    def offset(self) -> int: ...
    @property
    def event(self) -> ev.AnyEvent: ...


class Refused(NamedTuple):
    """A record that the count refuses: it belongs among the dead letters."""

    offset: int
    reason: str


class Counters(Struct):
    """What one partition's log amounts to. Shapes and field names as the store has them; nothing is zero."""

    partial: dict[Scope, Fields] = field(default_factory=dict)
    minutes: dict[Scope, Fields] = field(default_factory=dict)
    hours: dict[Scope, Fields] = field(default_factory=dict)
    fresh: dict[Scope, dict[str, int]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


def recount(
    activity: Mapping[int, Iterable[Placed]],
    commerce: Mapping[int, Iterable[Placed]],
    *,
    progress: Callable[[Partition, int], None] = lambda _partition, _offset: None,
) -> dict[Partition, Counters]:
    """Count every partition of both topics from its first record; `progress` is told of each record's place."""
    found: dict[Partition, Counters] = {}
    for stage, logs in (("activity", activity), ("commerce", commerce)):
        for number, log in logs.items():
            partition = Partition(stage, number)
            found[partition] = recount_log(log, progress=partial(progress, partition))
    return found


def recount_log(log: Iterable[Placed], *, progress: Callable[[int], None] = lambda _offset: None) -> Counters:
    """Count one partition's log, which must begin with its first record."""
    count = _Count()
    for placed in log:
        count.event(placed.offset, placed.event)
        progress(placed.offset)
    return count.result()


class _Order:
    def __init__(self) -> None:
        self.recorded: ev.ConversionRecorded | None = None
        self.refunds: dict[str, ev.ConversionRefunded] = {}


class _Count:
    """One partition, while its log is read."""

    def __init__(self) -> None:
        self.definitions: dict[tuple[str, str], tuple[int, Definition | None]] = {}
        self.origins: dict[tuple[str, int], tuple[int, int]] = {}
        self.observed: int | None = None
        self.reactions: set[tuple[str, int]] = set()
        self.posts: dict[PostKey, Post] = {}
        self.posts_of: dict[tuple[str, str], list[PostKey]] = defaultdict(list)
        self.followers: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        self.orders: dict[str, _Order] = defaultdict(_Order)
        self.clicks: dict[str, ev.LinkClicked] = {}
        self.contributed: dict[object, Contribution] = {}
        self.changes = 0
        self.sorted: dict[object, object] = {}
        self.counters = Counters()

    def event(self, offset: int, event: ev.AnyEvent) -> None:
        fact: ev.Fact = event.data
        if isinstance(fact, ev.DefinitionChanged):
            if self._define(offset, fact):
                self._settle([*self.posts, *map(_order, self.orders), *map(_click, self.clicks)], fact.observed_at)
            return
        if self._is_our_duplicate(fact.origin):
            return
        concerned = self._hear(offset, event.source, fact)
        self.observed = max(self.observed or 0, fact.observed_at)
        self._settle(concerned, fact.observed_at)
        if not isinstance(fact, ev.AudienceObserved):
            for thing in concerned:
                for scope in self.contributed[thing]:
                    fresh = self.counters.fresh.setdefault(scope, {})
                    fresh[event.source] = max(fresh.get(event.source, 0), fact.observed_at)

    def result(self) -> Counters:
        for sums in (self.counters.partial, self.counters.minutes, self.counters.hours):
            for scope in list(sums):
                sums[scope] = {name: value for name, value in sums[scope].items() if value}
                if not sums[scope]:
                    del sums[scope]
        return self.counters

    # -- what is said ------------------------------------------------------------------------------------------------

    def _define(self, offset: int, fact: ev.DefinitionChanged) -> bool:
        held = fact.definition
        if held is not None and (held.__struct_config__.tag, held.id) != (fact.kind, fact.id):
            self.counters.refused.append(Refused(offset, "the definition is not the one that it says it is"))
            return False
        known, _ = self.definitions.get((fact.kind, fact.id), (0, None))
        if fact.version <= known:
            return False
        self.definitions[fact.kind, fact.id] = (fact.version, fact.definition)
        self.changes += 1
        self.sorted.clear()
        return True

    def _is_our_duplicate(self, origin: ev.Origin) -> bool:
        if origin.partition == -1:
            return False
        inbox, place = (origin.log, origin.partition), (origin.offset, origin.index)
        if inbox in self.origins and place <= self.origins[inbox]:
            return True
        self.origins[inbox] = place
        return False

    def _hear(self, offset: int, source: str, fact: ev.Fact) -> list[object]:
        """Take in one statement. The posts, orders and clicks it concerns; none if it is refused or ignored."""
        match fact:
            case ev.AudienceObserved():
                if fact.followers is not None:
                    self.followers[fact.platform, fact.account].append((fact.observed_at, fact.followers))
                return [*self.posts_of[fact.platform, fact.account]]
            case ev.LinkClicked():
                if fact.click in self.clicks:
                    return []
                self.clicks[fact.click] = fact
                return [_click(fact.click)]
            case ev.ConversionRecorded() | ev.ConversionRefunded():
                return self._hear_money(offset, fact)
            case ev.ReactionAdded() | ev.ReactionRemoved():
                if not self._counts_now(offset, fact):
                    return []
        assert isinstance(fact, ev.PostFact)
        key = (fact.platform, fact.account, fact.post)
        if key not in self.posts:
            self.posts[key] = Post(key)
            self.posts_of[fact.platform, fact.account].append(key)
        self.posts[key].hears(source, fact)
        return [key]

    def _counts_now(self, offset: int, fact: ev.ReactionAdded | ev.ReactionRemoved) -> bool:
        day = instant(fact) // DAY
        if self.observed is not None and day < self.observed // DAY - REPEAT_WINDOW_DAYS:
            self.counters.refused.append(Refused(offset, "too late to know whether it is a repeat"))
            return False
        if (fact.reaction, day) in self.reactions:
            return False
        self.reactions.add((fact.reaction, day))
        return True

    def _hear_money(self, offset: int, fact: ev.ConversionRecorded | ev.ConversionRefunded) -> list[object]:
        order = self.orders[fact.order]
        known = order.recorded if isinstance(fact, ev.ConversionRecorded) else order.refunds.get(fact.refund)
        if known is not None:
            if (known.amount, known.currency) != (fact.amount, fact.currency):
                self.counters.refused.append(Refused(offset, "known already with another amount or currency"))
            return []
        if isinstance(fact, ev.ConversionRecorded):
            order.recorded = fact
        else:
            order.refunds[fact.refund] = fact
        return [_order(fact.order)]

    # -- what it changes ---------------------------------------------------------------------------------------------

    def _settle(self, things: Iterable[object], observed_at: int) -> None:
        for thing in things:
            before, after = self.contributed.get(thing, {}), self._contribution(thing)
            self.contributed[thing] = after
            for scope in {*before, *after}:
                was, now = before.get(scope, {}), after.get(scope, {})
                for name in {name for name, _ in was.items() ^ now.items()}:
                    self._book(scope, name, now.get(name, 0) - was.get(name, 0), observed_at)

    def _book(self, scope: Scope, name: str, change: int, observed_at: int) -> None:
        _add(self.counters.partial, scope, name, change)
        if name in SERIES or name.startswith(("revenue.", "refunds.")):
            _add(self.counters.hours, scope, f"{name}@{observed_at // HOUR}", change)
            if scope.who in (CAMPAIGN_SCOPE, WORD_OF_MOUTH):
                _add(self.counters.minutes, scope, f"{name}@{observed_at // MINUTE}", change)

    # -- what counts now ---------------------------------------------------------------------------------------------

    def _contribution(self, thing: object) -> Contribution:
        match thing:
            case ("order", str(order)):
                return self._order_contribution(self.orders[order])
            case ("click", str(click)):
                link = self._known(Link).get(self.clicks[click].link)
                if link is None or link.campaign not in self._known(Campaign):
                    return {}
                return {scope: {"clicks": 1} for scope in _scopes(link.campaign, link.creator)}
            case (str(platform), str(account), str(post)):
                return self._post_contribution(self.posts[platform, account, post])
        raise AssertionError(thing)

    def _post_contribution(self, post: Post) -> Contribution:
        carried = (self.changes, post.time, post.latest("title"), post.latest("text"), post.latest("permalink"))
        if post.matched[0] != carried:
            post.matched = (carried, self._matches(post))
        if not post.matched[1]:
            return {}
        followers = followers_at(self.followers[post.platform, post.account], post.time)
        fields = post_fields(post, followers)
        return {scope: {**fields, f"posts.by.{how}": 1} for scope, how in post.matched[1]}

    def _known(self, kind: type[_D]) -> dict[str, _D]:
        """The definitions of one kind that exist, by id, in the order of their ids."""
        if kind not in self.sorted:
            self.sorted[kind] = {
                id: definition
                for (_, id), (_, definition) in sorted(self.definitions.items(), key=lambda item: item[0])
                if isinstance(definition, kind)
            }
        return self.sorted[kind]  # type: ignore[return-value]  # the key is the type of what is in it

    def _matches(self, post: Post) -> list[tuple[Scope, How]]:
        text = "\n".join(part for part in (post.latest("title"), post.latest("text")) if part is not None)
        carried = _Carried(tags(text), mentions(text), links(text))
        permalink = post.latest("permalink")
        creators = self._known(Creator)
        found: list[tuple[Scope, How]] = []
        for id, campaign in self._known(Campaign).items():
            agreements = [one for one in self._known(Agreement).values() if one.campaign == id]
            submitted = [one for one in agreements if permalink is not None and _submits(one, permalink)]
            agreed = [one for one in agreements if _agreed(one, campaign, creators.get(one.creator), post, carried)]
            tagged = any(normal_tag(tag) in carried.tags for tag in campaign.hashtags)
            if submitted:
                found += [(scope, "submitted") for scope in _scopes(id, submitted[0].creator)]
            elif agreed:
                found += [(scope, "agreement") for scope in _scopes(id, agreed[0].creator)]
            elif tagged and campaign.starts_at <= post.time < campaign.ends_at:
                found.append((Scope(id, WORD_OF_MOUTH), "word_of_mouth"))
        return found

    def _order_contribution(self, order: _Order) -> Contribution:
        recorded = order.recorded
        attributed = self._attributed(recorded) if recorded else None
        if recorded is None or attributed is None:
            return {}
        campaign, creator, how = attributed
        fields = {"conversions": 1, f"conversions.by.{how}": 1, f"revenue.{recorded.currency}": recorded.amount}
        for refund in order.refunds.values():
            name = f"refunds.{refund.currency}"
            fields[name] = fields.get(name, 0) + refund.amount
        fields["refunds"] = len(order.refunds)
        return dict.fromkeys(_scopes(campaign, creator), fields)

    def _attributed(self, order: ev.ConversionRecorded) -> tuple[str, str | None, Literal["code", "click"]] | None:
        campaigns = self._known(Campaign)
        for agreement in self._known(Agreement).values():
            codes = [_code(code) for code in agreement.codes]
            if order.code is not None and _code(order.code) in codes and agreement.campaign in campaigns:
                return agreement.campaign, agreement.creator, "code"
        link = self._known(Link).get(order.link) if order.link is not None else None
        if link is None or link.campaign not in campaigns or order.clicked_at is None:
            return None
        age = instant(order) - order.clicked_at
        if 0 <= age <= campaigns[link.campaign].attribution_days * DAY:
            return link.campaign, link.creator, "click"
        return None


class _Carried(NamedTuple):
    tags: frozenset[str]
    mentions: frozenset[str]
    links: frozenset[str]


def _order(id: str) -> tuple[str, str]:
    return ("order", id)


def _click(id: str) -> tuple[str, str]:
    return ("click", id)


def _code(code: str) -> str:
    return code.strip().casefold()


def _add(into: dict[Scope, Fields], scope: Scope, name: str, change: int) -> None:
    fields = into.setdefault(scope, {})
    fields[name] = fields.get(name, 0) + change


def _scopes(campaign: str, creator: str | None) -> list[Scope]:
    return [Scope(campaign), Scope(campaign, creator)] if creator else [Scope(campaign)]


@lru_cache(maxsize=100_000)
def _address(url: str) -> str:
    return normal_address(url)


def _submits(agreement: Agreement, permalink: str) -> bool:
    return _address(permalink) in [_address(url) for url in agreement.submitted]


def _agreed(agreement: Agreement, campaign: Campaign, creator: Creator | None, post: Post, carried: _Carried) -> bool:
    starts_at = campaign.starts_at if agreement.starts_at is None else agreement.starts_at
    ends_at = campaign.ends_at if agreement.ends_at is None else agreement.ends_at
    if creator is None or not starts_at <= post.time < ends_at:
        return False
    if agreement.platforms and post.platform not in agreement.platforms:
        return False
    if not any((ref.platform, ref.account) == (post.platform, post.account) for ref in creator.accounts):
        return False
    return (
        not (agreement.hashtags or agreement.mentions or agreement.links)
        or any(normal_tag(tag) in carried.tags for tag in agreement.hashtags)
        or any(normal_mention(name) in carried.mentions for name in agreement.mentions)
        or any(carries_link(carried.links, _address(url)) for url in agreement.links)
    )
