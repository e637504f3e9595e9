"""Partition logs under construction, for stories with numbers worked out by hand. All data is synthetic."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from tracker.domain import events as ev
from tracker.domain.counters import Scope
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition, Link
from tracker.recount import Counters, recount_log

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
T = 20_000 * DAY  # midnight UTC
GLOW = Scope("glow")
MIO = Scope("glow", "mio")
WOM = Scope("glow", "~wom")


class Record(Struct, frozen=True):
    offset: int
    event: ev.AnyEvent


class Log:
    """A partition's log under construction. Instants are given relative to T."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.versions: dict[tuple[str, str], int] = {}

    def hears(self, fact: ev.Fact, source: ev.Source = "webhook") -> Log:
        offset = len(self.records)
        self.records.append(Record(offset, ev.wrap(fact, id=f"e{offset}", source=source)))
        return self

    def says(self, kind: type[ev.Fact], at: int, source: ev.Source = "webhook", **said: Any) -> Log:
        """A statement about post p1 of account a1 on instagram, unless said otherwise."""
        where = {"platform": "instagram"}
        if issubclass(kind, ev.AccountFact):
            where["account"] = "a1"
        if issubclass(kind, ev.PostFact):
            where["post"] = "p1"
        for name in ("occurred_at", "published_at", "clicked_at"):
            if said.get(name) is not None:
                said[name] += T
        return self.hears(kind(**{**where, "observed_at": T + at, **said}), source)

    def published(self, at: int = 0, text: str | None = "#glow", **said: Any) -> Log:
        return self.says(ev.PostPublished, at, text=text, **{"occurred_at": at, **said})

    def observed(self, at: int, source: ev.Source = "webhook", **counts: Any) -> Log:
        return self.says(ev.ReactionObserved, at, source, **counts)

    def defines(self, *definitions: Definition, at: int = -DAY) -> Log:
        for definition in definitions:
            self._change(definition.__struct_config__.tag, definition.id, definition, at)
        return self

    def deletes(self, kind: str, id: str, at: int = 0) -> Log:
        self._change(kind, id, None, at)
        return self

    def _change(self, kind: Any, id: str, definition: Definition | None, at: int) -> None:
        version = self.versions[kind, id] = self.versions.get((kind, id), 0) + 1
        self.hears(
            ev.DefinitionChanged(
                platform="direct", observed_at=T + at, kind=kind, id=id, version=version, definition=definition
            )
        )

    def counted(self) -> Counters:
        return recount_log(self.records)

    def field(self, name: str, scope: Scope = GLOW) -> int | None:
        """None where the field is absent: unknown, or nothing."""
        return self.counted().partial.get(scope, {}).get(name)


CAMPAIGN = Campaign(id="glow", name="Glow", starts_at=T - 10 * DAY, ends_at=T + 10 * DAY, hashtags=("Glow",))
CREATOR = Creator(id="mio", name="Mio (synthetic)", accounts=(AccountRef(platform="instagram", account="a1"),))
AGREEMENT = Agreement(id="glow-mio", campaign="glow", creator="mio", hashtags=("#glow",), codes=("MIO10",))
LINK = Link(id="g1", campaign="glow", creator="mio", destination="https://shop.example/glow")


def agreed() -> Log:
    return Log().defines(CAMPAIGN, CREATOR, AGREEMENT, LINK)


def fields(log: Log, *prefixes: str, scope: Scope = GLOW) -> dict[str, int]:
    partial = log.counted().partial.get(scope, {})
    return {name: value for name, value in partial.items() if name.startswith(prefixes)}


def untagged(campaign: Campaign) -> Campaign:
    """The campaign without hashtags: nothing is word of mouth."""
    return Campaign(id=campaign.id, name=campaign.name, starts_at=campaign.starts_at, ends_at=campaign.ends_at)
