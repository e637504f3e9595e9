"""Installations for the scenarios: on the session's servers, or on a Redis of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.brokers import Broker
from tests.integration.harness import Installation


@pytest.fixture
async def installation(tmp_path: Path, kafka: Broker, redis_url: str, topic_prefix: str) -> AsyncIterator[Installation]:
    made = Installation.create(tmp_path, bootstrap=kafka.bootstrap, redis_url=redis_url, name=topic_prefix)
    yield made
    await made.close()
