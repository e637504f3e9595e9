"""Links and orders: what an order was attributed to, and why.

Orders are kept by their id, and are led to by their promo code and their link; there is no list of all of them, so none
is offered.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tracker.domain.commerce import Order
from tracker.domain.counters import DAY
from tracker.domain.definitions import Link
from tracker.domain.events import Instant
from tracker.domain.pieces import decode_state, order_piece
from tracker.domain.rules import Rules, normal_code
from tracker.ingest.http import FieldFault
from tracker.sending import partition_of
from tracker.store.base import Partition
from tracker.web.lists import chosen, holds
from tracker.web.problems import bad_request, not_found
from tracker.web.query import Paged, Search, Slug
from tracker.web.routes import Call, Route

_PIECE = order_piece("")


class LinksQuery(Paged, frozen=True, kw_only=True):
    campaign: Slug | None = None
    creator: Slug | None = None
    search: Search = None


class LinkPage(Struct, frozen=True, kw_only=True):
    items: tuple[Link, ...]
    next: str | None


class ConversionsQuery(Paged, frozen=True, kw_only=True):
    code: Annotated[str, Meta(min_length=1, max_length=512, description="A promo code, in any case.")] | None = None
    link: Annotated[str, Meta(min_length=1, max_length=512, description="A link's id.")] | None = None


class Money(Struct, frozen=True, kw_only=True):
    """Minor units of an ISO 4217 currency."""

    amount: int
    currency: str


class RefundOf(Struct, frozen=True, kw_only=True):
    refund: str
    paid_back: Money


class Attribution(Struct, frozen=True, kw_only=True):
    """To what an order is attributed. `creator` null: to the campaign alone."""

    campaign: str
    creator: str | None
    by: Literal["code", "click"]


class ConversionDetail(Struct, frozen=True, kw_only=True):
    """An order as it stands. `paid` and `at` null: only refunds of it are known so far.

    `attributed` null: to nobody; `why` says in either case by which rule.
    """

    order: str
    paid: Money | None
    at: Instant | None
    code: str | None
    link: str | None
    clicked_at: Instant | None
    refunds: tuple[RefundOf, ...]
    attributed: Attribution | None
    why: str


class ConversionPage(Struct, frozen=True, kw_only=True):
    items: tuple[ConversionDetail, ...]
    next: str | None


async def links(call: Call) -> LinkPage:
    query: LinksQuery = call.query
    if query.campaign is not None:
        call.campaign(query.campaign)
    rows = [
        (key, link)
        for key, link in call.index.links()
        if call.who.sees(link.campaign)
        and query.campaign in (None, link.campaign)
        and query.creator in (None, link.creator)
        and holds(query.search, link.id, link.destination)
    ]
    found, following = chosen(call, rows)
    return LinkPage(items=tuple(found), next=following)


async def conversion(call: Call) -> ConversionDetail:
    id = call.path["order"]
    (found,) = await _orders(call, [id])
    if found is None or not _sees(call, found):
        raise not_found("nothing is known of this order")
    return found


async def conversions(call: Call) -> ConversionPage:
    query: ConversionsQuery = call.query
    if (query.code is None) == (query.link is None):
        fault = FieldFault("code", "give a `code` or a `link`, one of the two: orders are led to by these alone")
        raise bad_request("bad_parameter", "there is no list of all orders", fault)
    term = f"link:{query.link}" if query.code is None else f"code:{normal_code(query.code)}"
    places = [Partition("commerce", number) for number in range(call.parts.topics.partitions)]
    loaded = await asyncio.gather(*(call.parts.store.load(place, [], [term]) for place in places))
    ids = sorted({key.removeprefix(_PIECE) for each in loaded for key in each.terms[term] if key.startswith(_PIECE)})
    # Clicks stand under a link's term too; whom a limited token may not see is left out, so its pages may be shorter.
    found, following = chosen(call, [((id,), id) for id in ids])
    orders = await _orders(call, found)
    return ConversionPage(items=tuple(one for one in orders if one is not None and _sees(call, one)), next=following)


def _sees(call: Call, found: ConversionDetail) -> bool:
    if found.attributed is None:
        return call.who.campaigns is None
    return call.who.sees(found.attributed.campaign)


async def _orders(call: Call, ids: list[str]) -> list[ConversionDetail | None]:
    count = call.parts.topics.partitions
    homes: dict[int, list[str]] = {}
    for id in ids:
        homes.setdefault(partition_of(id.encode(), count), []).append(order_piece(id))
    loaded = await asyncio.gather(
        *(call.parts.store.load(Partition("commerce", number), keys, []) for number, keys in homes.items())
    )
    pieces = {key: value for each in loaded for key, value in each.pieces.items()}
    return [_order(call.parts.definitions.rules, id, pieces[order_piece(id)]) for id in ids]


def _order(rules: Rules, id: str, value: bytes | None) -> ConversionDetail | None:
    if value is None:
        return None
    order = decode_state(order_piece(id), value)
    assert isinstance(order, Order)
    sale = order.sale
    match = order.matches[0] if order.matches else None
    return ConversionDetail(
        order=id,
        paid=None if sale is None else Money(amount=sale.paid[0], currency=sale.paid[1]),
        at=None if sale is None else sale.at,
        code=None if sale is None else sale.code,
        link=None if sale is None else sale.link,
        clicked_at=None if sale is None else sale.clicked_at,
        refunds=tuple(
            RefundOf(refund=refund, paid_back=Money(amount=amount, currency=currency))
            for refund, (amount, currency) in sorted(order.refunds.items())
        ),
        attributed=None
        if match is None
        else Attribution(
            campaign=match.campaign, creator=match.who or None, by="code" if match.how == "code" else "click"
        ),
        why=why(order, rules),
    )


def why(order: Order, rules: Rules) -> str:
    """By which rule an order is attributed as it is, or why to nobody (docs/explanation/counting.md, section 5)."""
    if order.sale is None:
        return "only refunds of it are known: the order itself was not reported so far"
    if order.matches:
        match = order.matches[0]
        if match.how == "code":
            return f"an agreement of campaign `{match.campaign}` lists its code; a code comes before a click"
        return f"it was clicked on a link of campaign `{match.campaign}` at most its attribution_days before"
    by_code = "it carries no code" if order.sale.code is None else "no agreement lists its code"
    return f"{by_code}; {_why_no_click(order, rules)}"


def _why_no_click(order: Order, rules: Rules) -> str:
    sale = order.sale
    if sale is None or sale.link is None or sale.clicked_at is None:
        return "no click is known to have led to it"
    link = rules.links.get(sale.link)
    campaign = None if link is None else rules.campaigns.get(link.campaign)
    if link is None or campaign is None:
        return "the link that was clicked, or its campaign, is not defined (any more)"
    if sale.clicked_at > sale.at:
        return "the click came after the order"
    days = (sale.at - sale.clicked_at) // DAY
    if sale.at - sale.clicked_at > campaign.attribution_days * DAY:
        return f"its click is {days} days old, the campaign's attribution_days are {campaign.attribution_days}"
    return "its link was defined only now: it is counted as soon as the partitions have the definition"


ROUTES = (
    Route(
        method="GET",
        path="/v1/links",
        role="viewer",
        reach="filtered",
        tag="commerce",
        summary="List short links",
        query=LinksQuery,
        answer=LinkPage,
        errors=(404,),
        handler=links,
    ),
    Route(
        method="GET",
        path="/v1/conversions",
        role="viewer",
        reach="filtered",
        tag="commerce",
        summary="Orders that carry a promo code, or came by a link",
        description="One of `code` and `link` is required: orders are not listed otherwise. A page of a token that is "
        "limited to campaigns may hold fewer items than `limit`, and still have a `next`.",
        query=ConversionsQuery,
        answer=ConversionPage,
        handler=conversions,
    ),
    Route(
        method="GET",
        path="/v1/conversions/{order}",
        role="viewer",
        reach="filtered",
        tag="commerce",
        summary="One order: what it was attributed to, and why",
        answer=ConversionDetail,
        errors=(404,),
        handler=conversion,
    ),
)
