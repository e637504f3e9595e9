"""What a changed definition does to a batch: all that it may concern is matched anew.

1. A step looks for everything it needs before it changes anything that another step could see.
2. A step returns why its event is refused, or None. A refused event changes nothing.
3. What it does not concern is not looked at; what matches as before is not written.
"""

from __future__ import annotations

from copy import copy

from tracker.domain.batch import Batch
from tracker.domain.commerce import Click, Order
from tracker.domain.counters import MINUTE
from tracker.domain.events import DefinitionChangedEvent
from tracker.domain.matching import attribute, match_click, match_post
from tracker.domain.partition import encode_definition
from tracker.domain.pieces import State, account_piece, order_terms, terms_of
from tracker.domain.posts import Post
from tracker.domain.rules import account_key, misfit
from tracker.domain.steps_commerce import book_click, book_order


def define(batch: Batch, event: DefinitionChangedEvent) -> str | None:
    """Take a definition in. Raises Lacking, with everything noted that this definition needs."""
    fact = event.data
    reason = misfit(fact)
    if reason is not None or batch.rules.known(fact):
        return reason
    concern = batch.own_rules().change(fact)
    batch.definitions[f"{fact.kind}:{fact.id}"] = encode_definition(fact)
    watched = [place for place in concern.accounts if _can_be_watched(batch, *place)]
    for key in batch.led_to(terms_of(concern), [account_piece(*place) for place in watched]):
        _match_anew(batch, key, batch.piece(key), fact.observed_at // MINUTE)
    for platform, account in watched:
        mine = batch.account(platform, account)
        if batch.rules.watched_until(platform, account) is None:
            mine.watched_since = None
        elif mine.watched_since is None:
            mine.watched_since = fact.observed_at
    return None


def _can_be_watched(batch: Batch, platform: str, account: str) -> bool:
    return batch.partition.stage == "activity" and batch.partition.owns(account_key(platform, account))


def _match_anew(batch: Batch, key: str, state: State | None, minute: int) -> None:
    match state:
        case Post():
            if match_post(state, batch.rules) != state.matches or batch.next_look(state) != state.due:
                batch.rematch(key, batch.draft_of(key, state), minute)
        case Order():
            matches = attribute(state, batch.rules)
            if matches != state.matches:
                order = copy(state)
                order.matches = matches
                batch.relead(key, order_terms(state), order_terms(order))
                batch.states[key] = order
                book_order(batch, state, order, minute)
        case Click():
            matches = match_click(state, batch.rules)
            if matches != state.matches:
                click = Click(state.link, matches)
                batch.states[key] = click
                book_click(batch, state, click, minute)
