"""The definitions that one partition knows, looked up by whatever they can match.

1. The greatest version of a definition stands; a deleted one keeps its version.
2. Definitions are put into their compared form (normalised tags, addresses, codes) once, when they come in.
3. `Rules` is changed only on a private copy: a copy shares everything, and a change replaces what it changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec import Struct

from tracker.domain import text as tokens
from tracker.domain.definitions import (
    Agreement,
    Campaign,
    Creator,
    Definition,
    DefinitionKind,
    Link,
    NotifierDefinition,
    RuleDefinition,
    TokenDefinition,
)
from tracker.domain.events import DefinitionChanged

T = TypeVar("T")
Index = dict[str, frozenset[str]]
_NONE: frozenset[str] = frozenset()
_KINDS: dict[DefinitionKind, type[Definition]] = {
    "campaign": Campaign,
    "creator": Creator,
    "agreement": Agreement,
    "link": Link,
    "rule": RuleDefinition,
    "notifier": NotifierDefinition,
    "token": TokenDefinition,
}


class Wanted(Struct, frozen=True):
    """An agreement, and in compared form what it asks of a post."""

    agreement: Agreement
    tags: frozenset[str]
    mentions: frozenset[str]
    links: tuple[str, ...]
    addresses: frozenset[str]
    codes: frozenset[str]

    @property
    def names_nothing(self) -> bool:
        """Whether the account and the window suffice."""
        asked = self.agreement
        return not (asked.hashtags or asked.mentions or asked.links)


class Concern(Struct, frozen=True):
    """What a changed definition may match otherwise than before."""

    accounts: frozenset[tuple[str, str]] = frozenset()
    """(platform, account) of those whose posts, and whose place on the polling schedule, it concerns."""
    tags: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()


def normal_code(code: str) -> str:
    """A promo code as it is compared."""
    return code.strip().casefold()


def account_key(platform: str, account: str) -> str:
    """The Kafka key of an account's events: it decides which partition the account lives in."""
    return f"{platform}:{account}"


def misfit(fact: DefinitionChanged) -> str | None:
    """Why a change cannot be taken in: what it holds is not what it says it is about. None: it can."""
    if fact.definition is None:
        return None
    if isinstance(fact.definition, _KINDS[fact.kind]) and fact.definition.id == fact.id:
        return None
    found = f"{type(fact.definition).__struct_config__.tag}:{fact.definition.id}"
    return f"the change of {fact.kind}:{fact.id} holds {found}; nothing was changed, apply the definition again"


class Rules:
    """All definitions of a partition."""

    def __init__(self) -> None:
        self.versions: dict[str, int] = {}
        self.campaigns: dict[str, Campaign] = {}
        self.campaign_tags: dict[str, frozenset[str]] = {}
        self.creators: dict[str, Creator] = {}
        self.agreements: dict[str, Wanted] = {}
        self.links: dict[str, Link] = {}
        self.campaigns_by_tag: Index = {}
        self.creators_by_account: Index = {}
        self.agreements_by_creator: Index = {}
        self.agreements_by_campaign: Index = {}
        self.agreements_by_address: Index = {}
        self.agreements_by_code: Index = {}
        self.links_by_campaign: Index = {}
        self._ends: dict[tuple[str, str], int | None] = {}

    @classmethod
    def of(cls, facts: Iterable[DefinitionChanged]) -> Rules:
        rules = cls()
        for fact in facts:
            rules.change(fact)
        return rules

    def copy(self) -> Rules:
        """A private copy, to be changed."""
        other = Rules()
        for name, known in vars(self).items():
            setattr(other, name, known.copy())
        return other

    def known(self, fact: DefinitionChanged) -> bool:
        """Whether this version, or a later one, is known."""
        return fact.version <= self.versions.get(f"{fact.kind}:{fact.id}", 0)

    def change(self, fact: DefinitionChanged) -> Concern:
        """Take a definition in, unless it is known. What it concerns: under the old one or the new one."""
        if self.known(fact):
            return Concern()
        self.versions[f"{fact.kind}:{fact.id}"] = fact.version
        self._ends = {}
        new = fact.definition
        match fact.kind:
            case "campaign":
                return self._change_campaign(fact.id, new if isinstance(new, Campaign) else None)
            case "creator":
                return self._change_creator(fact.id, new if isinstance(new, Creator) else None)
            case "agreement":
                return self._change_agreement(fact.id, new if isinstance(new, Agreement) else None)
            case "link":
                return self._change_link(fact.id, new if isinstance(new, Link) else None)
            case _:  # the rest is not counted by, and is not broadcast
                return Concern()

    def watched_until(self, platform: str, account: str) -> int | None:
        """The end of the last agreement that wants this account looked at; None: there is none."""
        place = (platform, account)
        if place not in self._ends:
            ends = [
                end
                for creator in self.creators_by_account.get(account_key(platform, account), _NONE)
                for agreement in self.agreements_by_creator.get(creator, _NONE)
                if (end := self._end(self.agreements[agreement].agreement, platform)) is not None
            ]
            self._ends[place] = max(ends, default=None)
        return self._ends[place]

    def _end(self, agreement: Agreement, platform: str) -> int | None:
        campaign = self.campaigns.get(agreement.campaign)
        if campaign is None or (agreement.platforms and platform not in agreement.platforms):
            return None
        return campaign.ends_at if agreement.ends_at is None else agreement.ends_at

    def _change_campaign(self, id: str, new: Campaign | None) -> Concern:
        old_tags = self.campaign_tags.get(id, _NONE)
        tags = frozenset(map(tokens.normal_tag, new.hashtags)) if new else _NONE
        _replace(self.campaigns, id, new)
        _replace(self.campaign_tags, id, tags if new else None)
        _reindex(self.campaigns_by_tag, id, old_tags, tags)
        agreements = [self.agreements[one] for one in self.agreements_by_campaign.get(id, _NONE)]
        return Concern(
            accounts=frozenset(place for one in agreements for place in self._accounts(one.agreement.creator)),
            tags=old_tags | tags,
            addresses=_NONE.union(*(one.addresses for one in agreements)),
            codes=_NONE.union(*(one.codes for one in agreements)),
            links=self.links_by_campaign.get(id, _NONE),
        )

    def _change_creator(self, id: str, new: Creator | None) -> Concern:
        before = self._accounts(id)
        _replace(self.creators, id, new)
        after = self._accounts(id)
        keys = (frozenset(account_key(*place) for place in places) for places in (before, after))
        _reindex(self.creators_by_account, id, *keys)
        return Concern(accounts=before | after)

    def _change_agreement(self, id: str, new: Agreement | None) -> Concern:
        before = self.agreements.get(id)
        after = _wanted(new) if new else None
        _replace(self.agreements, id, after)
        both = [one for one in (before, after) if one is not None]
        for index, of in (
            (self.agreements_by_creator, lambda one: frozenset({one.agreement.creator})),
            (self.agreements_by_campaign, lambda one: frozenset({one.agreement.campaign})),
            (self.agreements_by_address, lambda one: one.addresses),
            (self.agreements_by_code, lambda one: one.codes),
        ):
            _reindex(index, id, of(before) if before else _NONE, of(after) if after else _NONE)
        return Concern(
            accounts=frozenset(place for one in both for place in self._accounts(one.agreement.creator)),
            addresses=_NONE.union(*(one.addresses for one in both)),
            codes=_NONE.union(*(one.codes for one in both)),
        )

    def _change_link(self, id: str, new: Link | None) -> Concern:
        before = self.links.get(id)
        _replace(self.links, id, new)
        campaigns = (frozenset({one.campaign}) if one else _NONE for one in (before, new))
        _reindex(self.links_by_campaign, id, *campaigns)
        return Concern(links=frozenset({id}))

    def _accounts(self, creator: str) -> frozenset[tuple[str, str]]:
        known = self.creators.get(creator)
        return frozenset((one.platform, one.account) for one in known.accounts) if known else frozenset()


def _wanted(agreement: Agreement) -> Wanted:
    return Wanted(
        agreement=agreement,
        tags=frozenset(map(tokens.normal_tag, agreement.hashtags)),
        mentions=frozenset(map(tokens.normal_mention, agreement.mentions)),
        links=tuple(map(tokens.normal_address, agreement.links)),
        addresses=frozenset(map(tokens.normal_address, agreement.submitted)),
        codes=frozenset(map(normal_code, agreement.codes)),
    )


def _replace(known: dict[str, T], id: str, new: T | None) -> None:
    if new is None:
        known.pop(id, None)
    else:
        known[id] = new


def _reindex(index: Index, id: str, before: Iterable[str], after: Iterable[str]) -> None:
    for key in before:
        rest = index.get(key, _NONE) - {id}
        if rest:
            index[key] = rest
        else:
            index.pop(key, None)
    for key in after:
        index[key] = index.get(key, _NONE) | {id}
