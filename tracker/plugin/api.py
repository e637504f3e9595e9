"""What a platform adapter is: pure data in, data out.

1. An adapter does no I/O, reads no clock and keeps no state: the receiver, the poller and the adapt stage do the rest.
2. What it cannot read it refuses with `Unreadable`, whole: a payload becomes all of its facts, or a dead letter.
3. It states what the platform stated. Comparing with what was known before is the core's work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from tracker.domain.events import Fact, Instant, Source
from tracker.domain.schedule import DueItem, Kind

__all__ = [
    "Access",
    "DueItem",
    "Handshake",
    "Headers",
    "HttpRequest",
    "Kind",
    "PlatformAdapter",
    "Quota",
    "RawPayload",
    "Secrets",
    "Unreadable",
    "Verified",
]

Headers = Mapping[str, str]
"""HTTP headers; names are lower case."""


class Unreadable(Exception):
    """A payload that the adapter cannot turn into facts: kept as a dead letter with this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RawPayload(Struct, frozen=True, kw_only=True):
    """What came in, untouched.

    `body` is the very bytes. `headers` are those that `kept_headers` names, lower case. For a poll, `endpoint` and
    `items` repeat the request that this answers, and `status` is the HTTP status of the answer.
    """

    platform: str
    source: Source
    name: str
    received_at: Instant
    body: bytes
    headers: Headers = {}
    endpoint: str | None = None
    items: tuple[DueItem, ...] = ()
    status: int | None = None


class Verified(Struct, frozen=True):
    """The verdict over a webhook's signature. `reason` says why not, without naming any secret.

    `answer_status` is what the platform's documentation asks to be answered to a bad signature.
    """

    ok: bool
    reason: str = ""
    answer_status: int = 401


class Handshake(Struct, frozen=True):
    """The answer to a subscription check: status, body and media type. A status above 299 refuses it."""

    status: int
    body: bytes = b""
    media_type: str = "text/plain"


class Access(Struct, frozen=True, kw_only=True):
    """How to reach a platform's API: its base address and tokens (of single accounts, and the default one)."""

    base_url: str
    token: str | None = None
    tokens: Mapping[str, str] = {}

    def token_for(self, account: str) -> str | None:
        return self.tokens.get(account, self.token)


class HttpRequest(Struct, frozen=True, kw_only=True):
    """A request as data. `endpoint` is the adapter's own name of the call, given back in `RawPayload.endpoint`.

    `cost` is in the platform's own quota units.
    """

    method: Literal["GET", "POST"]
    url: str
    endpoint: str
    items: tuple[DueItem, ...]
    headers: Headers = {}
    body: bytes | None = None
    cost: int = 1


class Quota(Struct, frozen=True, kw_only=True):
    """What an answer says about the asking: the platform's limits, and our token.

    `wait_ms`: ask this platform nothing for so long, counted from the answer; None: nothing said. `used_share`: how
    much of the allowance is used, 0.0 to 1.0 and above. `token_refused`: the answer says that the token is no good,
    and nothing about what was asked for; None: the adapter cannot tell, and the status (401, 403) decides.
    """

    used_share: float | None = None
    wait_ms: int | None = None
    token_refused: bool | None = None


class Secrets(Struct, frozen=True, kw_only=True):
    """A source's secrets. Any of `signing` is valid (rotation); `verify_token` is for the handshake."""

    signing: tuple[str, ...] = ()
    verify_token: str | None = None


class PlatformAdapter(Protocol):
    """One platform. Offered by a plugin through the hook `tracker_platforms`.

    Attributes:
        name: the platform's canonical name, e.g. "instagram".
        kept_headers: lower-case names of the webhook headers that `parse` needs; no others are kept.
        polls: whether `requests` can ask for posts ("post") and accounts ("account").
        batch: how many items at most one request carries, for each kind in `polls`.
        public_base_url: the address of the platform's public API, for settings that name no other; "" without polls.
        follows_up: whether a webhook may call for a question (`follow_up` of a webhook may give requests). False: its
            webhooks are never read for that.
    """

    name: str
    kept_headers: frozenset[str]
    polls: frozenset[Kind]
    batch: Mapping[Kind, int]
    public_base_url: str
    follows_up: bool

    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: Instant) -> Verified:
        """Judge a webhook's signature over its raw bytes, in constant time."""
        ...

    def handshake(self, query: Mapping[str, str], secrets: Secrets) -> Handshake | None:
        """Answer a subscription check; None: this GET is none."""
        ...

    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        """Turn a payload into facts, in the payload's order. Raises Unreadable.

        May give none: a ping, or an answer that says nothing about its items (429, 5xx, a refused token). A poll's
        error answer that does say something (this post is gone) is read like any other.
        """
        ...

    def requests(self, items: Sequence[DueItem], access: Access) -> Sequence[HttpRequest]:
        """The requests that look at these items, as few as the API allows. Every item stands in one at least.

        Items are of this platform and of the kinds in `polls`. Tokens go into headers, never into the url.
        """
        ...

    def follow_up(self, raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
        """The requests that this payload calls for. Mostly none. May raise Unreadable, as `parse` does.

        Of an answer: the next page. Of a webhook, where `follows_up` is set: what it names without telling (a post
        that mentions us). A webhook's requests may be made more than once.
        """
        ...

    def quota(self, status: int, headers: Headers, body: bytes) -> Quota:
        """What an answer says about the asking (429, usage headers, an error object). Never raises."""
        ...
