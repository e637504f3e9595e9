"""What the process that tells of alerts tells Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class NotifyMetrics:
    """Prometheus metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter(
            "tracker_notify_events",
            "Alert events read, by outcome (queued: for one notifier at least; unwanted, too_old, unreadable)",
            ["outcome"],
            registry=self.registry,
        )
        self.attempts = Counter(
            "tracker_notify_attempts",
            "Attempts to tell a notifier, by outcome (delivered, later, failed, lost: settled by somebody else)",
            ["notifier", "outcome"],
            registry=self.registry,
        )
