"""Signatures over raw bytes: HMAC, compared in constant time.

1. Every secret is tried, whichever fits (rotation), so the time taken does not tell which one did.
2. An empty secret is no secret: anybody could sign with it.
3. What is compared are digests of one length, by hmac.compare_digest; a malformed signature is refused unseen.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Literal

Algorithm = Literal["sha1", "sha256", "sha384", "sha512"]
DIGEST_BYTES: dict[Algorithm, int] = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
_HEX = re.compile(r"[0-9a-fA-F]*", re.ASCII)


def digest_of(algorithm: Algorithm, secret: str, message: bytes) -> bytes:
    """HMAC of `message`. The secret's UTF-8 bytes are the key."""
    return hmac.new(secret.encode("utf-8"), message, getattr(hashlib, algorithm)).digest()


def signed_by_any(algorithm: Algorithm, secrets: Sequence[str], message: bytes, signature_hex: str) -> bool:
    """Whether `signature_hex` is the HMAC of `message` under one of the secrets (upper or lower case digits)."""
    if len(signature_hex) != 2 * DIGEST_BYTES[algorithm] or not _HEX.fullmatch(signature_hex):
        return False
    given = bytes.fromhex(signature_hex)
    fits = [hmac.compare_digest(digest_of(algorithm, secret, message), given) for secret in secrets if secret]
    return any(fits)


def same_token(expected: str | None, given: str | None) -> bool:
    """Whether a handshake's token is the expected one, in constant time. No expected token: never."""
    if not expected or given is None:
        return False
    return hmac.compare_digest(expected.encode("utf-8"), given.encode("utf-8", "surrogatepass"))
