"""A batch of one partition's events, folded into what they change.

1. Pure: nothing in the partition changes until `commit`. What the fold does not know, it asks for (`Missing`), and is
   called again.
2. Batching does not matter: fold(a + b) is fold(a), then fold(b).
3. Counters are compared once for each post and batch; the series, which are the counters' history, once for each event.
4. A duplicate of ours is dropped before anything else; one of theirs finds that it says nothing new.

What is counted, exactly: docs/explanation/counting.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tracker.domain.batch import Batch, Lacking, counted_place
from tracker.domain.events import (
    AnyEvent,
    DefinitionChangedEvent,
    PostFact,
    ReactionAdded,
    ReactionObserved,
    ReactionRemoved,
)
from tracker.domain.partition import Folded, Located, Missing, PartitionState, Refusal, commit
from tracker.domain.pieces import account_piece, pieces_of, post_piece
from tracker.domain.steps_activity import ACTIVITY_STEPS
from tracker.domain.steps_commerce import COMMERCE_STEPS
from tracker.domain.steps_definitions import define

__all__ = ["Folded", "Located", "Missing", "PartitionState", "Refusal", "commit", "fold", "wanted"]

_STEPS: Mapping[type[AnyEvent], Callable[[Batch, Any], str | None]] = {**ACTIVITY_STEPS, **COMMERCE_STEPS}


def fold(partition: PartitionState, events: Sequence[Located]) -> Folded | Missing:
    """What a batch changes; or what must be loaded first (`partition.learn` it, and fold the same batch again)."""
    batch = Batch(partition)
    place = 0
    try:
        for place, located in enumerate(events):  # noqa: B007 - read when the fold breaks off
            event = located.event
            if type(event) is DefinitionChangedEvent:
                reason = define(batch, event)
            elif batch.origins.is_beyond(event.data.origin):
                reason = _STEPS[type(event)](batch, event)
                batch.observed = max(batch.observed, event.data.observed_at)
                batch.hear(event)
            else:
                continue
            if reason is not None:
                batch.refused.append(Refusal(located.offset, reason))
    except Lacking:
        _survey(batch, events[place:])
        return batch.missing
    return batch.folded()


def wanted(events: Sequence[Located]) -> Missing:
    """What a batch surely needs, whatever is known already: to load it while the batch before is being applied."""
    missing = Missing()
    posts: set[tuple[str, str, str]] = set()
    for located in events:
        fact = located.event.data
        if isinstance(fact, PostFact):
            posts.add((fact.platform, fact.account, fact.post))  # Most events are about few posts.
        if type(fact) is not ReactionObserved:
            missing.pieces.update(pieces_of(fact))
            if isinstance(fact, ReactionAdded | ReactionRemoved):
                day, id = counted_place(fact)
                missing.ids.setdefault(day, set()).add(id)
    for platform, account, post in posts:
        missing.pieces.add(post_piece(platform, account, post))
        missing.pieces.add(account_piece(platform, account))
    return missing


def _survey(batch: Batch, rest: Sequence[Located]) -> None:
    """Note all that the rest of a batch will need, so that it is broken off once and not once for each event."""
    for located in rest:
        if isinstance(located.event, DefinitionChangedEvent):
            try:
                define(batch, located.event)
            except Lacking:
                continue  # What it lacks is noted.
    needed, known = wanted(rest), batch.partition
    batch.missing.pieces.update(key for key in needed.pieces if key not in known.states)
    for day, ids in needed.ids.items():
        unknown = {id for id in ids if (day, id) not in known.counted}
        if unknown:
            batch.missing.ids.setdefault(day, set()).update(unknown)
