"""Numbers for Prometheus: read when they are asked for, served while the process works."""

from __future__ import annotations

import httpx
import pytest

from tracker.embedded.process import free_port
from tracker.metrics import Counted, registry_of, served


def test_a_number_is_read_when_it_is_asked_for_and_gone_with_the_process() -> None:
    counted, port = [3], free_port()
    numbers = {"tracker_worker_records": Counted("Records counted", lambda: counted[0])}
    with served(registry_of(numbers), port):
        counted[0] = 4
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    assert "# HELP tracker_worker_records_total Records counted" in text
    assert "tracker_worker_records_total 4.0" in text
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False)


def test_port_0_serves_nothing() -> None:
    with served(registry_of({}), 0):
        pass
