"""Whatever befalls the workers and their servers under load: the counters are exact, to the last unit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.brokers import Broker
from tests.integration.harness import Installation, Load, Topology, play
from tests.integration.harness.faults import JoinAndLeave, KillWorker, LateDefinition, RestartRedis
from tracker.embedded.redis import RedisServer

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(400)]


async def test_a_worker_killed_ten_times_in_the_middle_of_batches_counts_exactly(installation: Installation) -> None:
    outcome = await play(installation, Load(1, installation.topics), KillWorker(times=10))
    assert outcome.kills == 10
    assert outcome.ended == [], "a worker that was not killed must not end"
    outcome.prove()


async def test_two_workers_one_killed_and_one_joining_count_exactly(installation: Installation) -> None:
    outcome = await play(installation, Load(2, installation.topics), JoinAndLeave(), Topology(workers=2))
    assert outcome.kills == 1
    assert outcome.ended == [], "a rebalance must not end a worker"
    outcome.prove()


async def test_a_redis_that_is_killed_and_restarted_under_load_loses_and_repeats_nothing(
    tmp_path: Path, kafka: Broker, redis_server: Callable[..., RedisServer], topic_prefix: str
) -> None:
    server = redis_server(options={"appendfsync": "always"})
    installation = Installation.create(tmp_path, bootstrap=kafka.bootstrap, redis_url=server.url, name=topic_prefix)
    outcome = await play(installation, Load(3, installation.topics), RestartRedis(server))
    await installation.close()
    # A worker may outlive a short absence; one that does not says why, and is started again.
    assert all("does not answer" in each.said or "StoreUnreachable" in each.said for each in outcome.ended)
    outcome.prove()


async def test_definitions_that_come_after_the_events_count_as_if_they_had_come_before(
    installation: Installation,
) -> None:
    """`Outcome.prove` compares with a recount that has the definitions first."""
    outcome = await play(installation, Load(4, installation.topics), LateDefinition(), define_first=False)
    outcome.prove()
