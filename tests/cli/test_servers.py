"""Servers that are down, or not as they must be: told in words, with exit code 2 and what to do."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Command
from tests.harness.brokers import Broker
from tracker.embedded.process import free_port
from tracker.embedded.redis import RedisServer
from tracker.topics import STAGES


@pytest.fixture
def settings(tmp_path: Path, topic_prefix: str) -> Callable[..., Path]:
    """Writes a file of settings, by sections: `kafka={…}`, `redis={…}`."""

    def write(**sections: dict[str, object]) -> Path:
        file = tmp_path / "tracker.yaml"
        sections.setdefault("topics", {})
        file.write_text(yaml.safe_dump({**sections, "topics": {"prefix": topic_prefix, **sections["topics"]}}))
        return file

    return write


@pytest.mark.slow
def test_a_broker_that_is_down_is_counted_down_and_then_named(command: Command, settings: Callable[..., Path]) -> None:
    bootstrap = f"127.0.0.1:{free_port()}"
    outcome = command("--settings", settings(kafka={"bootstrap": bootstrap, "wait_seconds": 3}), "status")
    assert outcome.code == 2
    assert "waiting for Kafka, " in outcome.err
    assert f"error: kafka {bootstrap}: no broker answered within" in outcome.err
    assert "TRACKER_KAFKA__BOOTSTRAP" in outcome.err


@pytest.mark.slow
def test_a_redis_that_is_down_is_counted_down_and_then_named(command: Command, settings: Callable[..., Path]) -> None:
    port = free_port()
    file = settings(redis={"url": f"redis://127.0.0.1:{port}/0", "wait_seconds": 2})
    outcome = command("--settings", file, "show")
    assert outcome.code == 2
    assert "waiting for Redis, 2 s left" in outcome.err
    assert f"error: The store at 127.0.0.1:{port}" in outcome.err


@pytest.mark.integration
def test_a_redis_that_may_evict_is_refused_with_the_cure(
    command: Command, settings: Callable[..., Path], redis_server: Callable[..., RedisServer]
) -> None:
    server = redis_server(append_only=False, options={"maxmemory-policy": "allkeys-lru"})
    outcome = command("--settings", settings(redis={"url": server.url}), "show")
    assert outcome.code == 2
    assert "redis-cli CONFIG SET maxmemory-policy noeviction" in outcome.err


def test_topics_that_are_missing_are_named_at_once_with_the_command_that_makes_them(
    command: Command, settings: Callable[..., Path], kafka: Broker, tmp_path: Path
) -> None:
    empty = tmp_path / "nothing.yaml"
    empty.write_text("")
    file = settings(kafka={"bootstrap": kafka.bootstrap})
    for words in (("apply", empty), ("get",), ("dead", "list"), ("topics", "check")):
        outcome = command("--settings", file, *words)
        assert outcome.code == 2
        assert "does not exist. Create it: tracker topics create" in outcome.err


def test_topics_are_created_once_and_another_number_of_partitions_is_refused(
    command: Command, settings: Callable[..., Path], kafka: Broker
) -> None:
    file = settings(kafka={"bootstrap": kafka.bootstrap}, topics={"partitions": 2})
    first = command("--settings", file, "topics", "create")
    assert (first.code, first.out.count("2 partitions")) == (0, len(STAGES))
    assert command("--settings", file, "topics", "create").out == first.out
    file = settings(kafka={"bootstrap": kafka.bootstrap}, topics={"partitions": 3})
    wrong = command("--settings", file, "worker")
    assert wrong.code == 2
    assert "has 2 partitions, topics.partitions says 3" in wrong.err


def test_an_address_that_is_taken_is_told_by_the_installed_program(
    settings: Callable[..., Path], command: Command, kafka: Broker
) -> None:
    file = settings(
        kafka={"bootstrap": kafka.bootstrap},
        topics={"partitions": 1},
        receiver={"click_secrets": ["synthetic-click-secret"]},
    )
    assert command("--settings", file, "topics", "create").code == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "tracker", "--settings", file, "receive", "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_receiver_without_secrets_is_refused_with_the_setting(
    settings: Callable[..., Path], command: Command, kafka: Broker
) -> None:
    file = settings(kafka={"bootstrap": kafka.bootstrap}, topics={"partitions": 1})
    assert command("--settings", file, "topics", "create").code == 0
    outcome = command("--settings", file, "receive", "--port", "0")
    assert outcome.code == 2
    assert "TRACKER_RECEIVER__CLICK_SECRETS" in outcome.err
