"""/hooks/{platform}/{source}: the platforms' webhooks. The laws are receiver.py's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

import structlog
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from tracker.codec import inbox
from tracker.ingest.conversions import PUBLISH_WITHIN, unreachable
from tracker.ingest.health import Metrics
from tracker.ingest.http import AnyRequest, Refused, header, read_body
from tracker.ingest.publisher import KafkaUnreachable, Publisher, RecordTooLarge
from tracker.plugin.api import Handshake, PlatformAdapter, RawPayload, Secrets
from tracker.settings import PlatformSettings, Receiver

log = structlog.get_logger(__name__)

_QUERY_FIELDS = 50


class Hooks:
    """Judges deliveries and subscription checks, and puts what is genuine on the inbox."""

    def __init__(
        self,
        settings: Receiver,
        platforms: Mapping[str, PlatformSettings],
        adapters: Mapping[str, PlatformAdapter],
        publisher: Publisher,
        metrics: Metrics,
        now: Callable[[], int],
    ) -> None:
        self.metrics = metrics
        self._body_limit = settings.body_limit
        self._platforms = platforms
        self._adapters = adapters
        self._publisher = publisher
        self._now = now

    def find(self, platform: str, source: str) -> tuple[PlatformAdapter, Secrets]:
        """The adapter of a source, and the source's secrets. Raises Refused (404)."""
        adapter = self._adapters.get(platform)
        configured = self._platforms.get(platform)
        found = None if configured is None else configured.sources.get(source)
        if adapter is None or found is None:
            self.metrics.hooks.labels("unknown", "unknown", "unknown_source").inc()
            raise Refused(404, "unknown_source", "no such webhook source")
        signing = tuple(secret for secret in found.signing if secret)
        return adapter, Secrets(signing=signing, verify_token=found.verify_token or None)

    async def deliver(self, request: AnyRequest, adapter: PlatformAdapter, source: str, secrets: Secrets) -> None:
        """Verify a delivery and publish it as it came. Returns once it is acknowledged. Raises Refused."""
        body = await read_body(request, self._body_limit)
        headers = _headers(request)
        at = self._now()
        verdict = adapter.verify(headers, body, secrets, at)
        if not verdict.ok:
            log.warning("bad signature", platform=adapter.name, source=source, reason=verdict.reason, bytes=len(body))
            raise Refused(verdict.answer_status, "bad_signature", "the signature does not fit the body")
        kept = {name: value for name, value in headers.items() if name in adapter.kept_headers}
        await self._publish(
            RawPayload(platform=adapter.name, source="webhook", name=source, received_at=at, body=body, headers=kept)
        )

    def handshake(self, request: AnyRequest, adapter: PlatformAdapter, secrets: Secrets) -> Handshake:
        """The platform's subscription check, answered. Raises Refused for what is none."""
        written = request.scope["query_string"].decode("latin-1")
        try:
            query = dict(parse_qsl(written, keep_blank_values=True, max_num_fields=_QUERY_FIELDS))
        except ValueError as error:
            raise Refused(400, "query", f"a query of more than {_QUERY_FIELDS} fields") from error
        answer = adapter.handshake(query, secrets)
        if answer is None:
            raise Refused(400, "no_handshake", "this is no subscription check of the platform")
        return answer

    async def _publish(self, raw: RawPayload) -> None:
        try:
            key, value, headers = inbox.encode(raw)
            await self._publisher.publish("inbox", key, value, headers, within=PUBLISH_WITHIN)
        except inbox.UnreadableRecord as error:
            raise Refused(400, "unfit", "its headers cannot be kept") from error
        except RecordTooLarge as error:
            raise Refused(413, "too_large", f"more than {error.limit} bytes") from error
        except KafkaUnreachable as error:
            log.error("not acknowledged", platform=raw.platform, source=raw.name, topic=error.topic, cause=error.cause)
            raise unreachable() from error


def hook_routes(hooks: Hooks) -> list[HTTPRouteHandler]:
    """POST is a delivery, GET a subscription check."""

    @post("/hooks/{platform:str}/{source:str}", include_in_schema=False)
    async def deliver(request: AnyRequest, platform: FromPath[str], source: FromPath[str]) -> Response[bytes]:
        adapter, secrets = hooks.find(platform, source)
        try:
            await hooks.deliver(request, adapter, source, secrets)
        except Refused as refused:
            hooks.metrics.hooks.labels(platform, source, refused.outcome).inc()
            raise
        hooks.metrics.hooks.labels(platform, source, "accepted").inc()
        return Response(b"", status_code=200, media_type="text/plain")

    @get("/hooks/{platform:str}/{source:str}", include_in_schema=False)
    async def check(request: AnyRequest, platform: FromPath[str], source: FromPath[str]) -> Response[bytes]:
        adapter, secrets = hooks.find(platform, source)
        answer = hooks.handshake(request, adapter, secrets)
        outcome = "handshake" if answer.status < 300 else "handshake_refused"
        hooks.metrics.hooks.labels(platform, source, outcome).inc()
        return Response(answer.body, status_code=answer.status, media_type=answer.media_type)

    return [deliver, check]


def _headers(request: AnyRequest) -> dict[str, str]:
    names = {name.decode("latin-1") for name, _ in request.scope["headers"]}
    return {name: header(request, name) or "" for name in names}
