"""Builders for the tests of the doors: a synthetic platform, a running receiver, and what is on the inbox."""

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tracker.codec import events as codec
from tracker.codec import inbox
from tracker.domain.events import DefinitionChanged, Fact, wrap
from tracker.ingest.publisher import Publisher
from tracker.ingest.receiver import ReceiverParts, run_receiver
from tracker.kafka_admin import ensure_topics
from tracker.plugin.api import (
    Access,
    DueItem,
    Handshake,
    Headers,
    HttpRequest,
    Kind,
    PlatformAdapter,
    Quota,
    RawPayload,
    Secrets,
    Verified,
)
from tracker.plugin.limits import retry_after_ms
from tracker.plugin.signing import same_token, signed_by_any
from tracker.settings import HookSource, Kafka, PlatformSettings, Receiver, Settings
from tracker.topics import Topics

SIGNING = ("synthetic-signing-secret-new", "synthetic-signing-secret-old")
VERIFY_TOKEN = "synthetic-verify-token"
CLICK_SECRETS = ("synthetic-click-secret-new", "synthetic-click-secret-old")
API_TOKEN = "synthetic-api-token-1"
OTHER_API_TOKEN = "synthetic-api-token-2"
SECRETS = (*SIGNING, VERIFY_TOKEN, *CLICK_SECRETS, API_TOKEN, OTHER_API_TOKEN)
BODY_LIMIT = 500_000


class SampleAdapter:
    """A made-up platform: `x-sample-signature` is the hex HMAC-SHA256 of the body; posts in pages of five."""

    def __init__(self, name: str = "sample", batch: int = 5) -> None:
        self.name = name
        self.kept_headers = frozenset({"x-sample-delivery"})
        self.polls: frozenset[Kind] = frozenset({"post", "account"})
        self.batch: Mapping[Kind, int] = {"post": batch, "account": 1}
        self.public_base_url = "https://api.sample.invalid"
        self.follows_up = False

    def verify(self, headers: Headers, body: bytes, secrets: Secrets, now: int) -> Verified:
        if signed_by_any("sha256", secrets.signing, body, headers.get("x-sample-signature", "")):
            return Verified(True)
        return Verified(False, "signature does not fit")

    def handshake(self, query: Mapping[str, str], secrets: Secrets) -> Handshake | None:
        if "challenge" not in query:
            return None
        if not same_token(secrets.verify_token, query.get("token")):
            return Handshake(403)
        return Handshake(200, query["challenge"].encode())

    def parse(self, raw: RawPayload) -> Sequence[Fact]:
        return []

    def requests(self, items: Sequence[DueItem], access: Access) -> Sequence[HttpRequest]:
        found = []
        posts = [item for item in items if item.post is not None]
        for start in range(0, len(posts), self.batch["post"]):
            batch = tuple(posts[start : start + self.batch["post"]])
            ids = ",".join(str(item.post) for item in batch)
            found.append(self._get(f"/posts?ids={ids}", "posts", batch, access))
        found.extend(
            self._get(f"/accounts/{item.account}", "account", (item,), access) for item in items if item.post is None
        )
        return found

    def follow_up(self, raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
        page = raw.body.partition(b"next=")[2]
        return [self._get(f"/more/{page.decode()}", "more", raw.items, access)] if page else []

    def quota(self, status: int, headers: Headers, body: bytes) -> Quota:
        wait = headers.get("x-sample-wait-ms")
        return Quota(wait_ms=int(wait) if wait else retry_after_ms(headers) if status == 429 else None)

    def _get(self, path: str, endpoint: str, items: tuple[DueItem, ...], access: Access) -> HttpRequest:
        token = access.token_for(items[0].account)
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return HttpRequest(method="GET", url=access.base_url + path, endpoint=endpoint, items=items, headers=headers)


def signed(body: bytes, secret: str = SIGNING[0], **more: str) -> dict[str, str]:
    """Headers of a genuine delivery."""
    return {"x-sample-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(), **more}


def settings_for(bootstrap: str, **receiver: Any) -> Settings:
    known: dict[str, Any] = {
        "port": 0,
        "body_limit": BODY_LIMIT,
        "api_tokens": (API_TOKEN, OTHER_API_TOKEN),
        "click_secrets": CLICK_SECRETS,
    }
    source = HookSource(signing=SIGNING, verify_token=VERIFY_TOKEN)
    return Settings(
        kafka=Kafka(bootstrap=bootstrap),
        receiver=Receiver(**(known | receiver)),
        platforms={"sample": PlatformSettings(sources={"main": source, "unsigned": HookSource()})},
    )


class Door:
    """A running receiver: a client for it, and its address."""

    def __init__(self, bootstrap: str, topics: Topics, host: str, port: int, client: httpx.AsyncClient) -> None:
        self.bootstrap = bootstrap
        self.topics = topics
        self.host = host
        self.port = port
        self.client = client
        self._read: dict[TopicPartition, int] = {}

    async def hook(self, body: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """A delivery to the sample platform's source, genuine unless other headers are given."""
        return await self.client.post("/hooks/sample/main", content=body, headers=headers or signed(body))

    async def conversion(
        self, body: object, *, token: str = API_TOKEN, path: str = "/v1/conversions"
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        return await self.client.post(path, content=content, headers=headers)

    async def inbox(self) -> list[RawPayload]:
        """What came to the inbox since the last call."""
        return await read_inbox(self.bootstrap, self.topics, self._read)

    async def apply(self, change: DefinitionChanged) -> None:
        """Put a definition on the registry, as `tracker apply` does."""
        value = codec.checked(wrap(change, id=f"{change.id}-{change.version}", source="import"))
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        await producer.send_and_wait(self.topics.name("registry"), value, f"{change.kind}:{change.id}".encode())
        await producer.stop()

    async def metrics(self) -> str:
        return (await self.client.get("/metrics")).text


async def read_inbox(
    bootstrap: str, topics: Topics, cursors: dict[TopicPartition, int] | None = None
) -> list[RawPayload]:
    """Everything on the inbox now, from `cursors` on (which it moves)."""
    cursors = {} if cursors is None else cursors
    partitions = [TopicPartition(topics.name("inbox"), number) for number in range(topics.partitions)]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    found: list[RawPayload] = []
    try:
        consumer.assign(partitions)
        for at in partitions:
            consumer.seek(at, cursors.get(at, 0))
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(at) < end for at, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                found.extend(inbox.decode(record.value, record.headers) for record in records)
        cursors.update({at: await consumer.position(at) for at in partitions})
    finally:
        await consumer.stop()
    return found


@asynccontextmanager
async def publishing(bootstrap: str, prefix: str, partitions: int = 2) -> AsyncIterator[Publisher]:
    """A started publisher to topics that exist."""
    topics = Topics(prefix=prefix, partitions=partitions)
    await asyncio.to_thread(ensure_topics, bootstrap, topics)
    publisher = Publisher(bootstrap, topics)
    await publisher.start()
    yield publisher
    await publisher.stop()


@asynccontextmanager
async def open_door(
    bootstrap: str, prefix: str, settings: Settings | None = None, adapter: PlatformAdapter | None = None
) -> AsyncIterator[Door]:
    """A receiver on a free port, ready, over topics of its own; closed in the end."""
    topics = Topics(prefix=prefix, partitions=2)
    await asyncio.to_thread(ensure_topics, bootstrap, topics)
    parts = ReceiverParts(
        settings=settings or settings_for(bootstrap),
        adapters={"sample": SampleAdapter()} if adapter is None else {adapter.name: adapter},
        publisher=Publisher(bootstrap, topics),
    )
    stop = asyncio.Event()
    listening: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run_receiver(parts, stop, lambda host, port: listening.set_result((host, port))))

    def ended(done: asyncio.Task[None]) -> None:
        if not listening.done():
            listening.set_exception(OSError(f"not serving: {done}"))

    serving.add_done_callback(ended)
    host, port = await listening
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=20) as client:
        await until_ready(client)
        try:
            yield Door(bootstrap, topics, host, port, client)
        finally:
            stop.set()
            await serving


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait until something is so, elsewhere."""
    async with asyncio.timeout(seconds):
        while True:
            if await true():
                return
            await asyncio.sleep(0.02)


async def until_ready(client: httpx.AsyncClient) -> None:
    async def ready() -> bool:
        return (await client.get("/health/ready")).status_code == 200

    await until(ready)


async def raw_http(door: Door, chunks: Iterable[bytes], *, half_close: bool = False) -> bytes:
    """Write bytes as they are (a client that lies), and give what comes back until the other side closes."""
    reader, writer = await asyncio.open_connection(door.host, door.port)
    answer = b""
    try:
        with contextlib.suppress(ConnectionError):
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()
            if half_close:
                writer.write_eof()
        async with asyncio.timeout(15):
            with contextlib.suppress(ConnectionError):
                answer = await reader.read()
    finally:
        writer.close()
    return answer
