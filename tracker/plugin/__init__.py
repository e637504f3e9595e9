"""What a plugin may import: the adapter's types (api), the hooks (hookspecs), the contract suite (testing)."""

from tracker.plugin.api import (
    Access,
    DueItem,
    Handshake,
    HttpRequest,
    PlatformAdapter,
    Quota,
    RawPayload,
    Unreadable,
    Verified,
)
from tracker.plugin.hookspecs import hookimpl

__all__ = [
    "Access",
    "DueItem",
    "Handshake",
    "HttpRequest",
    "PlatformAdapter",
    "Quota",
    "RawPayload",
    "Unreadable",
    "Verified",
    "hookimpl",
]
