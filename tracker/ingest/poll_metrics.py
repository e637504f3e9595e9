"""What a poller tells Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class PollMetrics:
    """Prometheus metrics of one poller, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tracker_poll_requests",
            "Requests to platforms by endpoint and outcome (2xx, 4xx, 429, 5xx, no_answer, postponed)",
            ["platform", "endpoint", "outcome"],
            registry=self.registry,
        )
        self.tokens = Counter(
            "tracker_tokens_refused",
            "Answers of a platform that say that our token is no good, or not allowed to see what was asked for",
            ["platform"],
            registry=self.registry,
        )
        self.follow_ups = Counter(
            "tracker_follow_ups",
            "Questions that webhooks called for, by outcome (answered, given_up, fault)",
            ["platform", "outcome"],
            registry=self.registry,
        )
