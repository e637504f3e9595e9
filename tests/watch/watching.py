"""Watchers on a real broker and a real Redis, with verdicts that a test says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from types import MappingProxyType
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from kafka import KafkaProducer

from tests.domain.alerting import said
from tracker.codec import events as codec
from tracker.codec.alerts import AlertEvent, act_key, decode, encode_act
from tracker.definitions import book as books
from tracker.definitions.following import Following
from tracker.domain.alerts import Act, Alert, Timing
from tracker.domain.definitions import Campaign, Definition, DefinitionKind
from tracker.domain.facts import CampaignFacts, PipelineFacts, RuleFailure
from tracker.domain.verdicts import Category, Outcome, Subject, Verdict
from tracker.kafka_admin import ensure_topics
from tracker.plugin.rules import RuleSettings
from tracker.sending import Sender
from tracker.store.alerts import AlertShelf
from tracker.store.client import connect
from tracker.topics import ALERTS, Topics
from tracker.watch.acts import Acts
from tracker.watch.judging import Judgement
from tracker.watch.telling import Teller
from tracker.watch.watcher import Watcher, WatcherParts

PATIENCE_S = 30.0
RULE = "engagement.quiet"


class Quiet:
    """The rule whose word a test says."""

    title: Mapping[str, str] = MappingProxyType({"en": "Too quiet"})
    kind: Any = "absolute"
    severity: Any = "warning"
    settings = RuleSettings

    def __init__(self, name: str = RULE, category: Category = "engagement", about: Any = "campaign") -> None:
        self.name, self.category, self.about = name, category, about
        self.timing = Timing(repeat_ms=None)

    def judge(self, facts: Any, settings: Any, now: int) -> list[Verdict]:
        raise AssertionError("the test says what it says")


def campaign(id: str) -> Campaign:
    now = int(time.time() * 1000)
    return Campaign(id=id, name=id, starts_at=now - 86_400_000, ends_at=now + 86_400_000)


def subject(of: str, post: str = "7001") -> Subject:
    return Subject(campaign=of, creator="ana", platform="tiktok", account="_1", post=post)


class Town:
    """One installation's topics and Redis, the verdicts on its campaigns, and the watchers that a test starts."""

    def __init__(self, bootstrap: str, redis_url: str, prefix: str, *, partitions: int = 2) -> None:
        self.bootstrap, self.redis_url = bootstrap, redis_url
        self.topics = Topics(prefix=prefix, partitions=partitions)
        ensure_topics(bootstrap, self.topics)
        self.verdicts: dict[str, list[Verdict]] = {}
        self.failing: set[str] = set()
        self.rules: dict[str, Any] = {RULE: Quiet(), "system.quiet": Quiet("system.quiet", "system", "pipeline")}
        self._producer = KafkaProducer(bootstrap_servers=bootstrap)

    # -- what happens ------------------------------------------------------------------------------------------------

    def says(self, of: str, outcome: Outcome, *, posts: Sequence[str] = ("7001",)) -> None:
        """From now on the rule says this of these posts of a campaign; the campaign is touched."""
        self.verdicts[of] = [said(outcome, subject=subject(of, post)) for post in posts]
        self.touch(of)

    def touch(self, of: str) -> None:
        self._producer.send(self.topics.name("touched"), b"{}", of.encode())
        self._producer.flush()

    def define(self, *definitions: Definition, deleted: bool = False) -> None:
        for definition in definitions:
            kind: DefinitionKind = type(definition).__struct_config__.tag  # type: ignore[assignment]
            change = books.changed((kind, definition.id), None if deleted else definition, at=0)
            key = books.record_key((kind, definition.id)).encode()
            self._producer.send(self.topics.name("registry"), codec.encode(books.event(change)), key)
        self._producer.flush()

    def act(self, act: Act) -> None:
        self._producer.send(self.topics.name("alerts.acts"), encode_act(act), act_key(act).encode())
        self._producer.flush()

    # -- what is asked of it -----------------------------------------------------------------------------------------

    async def campaign_facts(self, id: str) -> CampaignFacts | None:
        if id not in self.verdicts:
            return None
        return CampaignFacts(campaign=campaign(id))

    async def pipeline_facts(self, failures: Sequence[RuleFailure], now: int) -> PipelineFacts:
        return PipelineFacts(failures=tuple(failures))

    async def judge(
        self, facts: CampaignFacts | PipelineFacts, settings: Mapping[str, Mapping[str, object]], now: int
    ) -> Judgement:
        if isinstance(facts, PipelineFacts):
            return Judgement(verdicts={"system.quiet": ()}, failures=())
        id = facts.campaign.id
        if id in self.failing:
            failure = RuleFailure(rule=RULE, plugin="test", campaign=id, reason="it raised", at=now)
            return Judgement(verdicts={}, failures=(failure,))
        return Judgement(verdicts={name: tuple(self.verdicts[id]) for name in settings}, failures=())

    # -- what came of it ---------------------------------------------------------------------------------------------

    async def told(self, count: int, *, stages: Sequence[Any] = tuple(ALERTS.values())) -> list[AlertEvent]:
        """The events of the alert topics, once there are so many; in the order of their instants."""
        places = [TopicPartition(self.topics.name(s), n) for s in stages for n in range(self.topics.partitions)]
        found: list[AlertEvent] = []
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap) as consumer:
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            async with asyncio.timeout(PATIENCE_S):
                while len(found) < count:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += [decode(record.value) for record in records]
        return sorted(found, key=lambda event: (event.data.at, event.data.serial))

    async def shelved(self, of: str) -> list[Alert]:
        client = await connect(self.redis_url, cluster=False)
        try:
            return await AlertShelf(client, self.redis_url, self.topics.prefix).of_campaign(of)
        finally:
            await client.aclose()


class Watching:
    """A watcher at work. As a context it stops in peace; `killed` stops it where it stands."""

    def __init__(self, town: Town, *, teller: type[Teller] = Teller, tick_ms: int = 60_000) -> None:
        self.town, self._teller, self._tick = town, teller, tick_ms
        self.stop = asyncio.Event()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Watching:
        town, stack = self.town, self._stack
        book, acts = Following(town.bootstrap, town.topics), Acts(town.bootstrap, town.topics)
        for follower in (book, acts):
            await follower.start()
            stack.push_async_callback(follower.stop)
        client = await connect(town.redis_url, cluster=False)
        stack.push_async_callback(client.aclose)
        shelf = AlertShelf(client, town.redis_url, town.topics.prefix)
        sender = await stack.enter_async_context(Sender(town.bootstrap))
        self.watcher = Watcher(
            WatcherParts(
                bootstrap=town.bootstrap,
                group=f"{town.topics.prefix}-watcher",
                topics=town.topics,
                book=book,
                acts=acts,
                rules=town.rules,
                judges=town,
                campaign_facts=town.campaign_facts,
                pipeline_facts=town.pipeline_facts,
                shelf=shelf,
                teller=self._teller(sender, shelf, town.topics),
                clock=lambda: int(time.time() * 1000),
                judge_every_ms=20,
                tick_ms=self._tick,
                pipeline_every_ms=1_000,
                session_timeout_ms=6_000,
            )
        )
        self.running = asyncio.create_task(self.watcher.run(self.stop))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.stop.set()
        await asyncio.gather(self.running, return_exceptions=True)
        await self._stack.aclose()

    async def until(self, condition: Any) -> None:
        """Wait until it holds, or raise what the watcher stopped for."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                if self.running.done():
                    self.running.result()
                await asyncio.sleep(0.02)  # nothing tells of an evaluation
