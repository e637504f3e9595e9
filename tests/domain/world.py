"""A partition with a store as plain as can be, and words to tell it a story in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct, field

from tracker.domain import events as ev
from tracker.domain.counters import Scope
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition, DefinitionKind, Link
from tracker.domain.fold import Folded, Located, PartitionState, commit, fold
from tracker.domain.schedule import Cadence

T = 20_000 * 86_400_000
"""When the stories begin: a midnight UTC."""
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

Partial = dict[str, int]

_KINDS: dict[type[Definition], DefinitionKind] = {
    Campaign: "campaign",
    Creator: "creator",
    Agreement: "agreement",
    Link: "link",
}


class World(Struct):
    """One partition and what was written of it."""

    stage: Literal["activity", "commerce"] = "activity"
    polls: dict[str, frozenset[Literal["post", "account"]]] = field(default_factory=dict)
    cadence: Cadence = Cadence()
    partials: dict[Scope, Partial] = field(default_factory=dict)
    minutes: dict[Scope, Partial] = field(default_factory=dict)
    hours: dict[Scope, Partial] = field(default_factory=dict)
    fresh: dict[Scope, Partial] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    seen: dict[int, set[str]] = field(default_factory=dict)
    pieces: dict[str, bytes | None] = field(default_factory=dict)
    terms: dict[str, set[str]] = field(default_factory=dict)
    partition: PartitionState | None = None
    versions: int = 0
    offset: int = 0

    def __post_init__(self) -> None:
        self.partition = PartitionState(stage=self.stage, polls=self.polls, cadence=self.cadence)

    def fold(self, *events: ev.AnyEvent) -> Folded:
        """One batch, applied."""
        assert self.partition is not None
        batch = [Located(self.offset + number, event) for number, event in enumerate(events)]
        folded = self._folded(batch)
        self.offset += len(batch)
        for into, sums in (
            (self.partials, folded.increments),
            (self.minutes, folded.minutes),
            (self.hours, folded.hours),
        ):
            _add(into, sums)
        for scope, latest in folded.fresh.items():
            for source, at in latest.items():
                row = self.fresh.setdefault(scope, {})
                row[source] = max(at, row.get(source, at))
        self.pieces |= folded.pieces()
        for term, keys in folded.term_adds.items():
            self.terms.setdefault(term, set()).update(keys)
        for term, keys in folded.term_drops.items():
            self.terms.setdefault(term, set()).difference_update(keys)
        for day, ids in folded.seen.items():
            self.seen.setdefault(day, set()).update(ids)
        self.due = {name: at for name, at in {**self.due, **folded.due}.items() if at is not None}
        self.refused += [refusal.reason for refusal in folded.refused]
        commit(self.partition, folded)
        return folded

    def _folded(self, batch: Sequence[Located]) -> Folded:
        assert self.partition is not None
        for _ in range(9):
            result = fold(self.partition, batch)
            if isinstance(result, Folded):
                return result
            counted = {id for day, ids in result.ids.items() for id in ids & self.seen.get(day, set())}
            self.partition.learn(result, {key: self.pieces.get(key) for key in result.pieces}, self.terms, counted)
        raise AssertionError("folded nine times, and still lacking")

    def says(self, *facts: ev.Fact, source: ev.Source = "webhook") -> World:
        """A batch of facts from one source."""
        self.fold(*(ev.wrap(fact, id="synthetic", source=source) for fact in facts))
        return self

    def defines(self, *definitions: Definition, at: int = T) -> World:
        """Definitions, each a newer version than all before."""
        for one in definitions:
            self.says(self._change(one, one, at))
        return self

    def deletes(self, definition: Definition, at: int = T) -> World:
        return self.says(self._change(definition, None, at))

    def _change(self, about: Definition, definition: Definition | None, at: int) -> ev.DefinitionChanged:
        self.versions += 1
        return ev.DefinitionChanged(
            platform="direct",
            observed_at=at,
            kind=_KINDS[type(about)],
            id=about.id,
            version=self.versions,
            definition=definition,
        )

    def of(self, campaign: str = "spring", who: str = "") -> Partial:
        return self.partials.get(Scope(campaign, who), {})


def _add(into: dict[Scope, Partial], sums: dict[Scope, Partial]) -> None:
    for scope, amounts in sums.items():
        row = into.setdefault(scope, {})
        for name, amount in amounts.items():
            row[name] = row.get(name, 0) + amount
            if row[name] == 0:
                del row[name]
        if not row:
            del into[scope]


SPRING = Campaign(id="spring", name="Spring", starts_at=T - DAY, ends_at=T + 30 * DAY, hashtags=("spring",))
ANNA = Creator(id="anna", name="Synthetic Anna", accounts=(AccountRef(platform="youtube", account="UC-anna"),))
DEAL = Agreement(id="deal", campaign="spring", creator="anna", hashtags=("ad",), codes=("ANNA10",))
LINK = Link(id="go", campaign="spring", creator="anna", destination="https://shop.example/")
SCENE: Sequence[Definition] = (SPRING, ANNA, DEAL, LINK)


def post(at: int = T, *, published: int | None = T, account: str = "UC-anna", id: str = "p", **said: str) -> ev.Fact:
    """The post is up, with #ad unless it says otherwise."""
    return ev.PostPublished(
        platform="youtube",
        account=account,
        post=id,
        observed_at=at,
        occurred_at=published,
        text=said.get("text", "new #ad"),
        permalink=said.get("permalink"),
    )


def observation(at: int, *, account: str = "UC-anna", id: str = "p", **counts: int) -> ev.ReactionObserved:
    """Running totals at an instant."""
    return ev.ReactionObserved(platform="youtube", account=account, post=id, observed_at=at, **counts)  # type: ignore[arg-type]
