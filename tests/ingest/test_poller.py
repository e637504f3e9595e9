"""The poller against a stand-in platform, on a real broker; its schedule in memory, or in Redis where two share it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.utils import formatdate

import pytest

from tests.harness.brokers import Broker
from tests.ingest.doors import SampleAdapter, publishing, read_inbox, until
from tests.ingest.stand_in import Asked, StandIn, Told, stand_in
from tracker.ingest.budget import Budget
from tracker.ingest.poll_metrics import PollMetrics
from tracker.ingest.poller import PollerParts, run_poller
from tracker.ingest.publisher import Publisher
from tracker.plugin.api import Access, DueItem, HttpRequest
from tracker.settings import PlatformSettings, Poller, Settings, UnfitSettings
from tracker.store.base import Change, Cursor, Partition, Store
from tracker.store.held import Hold
from tracker.store.memory import MemoryStore

FIRST = Partition("activity", 0)


class Free(Budget):
    async def take(self, platform: str, per_minute: int, cost: int) -> int:
        return 0


class Clock:
    """The time of day, which a test may push forward."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return int(time.time() * 1000) + self.ahead


async def plan(store: Store, items: Sequence[str], due: int = 0, partition: Partition = FIRST) -> None:
    """Make items due, as counting does."""
    at = (await store.open(partition)).cursor
    follows = Cursor(at.next_offset + 1, "log")
    await store.apply(partition, Change(expected=at, next=follows, due=dict.fromkeys(items, due)))


def settings_for(*platforms: StandIn, names: Sequence[str] = ("sample",), **poller: int) -> Settings:
    configured = {
        name: PlatformSettings(base_url=platform.base_url, token="synthetic-token", tokens={"a-2": "synthetic-other"})
        for name, platform in zip(names, platforms, strict=True)
    }
    return Settings(poller=Poller(**({"timeout_seconds": 2, "lease_seconds": 60} | poller)), platforms=configured)


class Polling:
    """A poller under way, and what it works with."""

    def __init__(self, publisher: Publisher, store: Store, clock: Clock) -> None:
        self.publisher = publisher
        self.store = store
        self.clock = clock
        self.metrics = PollMetrics()
        self.holds: list[tuple[str, Hold]] = []

    async def tell(self, platform: str, hold: Hold) -> None:
        self.holds.append((platform, hold))

    async def until_counted(self, platform: str, endpoint: str, outcome: str, count: int = 1) -> None:
        """Wait until so many requests ended so."""
        labels = {"platform": platform, "endpoint": endpoint, "outcome": outcome}

        async def counted() -> bool:
            return (self.metrics.registry.get_sample_value("tracker_poll_requests_total", labels) or 0) >= count

        await until(counted)

    async def until_given_back(self, count: int, within: int = 30_000) -> list[int]:
        """Wait until so many items are nobody's; when they are due, in ms from now."""

        async def given_back() -> bool:
            return len(await self.next_due(within)) >= count

        await until(given_back)
        return await self.next_due(within)

    async def next_due(self, within: int) -> list[int]:
        """When the items that nobody holds are due, in ms from now, as far as within so many ms."""
        now = self.clock()
        found = await self.store.lease(FIRST, now=now + within, limit=1_000, lease_ms=1)
        for lease in found:
            await self.store.release(lease, due=lease.due)
        return sorted(lease.due - now for lease in found)


@asynccontextmanager
async def polling(
    publisher: Publisher,
    settings: Settings,
    store: Store,
    adapters: Sequence[SampleAdapter] = (SampleAdapter(),),
    budget: Budget | None = None,
) -> AsyncIterator[Polling]:
    under_way = Polling(publisher, store, Clock())
    parts = PollerParts(
        settings=settings,
        adapters={adapter.name: adapter for adapter in adapters},
        publisher=publisher,
        store=store,
        budget=budget or Free(),
        holds=under_way,
        metrics=under_way.metrics,
        now=under_way.clock,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(run_poller(parts, stop))
    try:
        yield under_way
    finally:
        stop.set()
        await running


@pytest.fixture
async def publisher(kafka: Broker, topic_prefix: str) -> AsyncIterator[Publisher]:
    async with publishing(kafka.bootstrap, topic_prefix, partitions=1) as started:
        yield started


async def test_what_is_due_is_asked_in_batches_and_the_answers_are_on_the_inbox(publisher: Publisher) -> None:
    store = MemoryStore()
    async with stand_in() as platform:
        await plan(store, [f"sample|a-1|p-{number}" for number in range(7)] + ["sample|a-2"])
        async with polling(publisher, settings_for(platform), store) as under_way:
            await platform.until_asked(3)
            await under_way.until_counted("sample", "posts", "2xx", 2)
            await under_way.until_counted("sample", "account", "2xx", 1)
        assert sorted(platform.posts) == [f"p-{number}" for number in range(7)]
        assert {asked.headers["authorization"] for asked in platform.asked} == {
            "Bearer synthetic-token",
            "Bearer synthetic-other",
        }
        answers = await read_inbox(publisher.bootstrap, publisher.topics)
        assert [(raw.source, raw.name, raw.status, raw.body) for raw in answers] == [("poll", "poller", 200, b"{}")] * 3
        assert sorted(len(raw.items) for raw in answers if raw.endpoint == "posts") == [2, 5]
        assert [raw.items for raw in answers if raw.endpoint == "account"] == [
            (DueItem(platform="sample", account="a-2"),)
        ]
        assert await under_way.next_due(within=30_000) == [], (
            "an answered item stays leased until counting says when it is due"
        )


async def test_what_is_not_yet_due_is_not_asked(publisher: Publisher) -> None:
    store = MemoryStore()
    async with stand_in() as platform:
        await plan(store, ["sample|a-1|later"], due=int(time.time() * 1000) + 3_600_000)
        await plan(store, ["sample|a-1|now"])
        async with polling(publisher, settings_for(platform), store) as under_way:
            await under_way.until_counted("sample", "posts", "2xx")
            under_way.clock.ahead = 3_601_000
            await under_way.until_counted("sample", "posts", "2xx", 2)
        assert platform.posts[0] == "now"
        assert "later" in platform.posts


@pytest.mark.parametrize(
    ("status", "stored"),
    [(404, True), (400, True), (403, True), (429, False), (500, False), (503, False), (302, False)],
)
async def test_an_error_answer_that_may_mean_something_is_kept_and_its_item_comes_back(
    publisher: Publisher, status: int, stored: bool
) -> None:
    store = MemoryStore()
    async with stand_in() as platform:

        async def answer(asked: Asked) -> Told:
            return Told(status, b'{"error":"gone"}', {"location": f"{platform.base_url}/elsewhere"})

        platform.answer = answer
        await plan(store, ["sample|a-1|p-1"])
        async with polling(publisher, settings_for(platform), store) as under_way:
            outcome = "429" if status == 429 else f"{status // 100}xx"
            await under_way.until_counted("sample", "posts", outcome)
            due = await under_way.until_given_back(1)
        assert due[0] > 0, "not at once"
        assert all("elsewhere" not in asked.path for asked in platform.asked), "redirects are not followed"
        answers = await read_inbox(publisher.bootstrap, publisher.topics)
        assert [raw.status for raw in answers][:1] == ([status] if stored else [])


@pytest.mark.parametrize("form", ["seconds", "date", "own header"])
async def test_a_platform_that_says_wait_is_left_alone_until_then(publisher: Publisher, form: str) -> None:
    store = MemoryStore()
    told = {
        "seconds": {"retry-after": "100"},
        "date": {"retry-after": formatdate(time.time() + 101, usegmt=True)},
        "own header": {"x-sample-wait-ms": "100000"},
    }[form]
    async with stand_in() as platform:

        async def answer(asked: Asked) -> Told:
            return Told(429, b"{}", told) if len(platform.asked) == 1 else Told()

        platform.answer = answer
        await plan(store, ["sample|a-1|p-1"])
        async with polling(publisher, settings_for(platform), store) as under_way:
            await under_way.until_counted("sample", "posts", "429")
            await plan(store, ["sample|a-1|p-2"])
            under_way.clock.ahead = 90_000
            await asyncio.sleep(1)
            assert len(platform.asked) == 1
            under_way.clock.ahead = 150_000
            await under_way.until_counted("sample", "posts", "2xx", 1)
            ((name, hold),) = under_way.holds
        assert {"p-1", "p-2"} >= set(platform.posts)
        assert (name, hold.reason) == ("sample", "rate")
        assert 95_000 <= hold.until - hold.at <= 135_000, "whoever watches the pipeline is told until when, and why"


async def test_a_platform_that_hangs_leaves_the_others_their_pace(publisher: Publisher) -> None:
    store = MemoryStore()
    async with stand_in() as hanging, stand_in() as lively:
        forever = asyncio.Event()

        async def hang(asked: Asked) -> Told:
            await forever.wait()
            return Told()

        hanging.answer = hang
        settings = settings_for(hanging, lively, names=("hangs", "lives"), concurrency=1)
        adapters = (SampleAdapter("hangs"), SampleAdapter("lives"))
        await plan(store, [f"hangs|a|p-{number}" for number in range(300)])
        async with polling(publisher, settings, store, adapters) as under_way:
            await hanging.until_asked(1)
            await plan(store, [f"lives|a|p-{number}" for number in range(20)])
            began = time.monotonic()
            await under_way.until_counted("lives", "posts", "2xx", 4)
            assert time.monotonic() - began < 10
            await under_way.until_counted("hangs", "posts", "no_answer", 1)
        forever.set()
        assert len(lively.posts) == len(set(lively.posts)) == 20


async def test_an_answer_too_large_or_cut_off_brings_its_item_back(publisher: Publisher) -> None:
    store = MemoryStore()
    async with stand_in() as platform:

        async def answer(asked: Asked) -> Told:
            return Told(200, bytes(7 * 1024 * 1024))

        platform.answer = answer
        await plan(store, ["sample|a-1|p-1"])
        async with polling(publisher, settings_for(platform), store) as under_way:
            await under_way.until_counted("sample", "posts", "no_answer")
            await under_way.until_given_back(1)
        assert await read_inbox(publisher.bootstrap, publisher.topics) == []


async def test_follow_up_requests_are_made_in_turn_and_end(publisher: Publisher) -> None:
    store = MemoryStore()
    async with stand_in() as platform:

        async def answer(asked: Asked) -> Told:
            page = int(asked.path.rpartition("/")[2]) if "/more/" in asked.path else 0
            return Told(200, b"page next=%d" % (page + 1) if page < 3 else b"page")

        platform.answer = answer
        await plan(store, ["sample|a-1|p-1"])
        async with polling(publisher, settings_for(platform), store) as under_way:
            await under_way.until_counted("sample", "more", "2xx", 3)
        answers = await read_inbox(publisher.bootstrap, publisher.topics)
        assert [raw.endpoint for raw in answers] == ["posts", "more", "more", "more"]
        assert {raw.items for raw in answers} == {(DueItem(platform="sample", account="a-1", post="p-1"),)}


async def test_a_batch_that_is_refused_over_one_item_is_asked_again_item_by_item(publisher: Publisher) -> None:
    store = MemoryStore()
    async with stand_in() as platform:

        async def answer(asked: Asked) -> Told:
            return Told(200, b"page") if "/more/" in asked.path else Told(404, b"one of them is gone next=1")

        platform.answer = answer
        await plan(store, ["sample|a-1|p-1", "sample|a-1|p-2"])
        async with polling(publisher, settings_for(platform), store) as under_way:
            await under_way.until_counted("sample", "more", "2xx", 1)
        answers = await read_inbox(publisher.bootstrap, publisher.topics)
        assert [(raw.endpoint, raw.status) for raw in answers] == [("posts", 404), ("more", 200)]


class Broken(SampleAdapter):
    """An adapter with a fault."""

    def requests(self, items: Sequence[DueItem], access: Access) -> Sequence[HttpRequest]:
        raise KeyError("synthetic fault")


async def test_an_adapter_with_a_fault_stops_neither_the_others_nor_the_poller(publisher: Publisher) -> None:
    store = MemoryStore()
    async with stand_in() as platform:
        await plan(store, ["broken|a|p-1", "sample|a|p-2", "nosuch|a|p-3", "nonsense"])
        settings = settings_for(platform, platform, names=("broken", "sample"), lease_seconds=7_200)
        async with polling(publisher, settings, store, (Broken("broken"), SampleAdapter())) as under_way:
            await under_way.until_counted("broken", "", "fault")
            await under_way.until_counted("sample", "posts", "2xx")
            due = await under_way.until_given_back(3, within=4_000_000)
        assert platform.posts == ["p-2"]
        assert due[0] > 0


async def test_a_lease_shorter_than_a_request_is_refused_at_start(publisher: Publisher) -> None:
    async with stand_in() as platform:
        with pytest.raises(UnfitSettings, match=r"poller\.lease_seconds"):
            async with polling(publisher, settings_for(platform, lease_seconds=6), MemoryStore()):
                await asyncio.sleep(0)
