"""Pieces of a partition's state: how they are named, how they are stored.

1. A key says which piece it is, whatever characters the platform's ids hold: where ids follow each other, their lengths
   stand first.
2. A piece is one byte (the version of the states' form) and MessagePack. Another version is refused, never misread.
3. An index term leads from what a definition names to the pieces that it may concern. It may lead to too many, never to
   too few.
"""

from __future__ import annotations

import msgspec

from tracker.domain.audience import Account
from tracker.domain.commerce import Click, Order
from tracker.domain.counters import DAY
from tracker.domain.errors import UnreadableState
from tracker.domain.events import (
    AccountFact,
    CommentFact,
    ConversionRecorded,
    ConversionRefunded,
    Fact,
    LinkClicked,
    PostFact,
)
from tracker.domain.posts import Comment, Post
from tracker.domain.rules import Concern, normal_code

State = Account | Post | Comment | Order | Click

STATE_VERSION = 1
"""Grows whenever a state's fields change their meaning or order. A new last field with a default changes neither."""

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[State] = msgspec.msgpack.Decoder(State)
_PREFIX = bytes([STATE_VERSION])


def account_piece(platform: str, account: str) -> str:
    return f"account:{platform}:{account}"


def post_piece(platform: str, account: str, post: str) -> str:
    return f"post:{platform}:{len(account)}:{account}:{post}"


def comment_piece(platform: str, account: str, post: str, comment: str) -> str:
    return f"comment:{platform}:{len(account)}:{len(post)}:{account}:{post}:{comment}"


def order_piece(order: str) -> str:
    return f"order:{order}"


def click_piece(click: str) -> str:
    return f"click:{click}"


def pieces_of(fact: Fact) -> tuple[str, ...]:
    """The pieces that a statement surely needs, besides the post that it is about and the post's account."""
    match fact:
        case CommentFact(platform=platform, account=account, post=post, comment=comment):
            return (comment_piece(platform, account, post, comment),)
        case PostFact():
            return ()
        case AccountFact(platform=platform, account=account):
            return (account_piece(platform, account),)
        case ConversionRecorded(order=order) | ConversionRefunded(order=order):
            return (order_piece(order),)
        case LinkClicked(click=click):
            return (click_piece(click),)
        case _:
            return ()


def account_term(platform: str, account: str) -> str:
    return f"account:{platform}:{account}"


def post_terms(post: Post) -> set[str]:
    """The terms that lead to a post."""
    terms = {f"tag:{tag}" for tag in post.tags}
    terms.add(account_term(post.platform, post.account))
    if post.address is not None:
        terms.add(f"address:{post.address}")
    return terms


def order_terms(order: Order) -> set[str]:
    """The terms that lead to an order."""
    terms = set()
    if order.sale is not None and order.sale.code is not None:
        terms.add(f"code:{normal_code(order.sale.code)}")
    if order.sale is not None and order.sale.code is not None and all(match.how != "code" for match in order.matches):
        terms.add(unnamed_term(order.sale.at))
    if order.sale is not None and order.sale.link is not None:
        terms.add(f"link:{order.sale.link}")
    return terms


def unnamed_term(at: int) -> str:
    """The term that leads to the orders of that UTC day whose promo code no agreement names."""
    return f"unnamed:{at // DAY}"


def click_terms(click: Click) -> set[str]:
    """The terms that lead to a click."""
    return {f"link:{click.link}"}


def terms_of(concern: Concern) -> set[str]:
    """The terms that lead to all that a changed definition concerns."""
    terms = {account_term(platform, account) for platform, account in concern.accounts}
    terms.update(f"tag:{tag}" for tag in concern.tags)
    terms.update(f"address:{address}" for address in concern.addresses)
    terms.update(f"code:{code}" for code in concern.codes)
    terms.update(f"link:{link}" for link in concern.links)
    return terms


def encode_state(state: State) -> bytes:
    return _PREFIX + _encoder.encode(state)


def decode_state(key: str, value: bytes) -> State:
    """Read a piece. Raises UnreadableState, which names the piece and the versions."""
    if value[:1] != _PREFIX:
        found = value[0] if value else "none"
        raise UnreadableState(f"state {key}", f"its form has version {found}, this program knows {STATE_VERSION}")
    try:
        return _decoder.decode(memoryview(value)[1:])
    except msgspec.MsgspecError as error:
        raise UnreadableState(f"state {key}", str(error)) from error
