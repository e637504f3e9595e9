"""A seeded stream of everything that can happen, and the numbers that it must come to.

1. What it says is a function of the seed; how it is cut into batches is not, and must not matter.
2. Accounts 0..n-1 speak through canonical events with origins, as an adapter makes them; the others through the inbox.
3. Now and then the last events are sent again, as an adapter that crashed does.
4. All times lie within some hours, so that no increment is refused for its age; no post moves between campaigns twice.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tracker.codec import events as codec
from tracker.codec import inbox
from tracker.domain import events as ev
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition, Link
from tracker.domain.events import Origin, wrap
from tracker.domain.partition import Located
from tracker.plugin.api import RawPayload
from tracker.recount import Counters, recount_log
from tracker.sending import Outgoing, Place, partition_of
from tracker.topics import Topics, place

T = 1_780_000_000_000
"""Where the stream begins: an instant of June 2026."""
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
FEED = "synthetic-load"
"""The log that the canonical events name as their inbox."""
PER_PAYLOAD = 5


class Load:
    """Produces by chunks: `chunk(canonical, payloads)` gives records to send, and remembers what they said."""

    def __init__(self, seed: int, topics: Topics, *, accounts: int = 12, posts: int = 40) -> None:
        self.topics = topics
        self.said: list[ev.Fact] = []
        """Every fact, once, in the order in which it was said."""
        self.raws: list[tuple[Place, Outgoing]] = []
        """Every payload that was put on the inbox."""
        self._draw = random.Random(seed)
        self._accounts, self._posts = accounts, posts
        self._clock = T
        self._numbers: dict[str, int] = {}
        self._offsets = [0, 0]
        self._recent: list[tuple[Place, Outgoing]] = []
        self._likes: dict[tuple[str, str], int] = {}

    def definitions(self) -> list[Definition]:
        """Two campaigns that overlap, a creator with an agreement for every second account, codes and a link."""
        window: dict[str, Any] = {"starts_at": T - 30 * DAY, "ends_at": T + 30 * DAY}
        found: list[Definition] = [
            Campaign(id="glow", name="Synthetic glow", hashtags=("glow",), **window),
            Campaign(id="aqua", name="Synthetic aqua", hashtags=("aqua",), **window),
            Link(id="l1", campaign="glow", creator="c0", destination="https://shop.example/x"),
        ]
        for number in range(0, self._accounts, 2):
            ref = AccountRef(platform="instagram", account=f"a{number}")
            found.append(Creator(id=f"c{number}", name=f"Synthetic {number}", accounts=(ref,)))
            found.append(
                Agreement(
                    id=f"g{number}", campaign="glow", creator=f"c{number}", hashtags=("glow",), codes=(f"CODE{number}",)
                )
            )
        return found

    def chunk(self, canonical: int, payloads: int) -> dict[Place, list[Outgoing]]:
        """The next records, by where they go, each list in its order."""
        records: dict[Place, list[Outgoing]] = {}
        for where, outgoing in (*self._canonical(canonical), *self._payloads(payloads)):
            records.setdefault(where, []).append(outgoing)
        return records

    def truth(self, definitions: Sequence[Definition]) -> Counters:
        """What everything said so far comes to, counted the plain way as one log, whatever the definitions' place."""
        facts = [*(_defined(definition, number) for number, definition in enumerate(definitions)), *self.said]
        return recount_log(
            [Located(number, wrap(fact, id=f"t{number}", source="import")) for number, fact in enumerate(facts)]
        )

    def _canonical(self, count: int) -> Iterator[tuple[Place, Outgoing]]:
        for _ in range(count):
            feed = self._draw.randrange(2)
            fact = self._fact(feed, self._accounts // 2)
            origin = Origin(FEED, feed, self._offsets[feed], 0)
            self._offsets[feed] += 1
            self.said.append(fact)
            stage, key = place(fact)
            event = wrap(
                msgspec.structs.replace(fact, origin=origin), id=f"load-{feed}-{origin.offset}", source="import"
            )
            at = (self.topics.name(stage), partition_of(key.encode(), self.topics.partitions))
            made = (at, Outgoing(key.encode(), codec.checked(event)))
            self._recent = [*self._recent[-30:], made]
            yield made
            if self._draw.random() < 0.01:
                yield from self._recent

    def _payloads(self, count: int) -> Iterator[tuple[Place, Outgoing]]:
        for _ in range(count):
            # One account's payloads have one name, so one partition of the inbox, so their order.
            number = self._draw.randrange(self._accounts // 2, self._accounts)
            facts = [self._of_account(number) for _ in range(PER_PAYLOAD)]
            if self._draw.random() < 0.3:
                facts = [self._trade(f"raw{number}") for _ in range(PER_PAYLOAD)]
            self.said += facts
            raw = RawPayload(
                platform="direct",
                source="import",
                name=f"load{number}",
                received_at=self._clock,
                body=msgspec.json.encode([stated(fact) for fact in facts]),
            )
            key, value, headers = inbox.encode(raw)
            at = (self.topics.name("inbox"), partition_of(key, self.topics.partitions))
            self.raws.append((at, Outgoing(key, value, headers)))
            yield self.raws[-1]

    def _fact(self, feed: int, accounts: int) -> ev.Fact:
        if self._draw.random() < 0.15:
            return self._trade(f"feed{feed}")
        return self._of_account(self._draw.randrange(accounts // 2) * 2 + feed)

    def _of_account(self, number: int) -> ev.Fact:
        draw, at = self._draw, self._tick()
        who: dict[str, Any] = {"platform": "instagram", "account": f"a{number}", "observed_at": at}
        post = f"a{number}-p{draw.randrange(self._posts)}"
        kind = draw.random()
        if kind < 0.45:
            return ev.ReactionObserved(post=post, **self._counts(post), **who)
        if kind < 0.60:
            born = T + draw.randrange(self._posts) * MINUTE
            words = draw.choice(("#glow new", "#aqua and #glow", "nothing", "so #Aqua"))
            return ev.PostPublished(post=post, occurred_at=born, text=words, **who)
        if kind < 0.75:
            who["metric"] = draw.choice(("likes", "shares", "saves"))
            step = draw.choice((ev.ReactionAdded, ev.ReactionAdded, ev.ReactionRemoved))
            return step(post=post, reaction=f"{post}-r{self._id(post, repeat=0.1)}", occurred_at=at, **who)
        if kind < 0.88:
            said = draw.choice((ev.CommentCreated, ev.CommentEdited, ev.CommentHidden, ev.CommentRemoved))
            return said(post=post, comment=f"k{draw.randrange(40)}", **who)
        if kind < 0.94:
            return ev.AudienceObserved(followers=draw.randrange(1_000, 50_000), **who)
        return draw.choice((ev.PostRemoved, ev.PostRestored))(post=post, **who)

    def _counts(self, post: str) -> dict[str, Any]:
        draw = self._draw
        names: tuple[ev.Metric, ...] = ("likes", "comments", "views", "reach")
        counts: dict[str, Any] = {}
        for name in names:
            known = max(0, self._likes.get((post, name), 0) + draw.randrange(-3, 30))
            self._likes[post, name] = known
            counts[name] = known if draw.random() < 0.8 else None
        counts["published_at"] = T if draw.random() < 0.9 else None
        return counts

    def _trade(self, shop: str) -> ev.Fact:
        draw, at = self._draw, self._tick()
        who: dict[str, Any] = {"platform": "direct", "observed_at": at}
        if draw.random() < 0.5:
            return ev.LinkClicked(click=f"{shop}-k{self._id(shop, repeat=0.02)}", link="l1", **who)
        # An order's number says its amount: a repeat is the same order, not another one that must be refused.
        number = draw.randrange(4_000)
        money: dict[str, Any] = {
            "order": f"{shop}-o{number}",
            "amount": 100 + number,
            "currency": ("JPY", "USD")[number % 2],
        }
        if draw.random() < 0.3:
            return ev.ConversionRefunded(refund="f1", **money, **who)
        code = f"code{number % self._accounts}" if number % 3 else None
        return ev.ConversionRecorded(code=code, link="l1", clicked_at=T + number, **money, **who)

    def _id(self, of: str, *, repeat: float) -> int:
        """A number that is new for this account or shop; now and then one that was there before."""
        known = self._numbers.get(of, 0)
        if known and self._draw.random() < repeat:
            return self._draw.randrange(known) + 1
        self._numbers[of] = known + 1
        return known + 1

    def _tick(self) -> int:
        self._clock += self._draw.randrange(0, 400)
        return self._clock


def stated(fact: ev.Fact) -> Mapping[str, object]:
    """A fact as an import writes it: its fields and its type, without the origin."""
    tag = ev.EVENTS[type(fact)].__struct_config__.tag  # type: ignore[attr-defined]
    fields = {name: value for name in fact.__struct_fields__ if (value := getattr(fact, name)) is not None}
    fields.pop("origin")
    return {"type": tag, **fields}


def _defined(definition: Definition, number: int) -> ev.DefinitionChanged:
    return ev.DefinitionChanged(
        platform="tracker",
        observed_at=T,
        kind=definition.__struct_config__.tag,  # type: ignore[arg-type]
        id=definition.id,
        version=number + 1,
        definition=definition,
    )
