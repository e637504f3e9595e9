"""Servers for the tests: started when first asked for, shared by the session, gone with it."""

import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from redis import Redis

from tests.harness import brokers
from tests.harness.kafka import KafkaBroker, kafka_libs
from tests.harness.redis import RedisCluster
from tracker.embedded.redis import RedisServer

# No test asserts a time: a busy machine must not fail a law.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")
# `make fast` tries fewer examples of each law; `make test` tries them all.
settings.register_profile("fast", max_examples=10, deadline=None)

SERVERS = {"kafka", "own_kafka", "redis_url", "redis_server", "redis_cluster"}


def pytest_report_header() -> str:
    return brokers.describe()


def pytest_xdist_setupnodes() -> None:
    """Fetch the broker once, before the processes of the tests begin: each would, and Maven's cache is not for two."""
    if brokers.wants_real_kafka():
        kafka_libs()


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Between the processes of the tests goes UTF-8 alone: what a test logged on purpose may be none."""
    report = yield
    return _as_utf8(report)


def _as_utf8(data: Any) -> Any:
    match data:
        case str():
            return data.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {key: _as_utf8(value) for key, value in data.items()}
        case list() | tuple():
            return type(data)(_as_utf8(each) for each in data)
        case _:
            return data


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for a server is an integration test."""
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[brokers.Broker]:
    """The session's broker; topics are yours by `topic_prefix`."""
    broker = brokers.start_test_broker(tmp_path_factory.mktemp("kafka"))
    yield broker
    broker.stop()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaBroker]:
    """An Apache Kafka of your own, to kill and restart. Skips where only the embedded broker is, which forgets all."""
    if not brokers.wants_real_kafka():
        pytest.skip("needs a broker that keeps its data over a restart; the embedded one does not")
    with KafkaBroker(tmp_path / "kafka") as broker:
        yield broker


@pytest.fixture
def topic_prefix() -> str:
    """A first part of topic names that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def redis_prefix() -> str:
    """A first part of keys that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def _session_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(_session_redis: RedisServer) -> str:
    """The session's Redis, empty."""
    with Redis.from_url(_session_redis.url) as client:
        client.flushall()
    return _session_redis.url


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Makes started Redis servers of your own, to kill and restart: make(append_only=…, options={…})."""
    servers: list[RedisServer] = []

    def make(*, append_only: bool = True, options: Mapping[str, str] | None = None) -> RedisServer:
        server = RedisServer(tmp_path / f"redis-{len(servers)}", append_only=append_only, options=options)
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def _session_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with RedisCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def redis_cluster(_session_cluster: RedisCluster) -> RedisCluster:
    """The session's Redis Cluster of three nodes, empty."""
    _session_cluster.flush()
    return _session_cluster
