"""The application: the table of routes served by Litestar, each request guarded, checked and answered the same way.

1. What a route may answer, who may ask it and what it takes stands in its row (`routes.py`), and nowhere else.
2. Every answer carries the request's id and the security headers; every error is a problem (`problems.py`).
3. An answer to GET has a weak ETag over all but its ages: 304 says that nothing else changed.
4. Neither an address nor a header nor a body is logged: a route's name, a status, an id.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, TypeGuard, cast
from urllib.parse import parse_qsl

import msgspec
import orjson
import structlog
from litestar import Litestar, Response, get, route
from litestar.config.cors import CORSConfig
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import HTTPScope, Message, Scope
from litestar.types import Receive as ASGIReceive
from litestar.types import Send as ASGISend
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest

from tracker.ingest.bodies import BadBody, read_struct
from tracker.ingest.http import AnyRequest, Refused, header, read_body
from tracker.web import alerts, campaigns, commerce, defs, exports, operation, posts, problems, query, rules
from tracker.web.document import JSON, YAML, document, needs_body
from tracker.web.gate import Gate, refuse_token_in_address
from tracker.web.index import Index
from tracker.web.live import Hub, stream_routes
from tracker.web.parts import ApiParts
from tracker.web.routes import Call, Method, Raw, Route, Text, merged

log = structlog.get_logger(__name__)

TABLE: Final = merged(
    [
        campaigns.ROUTES,
        posts.ROUTES,
        alerts.ROUTES,
        rules.ROUTES,
        commerce.ROUTES,
        defs.ROUTES,
        operation.ROUTES,
        exports.ROUTES,
    ]
)
"""Every route that is guarded, but the live stream, whose answer does not end."""
STREAM: Final = "/v1/stream"
PUBLIC: Final = ("/health/live", "/health/ready", "/metrics", "/v1/openapi.json")
"""What needs no token: it says nothing of any campaign."""

_TEXTS = frozenset({YAML, JSON, "application/x-yaml", "text/yaml", "text/plain"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_AGES = re.compile(rb'"age_ms":\d+')
_SECURITY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
# Answers are expected within 50 ms (a campaign) and a second (a page of many posts).
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class ApiMetrics:
    """Prometheus metrics of one API, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "tracker_api_seconds",
            "Seconds from a request's arrival to its answer, by route and status",
            ["route", "status"],
            buckets=_BUCKETS,
            registry=self.registry,
        )


class Api:
    """An ASGI application: Litestar's, with an id, headers, a measurement and a log line around every request."""

    def __init__(self, litestar: Litestar, metrics: ApiMetrics) -> None:
        self.litestar = litestar
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        if not _is_http(scope):
            await self.litestar(scope, receive, send)
            return
        began = time.perf_counter()
        id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = id
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                known = {name.lower() for name, _ in message["headers"]}
                added = [(name, value) for name, value in _SECURITY if name not in known]
                message["headers"] = [*message["headers"], *added, (b"x-request-id", id.encode())]
            await send(message)

        async def receiving() -> Any:
            message = await receive()
            if message["type"] == "http.request":  # ASGI: both may be left out
                message.setdefault("body", b"")
                message.setdefault("more_body", False)
            return message

        try:
            await self._guarded(scope, receiving, noting)
        finally:
            self._note(scope, status, time.perf_counter() - began, id)

    async def _guarded(self, scope: HTTPScope, receive: ASGIReceive, send: ASGISend) -> None:
        try:
            refuse_token_in_address(scope["path"], scope["query_string"])
        except Refused as refused:
            await _send(problems.answer(refused, scope["state"]["request_id"]), send)
        else:
            await self.litestar(scope, receive, send)

    def _note(self, scope: HTTPScope, status: int, took: float, id: str) -> None:
        name = str(scope.get("path_template") or "other")
        if name != STREAM:  # it lasts for hours, and says nothing of how quick we are
            self._metrics.requests.labels(name, str(status)).observe(took)
        say: Any = log.debug if name.startswith(("/health", "/metrics")) else log.info
        say("request", method=scope["method"], route=name, status=status, ms=round(took * 1000, 1), request_id=id)


def create_api(parts: ApiParts, table: tuple[Route, ...] = TABLE, hub: Hub | None = None) -> Api:
    """The application, with the live stream of `hub`. Its parts are started and stopped by whoever made them."""
    metrics = ApiMetrics()
    served = _Served(parts)
    cors = CORSConfig(
        allow_origins=list(parts.settings.cors_origins),
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["authorization", "content-type", "if-none-match", "last-event-id", "x-request-id"],
        expose_headers=["etag", "retry-after", "x-request-id"],
    )
    litestar = Litestar(
        route_handlers=[
            *(served.handler(path, rows) for path, rows in _by_path(table).items()),
            *_public(parts, table, metrics),
            *(() if hub is None else stream_routes(hub, served.gate, parts.definitions)),
        ],
        exception_handlers={Refused: _refused, HTTPException: _by_router, Exception: _unforeseen},
        cors_config=cors if parts.settings.cors_origins else None,
        logging_config=None,
        openapi_config=None,
        request_max_body_size=None,
    )
    return Api(litestar, metrics)


class _Served:
    """What all requests of one API share."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts
        self.gate = Gate(parts)
        self._index = Index(parts.definitions)

    def handler(self, path: str, rows: Mapping[Method, Route]) -> HTTPRouteHandler:
        # One handler for all methods of an address: else Litestar 2.25 answers OPTIONS with those of the first alone.
        @route(_typed(path), http_method=list(rows), status_code=200, include_in_schema=False)
        async def handle(request: AnyRequest) -> Response[Any]:
            return await self._answer(request, rows[cast(Method, request.method)])

        return handle

    async def _answer(self, request: AnyRequest, row: Route) -> Response[Any]:
        who = self.gate.admit(request, row.role, row.reach)
        given = query.read(_pairs(request), row.query)
        call = Call(
            parts=self._parts,
            index=self._index,
            who=who,
            path={name: str(value) for name, value in request.path_params.items()},
            query=given,
            body=None,
            address=request.scope["path"],
            now=self._parts.now(),
        )
        if row.reach == "campaign":
            call.campaign(call.path["campaign"])
        if row.body is not None:
            call = msgspec.structs.replace(call, body=await self._body(request, row))
        return _told(request, row, await row.handler(call))

    async def _body(self, request: AnyRequest, row: Route) -> Any:
        try:
            body = await read_body(request, self._parts.settings.body_limit)
        except Refused as refused:
            if refused.status != 413:
                raise
            detail = f"the body has more than {self._parts.settings.body_limit} bytes (api.body_limit)"
            raise Refused(413, refused.outcome, detail, headers=refused.headers) from refused
        if not body and not needs_body(row):
            return read_struct(b"{}", row.body)  # type: ignore[arg-type]  # a row's body is a Struct
        media_type = (header(request, "content-type") or "").partition(";")[0].strip().lower()
        if row.body is Text:
            if media_type not in _TEXTS:
                raise Refused(415, "media_type", f"the body must be {YAML} or {JSON}")
            return Text(body)
        if media_type != JSON:
            raise Refused(415, "media_type", f"the body must be {JSON}")
        try:
            return read_struct(body, row.body)  # type: ignore[arg-type]  # a row's body is a Struct
        except BadBody as error:
            raise Refused(422, "bad_body", "nothing was changed", faults=error.faults) from error


def _pairs(request: AnyRequest) -> list[tuple[str, str]]:
    """The query as it stands in the address, in its order; what is no UTF-8 becomes a mark that fits nothing."""
    return parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _told(request: AnyRequest, row: Route, result: Any) -> Response[Any]:
    if isinstance(result, Response):
        return result
    media_type, content = JSON, b""
    if isinstance(result, Raw):
        media_type, content = result.media_type, result.content
    elif result is not None:
        content = msgspec.json.encode(result)
    if row.method != "GET":
        return Response(content, status_code=row.status, media_type=media_type, headers={"Cache-Control": "no-store"})
    return _with_etag(request, content, media_type)


def _with_etag(request: AnyRequest, content: bytes, media_type: str) -> Response[bytes]:
    digest = hashlib.blake2b(_AGES.sub(b"", content), digest_size=12).hexdigest()
    tag = f'W/"{digest}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Origin"}
    offered = header(request, "if-none-match")
    if offered is not None and (offered.strip() == "*" or digest in re.findall(r'"([^"]*)"', offered)):
        return Response(b"", status_code=304, media_type=media_type, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _by_path(table: tuple[Route, ...]) -> dict[str, dict[Method, Route]]:
    """Address → method → row."""
    found: dict[str, dict[Method, Route]] = {}
    for row in table:
        found.setdefault(row.path, {})[row.method] = row
    return found


def _typed(path: str) -> str:
    """A path as Litestar writes it."""
    return re.sub(r"\{(\w+)\}", r"{\1:str}", path)


def _public(parts: ApiParts, table: tuple[Route, ...], metrics: ApiMetrics) -> list[HTTPRouteHandler]:
    @cache
    def described() -> bytes:
        return msgspec.json.encode(document(table))

    @get("/health/live", include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @get("/health/ready", include_in_schema=False)
    async def ready() -> Response[bytes]:
        faults: Mapping[str, str | None] = await parts.faults()
        well = all(fault is None for fault in faults.values())
        body = {
            "status": "ready" if well else "not ready",
            "parts": {part: fault or "ready" for part, fault in faults.items()},
        }
        return Response(orjson.dumps(body), status_code=200 if well else 503, media_type=JSON)

    @get("/metrics", include_in_schema=False)
    async def exposition() -> Response[bytes]:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    @get("/v1/openapi.json", include_in_schema=False)
    async def openapi(request: AnyRequest) -> Response[bytes]:
        return _with_etag(request, described(), JSON)

    return [live, ready, exposition, openapi]


async def _send(answer: Response[bytes], send: ASGISend) -> None:
    """An answer from outside of Litestar."""
    headers = [("content-type", str(answer.media_type)), ("content-length", str(len(answer.content)))]
    headers += [(name.lower(), str(value)) for name, value in answer.headers.items()]
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status_code or 200, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.content, "more_body": False})


def _is_http(scope: Any) -> TypeGuard[HTTPScope]:
    return bool(scope["type"] == "http")


def _request_id(scope: HTTPScope) -> str:
    """The caller's own id where it is well formed, else a new one."""
    offered = [value for name, value in scope["headers"] if name == b"x-request-id"]
    if len(offered) == 1:
        text = offered[0].decode("latin-1")
        if _REQUEST_ID.fullmatch(text) and "trk_" not in text:
            return text
    return secrets.token_hex(8)


def _refused(request: AnyRequest, refused: Refused) -> Response[bytes]:
    return problems.answer(refused, request.scope["state"]["request_id"])


def _by_router(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    status = error.status_code
    detail = {
        404: "there is nothing at this address: see /v1/openapi.json",
        405: "this address does not take this method: see /v1/openapi.json",
    }.get(status, "see /v1/openapi.json")
    headers = {name: str(value) for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return _refused(request, Refused(status, "router", detail, headers=headers))


def _unforeseen(request: AnyRequest, error: Exception) -> Response[bytes]:
    refused = problems.from_servers(error)
    id = request.scope["state"]["request_id"]
    if refused is not None:
        log.warning("a server is away", request_id=id, reason=str(error))
        return problems.answer(refused, id)
    log.error("unforeseen", request_id=id, exc_info=error)
    detail = (
        f"something that we did not foresee; its trace is in the log under {id}. Nothing can be said of what was done"
    )
    return problems.answer(Refused(500, "fault", detail), id)
