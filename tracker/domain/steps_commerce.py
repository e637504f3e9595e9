"""What each kind of statement about an order or a click does to a batch.

1. A step looks for everything it needs before it changes anything that another step could see.
2. A step returns why its event is refused, or None. A refused event changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracker.domain.batch import Batch
from tracker.domain.commerce import CLICK_CONTRIBUTION, Click, Conflict, Order, contribution, has_history, refund, sell
from tracker.domain.counters import MINUTE, Matches, add
from tracker.domain.events import (
    AnyEvent,
    ConversionRecorded,
    ConversionRecordedEvent,
    ConversionRefundedEvent,
    LinkClickedEvent,
)
from tracker.domain.matching import attribute, match_click
from tracker.domain.pieces import click_piece, click_terms, order_piece, order_terms


def _sale(batch: Batch, event: ConversionRecordedEvent | ConversionRefundedEvent) -> str | None:
    fact = event.data
    key = order_piece(fact.order)
    before = batch.state(key, Order) or Order()
    after = sell(before, fact) if isinstance(fact, ConversionRecorded) else refund(before, fact)
    if isinstance(after, Conflict):
        return after.reason
    if after is None:
        return None
    after.matches = attribute(after, batch.rules)
    batch.relead(key, order_terms(before), order_terms(after))
    batch.states[key] = after
    book_order(batch, before, after, fact.observed_at // MINUTE)
    ledger = batch.ledgers.of(after.matches, "conversions")
    if ledger is not None:
        ledger.renew(event.source, fact.observed_at)
    return None


def _click(batch: Batch, event: LinkClickedEvent) -> str | None:
    fact = event.data
    key = click_piece(fact.click)
    if batch.state(key, Click) is not None:
        return None
    click = Click(fact.link)
    click.matches = match_click(click, batch.rules)
    batch.states[key] = click
    batch.relead(key, set(), click_terms(click))
    book_click(batch, Click(fact.link), click, fact.observed_at // MINUTE)
    ledger = batch.ledgers.of(click.matches, "clicks")
    if ledger is not None:
        ledger.renew(event.source, fact.observed_at)
    return None


def book_click(batch: Batch, before: Click, after: Click, minute: int) -> None:
    """Count a click where it counts now, and no more where it counted before."""
    for sign, click in ((-1, before), (1, after)):
        _book(batch, "clicks", click.matches, CLICK_CONTRIBUTION, sign, minute)


def book_order(batch: Batch, before: Order, after: Order, minute: int) -> None:
    """Count an order as it is now, and no more as it was before."""
    for sign, order in ((-1, before), (1, after)):
        _book(batch, "conversions", order.matches, contribution(order), sign, minute)
        ledger = batch.ledgers.of(order.matches, "conversions")
        if ledger is not None:
            ledger.matched += sign


def _book(batch: Batch, unit: str, matches: Matches, amounts: Mapping[str, int], sign: int, minute: int) -> None:
    ledger = batch.ledgers.of(matches, unit)
    if ledger is None:
        return
    row = ledger.named.setdefault(minute, {})
    for field, amount in amounts.items():
        add(ledger.counts, field, sign * amount)
        if has_history(field):
            add(row, field, sign * amount)


COMMERCE_STEPS: Mapping[type[AnyEvent], Callable[[Batch, Any], str | None]] = {
    LinkClickedEvent: _click,
    ConversionRecordedEvent: _sale,
    ConversionRefundedEvent: _sale,
}
