"""The live stream: campaigns' numbers and alerts over Server-Sent Events, as they change.

1. The stream is behind the gate of every other route: a token, its role, its campaigns, how often it asks.
2. What a client names and may not see is not found, in the words for what is not there.
3. An answer ends when its client is gone, is let go, or the hub stops; until then its task sleeps.

How it is followed: docs/how-to/follow-live-numbers.md.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qsl

import structlog
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from tracker.definitions.following import Definitions
from tracker.ingest.http import AnyRequest, FieldFault, header
from tracker.web.gate import Gate
from tracker.web.live_events import KINDS, Kind
from tracker.web.live_feed import Wants
from tracker.web.live_hub import Client, Hub, HubParts, LiveSettings
from tracker.web.problems import bad_request, not_found
from tracker.web.tokens import Principal

__all__ = ["EventStream", "Hub", "HubParts", "LiveSettings", "for_streams", "read_wants", "stream_routes"]

log = structlog.get_logger(__name__)

MEDIA_TYPE: Final = "text/event-stream"
MOST_NAMED: Final = 500
"""So many campaigns may be named in one question."""
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold events back
}
_SEND_BUFFER: Final = 256 * 1024
_ALLOWED: Final = frozenset({"campaign", "kinds"})


class EventStream(Response[bytes]):
    """The answer that does not end by itself."""

    def __init__(self, hub: Hub, client: Client) -> None:
        super().__init__(b"", media_type=MEDIA_TYPE, headers=_HEADERS)
        self._hub, self._client = hub, client

    def to_asgi_response(self, app: Any, request: Any, **given: Any) -> ASGIResponse:
        return _ASGIEventStream(self._hub, self._client, _encoded(self.headers))


class _ASGIEventStream(ASGIResponse):
    def __init__(self, hub: Hub, client: Client, headers: Sequence[tuple[bytes, bytes]]) -> None:
        super().__init__(media_type=MEDIA_TYPE)
        self._hub, self._client = hub, client
        self._headers = [(b"content-type", MEDIA_TYPE.encode()), *headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client, hub = self._client, self._hub

        async def more(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        client.task = asyncio.current_task()
        listening = asyncio.create_task(_gone(receive))
        listening.add_done_callback(lambda _: client.finish("gone"))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self._headers})
            await hub.serve(client, more)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            if not client.is_cut:
                raise
            hub.let_go += 1
            log.info("a live client is cut off: it takes nothing", token=client.who.id)
        finally:
            hub.leave(client)
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def stream_routes(hub: Hub, gate: Gate, definitions: Definitions) -> list[HTTPRouteHandler]:
    """`GET /v1/stream`, behind the gate of all other routes."""

    @get("/v1/stream", status_code=200, media_type=MEDIA_TYPE, include_in_schema=False)
    async def stream(request: AnyRequest) -> EventStream:
        who = gate.admit(request, "viewer", "filtered")
        pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        wants = read_wants(pairs, who, definitions)
        return EventStream(hub, hub.admit(who, wants, header(request, "last-event-id")))

    return [stream]


def read_wants(given: Sequence[tuple[str, str]], who: Principal, definitions: Definitions) -> Wants:
    """What is asked for, within what the token may see. Raises Refused (400, 404)."""
    faults = [
        FieldFault(name[:100], "no such parameter. Allowed: campaign, kinds")
        for name, _ in given
        if name not in _ALLOWED
    ]
    said = [text for name, text in given if name == "kinds"]
    if len(said) > 1:
        faults.append(FieldFault("kinds", "is given twice: write them together, as kinds=campaign,alert"))
    named: frozenset[str] = frozenset(said[0].split(",")) if said else KINDS
    if not named <= KINDS:
        faults.append(FieldFault("kinds", "Expected one or both of `campaign`, `alert`, with a comma between"))
    campaigns = frozenset(text for name, text in given if name == "campaign")
    if len(campaigns) > MOST_NAMED:
        faults.append(FieldFault("campaign", f"at most {MOST_NAMED} campaigns can be named"))
    if faults:
        raise bad_request("bad_parameter", "the parameters cannot be accepted; nothing is told", *faults)
    for id in sorted(campaigns):
        if not who.sees(id) or id not in definitions.rules.campaigns:
            raise not_found(f"there is no campaign `{id[:100]}`")
    kinds: frozenset[Kind] = frozenset(kind for kind in KINDS if kind in named)
    return Wants(campaigns=campaigns or who.campaigns, kinds=kinds)


def for_streams(listening: socket.socket, settings: LiveSettings | None = None) -> None:
    """Set a listening socket up so that one who reads nothing holds little memory, and not for ever."""
    chosen = settings or LiveSettings()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; elsewhere the system's own timeout ends such a connection
        patience = math.ceil((chosen.slow_seconds + 2 * chosen.grace_seconds) * 1000)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
