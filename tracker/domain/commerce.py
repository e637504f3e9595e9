"""What is known of an order or a click, and what each contributes.

1. The first report of an order stands. The same again is ignored; another amount or currency is refused.
2. A refund is known by its id, once; it may come before its order.
3. Money is integer minor units, each sum in its own currency.

The exact rules: docs/explanation/counting.md, sections 2 and 5.
"""

from __future__ import annotations

from copy import copy

from msgspec import Struct, field

from tracker.domain.counters import Matches, add
from tracker.domain.events import ConversionRecorded, ConversionRefunded

Money = tuple[int, str]
"""(minor units, ISO 4217 currency)."""


class Sale(Struct, array_like=True, frozen=True, gc=False):
    """The report of an order that stands. `at` decides its attribution window."""

    paid: Money
    at: int
    code: str | None = None
    link: str | None = None
    clicked_at: int | None = None


class Order(Struct, array_like=True, gc=False, tag="order"):
    """What one partition knows of one order; `sale` None: only refunds of it are known."""

    sale: Sale | None = None
    refunds: dict[str, Money] = field(default_factory=dict)
    matches: Matches = ()


class Click(Struct, array_like=True, gc=False, tag="click"):
    """A click that was counted (or will be, when its link is defined)."""

    link: str
    matches: Matches = ()


class Conflict(Struct, frozen=True):
    """Two reports under one id that cannot both be true."""

    reason: str


def sell(order: Order, fact: ConversionRecorded) -> Order | Conflict | None:
    """The order after a report of it. None: a repeat, ignored."""
    paid = (fact.amount, fact.currency)
    if order.sale is not None:
        if order.sale.paid == paid:
            return None
        return Conflict(_differs(f"order {fact.order!r}", paid, order.sale.paid))
    after = copy(order)
    after.sale = Sale(
        paid,
        fact.observed_at if fact.occurred_at is None else fact.occurred_at,
        fact.code,
        fact.link,
        fact.clicked_at,
    )
    return after


def refund(order: Order, fact: ConversionRefunded) -> Order | Conflict | None:
    """The order after money was given back. None: a repeat, ignored."""
    money = (fact.amount, fact.currency)
    known = order.refunds.get(fact.refund)
    if known is not None:
        if known == money:
            return None
        return Conflict(_differs(f"refund {fact.refund!r} of order {fact.order!r}", money, known))
    after = copy(order)
    after.refunds = {**order.refunds, fact.refund: money}
    return after


def _differs(what: str, said: Money, known: Money) -> str:
    return (
        f"{what} was reported before as {known[0]} {known[1]} (minor units), now as {said[0]} {said[1]}; the first "
        "report stands. If the shop changed it, it sends a refund or an order of its own"
    )


def contribution(order: Order) -> dict[str, int]:
    """What an attributed order contributes to each of its scopes; how it was attributed is counted by the ledger."""
    into: dict[str, int] = {}
    if order.sale is None:
        return into
    amount, currency = order.sale.paid
    add(into, "conversions", 1)
    add(into, f"revenue.{currency}", amount)
    for returned, returned_currency in order.refunds.values():
        add(into, "refunds", 1)
        add(into, f"refunds.{returned_currency}", returned)
    return into


CLICK_CONTRIBUTION = {"clicks": 1}


def has_history(field: str) -> bool:
    """Whether a field of an order or a click is in the series too."""
    return field in ("clicks", "conversions") or field.startswith(("revenue.", "refunds."))
