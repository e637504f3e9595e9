"""What is defined, sorted and kept so, until it changes: lists choose a page before they read any number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from tracker.definitions.following import Definitions
from tracker.domain.definitions import Agreement, Campaign, Creator, Link
from tracker.web.cursors import Key

CampaignSort = Literal["id", "name", "starts_at", "-starts_at", "ends_at", "-ends_at"]
CreatorSort = Literal["id", "name"]

_CAMPAIGNS: Final[Mapping[CampaignSort, Callable[[Campaign], Key]]] = {
    "id": lambda one: (one.id,),
    "name": lambda one: (one.name.casefold(), one.id),
    "starts_at": lambda one: (one.starts_at, one.id),
    "-starts_at": lambda one: (-one.starts_at, one.id),
    "ends_at": lambda one: (one.ends_at, one.id),
    "-ends_at": lambda one: (-one.ends_at, one.id),
}
_CREATORS: Final[Mapping[CreatorSort, Callable[[Creator], Key]]] = {
    "id": lambda one: (one.id,),
    "name": lambda one: (one.name.casefold(), one.id),
}


class Index:
    """Sorted views of the definitions."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._version = -1
        self._campaigns: dict[CampaignSort, Sequence[tuple[Key, Campaign]]] = {}
        self._creators: dict[CreatorSort, Sequence[tuple[Key, Creator]]] = {}

    def campaigns(self, sort: CampaignSort) -> Sequence[tuple[Key, Campaign]]:
        self._renew()
        if sort not in self._campaigns:
            key = _CAMPAIGNS[sort]
            rows = [(key(one), one) for one in self._definitions.rules.campaigns.values()]
            self._campaigns[sort] = sorted(rows, key=lambda row: row[0])
        return self._campaigns[sort]

    def creators(self, sort: CreatorSort) -> Sequence[tuple[Key, Creator]]:
        self._renew()
        if sort not in self._creators:
            key = _CREATORS[sort]
            rows = [(key(one), one) for one in self._definitions.rules.creators.values()]
            self._creators[sort] = sorted(rows, key=lambda row: row[0])
        return self._creators[sort]

    def agreements(self, campaign: str) -> list[Agreement]:
        """A campaign's agreements, by id."""
        rules = self._definitions.rules
        return [rules.agreements[id].agreement for id in sorted(rules.agreements_by_campaign.get(campaign, ()))]

    def campaigns_of(self, creator: str) -> frozenset[str]:
        """The campaigns that a creator has an agreement for."""
        rules = self._definitions.rules
        return frozenset(rules.agreements[id].agreement.campaign for id in rules.agreements_by_creator.get(creator, ()))

    def links(self) -> list[tuple[Key, Link]]:
        return [((id,), link) for id, link in sorted(self._definitions.rules.links.items())]

    def _renew(self) -> None:
        if self._version != self._definitions.version:
            self._version = self._definitions.version
            self._campaigns, self._creators = {}, {}
