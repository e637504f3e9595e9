"""The program as a person meets it: its real entry point, beside a worker and a receiver that one module shares."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from msgspec import Struct

from tests.harness.brokers import Broker
from tests.integration.harness import Installation
from tracker.cli import main
from tracker.embedded.process import Child, await_answer, free_port
from tracker.embedded.redis import RedisServer

SIGNING = "synthetic-app-secret"
TOKEN = "synthetic-api-token"
LONGEST_S = 60.0


class Outcome(Struct, frozen=True):
    """How a command ended: exit code, and what it said to whom."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `tracker …` in this process, by the entry point that the installed script calls, 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("TRACKER_SETTINGS", "FORCE_COLOR", "CI", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["tracker", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return run


class Running(Struct, frozen=True):
    """An installation with its worker and its receiver."""

    installation: Installation
    worker: Child
    receiver: str
    redis_url: str

    @property
    def prefix(self) -> str:
        return self.installation.settings.redis.prefix


def until(answers: Callable[[], bool], what: str, *, said: Callable[[], str] = lambda: "") -> None:
    """Return as soon as `answers`; another process cannot be awaited, only asked."""
    deadline = time.monotonic() + LONGEST_S
    while not answers():
        assert time.monotonic() < deadline, f"{what}: not within {LONGEST_S:.0f} s\n{said()}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, kafka: Broker, _session_redis: RedisServer) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("installation")
    port = free_port()
    made = Installation.create(
        directory,
        bootstrap=kafka.bootstrap,
        redis_url=_session_redis.url,
        name=f"cli{port}",
        more={
            "receiver": {"port": port, "click_secrets": ["synthetic-click-secret"], "api_tokens": [TOKEN]},
            "platforms": {"instagram": {"sources": {"main": {"signing": [SIGNING]}}}},
        },
    )
    children = [made.start("worker", "worker"), made.start("receiver", "receive")]
    address = f"http://127.0.0.1:{port}"

    def is_open() -> bool:
        try:
            return httpx.get(f"{address}/health/ready", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    try:
        await_answer(children[1], is_open, address=address, seconds=LONGEST_S)
        yield Running(made, children[0], address, _session_redis.url)
    finally:
        for child in children:
            child.stop()
