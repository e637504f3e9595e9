"""TikTok: webhooks of posts (developers platform) and comments (Business API); polls by the Display API v2.

Accounts are open ids. Counts are the running totals of polls; saves, reach and impressions are not to be had here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tracker.domain.events import Fact, Instant
from tracker.plugin import Access, DueItem, Handshake, Headers, HttpRequest, Kind, Quota, RawPayload, Secrets, Verified
from tracker.plugin.signing import signed_by_any
from tracker_tiktok import display, webhooks

TOLERANCE_MS = 300_000  # a signature older (or further ahead) than five minutes may be a replay
_SIGNATURE = re.compile(r"t=(\d{1,12}),s=([0-9a-fA-F]{64})", re.ASCII)


class TikTok:
    """The platform adapter "tiktok"."""

    name = "tiktok"
    kept_headers: frozenset[str] = frozenset()
    polls: frozenset[Kind] = frozenset({"post", "account"})
    batch: Mapping[Kind, int] = {"post": display.IDS_PER_REQUEST, "account": 1}
    public_base_url = "https://open.tiktokapis.com"
    follows_up = False

    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: Instant) -> Verified:
        """Check `tiktok-signature: t=<s>,s=<hex>` over `t` + "." + the raw body, made within five minutes of `now`."""
        written = headers.get("tiktok-signature")
        if written is None:
            return Verified(False, "tiktok-signature is not there")
        if not any(secrets.signing):
            return Verified(False, "this source has no signing secret: set the app's client secret")
        found = _SIGNATURE.fullmatch(written.replace(" ", ""))
        if found is None:
            return Verified(False, "tiktok-signature is not t=<seconds>,s=<hex>")
        signed_at, signature = found.groups()
        if not signed_by_any("sha256", secrets.signing, signed_at.encode() + b"." + body, signature):
            return Verified(False, "the signature fits none of the source's secrets")
        if abs(now - int(signed_at) * 1000) > TOLERANCE_MS:
            return Verified(False, f"signed {(now // 1000) - int(signed_at)} s ago; at most {TOLERANCE_MS // 1000} s")
        return Verified(True)

    def handshake(self, query: Mapping[str, str], secrets: Secrets) -> Handshake | None:
        """TikTok checks no subscription by GET."""
        return None

    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        return webhooks.facts(raw) if raw.endpoint is None else display.facts(raw)

    def requests(self, items: Sequence[DueItem], access: Access) -> Sequence[HttpRequest]:
        return display.requests(items, access)

    def follow_up(self, raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
        return [] if raw.endpoint is None else display.next_requests(raw, access)

    def quota(self, status: int, headers: Headers, body: bytes) -> Quota:
        return display.quota(status, headers, body)
