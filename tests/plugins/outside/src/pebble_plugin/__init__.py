"""Pebble, an invented platform: webhooks that say how many skimmed a pebble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracker.domain.events import Fact, Instant, PostPublished, ReactionObserved
from tracker.plugin import (
    Access,
    DueItem,
    Handshake,
    Headers,
    HttpRequest,
    Kind,
    PlatformAdapter,
    Quota,
    RawPayload,
    Secrets,
    Verified,
    hookimpl,
)
from tracker.plugin.reading import read_json
from tracker.plugin.signing import signed_by_any


class Pebble:
    """The platform adapter "pebble"."""

    name = "pebble"
    kept_headers: frozenset[str] = frozenset()
    polls: frozenset[Kind] = frozenset()
    batch: Mapping[Kind, int] = {}
    public_base_url = ""
    follows_up = False

    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: Instant) -> Verified:
        ok = signed_by_any("sha256", secrets.signing, body, headers.get("x-pebble-signature", ""))
        return Verified(ok, "" if ok else "x-pebble-signature fits none of the source's secrets")

    def handshake(self, query: Mapping[str, str], secrets: Secrets) -> Handshake | None:
        return None

    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        pebble = read_json(raw.body)
        account, post = pebble.member("thrower").identifier(), pebble.member("pebble").identifier()
        thrown_at, seen_at = pebble.member("thrown_at").seconds(), pebble.member("seen_at").seconds()
        skims = pebble.maybe("skims")
        return [
            PostPublished(
                platform=self.name,
                account=account,
                post=post,
                observed_at=seen_at,
                occurred_at=thrown_at,
                text=pebble.member("words").text(),
            ),
            ReactionObserved(
                platform=self.name,
                account=account,
                post=post,
                observed_at=seen_at,
                published_at=thrown_at,
                likes=None if skims is None else skims.count(),
            ),
        ]

    def requests(self, items: Sequence[DueItem], access: Access) -> Sequence[HttpRequest]:
        return []

    def follow_up(self, raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
        return []

    def quota(self, status: int, headers: Headers, body: bytes) -> Quota:
        return Quota()


@hookimpl
def tracker_platforms() -> list[PlatformAdapter]:
    return [Pebble()]
