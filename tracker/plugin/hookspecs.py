"""The hooks. Each is called once, at start, and documented here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from tracker.plugin.api import PlatformAdapter
from tracker.plugin.notifiers import Notifier
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


@hookspec
def tracker_notifiers() -> Iterable[Notifier]:  # type: ignore[empty-body]
    """Offer ways to tell people and programs of alerts.

    Called once, at start, in every process that tells. Every notifier is pure: it gets an alert, a definition, secrets
    and the time, and returns a request as data; the tracker sends it, tries again and keeps the log. Two notifiers with
    one `name` stop the start, both named. See docs/how-to/write-a-notifier.md.

    ```python
    from tracker.plugin import hookimpl
    from tracker.plugin.notifiers import Notifier

    @hookimpl
    def tracker_notifiers() -> list[Notifier]:
        return [Bell()]
    ```
    """
