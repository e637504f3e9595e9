"""Who belongs to a campaign, and what was read of them, put together.

1. Pure: the book and what the partitions answered go in, facts come out.
2. A post stands in one list: with the creator whose account it is of, if it counts for that creator or (word of mouth)
   for nobody in particular; else among `others`. One that counts for other campaigns only stands in none.
3. The posts of a scope add up to its total. Those of `~wom` count by word of mouth; those of "" otherwise; those of a
   creator are the ones of "" that have its id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from heapq import nlargest

from msgspec import Struct, field

from tracker.domain.audience import Account
from tracker.domain.commerce import Order
from tracker.domain.counters import Match
from tracker.domain.definitions import Agreement, Campaign, Creator, Link
from tracker.domain.events import Instant
from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts, UnattributedCode
from tracker.domain.facts_of import account_facts, post_facts
from tracker.domain.partition import read_heard
from tracker.domain.posts import Post
from tracker.domain.rules import Rules, account_key, normal_code

AccountPlace = tuple[str, str]
"""Platform and account."""

_NONE: frozenset[str] = frozenset()
_MINUTES_KEPT = 2 * 24 * 60


class Cast(Struct, frozen=True, kw_only=True):
    """A campaign with all that is defined around it. Creators that are not defined (yet) are left out."""

    campaign: Campaign
    creators: Mapping[str, Creator]
    agreements: Mapping[str, Sequence[Agreement]]
    """Of each creator, in the order of their ids."""
    owners: Mapping[AccountPlace, Sequence[str]]
    """Account → the creators that have it, in the order of their ids."""
    links: Sequence[Link]
    terms: frozenset[str]
    """The index terms that lead to strangers' posts: the campaign's hashtags, and the submitted addresses."""

    @classmethod
    def of(cls, rules: Rules, campaign: str) -> Cast | None:
        """What the book says of a campaign; None where it has none of that id."""
        known = rules.campaigns.get(campaign)
        if known is None:
            return None
        wanted = [rules.agreements[id] for id in sorted(rules.agreements_by_campaign.get(campaign, _NONE))]
        agreements: dict[str, list[Agreement]] = {}
        for one in wanted:
            if one.agreement.creator in rules.creators:
                agreements.setdefault(one.agreement.creator, []).append(one.agreement)
        creators = {id: rules.creators[id] for id in sorted(agreements)}
        owners: dict[AccountPlace, list[str]] = {}
        for id, creator in creators.items():
            for place in dict.fromkeys((account.platform, account.account) for account in creator.accounts):
                owners.setdefault(place, []).append(id)
        addresses = _NONE.union(*(one.addresses for one in wanted))
        return cls(
            campaign=known,
            creators=creators,
            agreements=agreements,
            owners=owners,
            links=[rules.links[id] for id in sorted(rules.links_by_campaign.get(campaign, _NONE))],
            terms=frozenset(f"tag:{tag}" for tag in rules.campaign_tags.get(campaign, _NONE))
            | frozenset(f"address:{address}" for address in addresses),
        )

    def match(self, post: Post) -> Match | None:
        """How a post counts for the campaign; None: it does not."""
        return next((match for match in post.matches if match.campaign == self.campaign.id), None)


class Found(Struct):
    """What one partition has of a campaign. The sums are by scope: docs/explanation/counting.md."""

    accounts: dict[AccountPlace, Account] = field(default_factory=dict)
    own: list[Post] = field(default_factory=list)
    """Every post of the creators' accounts."""
    submitted: list[Post] = field(default_factory=list)
    """Posts of other accounts that count because their address was submitted."""
    crowd: list[Post] = field(default_factory=list)
    """Posts of other accounts that count by word of mouth: the newest ones."""
    crowd_size: int = 0
    """How many of these there are."""
    totals: dict[str, Mapping[str, int]] = field(default_factory=dict)
    fresh: dict[str, Mapping[str, int]] = field(default_factory=dict)
    minutes: Mapping[str, int] = field(default_factory=dict)
    hours: Mapping[str, int] = field(default_factory=dict)


def assembled(cast: Cast, found: Sequence[Found], *, others_at_most: int) -> CampaignFacts:
    """The facts of a campaign, of what all its partitions have. Of strangers' word of mouth the newest is given."""
    lists = _Lists(cast)
    for post in (post for part in found for post in part.own):
        lists.take(post)
    crowd = nlargest(others_at_most, (post for part in found for post in part.crowd), key=by_age)
    for post in (*crowd, *(post for part in found for post in part.submitted)):
        lists.take_strangers(post)
    accounts = {place: account for part in found for place, account in part.accounts.items()}
    return CampaignFacts(
        campaign=cast.campaign,
        creators=tuple(
            CreatorFacts(
                creator=creator,
                agreements=tuple(cast.agreements[id]),
                accounts=tuple(
                    account_facts(*place, accounts.get(place)) for place, owners in cast.owners.items() if id in owners
                ),
                posts=_sorted(lists.posts.get(id, ())),
                normal=_sorted(lists.normal.get(id, ())),
            )
            for id, creator in cast.creators.items()
        ),
        others=_sorted(lists.others),
        links=tuple(cast.links),
        totals=_added_by_scope(part.totals for part in found),
        fresh=_latest_by_scope(part.fresh for part in found),
        minutes=_latest(_added(part.minutes for part in found)),
        hours=_added(part.hours for part in found),
    )


class _Lists:
    """The posts, each in its list (law 2)."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self.posts: dict[str, list[PostFacts]] = {}
        self.normal: dict[str, list[PostFacts]] = {}
        self.others: list[PostFacts] = []

    def take(self, post: Post) -> None:
        """A post of an account that creators have."""
        owners = self._cast.owners[post.platform, post.account]
        match = self._cast.match(post)
        if match is None:
            if not post.matches:
                for owner in owners:
                    self.normal.setdefault(owner, []).append(self._facts(post, owner))
            return
        whose = match.who or owners[0]
        (self.posts.setdefault(whose, []) if whose in owners else self.others).append(self._facts(post, whose))

    def take_strangers(self, post: Post) -> None:
        """A post of another account, that counts for the campaign."""
        match = self._cast.match(post)
        self.others.append(self._facts(post, "" if match is None else match.who))

    def _facts(self, post: Post, creator: str) -> PostFacts:
        return post_facts(post, campaign=self._cast.campaign.id, creator=creator)


def watched_accounts(rules: Rules, now: Instant) -> list[AccountPlace]:
    """The accounts that an agreement of a running campaign wants looked at, sorted."""
    places: set[AccountPlace] = set()
    for campaign in rules.campaigns.values():
        if not campaign.starts_at <= now < campaign.ends_at:
            continue
        for id in rules.agreements_by_campaign.get(campaign.id, _NONE):
            agreement = rules.agreements[id].agreement
            creator = rules.creators.get(agreement.creator)
            if creator is not None and (agreement.ends_at is None or now < agreement.ends_at):
                places |= {
                    (one.platform, one.account)
                    for one in creator.accounts
                    if not agreement.platforms or one.platform in agreement.platforms
                }
    return sorted(places)


def latest_heard(marks: Iterable[Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Platform → source → the latest `observed_at`, of all partitions' marks."""
    heard: dict[str, dict[str, int]] = {}
    for (platform, source), at in (each for part in marks for each in read_heard(part).items()):
        row = heard.setdefault(platform, {})
        row[source] = max(at, row.get(source, at))
    return heard


def unattributed_codes(orders: Iterable[Order]) -> tuple[UnattributedCode, ...]:
    """The promo codes (as they are compared) of these orders, the one with the most orders first."""
    instants: dict[str, list[Instant]] = {}
    for sale in (order.sale for order in orders):
        if sale is not None and sale.code is not None:
            instants.setdefault(normal_code(sale.code), []).append(sale.at)
    codes = [UnattributedCode(code=code, orders=len(each), last_at=max(each)) for code, each in instants.items()]
    return tuple(sorted(codes, key=lambda one: (-one.orders, one.code)))


def creator_of(rules: Rules, platform: str, account: str) -> str:
    """Whose account it is (of several, the least id); "" a stranger's."""
    return min(rules.creators_by_account.get(account_key(platform, account), _NONE), default="")


def by_age(post: Post | PostFacts) -> tuple[Instant, str, str, str]:
    """The oldest first; of those of one instant, always in the same order."""
    return (post.at, post.platform, post.account, post.post)


def _sorted(posts: Collection[PostFacts]) -> tuple[PostFacts, ...]:
    return tuple(sorted(posts, key=by_age))


def _latest(minutes: dict[str, int]) -> dict[str, int]:
    """The last two days of a series: no rule looks further back by the minute, and a month has millions of bytes."""
    last = max((int(name.rpartition("@")[2]) for name in minutes), default=0)
    return {name: change for name, change in minutes.items() if int(name.rpartition("@")[2]) > last - _MINUTES_KEPT}


def _added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    into: dict[str, int] = {}
    for part in parts:
        for name, amount in part.items():
            into[name] = into.get(name, 0) + amount
    return into


def _added_by_scope(parts: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    return {scope: _added(each) for scope, each in _by_scope(parts).items()}


def _latest_by_scope(parts: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    latest: dict[str, dict[str, int]] = {}
    for scope, each in _by_scope(parts).items():
        into = latest.setdefault(scope, {})
        for part in each:
            for source, at in part.items():
                into[source] = max(at, into.get(source, at))
    return latest


def _by_scope(parts: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, list[Mapping[str, int]]]:
    each: dict[str, list[Mapping[str, int]]] = {}
    for part in parts:
        for scope, fields in part.items():
            each.setdefault(scope, []).append(fields)
    return dict(sorted(each.items()))
