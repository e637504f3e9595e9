"""The whole way of an alert, each part a real process: an unlabelled post is told of, taken, explained, and healed."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.harness.brokers import Broker
from tests.integration.harness import Installation
from tracker.codec.alerts import AlertEvent, decode
from tracker.domain import events as ev
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator
from tracker.embedded.process import Child
from tracker.topics import ALERTS

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

PATIENCE_S = 60.0
HOUR = 3_600_000
NOW = time.time_ns() // 1_000_000
UNLABELLED = "朝のコーヒー #spring"
LABELLED = "#PR 朝のコーヒー #spring"


class Installed:
    """A campaign in Japan with one creator, and the processes that watch it."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.children: list[Child] = []

    def starts(self, *commands: str) -> None:
        self.children += [self.installation.start(f"{name}-{len(self.children)}", name) for name in commands]

    async def defined(self) -> None:
        campaign = Campaign(
            id="spring", name="Synthetic", starts_at=NOW - 24 * HOUR, ends_at=NOW + 240 * HOUR, disclosure=("jp",)
        )
        creator = Creator(id="hana", name="Hana", accounts=(AccountRef(platform="instagram", account="178"),))
        agreement = Agreement(id="deal", campaign="spring", creator="hana", hashtags=("spring",), posts=1)
        await self.installation.apply([campaign, creator, agreement], at=NOW)

    async def says(self, fact: ev.Fact) -> None:
        """Import a fact as a person would."""
        line = {"type": ev.EVENTS[type(fact)].__struct_config__.tag, **msgspec.to_builtins(fact)}  # type: ignore[attr-defined]
        file = self.installation.directory / "facts.jsonl"
        file.write_bytes(msgspec.json.encode(line) + b"\n")
        await self.types("import", str(file))

    async def types(self, *words: str) -> str:
        """What a command prints; it must succeed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tracker", "--settings", str(self.installation.file), *words,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    async def told_of(self, kind: str) -> list[AlertEvent]:
        """Every event about the label, in the order of their instants, once there is one of this type."""
        topics = self.installation.topics
        places = [TopicPartition(topics.name(s), n) for s in ALERTS.values() for n in range(topics.partitions)]
        found: list[AlertEvent] = []
        try:
            async with AIOKafkaConsumer(bootstrap_servers=self.installation.settings.kafka.bootstrap) as consumer:
                consumer.assign(places)
                await consumer.seek_to_beginning(*places)
                async with asyncio.timeout(PATIENCE_S):
                    while not any(event.type == kind for event in found):
                        for records in (await consumer.getmany(timeout_ms=200)).values():
                            found += [decode(record.value) for record in records if b"compliance." in record.value]
        except TimeoutError as error:
            said = "\n".join(child.tail() for child in self.children)
            raise AssertionError(f"no {kind}: {[event.type for event in found]}\n{said}") from error
        return sorted(found, key=lambda event: (event.data.at, event.data.serial))


def post(text: str, at: int) -> ev.PostPublished:
    return ev.PostPublished(
        platform="instagram", account="178", post="901", observed_at=at, occurred_at=NOW - HOUR, text=text
    )


async def test_an_unlabelled_post_is_told_of_taken_explained_and_healed_though_the_watcher_is_killed(
    tmp_path: Path, kafka: Broker, redis_url: str, topic_prefix: str
) -> None:
    installation = Installation.create(
        tmp_path,
        bootstrap=kafka.bootstrap,
        redis_url=redis_url,
        name=topic_prefix,
        more={"watcher": {"group": f"{topic_prefix}-watcher", "session_timeout_seconds": 6, "judge_every_ms": 50}},
    )
    here = Installed(installation)
    await here.defined()
    here.starts("worker", "watch")
    try:
        await here.says(post(UNLABELLED, NOW))
        (fired,) = await here.told_of("alert.firing")
        assert (fired.type, fired.data.rule, fired.data.check) == ("alert.firing", "compliance.disclosure", "jp")
        assert fired.data.subject.post == "901"

        await asyncio.to_thread(here.children[1].kill)
        here.starts("watch")
        async with asyncio.timeout(PATIENCE_S):  # killed before it had shelved it? whoever takes over does
            while fired.data.id[:11] not in await here.types("alerts", "list"):
                pass
        await here.types("alerts", "ack", fired.data.id, "--note", "asked Hana", "--by", "mei")
        await here.told_of("alert.acknowledged")

        explained = await here.types("alerts", "explain", fired.data.id)
        for words in ("asked Hana", UNLABELLED, "Is each agreed post labelled", "taken by mei"):
            assert words in explained

        await here.says(
            ev.PostEdited(platform="instagram", account="178", post="901", observed_at=NOW + 60_000, text=LABELLED)
        )
        events = await here.told_of("alert.resolved")
        assert {event.data.id for event in events} == {fired.data.id}
        assert {event.type for event in events} == {"alert.firing", "alert.acknowledged", "alert.resolved"}
        assert len({event.id for event in events}) == 3, "what was told twice has the same id"
    finally:
        codes = await asyncio.gather(*(asyncio.to_thread(child.stop) for child in here.children))
    assert [code for code in codes if code not in (0, -9)] == []
    assert (await installation.audit()).differences == ()
    await installation.close()
