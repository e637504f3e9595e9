"""What a worker holds of one partition, and what one batch makes of it.

1. Nothing in a `PartitionState` changes but by `learn` (what the store answered), `commit` (what the store has applied)
   and `shrink`. So a batch that was refused has left no trace.
2. The cache says None of what it knows not to exist; what it does not mention, it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping
from itertools import islice
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct, field

from tracker.domain.counters import Scope
from tracker.domain.errors import UnreadableState
from tracker.domain.events import AnyEvent, DefinitionChanged
from tracker.domain.pieces import State, decode_state, encode_state
from tracker.domain.rules import Rules
from tracker.domain.schedule import Cadence, Polls

V = TypeVar("V")

_definition_decoder = msgspec.json.Decoder(DefinitionChanged)
encode_definition = msgspec.json.Encoder().encode


class Located(Struct, frozen=True, gc=False):
    """A decoded record with its offset."""

    offset: int
    event: AnyEvent


class Refusal(Struct, frozen=True):
    """A record that must become a dead letter, and why."""

    offset: int
    reason: str


class Missing(Struct):
    """What a fold needs to know first: load it, `learn` it, and fold again."""

    pieces: set[str] = field(default_factory=set)
    terms: set[str] = field(default_factory=set)
    ids: dict[int, set[str]] = field(default_factory=dict)
    """Day since the epoch → ids of increments, as the store is asked for them."""

    def __bool__(self) -> bool:
        return bool(self.pieces or self.terms or self.ids)


class Folded(Struct, kw_only=True):
    """What a batch does to its partition: everything of the store's `Change` but the cursors, in the same shapes."""

    states: dict[str, State]
    """Piece key → its new state."""
    increments: dict[Scope, dict[str, int]]
    minutes: dict[Scope, dict[str, int]]
    hours: dict[Scope, dict[str, int]]
    fresh: dict[Scope, dict[str, int]]
    definitions: dict[str, bytes]
    origins: dict[str, str]
    marks: dict[str, int]
    term_adds: dict[str, set[str]]
    term_drops: dict[str, set[str]]
    due: dict[str, int | None]
    seen: dict[int, set[str]]
    forget_days_before: int | None
    refused: list[Refusal]
    touched: set[str]
    """The campaigns whose totals must be merged anew."""
    rules: Rules
    """The definitions known after the batch."""

    def pieces(self) -> dict[str, bytes | None]:
        """The new states as the store keeps them."""
        return {key: encode_state(state) for key, state in self.states.items()}


class PartitionState:
    """What a worker knows of one partition.

    `stage` is the topic's: "activity" or "commerce"; only accounts of `activity` are polled. `definitions`, `origins`
    and `marks` are as the store's head has them. `owns` says of an account's Kafka key whether its events come to
    this partition. Raises UnreadableState.
    """

    def __init__(
        self,
        *,
        stage: Literal["activity", "commerce"],
        definitions: Mapping[str, bytes] | None = None,
        origins: Mapping[str, str] | None = None,
        marks: Mapping[str, int] | None = None,
        owns: Callable[[str], bool] = lambda _key: True,
        cadence: Cadence | None = None,
        polls: Polls | None = None,
    ) -> None:
        self.stage = stage
        self.rules = Rules.of(_decode_definition(key, value) for key, value in (definitions or {}).items())
        self.origins = {_origin_place(key): _origin_mark(key, mark) for key, mark in (origins or {}).items()}
        """(log, inbox partition) → (offset, index) of the highest origin seen."""
        self.marks = dict(marks or {})
        self.owns = owns
        self.cadence = cadence or Cadence()
        self.polls = polls or {}
        self.states: dict[str, State | None] = {}
        self.terms: dict[str, frozenset[str]] = {}
        self.counted: dict[tuple[int, str], bool] = {}
        """(day, id) of an increment → whether it was counted before."""

    def learn(
        self,
        asked: Missing,
        pieces: Mapping[str, bytes | None],
        terms: Mapping[str, Collection[str]],
        seen: Collection[str],
    ) -> None:
        """Take in what the store answered to what was asked. What it does not mention does not exist."""
        for key in asked.pieces:
            value = pieces.get(key)
            self.states[key] = None if value is None else decode_state(key, value)
        for term in asked.terms:
            self.terms[term] = frozenset(terms.get(term, ()))
        for day, ids in asked.ids.items():
            self.counted.update({(day, id): id in seen for id in ids})

    def shrink(self, limit: int) -> None:
        """Forget what was written longest ago, beyond `limit` pieces (and as many terms). Call it after a commit."""
        _shrink(self.states, limit)
        _shrink(self.terms, limit)


_HEARD = "heard:"


def heard_mark(platform: str, source: str) -> str:
    """The mark that says when a platform was last heard of by a door."""
    return f"{_HEARD}{platform}:{source}"


def read_heard(marks: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """(platform, source) → the latest `observed_at`, of a partition's marks."""
    places = ((name.removeprefix(_HEARD).partition(":"), at) for name, at in marks.items() if name.startswith(_HEARD))
    return {(platform, source): at for (platform, _, source), at in places}


def commit(partition: PartitionState, folded: Folded) -> None:
    """Take over what a batch made of the partition, once the store has applied it."""
    for key, state in folded.states.items():
        partition.states.pop(key, None)
        partition.states[key] = state
    for term, keys in folded.term_adds.items():
        if term in partition.terms:
            partition.terms[term] |= keys
    for term, keys in folded.term_drops.items():
        if term in partition.terms:
            partition.terms[term] -= keys
    for place, mark in folded.origins.items():
        partition.origins[_origin_place(place)] = _origin_mark(place, mark)
    partition.marks.update(folded.marks)
    partition.rules = folded.rules
    # Ids are many and each is asked for once or twice: they stay in the store alone.
    partition.counted.clear()


def _shrink(cache: MutableMapping[str, V], limit: int) -> None:
    oldest: Iterable[str] = islice(cache, max(0, len(cache) - limit))
    for key in tuple(oldest):
        del cache[key]


def _decode_definition(key: str, value: bytes) -> DefinitionChanged:
    try:
        return _definition_decoder.decode(value)
    except msgspec.MsgspecError as error:
        raise UnreadableState(f"definition {key}", str(error)) from error


def _origin_place(key: str) -> tuple[str, int]:
    log, _, partition = key.rpartition("/")
    try:
        return log, int(partition)
    except ValueError as error:
        raise UnreadableState(f"origin {key}", "expected `log/inbox partition`") from error


def _origin_mark(key: str, mark: str) -> tuple[int, int]:
    offset, _, index = mark.partition("/")
    try:
        return int(offset), int(index)
    except ValueError as error:
        raise UnreadableState(f"origin {key}", f"expected `offset/index`, found {mark!r}") from error
