"""What comes through our own doors: link clicks, conversions, and imports of canonical facts."""

from __future__ import annotations

from tracker.plugin import PlatformAdapter, hookimpl
from tracker_direct.adapter import Direct


@hookimpl
def tracker_platforms() -> list[PlatformAdapter]:
    return [Direct()]
