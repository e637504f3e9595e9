"""Numbers of a process for Prometheus, on a port of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from msgspec import Struct
from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class Counted(Struct, frozen=True):
    """A number that only grows while the process lives: what it means, and how to read it."""

    meaning: str
    read: Callable[[], int]


class _Numbers(Collector):
    def __init__(self, numbers: Mapping[str, Counted]) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        for name, number in self._numbers.items():
            yield CounterMetricFamily(name, number.meaning, value=number.read())


def registry_of(numbers: Mapping[str, Counted]) -> CollectorRegistry:
    """A registry that reads these numbers whenever it is asked."""
    registry = CollectorRegistry()
    registry.register(_Numbers(numbers))
    return registry


@contextmanager
def served(registry: CollectorRegistry, port: int) -> Iterator[None]:
    """Serve `GET /metrics` on every address of this machine while it lasts; port 0: not at all. Raises OSError."""
    if port == 0:
        yield
        return
    server, thread = start_http_server(port, registry=registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
