"""YouTube: WebSub pushes of uploads, edits and deletions; polls by the Data API v3.

Accounts are channel ids. A push has no counts; polls have, and subscriber counts in three significant figures only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracker.domain.events import Fact, Instant
from tracker.plugin import Access, DueItem, Handshake, Headers, HttpRequest, Kind, Quota, RawPayload, Secrets, Verified
from tracker.plugin.signing import Algorithm, same_token, signed_by_any
from tracker_youtube import answers, asking, feed, limits

# WebSub 0.4, section 8, names these four methods.
_METHODS: dict[str, Algorithm] = {"sha1": "sha1", "sha256": "sha256", "sha384": "sha384", "sha512": "sha512"}
# "Subscribers MAY still acknowledge this request with a 2xx response code" (WebSub 8, on a signature that does not
# match): so nobody learns from the answer whether a guess was right. The body is ignored all the same.
ACKNOWLEDGED = 202


class YouTube:
    """The platform adapter "youtube"."""

    name = "youtube"
    kept_headers: frozenset[str] = frozenset({"link"})
    polls: frozenset[Kind] = frozenset({"post", "account"})
    batch: Mapping[Kind, int] = {"post": asking.IDS_PER_REQUEST, "account": asking.IDS_PER_REQUEST}
    public_base_url = "https://www.googleapis.com/youtube/v3"
    follows_up = False

    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: Instant) -> Verified:
        """Check `x-hub-signature: <method>=<hex>` over the raw body, by the method that it names."""
        if not any(secrets.signing):
            return Verified(False, "this source has no signing secret: set the one sent as hub.secret", ACKNOWLEDGED)
        written = headers.get("x-hub-signature")
        if written is None:
            return Verified(False, "x-hub-signature is not there: subscribe with hub.secret", ACKNOWLEDGED)
        method, _, signature = written.strip().partition("=")
        algorithm = _METHODS.get(method.lower())
        if algorithm is None:
            return Verified(False, "x-hub-signature names no method that WebSub knows", ACKNOWLEDGED)
        if not signed_by_any(algorithm, secrets.signing, body, signature):
            return Verified(False, f"the {algorithm} signature fits none of the source's secrets", ACKNOWLEDGED)
        return Verified(True)

    def handshake(self, query: Mapping[str, str], secrets: Secrets) -> Handshake | None:
        """Confirm what we asked the hub for: the challenge back; anything else is refused by 404.

        The topic must be a channel's feed. Where the source has a verify token, `hub.verify_token` must be it. Without
        one a subscription is confirmed (a push still needs the signature), but the end of one is not: it could be
        anybody's wish, and ours runs out by itself. `denied` is a notice.
        """
        mode = query.get("hub.mode")
        if mode is None:
            return None
        if mode == "denied":
            return Handshake(200)
        fits = same_token(secrets.verify_token, query.get("hub.verify_token"))
        unguarded = not secrets.verify_token and mode == "subscribe"
        known = mode in {"subscribe", "unsubscribe"} and feed.channel_of(query.get("hub.topic", "")) is not None
        if not known or not (fits or unguarded) or "hub.challenge" not in query:
            return Handshake(404)
        return Handshake(200, query["hub.challenge"].encode("utf-8", "replace"))

    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        return feed.facts(raw) if raw.endpoint is None else answers.facts(raw)

    def requests(self, items: Sequence[DueItem], access: Access) -> Sequence[HttpRequest]:
        return asking.requests(items, access)

    def follow_up(self, raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
        return [] if raw.endpoint is None else answers.next_requests(raw, access)

    def quota(self, status: int, headers: Headers, body: bytes) -> Quota:
        return limits.quota(status, headers, body)
