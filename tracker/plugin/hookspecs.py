"""The hooks. Each is called once, at start, and documented here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from tracker.plugin.api import PlatformAdapter

NAMESPACE = "tracker"
hookspec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)


@hookspec
def tracker_platforms() -> Iterable[PlatformAdapter]:  # type: ignore[empty-body]
    """Offer platform adapters.

    Called once, at start. Every adapter is pure: it gets bytes and returns data; the receiver and the poller do the
    I/O. Two adapters with one `name` stop the start, both named. See docs/how-to/write-a-platform-plugin.md.

    ```python
    from tracker.plugin import PlatformAdapter, hookimpl

    @hookimpl
    def tracker_platforms() -> list[PlatformAdapter]:
        return [Pebble()]
    ```
    """
