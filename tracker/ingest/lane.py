"""One platform's lane of a poller: its requests, its limits, its waits. Another platform's trouble never enters it.

1. An item is asked for only under a lease that outlasts the request: nobody else asks for it meanwhile.
2. An item whose request failed is given back with a later due time; it is never dropped.
3. An answer goes to the inbox as it came; only then are its follow-up requests made.
4. What the platform says about its limits (429, 5xx, Retry-After, its own quota) stops the whole lane until then.
5. A refused token is said loudly, once in ten minutes for each token, with the account and never the token itself.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

import httpx
import structlog
from msgspec import Struct

from tracker.codec import inbox
from tracker.ingest.budget import Budget
from tracker.ingest.poll_metrics import PollMetrics
from tracker.ingest.publisher import KafkaUnreachable, Publisher, RecordTooLarge
from tracker.plugin.api import Access, DueItem, HttpRequest, PlatformAdapter, Quota, RawPayload, Unreadable
from tracker.plugin.limits import DAY_MS, retry_after_ms
from tracker.store.base import Lease, Store, StoreUnreachable
from tracker.store.held import Hold, Why

log = structlog.get_logger(__name__)

NAME = "poller"
"""`RawPayload.name` of what a poller brings."""
ANSWER_LIMIT = 6 * 1024 * 1024
FOLLOW_UPS = 50
"""Pages at most that one answer may lead to."""
_BACKOFF_FIRST_MS = 2_000
_BACKOFF_MOST_MS = 15 * 60_000
_KAFKA_PAUSE_MS = 2_000
_SHORT_WAIT_MS = 1_000
_TOKEN_PAUSE_MS = 60_000
_TOKEN_WARNING_MS = 600_000
_HOLD_MARGIN_MS = 30_000
"""A hold is told to last so much longer than the pause: until the next answer is here."""
_QUOTA_MS = 600_000
"""Who asks to be left alone for longer speaks of a used up quota, and not of our pace."""
_MARGIN_MS = 2_000
"""A lease must outlast the request by this much: the answer still has to reach the inbox."""


class Leased(Struct, frozen=True):
    """A due item and the lease under which it is asked for."""

    item: DueItem
    lease: Lease


class Answer(Struct, frozen=True):
    """What came back: status, headers in lower case, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswer(Exception):
    """A request that brought nothing: no connection, too slow, too large."""


class TellsHolds(Protocol):
    """Who is told that a platform lets us ask nothing: tracker.store.held.Holds."""

    async def tell(self, platform: str, hold: Hold) -> None: ...


class LaneParts(Struct, frozen=True, kw_only=True):
    """What a lane is made of. `timeout_ms` is the longest wait for one answer."""

    adapter: PlatformAdapter
    access: Access
    per_minute: int
    timeout_ms: int
    concurrency: int
    client: httpx.AsyncClient
    publisher: Publisher
    store: Store
    budget: Budget
    holds: TellsHolds
    metrics: PollMetrics
    now: Callable[[], int]


class Lane:
    """Asks one platform for what is due."""

    def __init__(self, parts: LaneParts) -> None:
        self.parts = parts
        self.held_until = 0
        self._failures = 0
        self._slots = asyncio.Semaphore(parts.concurrency)
        self._under_way = 0
        self._told: Hold | None = None
        self._token_warned: dict[str, int] = {}
        """When it was last said of each account's own token (`""`: the default one) that it is refused."""

    @property
    def room(self) -> int:
        """How many more items it would take now."""
        largest = max(self.parts.adapter.batch.values(), default=1)
        return max(0, self.parts.concurrency * largest - self._under_way)

    async def ask(self, items: Sequence[Leased]) -> None:
        """Ask for these items, in as few requests as the platform allows. Every item is answered or given back."""
        leases = {leased.item: leased.lease for leased in items}
        self._under_way += len(items)
        try:
            requests = self.parts.adapter.requests(list(leases), self.parts.access)
            forgotten = set(leases) - {item for request in requests for item in request.items}
            if forgotten:
                log.error("adapter left items out", platform=self.parts.adapter.name, count=len(forgotten))
                await self._give_back(sorted(forgotten, key=str), leases, self._backoff())
            await asyncio.gather(*[self._one(request, leases) for request in requests])
        except Exception:
            # A plugin's fault stays in its lane: said loudly, its items given back, the other platforms undisturbed.
            log.exception("a fault in the lane", platform=self.parts.adapter.name, next="look at the platform's plugin")
            self._failures += 1
            self.parts.metrics.requests.labels(self.parts.adapter.name, "", "fault").inc()
            await self._give_back(list(leases), leases, self._backoff())
        finally:
            self._under_way -= len(items)

    async def follow(self, request: HttpRequest) -> bool:
        """Ask under no lease; whether the answer, and those that it calls for, are on the inbox.

        An answer about the asking (a limit, an outage, a refused token) is none: ask again later.
        """
        return await self._one(request, {})

    async def _one(self, request: HttpRequest, leases: Mapping[DueItem, Lease]) -> bool:
        """A request, then those that its answers call for; whether each was answered."""
        waiting, answered = [request], True
        for _ in range(FOLLOW_UPS + 1):
            if not waiting:
                return answered
            async with self._slots:
                raw = await self._answered(waiting.pop(0), leases)
            if raw is None:
                answered = False
            else:
                waiting.extend(self._called_for(raw))
        log.error("too many follow-ups", platform=self.parts.adapter.name, endpoint=request.endpoint, limit=FOLLOW_UPS)
        return answered

    def _called_for(self, raw: RawPayload) -> Sequence[HttpRequest]:
        try:
            return self.parts.adapter.follow_up(raw, self.parts.access)
        except Unreadable as error:
            # The adapt stage finds the same, and keeps the payload as a dead letter.
            log.warning("answer unreadable", platform=raw.platform, endpoint=raw.endpoint, reason=error.reason)
            return []

    async def _answered(self, request: HttpRequest, leases: Mapping[DueItem, Lease]) -> RawPayload | None:
        """The answer, once it is on the inbox; None where there is none, or one about the asking only.

        Where it does not answer for its items, they are given back.
        """
        if not await self._may_ask(request, leases):
            return None
        try:
            answer = await self._send(request)
        except NoAnswer as error:
            self._count(request, "no_answer")
            log.warning("no answer", platform=self.parts.adapter.name, endpoint=request.endpoint, reason=str(error))
            await self._failed(request, leases, 0)
            return None
        quota = self.parts.adapter.quota(answer.status, answer.headers, answer.body)
        wait = self._limits(answer, quota)
        self._count(request, f"{answer.status // 100}xx" if answer.status != 429 else "429")
        if _is_token_refused(answer.status, quota):
            self._warn_of_token(request, answer.status)
        await self._tell_hold(answer.status, quota, wait)
        if quota.token_refused:
            await self._give_back(request.items, leases, max(wait, _TOKEN_PAUSE_MS) + _jitter(_SHORT_WAIT_MS))
            return None
        raw = self._raw(request, answer) if _says_something(answer.status) else None
        if raw is not None and not await self._published(raw):
            await self._give_back(request.items, leases, _KAFKA_PAUSE_MS)
            return None
        if answer.status // 100 == 2:
            self._failures = 0
            if wait:
                self.held_until = max(self.held_until, self.parts.now() + wait)
            return raw
        # A refusal of many items together calls for each alone: until then none is given back. What the core makes of
        # a refusal (this post is gone) it writes to the schedule itself, and that stands.
        if raw is None or wait or not self._called_for(raw):
            await self._failed(request, leases, wait, whole_lane=not _says_something(answer.status) or wait > 0)
        return None if wait else raw

    async def _may_ask(self, request: HttpRequest, leases: Mapping[DueItem, Lease]) -> bool:
        while True:
            now = self.parts.now()
            ends = min((leases[item].until for item in request.items if item in leases), default=now + DAY_MS)
            if ends < now + self.parts.timeout_ms + _MARGIN_MS:
                await self._give_back(request.items, leases, 0)
                return False
            wait = self.held_until - now
            if wait <= 0:
                wait = await self._budget_wait(request.cost)
            if wait <= 0:
                return True
            if wait > _SHORT_WAIT_MS:
                self._count(request, "postponed")
                await self._give_back(request.items, leases, wait + _jitter(wait // 10 + _SHORT_WAIT_MS))
                return False
            await asyncio.sleep(wait / 1000)

    async def _budget_wait(self, cost: int) -> int:
        try:
            return await self.parts.budget.take(self.parts.adapter.name, self.parts.per_minute, cost)
        except StoreUnreachable as error:
            log.warning("budget unreachable", platform=self.parts.adapter.name, reason=error.reason)
            return _BACKOFF_FIRST_MS

    async def _send(self, request: HttpRequest) -> Answer:
        try:
            async with (
                asyncio.timeout(self.parts.timeout_ms / 1000),
                self.parts.client.stream(
                    request.method, request.url, headers=dict(request.headers), content=request.body
                ) as response,
            ):
                chunks, size = [], 0
                async for chunk in response.aiter_bytes():
                    size += len(chunk)
                    if size > ANSWER_LIMIT:
                        raise NoAnswer(f"the answer has more than {ANSWER_LIMIT} bytes")
                    chunks.append(chunk)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, headers, b"".join(chunks))
        except TimeoutError as error:
            raise NoAnswer(f"nothing complete within {self.parts.timeout_ms} ms") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error

    def _raw(self, request: HttpRequest, answer: Answer) -> RawPayload:
        kept = self.parts.adapter.kept_headers
        return RawPayload(
            platform=self.parts.adapter.name,
            source="poll",
            name=NAME,
            received_at=self.parts.now(),
            body=answer.body,
            headers={name: value for name, value in answer.headers.items() if name in kept},
            endpoint=request.endpoint,
            items=request.items,
            status=answer.status,
        )

    async def _published(self, raw: RawPayload) -> bool:
        try:
            key, value, headers = inbox.encode(raw)
            await self.parts.publisher.publish("inbox", key, value, headers)
        except (KafkaUnreachable, RecordTooLarge, inbox.UnreadableRecord) as error:
            log.error("answer not stored", platform=raw.platform, endpoint=raw.endpoint, reason=str(error),
                      next="its items are asked for again")  # fmt: skip
            return False
        return True

    def _limits(self, answer: Answer, quota: Quota) -> int:
        """How long the platform wants to be left alone, in ms; 0: it does not say."""
        said = quota.wait_ms or 0
        if answer.status == 429 or answer.status >= 500:
            said = max(said, retry_after_ms(answer.headers) or self._by_our_clock(answer.headers))
        return min(said, DAY_MS)

    def _by_our_clock(self, headers: Mapping[str, str]) -> int:
        """Retry-After as a date, from a server that does not tell its own time."""
        try:
            moment = parsedate_to_datetime(headers.get("retry-after", ""))
        except ValueError:
            return 0  # an unreadable advice is none
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return max(0, int((aware - datetime.fromtimestamp(self.parts.now() / 1000, UTC)).total_seconds() * 1000))

    async def _failed(
        self, request: HttpRequest, leases: Mapping[DueItem, Lease], wait: int, *, whole_lane: bool = True
    ) -> None:
        pause = max(wait, self._backoff())
        if whole_lane:
            self._failures += 1
            self.held_until = max(self.held_until, self.parts.now() + pause)
        await self._give_back(request.items, leases, pause + _jitter(_SHORT_WAIT_MS))

    def _warn_of_token(self, request: HttpRequest, status: int) -> None:
        platform = self.parts.adapter.name
        self.parts.metrics.tokens.labels(platform).inc()
        account = request.items[0].account
        own, now = account in self.parts.access.tokens, self.parts.now()
        token = account if own else ""
        if self._token_warned.get(token, -_TOKEN_WARNING_MS) > now - _TOKEN_WARNING_MS:
            return
        self._token_warned[token] = now
        setting = f"platforms.{platform}.tokens" if own else f"platforms.{platform}.token"
        log.warning("token refused", platform=platform, account=account, endpoint=request.endpoint, status=status,
                    token="of this account" if own else "the default one",
                    next=f"renew it, set {setting}, and restart the poller")  # fmt: skip

    async def _tell_hold(self, status: int, quota: Quota, wait: int) -> None:
        """Tell whoever watches the pipeline that the platform lets us ask nothing for a while, and why."""
        refused = _is_token_refused(status, quota)
        if not refused and (wait == 0 or (status != 429 and not quota.wait_ms)):
            return
        now = self.parts.now()
        reason: Why = "token" if refused else "quota" if wait >= _QUOTA_MS else "rate"
        hold = Hold(until=now + max(wait, _TOKEN_PAUSE_MS if refused else 0) + _HOLD_MARGIN_MS, reason=reason, at=now)
        if self._told is not None and self._told.reason == reason and hold.until < self._told.until + _HOLD_MARGIN_MS:
            return  # all requests under way are answered alike
        self._told = hold
        try:
            await self.parts.holds.tell(self.parts.adapter.name, hold)
        except StoreUnreachable as error:
            log.warning("hold not told", platform=self.parts.adapter.name, reason=error.reason)

    def _backoff(self) -> int:
        return backoff_ms(self._failures)

    async def _give_back(self, items: Sequence[DueItem], leases: Mapping[DueItem, Lease], after: int) -> None:
        due = self.parts.now() + after
        for item in items:
            if item in leases:
                try:
                    await self.parts.store.release(leases[item], due=due)
                except StoreUnreachable as error:
                    # The lease ends by itself, and the item is due again then.
                    log.warning("item not given back", item=leases[item].item, reason=error.reason)

    def _count(self, request: HttpRequest, outcome: str) -> None:
        self.parts.metrics.requests.labels(self.parts.adapter.name, request.endpoint, outcome).inc()


def backoff_ms(failures: int) -> int:
    """How long to wait after so many failures: exponential with full jitter, but never none at all."""
    most = min(_BACKOFF_MOST_MS, _BACKOFF_FIRST_MS * 2 ** min(failures, 20))
    return _jitter(most) + _BACKOFF_FIRST_MS // 4


def _is_token_refused(status: int, quota: Quota) -> bool:
    """Whether an answer is about our token, by the adapter's word, else by the status."""
    return status in (401, 403) and not quota.wait_ms if quota.token_refused is None else quota.token_refused


def _says_something(status: int) -> bool:
    """Whether an answer may say something about its items: redirects, limits and outages do not."""
    return status // 100 == 2 or (status // 100 == 4 and status not in (408, 425, 429))


def _jitter(most: int) -> int:
    return random.randrange(most + 1)  # noqa: S311 (spreads load, guards nothing)
