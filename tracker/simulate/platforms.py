"""The stand-in for the platforms' servers: one HTTP server on a loopback port, under /instagram, /tiktok, /youtube.

1. It answers what the world says at the instant of the request, in each platform's documented form.
2. A page may be short, and now and then a request is answered 429 with Retry-After: both are drawn from the seed.
3. What an answer said goes into the log of what was told, once the answer has gone out, and not before.
4. It knows the tracker by HTTP alone: nothing of the plugins is imported.
5. It listens before the world begins. Whoever asks too early waits for the answer, and `asked` says that somebody does.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import uvicorn

from tracker.simulate import instagram_api, tiktok_api, youtube_api
from tracker.simulate.model import PlatformName, World
from tracker.simulate.told import ToldLog
from tracker.simulate.wire import Answer, Request, Secrets, answer_json

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
PAGES = (2, 3, 5, 20, 50)
"""A page of a list holds so many at most, one drawn for each request."""
BUSY_SHARE = 0.02
RETRY_AFTER_S = 1
_ANSWERERS = {"instagram": instagram_api.answer, "tiktok": tiktok_api.answer, "youtube": youtube_api.answer}
_BUSY = {"instagram": instagram_api.too_many, "tiktok": tiktok_api.too_many, "youtube": youtube_api.too_many}


class StandIn:
    """An ASGI application that answers for all platforms. `now` gives ms; `busy_share` of the requests get a 429."""

    def __init__(
        self,
        secrets: Mapping[PlatformName, Secrets],
        told: ToldLog,
        now: Callable[[], int],
        *,
        seed: int,
        busy_share: float = BUSY_SHARE,
    ) -> None:
        self.secrets, self.told = secrets, told
        self.refused: dict[int, int] = {}
        self.asked = asyncio.Event()
        self._world: asyncio.Future[World] = asyncio.get_running_loop().create_future()
        self._now = now
        self._busy_share = busy_share
        self._draw = random.Random(f"stand-in {seed}")  # noqa: S311 - mischief, not a secret

    def begin(self, world: World) -> None:
        """From now on answer of this world."""
        self._world.set_result(world)

    def answer(self, world: World, platform: PlatformName, request: Request) -> Answer:
        """The answer to one request, without HTTP."""
        if self._draw.random() < self._busy_share:
            busy = _BUSY[platform]()
            return Answer(
                status=busy.status, body=busy.body, headers={**busy.headers, "retry-after": str(RETRY_AFTER_S)}
            )
        return _ANSWERERS[platform](world, self.secrets[platform], request, page=self._draw.choice(PAGES))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"the stand-in serves http, not {scope['type']}")
        body = await _body(receive)
        self.asked.set()
        world = await asyncio.shield(self._world)
        began = self._now()
        _, _, rest = scope["path"].partition("/")
        name, _, path = rest.partition("/")
        if name in _ANSWERERS:
            answer = self.answer(world, name, _request(scope, name, "/" + path, body, began))
        else:
            answer = answer_json(404, {"error": f"no platform at {scope['path']}"})
        headers = [(key.encode(), value.encode()) for key, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        if answer.status >= 400:
            self.refused[answer.status] = self.refused.get(answer.status, 0) + 1
        self.told.answered(answer.told, began=began, ended=self._now())


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _request(scope: Scope, platform: str, path: str, body: bytes, at: int) -> Request:
    headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
    return Request(
        method=scope["method"],
        path=path,
        query=dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)),
        headers=headers,
        body=body,
        at=at,
        origin=f"http://{headers.get('host', '127.0.0.1')}/{platform}",
    )


class _Server(uvicorn.Server):
    """A server inside somebody else's process: signals are that process's own affair."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serve(app: StandIn) -> Any:
    """Serve on a free loopback port; gives the address. Stops on leaving."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=2)
        server = _Server(config)
        running = asyncio.create_task(server.serve(sockets=[listening]), name="platforms' servers")
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running
