"""The book of record of definitions: what the registry holds, what would change, and its in-band form.

1. The registry topic is the book. A definition's version is its record's offset there plus one: whoever writes last
   stands last for every reader, also when two people apply at the same time.
2. Applying the same definitions twice changes nothing the second time.
3. A partition of a canonical topic that lacks a version of the book gets it (`missing`): a broadcast that was cut off
   is completed by whoever looks next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from tracker.codec import events as codec
from tracker.definitions.reading import kind_of
from tracker.definitions.references import Key, did_you_mean
from tracker.domain.definitions import COUNTED_KINDS, Agreement, Definition, Link, NotifierDefinition, RuleDefinition
from tracker.domain.events import AnyEvent, DefinitionChanged, DefinitionChangedEvent, Instant

PLATFORM: Final = "tracker"
"""What stands as `platform` in a definition's event: it is our own statement."""
Action = Literal["create", "update", "delete", "same"]


class NotInBook(codec.UnreadableEvent):
    """A record of the registry topic that is no definition."""


class Step(msgspec.Struct, frozen=True):
    """What applying does to one definition. `fields`: name → (before, after), of an update."""

    action: Action
    key: Key
    before: Definition | None
    after: Definition | None
    fields: Mapping[str, tuple[Any, Any]] = {}


class StillNeeded(ValueError):
    """A deletion that would leave others pointing at nothing."""

    def __init__(self, key: Key, needed_by: Sequence[Key]) -> None:
        names = ", ".join(f"{kind} `{id}`" for kind, id in needed_by)
        super().__init__(
            f"{key[0]} `{key[1]}` is still named by {names}. Nothing was deleted. "
            "Delete these first, or name them in the same command."
        )
        self.key = key
        self.needed_by = tuple(needed_by)


class NoSuchDefinition(KeyError):
    """A name that is not in the book."""

    def __init__(self, key: Key, known: Iterable[Key]) -> None:
        ids = [id for kind, id in known if kind == key[0]]
        super().__init__(f"no {key[0]} `{key[1]}`{did_you_mean(key[1], ids)}")
        self.key = key

    def __str__(self) -> str:
        return str(self.args[0])


Book = Mapping[Key, DefinitionChanged]
"""Every definition ever made, deleted ones too (their `definition` is None)."""


def entry(value: bytes, offset: int) -> DefinitionChanged:
    """A registry record, with the version that its offset gives it. Raises NotInBook."""
    event = codec.decode(value)
    if not isinstance(event, DefinitionChangedEvent):
        raise NotInBook(f"{event.__struct_config__.tag} is no definition")
    return msgspec.structs.replace(event.data, version=offset + 1)


def standing(book: Book) -> dict[Key, Definition]:
    """The definitions that exist now."""
    return {key: change.definition for key, change in book.items() if change.definition is not None}


def event(change: DefinitionChanged) -> AnyEvent:
    """The event that a change is broadcast as. Its id is the same for every partition and every repeat."""
    return DefinitionChangedEvent(
        id=f"definition-{change.kind}-{change.id}-{change.version}", source="import", data=change
    )


def changed(key: Key, definition: Definition | None, *, at: Instant, version: int = 1) -> DefinitionChanged:
    """A definition as a fact. In the registry itself `version` has no meaning: the record's offset gives it."""
    return DefinitionChanged(
        platform=PLATFORM, observed_at=at, kind=key[0], id=key[1], version=version, definition=definition
    )


def record_key(key: Key) -> str:
    """The registry record's key: compaction keeps the last one of each."""
    return f"{key[0]}:{key[1]}"


def plan(book: Book, definitions: Iterable[Definition]) -> list[Step]:
    """What applying these definitions would do, each compared with the book."""
    now = standing(book)
    steps: list[Step] = []
    for definition in definitions:
        key = (kind_of(definition), definition.id)
        before = now.get(key)
        if before is None:
            steps.append(Step("create", key, None, definition))
        elif before == definition:
            steps.append(Step("same", key, before, definition))
        else:
            steps.append(Step("update", key, before, definition, _differences(before, definition)))
    return steps


def plan_deletion(book: Book, keys: Sequence[Key]) -> list[Step]:
    """What deleting these would do. Raises NoSuchDefinition, StillNeeded."""
    now = standing(book)
    for key in keys:
        if key not in now:
            raise NoSuchDefinition(key, now)
    going = set(keys)
    for key in keys:
        needed_by = [other for other, definition in now.items() if other not in going and key in _names(definition)]
        if needed_by:
            raise StillNeeded(key, sorted(needed_by))
    return [Step("delete", key, now[key], None) for key in keys]


def missing(book: Book, known_versions: Mapping[Key, int]) -> list[DefinitionChanged]:
    """What a partition that knows these versions still lacks of what it counts by, campaigns first."""
    lacking = [
        change
        for key, change in book.items()
        if change.kind in COUNTED_KINDS and known_versions.get(key, 0) < change.version
    ]
    order = {"campaign": 0, "creator": 1, "agreement": 2, "link": 3}
    return sorted(lacking, key=lambda change: (order[change.kind], change.version))


def _differences(before: Definition, after: Definition) -> dict[str, tuple[Any, Any]]:
    names = after.__struct_fields__
    return {n: (getattr(before, n), getattr(after, n)) for n in names if getattr(before, n) != getattr(after, n)}


def _names(definition: Definition) -> set[Key]:
    match definition:
        case Agreement():
            return {("campaign", definition.campaign), ("creator", definition.creator)}
        case Link():
            named: set[Key] = {("campaign", definition.campaign)}
            return named if definition.creator is None else named | {("creator", definition.creator)}
        case RuleDefinition(campaign=str(campaign)):
            return {("campaign", campaign)}
        case NotifierDefinition():
            return {("campaign", campaign) for campaign in definition.campaigns}
        case _:
            return set()
