"""Click ids that explain themselves: which link, when, and that we handed them out.

1. `read(issue(link, at, …, secret), (…, secret, …)) == Click(link, at)`: nothing is looked up.
2. Whatever was changed in an id, or was signed with a secret that is no longer valid, is refused.
3. An id has exactly one spelling: a second one would make one click count twice.

An id is base64url without padding (RFC 4648 §5) of: version (1 byte), ms since the epoch (6 bytes, big-endian),
random (8 bytes), the link's code (ASCII), and the first 16 bytes of HMAC-SHA256 over all of that: 128 bits, as
RFC 2104 §5 allows (at least half of the hash).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence

from msgspec import Struct

VERSION = 1
RANDOM_BYTES = 8
_TIME_BYTES = 6
_HEAD_BYTES = 1 + _TIME_BYTES + RANDOM_BYTES
_MAC_BYTES = 16
_MAX_LENGTH = 200
_PURPOSE = b"tracker click id\x00"
_LINK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class BadClick(ValueError):
    """A click id that we did not hand out, or whose secret is no longer valid. `reason` says which rule it broke."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a click id of ours: {reason}")
        self.reason = reason


class Click(Struct, frozen=True):
    """What a click id says: the link's code, and when it was followed (ms since the epoch, UTC)."""

    link: str
    at: int


def issue(link: str, at: int, random: bytes, secret: str) -> str:
    """Sign a new click id. `random` is 8 fresh bytes. Raises ValueError for what no id can carry."""
    if not _LINK.fullmatch(link):
        raise ValueError(f"{link!r} is no link code")
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"{len(random)} random bytes; a click id has {RANDOM_BYTES}")
    if not secret:
        raise ValueError("an empty secret signs nothing")
    if not 0 <= at < 1 << 8 * _TIME_BYTES:
        raise ValueError(f"{at} is no instant in ms since the epoch")
    said = bytes([VERSION]) + at.to_bytes(_TIME_BYTES, "big") + random + link.encode("ascii")
    return _text(said + _mac(said, secret))


def read(click: str, secrets: Sequence[str]) -> Click:
    """Verify a click id against each secret, in constant time. Raises BadClick."""
    packed = _packed(click)
    said, mac = packed[:-_MAC_BYTES], packed[-_MAC_BYTES:]
    matches = [hmac.compare_digest(_mac(said, secret), mac) for secret in secrets if secret]
    if not any(matches):
        raise BadClick("its signature fits no valid secret")
    link = said[_HEAD_BYTES:].decode("ascii", errors="replace")
    if said[0] != VERSION or not _LINK.fullmatch(link):
        raise BadClick(f"its version {said[0]} is not {VERSION}, or its link code is none")
    return Click(link, int.from_bytes(said[1 : 1 + _TIME_BYTES], "big"))


def _packed(click: str) -> bytes:
    if len(click) > _MAX_LENGTH:
        raise BadClick(f"it has {len(click)} characters; at most {_MAX_LENGTH} are possible")
    try:
        packed = base64.b64decode(click + "=" * (-len(click) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadClick("it is no base64url") from error
    if _text(packed) != click:
        raise BadClick("it is not in its one spelling")
    if len(packed) <= _HEAD_BYTES + _MAC_BYTES:
        raise BadClick("it is too short")
    return packed


def _mac(said: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), _PURPOSE + said, hashlib.sha256)[:_MAC_BYTES]


def _text(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode("ascii")
