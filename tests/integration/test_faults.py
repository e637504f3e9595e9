"""Whatever befalls the workers and their servers under load: the counters are exact, to the last unit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.harness.brokers import Broker
from tests.integration.harness import Installation, Load, Topology, play
from tests.integration.harness.faults import JoinAndLeave, KillWorker, LateDefinition, RestartRedis
from tracker.embedded.redis import RedisServer

import os
TIMES=int(os.environ.get('TIMES','10'))
pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@pytest.fixture
async def installation(tmp_path: Path, kafka: Broker, redis_url: str, topic_prefix: str) -> AsyncIterator[Installation]:
    made = Installation.create(tmp_path, bootstrap=kafka.bootstrap, redis_url=redis_url, name=topic_prefix)
    yield made
    await made.close()


async def test_a_worker_killed_ten_times_in_the_middle_of_batches_counts_exactly(installation: Installation) -> None:
    outcome = await play(installation, Load(1, installation.topics), KillWorker(times=TIMES))
    assert outcome.kills == TIMES
    outcome.prove()
