"""Whether the receiver lives, whether it is ready, and what it did so far."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tracker.kafka_admin import KafkaDown, wait_for_kafka

_ASK_KAFKA_EVERY_SECONDS = 2.0
# Webhook senders give up between 1 s (Shopify's connect) and 10 s (X); we promise 1 s.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0)


class Metrics:
    """Prometheus metrics of one process' doors, in a registry of their own. Documented where they are declared."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.hooks = Counter(
            "tracker_hooks",
            "Webhook requests by platform, source and outcome (accepted, bad_signature, unreachable, …)",
            ["platform", "source", "outcome"],
            registry=self.registry,
        )
        self.requests = Histogram(
            "tracker_http_seconds",
            "Seconds from a request's arrival to its answer, by route and status",
            ["route", "status"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.clicks = Counter(
            "tracker_clicks",
            "Followed links by outcome: recorded, delayed (waits for Kafka), lost (the buffer was full, or we stopped)",
            ["outcome"],
            registry=self.registry,
        )
        self.clicks_waiting = Gauge(
            "tracker_clicks_waiting", "Clicks that wait for Kafka in memory", registry=self.registry
        )
        self.conversions = Counter(
            "tracker_conversions",
            "POST /v1/conversions and /v1/refunds by kind and outcome",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self.definitions = Counter(
            "tracker_definitions_read",
            "Records read from the registry topic by outcome: read, unreadable",
            ["outcome"],
            registry=self.registry,
        )

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)


class KafkaProbe:
    """Whether a broker answers, asked at most every two seconds however often it is wanted to be known."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._asked_at = float("-inf")
        self._fault: str | None = None
        self._asking = asyncio.Lock()

    async def fault(self) -> str | None:
        """None when a broker answers, else why not."""
        async with self._asking:
            if time.monotonic() - self._asked_at >= _ASK_KAFKA_EVERY_SECONDS:
                try:
                    await asyncio.to_thread(wait_for_kafka, self._bootstrap, 0)
                    self._fault = None
                except KafkaDown as error:
                    self._fault = error.cause
                self._asked_at = time.monotonic()
            return self._fault


def health_routes(
    probe: KafkaProbe, faults: Callable[[], Mapping[str, str | None]], metrics: Metrics
) -> list[HTTPRouteHandler]:
    """GET /health/live, /health/ready and /metrics. `faults`: part → why it is not ready, or None."""

    @get("/health/live", include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @get("/health/ready", include_in_schema=False)
    async def ready() -> Response[bytes]:
        parts: dict[str, Any] = {"kafka": await probe.fault(), **faults()}
        well = all(fault is None for fault in parts.values())
        body = {
            "status": "ready" if well else "not ready",
            "parts": {part: fault or "ready" for part, fault in parts.items()},
        }
        return Response(orjson.dumps(body), status_code=200 if well else 503, media_type="application/json")

    @get("/metrics", include_in_schema=False)
    async def exposition() -> Response[bytes]:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return [live, ready, exposition]
