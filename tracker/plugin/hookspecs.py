"""The hooks. Each is called once, at start, and documented here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from tracker.plugin.api import PlatformAdapter
from tracker.plugin.rules import Rule

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


@hookspec
def tracker_rules() -> Iterable[Rule]:  # type: ignore[empty-body]
    """Offer alert rules.

    Called once, at start, in every process that judges. Every rule is pure: it gets facts, settings and the time, and
    returns verdicts; the watcher gathers the facts, keeps the alerts and tells of them. Two rules with one `name` stop
    the start, both named. See docs/how-to/write-an-alert-rule.md.

    ```python
    from tracker.plugin import Rule, hookimpl

    @hookimpl
    def tracker_rules() -> list[Rule]:
        return [TooQuiet()]
    ```
    """
