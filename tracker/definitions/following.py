"""The book as it stands, held in memory and kept up with: for whoever reads it all the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tracker.codec import events as codec
from tracker.definitions import book as books
from tracker.definitions.references import Key
from tracker.definitions.registry import RegistryUnreadable
from tracker.domain.definitions import NotifierDefinition, RuleDefinition, TokenDefinition
from tracker.domain.events import DefinitionChanged
from tracker.domain.rules import Rules
from tracker.following import Kept, TopicFollower
from tracker.topics import Topics

T = TypeVar("T")


class Definitions:
    """The book, by kind. `version` grows with every change."""

    def __init__(self) -> None:
        self.book: dict[Key, DefinitionChanged] = {}
        self.rules = Rules()
        """Campaigns, creators, agreements and links, with their indices."""
        self.alert_rules: dict[str, RuleDefinition] = {}
        self.notifiers: dict[str, NotifierDefinition] = {}
        self.tokens: dict[str, TokenDefinition] = {}
        self.version = 0

    def take(self, change: DefinitionChanged) -> None:
        """Take a change in, unless it is known."""
        key = (change.kind, change.id)
        known = self.book.get(key)
        if known is not None and known.version >= change.version:
            return
        self.book[key] = change
        self.version += 1
        new = change.definition
        match change.kind:
            case "rule":
                _keep(self.alert_rules, change.id, new if isinstance(new, RuleDefinition) else None)
            case "notifier":
                _keep(self.notifiers, change.id, new if isinstance(new, NotifierDefinition) else None)
            case "token":
                _keep(self.tokens, change.id, new if isinstance(new, TokenDefinition) else None)
            case _:
                self.rules.change(change)


def _keep(known: dict[str, T], id: str, new: T | None) -> None:
    if new is None:
        known.pop(id, None)
    else:
        known[id] = new


class Following:
    """Follows the registry. Raises RegistryUnreadable for a record that is no definition."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self.definitions = Definitions()
        self._listeners: list[Callable[[DefinitionChanged], None]] = []
        self._topic = topics.name("registry")
        self._follower = TopicFollower(bootstrap, self._topic, range(topics.partitions), self._take)

    def add_listener(self, told: Callable[[DefinitionChanged], None]) -> None:
        """`told` is called after each change that comes from now on, old ones that are read at the start too."""
        self._listeners.append(told)

    async def start(self) -> None:
        """Read what stands. Raises CannotFollow, RegistryUnreadable."""
        await self._follower.start()

    async def wait(self) -> None:
        """Return when stopped. Raises what ended the following otherwise."""
        await self._follower.wait()

    async def stop(self) -> None:
        await self._follower.stop()

    def _take(self, record: Kept) -> None:
        if record.value is None:
            return
        try:
            change = books.entry(record.value, record.offset)
        except codec.UnreadableEvent as error:
            where = f"{self._topic}[{record.partition}]@{record.offset}"
            raise RegistryUnreadable(
                f"{where}: {error}. The book is not used in part: apply this definition again, or remove the record."
            ) from error
        before = self.definitions.version
        self.definitions.take(change)
        if self.definitions.version != before:
            for told in self._listeners:
                told(change)
