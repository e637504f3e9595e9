"""An API over a small world, in memory: two campaigns, their posts, clicks and orders, alerts, letters, tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, cast

import httpx
from msgspec import Struct, field
from msgspec.structs import replace

from tests.domain.alerting import judged
from tests.domain.world import ANNA, DAY, DEAL, HOUR, LINK, MINUTE, SCENE, SPRING, T, World, observation, post
from tracker.codec.dead import DeadLetter, Origin
from tracker.definitions import book as books
from tracker.definitions.following import Definitions
from tracker.definitions.reading import kind_of
from tracker.domain import events as ev
from tracker.domain.alerts import Act, Alert, Silence, Timing, advance
from tracker.domain.counters import Scope
from tracker.domain.definitions import (
    AccountRef,
    Agreement,
    Campaign,
    Creator,
    Definition,
    Link,
    NotifierDefinition,
    RuleDefinition,
    TokenDefinition,
)
from tracker.domain.verdicts import Category, Evidence, Language, Outcome, Severity, Subject, Verdict
from tracker.gather import Gatherer
from tracker.ingest.publisher import KafkaUnreachable, Placed
from tracker.plugin.manager import load_plugins
from tracker.plugin.registry import PluginInfo, Registry
from tracker.plugin.rules import Kind, RuleSettings
from tracker.settings import Api as ApiSettings
from tracker.status import PartitionStatus, Status
from tracker.store.alerts import RuleSaid
from tracker.store.base import Change, Cursor, Partition, Store
from tracker.store.memory import MemoryStore
from tracker.topics import Stage, Topics
from tracker.web import tokens
from tracker.web.alertbook import AlertBook
from tracker.web.app import Api, create_api
from tracker.web.parts import ApiParts
from tracker.web.tokens import Role

NOW = T + 3 * HOUR
TOPICS = Topics(prefix="t", partitions=1)
UNHURRIED = ApiSettings(requests_per_minute=1_000_000, burst=1_000_000)

AUTUMN = Campaign(
    id="autumn", name="Autumn Gold", client="Aurora", starts_at=T + 10 * DAY, ends_at=T + 20 * DAY, hashtags=("gold",)
)
BEN = Creator(id="ben", name="Synthetic Ben", accounts=(AccountRef(platform="youtube", account="UC-ben"),))
OTHER = Agreement(id="other", campaign="autumn", creator="ben", hashtags=("gold",))
AWAY = Link(id="away", campaign="autumn", destination="https://shop.example/gold")
STRICT = RuleDefinition(
    id="strict", rule="engagement.quiet", campaign="spring", severity="critical", settings={"least": 5}
)
OPS = NotifierDefinition(id="ops", type="slack", to="https://chat.example/hook")
EVERYTHING: Sequence[Definition] = (*SCENE, AUTUMN, BEN, OTHER, AWAY, STRICT, OPS)


class QuietSettings(RuleSettings, frozen=True, kw_only=True):
    least: int = 3


class Quiet:
    """Likes below the least."""

    name = "engagement.quiet"
    title: Mapping[Language, str] = MappingProxyType({"en": "Too quiet"})
    category: Category = "engagement"
    kind: Kind = "absolute"
    about: Literal["campaign"] = "campaign"
    severity: Severity = "warning"
    timing = Timing()
    settings: type[RuleSettings] = QuietSettings

    def judge(self, facts: Any, settings: Any, now: int) -> list[Verdict]:
        return []


class Outbox(Struct):
    """A publisher that keeps what it is given; `away`: Kafka does not answer."""

    records: list[tuple[Stage, bytes | None, bytes]] = field(default_factory=list)
    away: bool = False

    async def publish(
        self,
        stage: Stage,
        key: bytes | None,
        value: bytes,
        headers: Sequence[tuple[str, bytes]] = (),
        *,
        partition: int | None = None,
    ) -> Placed:
        if self.away:
            raise KafkaUnreachable(TOPICS.name(stage), "nothing heard")
        self.records.append((stage, key, value))
        return Placed(TOPICS.name(stage), partition or 0, 1_000 + len(self.records))

    def on(self, stage: Stage) -> list[bytes]:
        return [value for at, _, value in self.records if at == stage]


class ActsKept:
    def __init__(self) -> None:
        self.acts: dict[str, Act] = {}

    def take(self, act: Act) -> None:
        self.acts[act.id if isinstance(act, Silence) else f"{type(act).__name__}-{len(self.acts)}"] = act

    @property
    def silences(self) -> list[Silence]:
        return [act for act in self.acts.values() if isinstance(act, Silence)]


class ShelfKept(Struct):
    said: dict[str, list[RuleSaid]] = field(default_factory=dict)

    async def verdicts(self, campaign: str) -> list[RuleSaid]:
        return self.said.get(campaign, [])


class Clock(Struct):
    now: int = NOW

    def __call__(self) -> int:
        return self.now


def history() -> tuple[World, World]:
    """What happened: on the platforms, and in the shop."""
    posted = (
        World()
        .defines(*(one for one in EVERYTHING if not isinstance(one, (RuleDefinition, NotifierDefinition))))
        .says(
            ev.AudienceObserved(platform="youtube", account="UC-anna", observed_at=T - HOUR, followers=1000),
            post(),
            observation(T + 30 * MINUTE, likes=60, comments=4, views=900),
            observation(T + 2 * HOUR, likes=100, comments=10, views=2000),
            post(at=T + HOUR, published=T + HOUR, id="q"),
            post(at=T + HOUR, published=T + HOUR, id="plain", text="a normal day"),
            observation(T + 2 * HOUR, id="plain", likes=300, comments=10),
            post(at=T + HOUR, published=T + HOUR, id="fan", account="UC-fan", text="love it #spring"),
        )
    )
    sold = (
        World(stage="commerce")
        .defines(*(one for one in EVERYTHING if isinstance(one, (Campaign, Creator, Agreement, Link))))
        .says(
            ev.LinkClicked(platform="direct", observed_at=T + HOUR, click="k1", link="go"),
            ev.LinkClicked(platform="direct", observed_at=T + HOUR, click="k2", link="go"),
            ev.ConversionRecorded(
                platform="direct", observed_at=T + 2 * HOUR, order="o-code", amount=5000, currency="JPY", code="anna10"
            ),
            ev.ConversionRecorded(
                platform="direct", observed_at=T + 2 * HOUR, order="o-click", amount=1999, currency="EUR", click="k1",
                link="go", clicked_at=T + HOUR,
            ),
            ev.ConversionRecorded(
                platform="direct", observed_at=T + 2 * HOUR, order="o-lost", amount=100, currency="EUR", code="NOBODY"
            ),
            ev.ConversionRefunded(
                platform="direct", observed_at=T + 2 * HOUR, order="o-code", refund="r1", amount=1500, currency="JPY"
            ),
        )
    )  # fmt: skip
    return posted, sold


async def filled(store: Store) -> None:
    """Put the history into a store of one partition, as a worker would have."""
    totals: dict[str, dict[Scope, dict[str, int]]] = {}
    for world in history():
        change = Change(
            expected=Cursor(),
            next=Cursor(world.offset, "log"),
            pieces=world.pieces,
            increments=world.partials,
            minutes=world.minutes,
            hours=world.hours,
            fresh=world.fresh,
            term_adds=world.terms,
            marks={"observed": T + 2 * HOUR},
        )
        await store.apply(Partition(world.stage, 0), change)
        for scope, row in world.partials.items():
            into = totals.setdefault(scope.campaign, {}).setdefault(scope, {})
            for name, amount in row.items():
                into[name] = into.get(name, 0) + amount
    for campaign, scopes in totals.items():
        await store.write_totals(campaign, scopes)


def alert(campaign: str, post: str = "p", *, at: int = NOW - HOUR, severity: Any = "warning") -> Alert:
    """One that fires."""
    subject = Subject(campaign=campaign, creator="anna", platform="youtube", account="UC-anna", post=post)
    made = advance(None, replace(judged("fail", subject=subject, severity=severity), campaign=campaign), (), at)
    assert made is not None
    return made


def said(rule: str, *outcomes: Outcome, creator: str = "anna", campaign: str = "spring") -> RuleSaid:
    subject = Subject(campaign=campaign, creator=creator, agreement="deal")
    return RuleSaid(
        rule=rule,
        at=NOW - MINUTE,
        verdicts=tuple(
            Verdict(
                subject=subject,
                outcome=outcome,
                summary={"en": f"it is {outcome}"},
                check=str(number),
                evidence=(Evidence(name="posts", value=None, unit="count"),),
            )
            for number, outcome in enumerate(outcomes)
        ),
    )


LETTER = DeadLetter(
    Origin("no plugin reads platform `x`", "inbox", "t.inbox", 0, 7, "log-abcdef", "adapt", NOW - HOUR),
    key=b"x:1",
    value=b"\xff\x00raw",
    headers=(("platform", b"x"),),
)


class Ground(Struct, kw_only=True):
    """An API and everything behind it, to be looked at and changed."""

    api: Api
    parts: ApiParts
    outbox: Outbox
    acts: ActsKept
    alerts: AlertBook
    shelf: ShelfKept
    letters: list[DeadLetter]
    clock: Clock
    issued: dict[str, str] = field(default_factory=dict)
    version: int = 10_000

    def token(self, role: Role = "viewer", *campaigns: str, days: int = 30, note: str = "") -> str:
        """A token that is in the book: the same one for the same question."""
        name = f"{role}{campaigns}{days}{note}"
        if name not in self.issued:
            random = len(self.issued).to_bytes(tokens.ID_BYTES, "big") + bytes(tokens.SECRET_BYTES)
            made = tokens.make(random, role=role, created_at=T, days=days, campaigns=campaigns, note=note)
            self.take(made.definition)
            self.issued[name] = made.token
        return self.issued[name]

    def take(self, definition: Definition, *, deleted: bool = False) -> None:
        """A change of the book, as it comes from the registry."""
        self.version += 1
        key = (kind_of(definition), definition.id)
        change = books.changed(key, None if deleted else definition, at=T, version=self.version)
        self.parts.definitions.take(change)

    def revoke(self, token: str) -> None:
        definition: TokenDefinition = self.parts.definitions.tokens[token.split("_")[1]]
        self.take(definition, deleted=True)

    def client(self, role: Role | None = "viewer", *campaigns: str) -> httpx.AsyncClient:
        headers = {} if role is None else {"authorization": f"Bearer {self.token(role, *campaigns)}"}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(cast(Any, self.api), raise_app_exceptions=False),
            base_url="http://api.example",
            headers=headers,
        )

    async def get(self, path: str, role: Role | None = "viewer", *campaigns: str, **query: Any) -> httpx.Response:
        async with self.client(role, *campaigns) as client:
            return await client.get(path, params=query or None)

    async def send(
        self, method: str, path: str, body: Any = None, role: Role = "admin", *campaigns: str, **options: Any
    ) -> httpx.Response:
        async with self.client(role, *campaigns) as client:
            if isinstance(body, str):
                headers = {"content-type": "application/yaml"}
                return await client.request(method, path, content=body.encode(), headers=headers, **options)
            return await client.request(method, path, json=body, **options)


async def laid(
    store: Store | None = None,
    settings: ApiSettings = UNHURRIED,
    **changed: Callable[..., Any],
) -> Ground:
    """An API whose parts are in memory, over a store (else one in memory, filled)."""
    if store is None:
        store = MemoryStore()
        await filled(store)
    definitions = Definitions()
    for version, definition in enumerate(EVERYTHING, 1):
        definitions.take(books.changed((kind_of(definition), definition.id), definition, at=T, version=version))
    outbox, acts, alerts, shelf, clock, letters = Outbox(), ActsKept(), AlertBook(), ShelfKept(), Clock(), [LETTER]
    for one in (alert("spring"), alert("spring", "q", at=NOW - MINUTE, severity="critical"), alert("autumn", "z")):
        alerts.put(one)
    shelf.said["spring"] = [
        said("agreement.posts_due", "pass", "fail"),
        said("compliance.label", "not_assessable"),
        said("engagement.quiet", "fail", "fail", "pass"),
    ]

    async def read_letters() -> list[DeadLetter]:
        return letters

    async def look() -> Status:
        partition = Partition("activity", 0)
        head = await store.open(partition)
        each = PartitionStatus(
            partition=partition, cursor=head.cursor, end=head.cursor.next_offset + 5,
            observed_at=head.marks.get("observed"), per_second=2.5,
        )  # fmt: skip
        return Status(view=store.view, partitions=[each], dead=1, foreign=[])

    async def faults() -> dict[str, str | None]:
        return {"kafka": None}

    parts = ApiParts(
        settings=settings,
        definitions=definitions,
        store=store,
        topics=TOPICS,
        gatherer=Gatherer(store, TOPICS.partitions, definitions),
        shelf=shelf,
        alerts=alerts,
        acts=acts,
        publisher=outbox,
        letters=read_letters,
        look=look,
        plugins=Registry(
            rules={"engagement.quiet": Quiet()},
            notifiers=load_plugins().notifiers,
            plugins=(PluginInfo(name="quiet", distribution="synthetic", version="1", rules=("engagement.quiet",)),),
        ),
        faults=faults,
        told=acts.take,
        now=clock,
    )
    parts = replace(parts, **changed)
    return Ground(
        api=create_api(parts), parts=parts, outbox=outbox, acts=acts, alerts=alerts, shelf=shelf, letters=letters,
        clock=clock,
    )  # fmt: skip


__all__ = ["ANNA", "DEAL", "EVERYTHING", "LINK", "NOW", "SPRING", "Ground", "laid"]
