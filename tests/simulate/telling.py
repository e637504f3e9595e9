"""A history told to a store in this process: through the importer and the adapters, with Kafka left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.gather.told import PARTITIONS, define, tell, told
from tracker.codec import inbox
from tracker.domain import events as ev
from tracker.domain.definitions import Definition
from tracker.domain.facts import CampaignFacts
from tracker.gather import Gatherer
from tracker.ingest.importer import import_file
from tracker.plugin.api import RawPayload
from tracker.plugin.manager import load_plugins
from tracker.simulate.history import Line
from tracker.store.memory import MemoryStore
from tracker.topics import Stage

PLUGINS = load_plugins()


class _Inbox:
    """Takes what the importer publishes."""

    def __init__(self) -> None:
        self.taken: list[RawPayload] = []

    async def publish(
        self, stage: Stage, _key: str, value: bytes, headers: Sequence[tuple[str, bytes]], **_: object
    ) -> None:
        assert stage == "inbox"
        self.taken.append(inbox.decode(value, headers))


async def imported(lines: Sequence[Line], directory: Path, *, now: int) -> list[ev.Fact]:
    """What the lines state, by way of a file."""
    file, door = directory / "history.jsonl", _Inbox()
    file.write_text("".join(f"{line.text}\n" for line in lines), encoding="utf-8")
    await import_file(file, door, PLUGINS.platforms, now=now)  # type: ignore[arg-type]
    return [fact for raw in door.taken for fact in PLUGINS.platforms[raw.platform].parse(raw)]


class Installation:
    """A store, the definitions, and who gathers facts from it."""

    def __init__(self) -> None:
        self.store, self.book = MemoryStore(), told()
        self.gatherer = Gatherer(self.store, PARTITIONS, self.book)

    async def defines(self, definitions: Sequence[Definition], *, at: int) -> None:
        await define(self.store, self.book, *(one for one in definitions if one.__struct_config__.tag != "rule"), at=at)

    async def hears(self, facts: Sequence[ev.Fact]) -> None:
        await tell(self.store, *(ev.wrap(fact, id="synthetic", source="import") for fact in facts))

    async def facts(self, campaigns: Sequence[str]) -> Mapping[str, CampaignFacts]:
        found = {campaign: await self.gatherer.campaign(campaign) for campaign in campaigns}
        return {campaign: facts for campaign, facts in found.items() if facts is not None}
