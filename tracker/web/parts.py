"""What the API is made of: everything that it reads and writes through, handed in from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from tracker.clock import now_ms
from tracker.codec.dead import DeadLetter
from tracker.definitions.following import Definitions
from tracker.definitions.registry import Placement
from tracker.domain.alerts import Act, Alert, Silence
from tracker.domain.facts import CampaignFacts, PostFacts
from tracker.plugin.registry import Registry
from tracker.settings import Api as ApiSettings
from tracker.status import Status
from tracker.store.alerts import RuleSaid
from tracker.store.base import Store
from tracker.topics import Stage, Topics


class Gathers(Protocol):
    """Reads posts: `tracker.gather.Gatherer` does."""

    async def campaign(self, campaign: str) -> CampaignFacts | None: ...
    async def posts_of_account(self, platform: str, account: str) -> list[PostFacts]: ...
    async def post(self, platform: str, account: str, post: str) -> PostFacts | None: ...


class Shelf(Protocol):
    """What the rules last said: `tracker.store.alerts.AlertShelf` has it."""

    async def verdicts(self, campaign: str) -> Sequence[RuleSaid]: ...


class Alerts(Protocol):
    """How alerts stand: `tracker.web.alertbook.AlertBook` keeps it."""

    def get(self, id: str) -> Alert | None: ...
    def newest_first(self) -> Sequence[Alert]: ...


class Acts(Protocol):
    """What people did: `tracker.watch.acts.Acts` keeps it."""

    @property
    def silences(self) -> Sequence[Silence]: ...


class Publishes(Protocol):
    """Puts records on topics: `tracker.ingest.publisher.Publisher` does. Raises KafkaUnreachable, RecordTooLarge."""

    def publish(
        self,
        stage: Stage,
        key: bytes | None,
        value: bytes,
        headers: Sequence[tuple[str, bytes]] = (),
        *,
        partition: int | None = None,
    ) -> Awaitable[Placement]: ...


class ApiParts(Struct, frozen=True, kw_only=True):
    """The parts of one API. All are started and stopped by whoever made them.

    `partitions`: of each topic. `faults`: part → why it is not ready, None where it is. `told` is called with each act
    that was written, so that whoever wrote it reads it at once.
    """

    settings: ApiSettings
    definitions: Definitions
    store: Store
    topics: Topics
    gatherer: Gathers
    shelf: Shelf
    alerts: Alerts
    acts: Acts
    publisher: Publishes
    letters: Callable[[], Awaitable[Sequence[DeadLetter]]]
    look: Callable[[], Awaitable[Status]]
    plugins: Registry
    faults: Callable[[], Awaitable[Mapping[str, str | None]]]
    told: Callable[[Act], None] = lambda _act: None
    now: Callable[[], int] = now_ms
