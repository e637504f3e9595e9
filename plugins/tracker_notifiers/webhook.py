"""Webhooks as Standard Webhooks 1.0 has them (standardwebhooks.com): any of its libraries verifies them.

Signed is `id.timestamp.body` by HMAC-SHA256 with each secret, the newest first, so that a receiver may know the old one
or the new one. The body's `data` is the alert event, byte for byte as subscribers of the topics read it.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import get_args

import msgspec

from tracker.domain.alerts import What
from tracker.domain.definitions import NotifierDefinition
from tracker.domain.events import Instant
from tracker.plugin.limits import retry_after_ms
from tracker.plugin.notifiers import Answer, Delivered, HttpSend, Later, Meaning, Never, Notice, Unfit

_PREFIX = "whsec_"
_LEAST_BYTES = 24  # the specification: a secret of 24 to 64 bytes
_MOST_BYTES = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Body(msgspec.Struct, frozen=True):
    type: str
    timestamp: str
    data: msgspec.Raw


class Webhook:
    """A signed POST to an address of the receiver's own. Any answer but 2xx and 410 is tried again."""

    name = "webhook"
    # Programs keep states: they are told of all that changed.
    tells: frozenset[What] = frozenset(what for what in get_args(What) if what != "pending")

    def check(self, definition: NotifierDefinition, secrets: Sequence[str]) -> None:
        if not definition.to.startswith(("https://", "http://")):
            raise Unfit("`to` of a webhook is an address, https://…")
        if not secrets:
            raise Unfit("a webhook needs `secret`: the name of a signing secret of the settings")
        for secret in secrets:
            _key(secret)

    def send(self, notice: Notice, definition: NotifierDefinition, secrets: Sequence[str], now: Instant) -> HttpSend:
        self.check(definition, secrets)
        body = msgspec.json.encode(_Body(notice.type, _rfc3339(notice.alert.at), msgspec.Raw(notice.event)))
        seconds = str(now // 1_000)
        signed = b".".join((notice.id.encode(), seconds.encode(), body))
        return HttpSend(
            url=definition.to,
            body=body,
            headers={
                "content-type": "application/json",
                "webhook-id": notice.id,
                "webhook-timestamp": seconds,
                "webhook-signature": " ".join(_signature(_key(secret), signed) for secret in secrets),
            },
        )

    def meaning(self, answer: Answer) -> Meaning:
        if 200 <= answer.status < 300:
            return Delivered()
        if answer.status == 410:
            return Never("answered 410: the receiver does not want these any more")
        if 300 <= answer.status < 400:
            return Later(f"answered {answer.status}: it leads elsewhere, and redirects are not followed")
        return Later(f"answered {answer.status}", retry_after_ms(answer.headers))


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    """The bytes of `whsec_<base64>`. Raises Unfit, without the secret."""
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True) if secret.startswith(_PREFIX) else b""
    except ValueError:
        key = b""
    if not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise Unfit(f"a signing secret is `whsec_` and the base64 of {_LEAST_BYTES} to {_MOST_BYTES} bytes")
    return key


def _rfc3339(at: Instant) -> str:
    return (_EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
