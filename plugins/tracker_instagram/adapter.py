"""Instagram (Graph API v25): webhooks of comments, mentions and expired stories; polls of posts and accounts.

Instagram pushes no reactions and no new posts: likes, views, saves and shares are the running totals of polls, and a
deletion is seen as an error or an absence only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracker.domain.events import Fact, Instant
from tracker.plugin import Access, DueItem, Handshake, Headers, HttpRequest, Kind, Quota, RawPayload, Secrets, Verified
from tracker.plugin.signing import same_token, signed_by_any
from tracker_instagram import answers, asking, limits, webhooks


class Instagram:
    """The platform adapter "instagram". Accounts are Instagram user ids; where only a handle is told, `@handle`."""

    name = "instagram"
    kept_headers: frozenset[str] = frozenset()
    polls: frozenset[Kind] = frozenset({"post", "account"})
    batch: Mapping[Kind, int] = {"post": asking.IDS_PER_REQUEST, "account": 1}
    public_base_url = "https://graph.instagram.com/v25.0"
    follows_up = True

    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: Instant) -> Verified:
        """Check `x-hub-signature-256`; the older SHA-1 `x-hub-signature` counts only where the newer is absent."""
        algorithm, written = "sha256", headers.get("x-hub-signature-256")
        if written is None:
            algorithm, written = "sha1", headers.get("x-hub-signature")
        if written is None:
            return Verified(False, "neither x-hub-signature-256 nor x-hub-signature is there")
        if not any(secrets.signing):
            return Verified(False, "this source has no signing secret: set the Meta app's secret")
        method, _, signature = written.strip().partition("=")
        if method != algorithm:
            return Verified(False, f"the signature header does not begin with {algorithm}=")
        if not signed_by_any("sha256" if method == "sha256" else "sha1", secrets.signing, body, signature):
            return Verified(False, f"the {algorithm} signature fits none of the source's secrets")
        return Verified(True)

    def handshake(self, query: Mapping[str, str], secrets: Secrets) -> Handshake | None:
        """Give `hub.challenge` back where `hub.verify_token` is ours; else 403, and no subscription comes about."""
        if "hub.mode" not in query:
            return None
        fits = same_token(secrets.verify_token, query.get("hub.verify_token"))
        if query["hub.mode"] != "subscribe" or not fits or "hub.challenge" not in query:
            return Handshake(403)
        return Handshake(200, query["hub.challenge"].encode("utf-8", "replace"))

    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        return webhooks.facts(raw) if raw.endpoint is None else answers.facts(raw)

    def requests(self, items: Sequence[DueItem], access: Access) -> Sequence[HttpRequest]:
        return asking.requests(items, access)

    def follow_up(self, raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
        if raw.endpoint is None:
            return [asking.mentioned(mention, access) for mention in webhooks.mentions(raw)]
        return answers.next_requests(raw, access)

    def quota(self, status: int, headers: Headers, body: bytes) -> Quota:
        return limits.quota(status, headers, body)
