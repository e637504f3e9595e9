"""Instagram for the campaign tracker: one platform adapter, offered by entry point."""

from __future__ import annotations

from tracker.plugin import PlatformAdapter, hookimpl
from tracker_instagram.adapter import Instagram


@hookimpl
def tracker_platforms() -> list[PlatformAdapter]:
    return [Instagram()]
