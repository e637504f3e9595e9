"""The whole way, each part a real process: a signed webhook and a poll become totals; also a stranger's plugin."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.harness.brokers import Broker
from tests.integration.harness import Installation
from tracker.domain.counters import Scope
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition
from tracker.embedded.process import Child, free_port

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

SIGNING = "synthetic-signing-secret"
TOKEN = "synthetic-access-token"
OUTSIDE = Path(__file__).parents[1] / "plugins" / "outside"
SPRING, HANA = Scope("spring", ""), Scope("spring", "hana")
PATIENCE_S = 90.0


def definitions(platform: str, account: str, now: int) -> list[Definition]:
    return [
        Campaign(id="spring", name="Synthetic spring", starts_at=now - 86_400_000, ends_at=now + 86_400_000),
        Creator(id="hana", name="Synthetic", accounts=(AccountRef(platform=platform, account=account),)),
        Agreement(id="deal", campaign="spring", creator="hana", hashtags=("spring",)),
    ]


class GraphApi(BaseHTTPRequestHandler):
    """As the Graph API documents GET /{user} and GET ?ids=…; asks for the token, and shows one post."""

    published = time.time() - 600

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if self.headers["authorization"] != f"Bearer {TOKEN}":
            self._answer(401, {"error": {"message": "no token", "type": "OAuthException", "code": 190}})
        elif asked.path.endswith("/178"):
            self._answer(200, {"followers_count": 5_000, "media": {"data": [self._post()]}, "id": "178"})
        elif "ids" in parse_qs(asked.query):
            self._answer(200, {id: self._post() for id in parse_qs(asked.query)["ids"][0].split(",")})
        else:
            self._answer(200, self._post())

    def _post(self) -> dict[str, Any]:
        return {
            "id": "901",
            "permalink": "https://www.instagram.com/p/AbC/",
            "caption": "morning coffee #spring",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(self.published)),
            "media_type": "IMAGE",
            "media_product_type": "FEED",
            "like_count": 120,
            "comments_count": 7,
            "username": "synthetic.creator",
        }

    def _answer(self, status: int, body: object) -> None:
        encoded = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its base's name)
        """Nothing is printed."""


@contextmanager
def serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), GraphApi) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@asynccontextmanager
async def running(
    installation: Installation, *commands: str, env: Mapping[str, str] | None = None
) -> AsyncIterator[list[Child]]:
    children = [installation.start(command, command, env) for command in commands]
    try:
        yield children
    finally:
        codes = await asyncio.gather(*(asyncio.to_thread(child.stop) for child in children))
        assert codes == [0] * len(children), "\n".join(child.tail() for child in children)


def install(directory: Path, kafka: Broker, redis_url: str, name: str, platforms: dict[str, Any]) -> Installation:
    return Installation.create(
        directory,
        bootstrap=kafka.bootstrap,
        redis_url=redis_url,
        name=name,
        more={
            "receiver": {
                "port": free_port(),
                "click_secrets": ["synthetic-click-secret"],
                "api_tokens": ["synthetic-api-token"],
            },
            "cadence": {"steps": [{"until_seconds": 3_600, "every_seconds": 1}], "account_every_seconds": 1},
            "platforms": platforms,
        },
    )


async def post_hook(
    installation: Installation, path: str, body: bytes, headers: Mapping[str, str], children: list[Child]
) -> httpx.Response:
    """Post as soon as the receiver is ready."""
    base = f"http://127.0.0.1:{installation.settings.receiver.port}"
    async with httpx.AsyncClient(base_url=base, timeout=10) as client, asyncio.timeout(PATIENCE_S):
        while not await ready(client):
            assert all(child.running for child in children), "\n".join(child.tail() for child in children)
            await asyncio.sleep(0.1)
        return await client.post(path, content=body, headers=dict(headers))


async def ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def totals_with(
    installation: Installation, wanted: Mapping[str, int], children: list[Child]
) -> Mapping[Scope, Mapping[str, int]]:
    """The campaign's totals, once they hold these numbers."""
    totals: Mapping[Scope, Mapping[str, int]] = {}
    try:
        async with installation.store() as store, asyncio.timeout(PATIENCE_S):
            while not wanted.items() <= (totals := await store.totals("spring")).get(SPRING, {}).items():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        said = "\n".join(child.tail() for child in children)
        raise AssertionError(f"wanted {wanted}, the totals are {totals}\n{said}") from error
    return totals


async def test_a_signed_webhook_and_a_poll_become_totals(
    tmp_path: Path, kafka: Broker, redis_url: str, topic_prefix: str
) -> None:
    now = time.time_ns() // 1_000_000
    with serving() as api:
        source = {"signing": [SIGNING], "verify_token": "synthetic-verify"}
        instagram = {"base_url": api, "token": TOKEN, "sources": {"main": source}}
        installation = install(tmp_path, kafka, redis_url, topic_prefix, {"instagram": instagram})
        await installation.apply(definitions("instagram", "178", now), at=now)
        comment = {"id": "c1", "text": "プラ", "from": {"id": "55", "username": "fan"}, "media": {"id": "901"}}
        change = {"field": "comments", "value": comment}
        body = json.dumps({"object": "instagram", "entry": [{"id": "178", "time": now // 1000, "changes": [change]}]})
        signature = hmac.new(SIGNING.encode(), body.encode(), hashlib.sha256).hexdigest()
        headers = {"x-hub-signature-256": f"sha256={signature}"}
        async with running(installation, "worker", "receive", "poll") as children:
            forged = await post_hook(
                installation, "/hooks/instagram/main", body.encode().replace(b"c1", b"c2"), headers, children
            )
            genuine = await post_hook(installation, "/hooks/instagram/main", body.encode(), headers, children)
            assert (forged.status_code, genuine.status_code) == (401, 200)
            wanted = {
                "posts": 1,
                "posts.live": 1,
                "posts.by.agreement": 1,
                "likes": 120,
                "comments": 7,
                "views.unknown": 1,
                "comment.visible": 1,
                "followers": 5_000,
            }
            totals = await totals_with(installation, wanted, children)
            assert totals[HANA] == totals[SPRING]
        report = await installation.audit()
        assert report.differences == ()
        assert await installation.letters() == []
        await installation.close()


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has put the distribution of a plugin from outside the tree."""
    work = tmp_path_factory.mktemp("outside")
    shutil.copytree(OUTSIDE, work / "source", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    target = work / "site"
    done = subprocess.run(
        [*pip, "--disable-pip-version-check", "--target", str(target), str(work / "source")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target


async def test_the_events_of_a_plugin_that_pip_installed_reach_the_totals(
    tmp_path: Path, kafka: Broker, redis_url: str, topic_prefix: str, plugin: Path
) -> None:
    now = time.time_ns() // 1_000_000
    pebble = {"sources": {"main": {"signing": [SIGNING]}}}
    installation = install(tmp_path, kafka, redis_url, topic_prefix, {"pebble": pebble})
    account = "9007199254740993"  # beyond what a double holds
    await installation.apply(definitions("pebble", account, now), at=now)
    thrown = {"thrower": int(account), "pebble": "p1", "thrown_at": now // 1000 - 600, "seen_at": now // 1000 - 540}
    body = json.dumps({**thrown, "skims": 7, "words": "a flat one #spring"}).encode()
    signature = hmac.new(SIGNING.encode(), body, hashlib.sha256).hexdigest()
    async with running(installation, "worker", "receive", env={"PYTHONPATH": str(plugin)}) as children:
        answer = await post_hook(installation, "/hooks/pebble/main", body, {"x-pebble-signature": signature}, children)
        assert answer.status_code == 200
        totals = await totals_with(installation, {"posts": 1, "likes": 7, "views.unknown": 1}, children)
        assert totals[HANA]["likes"] == 7
    assert (await installation.audit()).differences == ()
    await installation.close()
