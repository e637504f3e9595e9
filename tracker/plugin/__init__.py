"""What a plugin may import: the adapter's types (api), the hooks (hookspecs), and what adapters share.

`reading`: strict JSON and times. `signing`: HMAC in constant time. `limits`: Retry-After. `testing`: the contract suite
that an adapter's author inherits (needs pytest and hypothesis).
"""

from tracker.plugin.api import (
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
    Unreadable,
    Verified,
)
from tracker.plugin.hookspecs import hookimpl

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
    "hookimpl",
]
