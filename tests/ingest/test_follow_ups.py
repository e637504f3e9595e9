"""Follow-ups on a real broker: Instagram's own adapter, and a stand-in for its servers."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import structlog

from tests.harness.brokers import Broker
from tests.ingest.doors import SampleAdapter, publishing, until
from tests.ingest.mentions import (
    answers,
    committed,
    following,
    media_of,
    mention,
    posts_of,
    put,
    settings_for,
    told,
    until_answers,
)
from tests.ingest.stand_in import Asked, Told, stand_in
from tracker.ingest.publisher import Publisher
from tracker.plugin.api import Access, DueItem, HttpRequest, RawPayload

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def publisher(kafka: Broker, topic_prefix: str) -> AsyncIterator[Publisher]:
    async with publishing(kafka.bootstrap, topic_prefix, partitions=2) as started:
        yield started


async def well(asked: Asked) -> Told:
    return told(asked)


async def test_a_mention_is_asked_about_once_and_the_answer_gives_the_post(publisher: Publisher) -> None:
    async with stand_in() as platform:
        platform.answer = well
        settings = settings_for(publisher.topics.prefix, {"instagram": platform})
        async with following(publisher, settings) as under_way:
            placed = await put(publisher, mention("903"))
            found = await until_answers(publisher, 1)
            await under_way.until_counted("answered")
            await under_way.until_committed(placed)
        async with following(publisher, settings) as again:
            await put(publisher, mention("904"))
            await again.until_counted("answered")
        assert [media_of(asked) for asked in platform.asked] == ["903", "904"], "each once, over a restart too"
        assert [asked.headers["authorization"] for asked in platform.asked] == ["Bearer synthetic-token"] * 2
    assert posts_of(found) == ["903"]
    assert [(raw.source, raw.endpoint, raw.status, raw.items) for raw in found] == [
        ("poll", "mention", 200, (DueItem(platform="instagram", account="178", post="903"),))
    ]


async def test_what_came_before_the_first_start_is_not_asked_and_what_comes_while_away_is(publisher: Publisher) -> None:
    async with stand_in() as platform:
        platform.answer = well
        settings = settings_for(publisher.topics.prefix, {"instagram": platform})
        await put(publisher, *(mention(f"8{number}") for number in range(5)))
        async with following(publisher, settings):
            pass
        early = {media_of(asked) for asked in platform.asked}
        await put(publisher, mention("901"))
        async with following(publisher, settings) as back:
            await back.until_counted("answered")
        asked = [media_of(asked) for asked in platform.asked]
    assert asked.count("901") == 1
    # The embedded broker names an end that lies before its last records: a few old ones may be asked there.
    assert len(early) < 5


async def test_only_readable_webhooks_of_the_platform_are_asked_about_and_the_rest_is_passed_over(
    publisher: Publisher,
) -> None:
    async with stand_in() as platform:
        platform.answer = well
        settings = settings_for(publisher.topics.prefix, {"instagram": platform})
        async with following(publisher, settings) as under_way:
            await put(publisher, mention("902", source="import"))
            await publisher.publish("inbox", b"instagram:main", b"{}", [("tracker", b"no envelope")])
            await publisher.publish("inbox", b"instagram:main", mention("902").body)
            unreadable = RawPayload(platform="instagram", source="webhook", name="main", received_at=1, body=b"{")
            placed = await put(publisher, unreadable, mention("903"))
            await under_way.until_counted("answered")
            await under_way.until_committed(placed)
        assert [media_of(asked) for asked in platform.asked] == ["903"]


async def test_killed_between_an_answer_and_the_commit_it_is_asked_again_and_nothing_is_lost(
    publisher: Publisher,
) -> None:
    """One webhook, two questions: the first is answered, the second hangs, so that the record cannot be committed."""
    topics = publisher.topics
    async with stand_in() as platform:
        killed = asyncio.Event()

        async def one_hangs(asked: Asked) -> Told:
            if media_of(asked) == "902":
                await killed.wait()
            return told(asked)

        platform.answer = one_hangs
        told_to = json.dumps([publisher.bootstrap, topics.prefix, topics.partitions, platform.base_url])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.ingest.follow_up_process", told_to, cwd=ROOT
        )
        try:

            async def begun() -> bool:
                return None not in (await committed(publisher, f"{topics.prefix}-follow-up-instagram")).values()

            await until(begun, 60)
            before = await committed(publisher, f"{topics.prefix}-follow-up-instagram")
            placed = await put(publisher, mention("901", "902"), partition=0)
            assert posts_of(await until_answers(publisher, 1)) == ["901"]
            await put(publisher, mention("909"), partition=1)

            async def committed_since() -> bool:
                return (await committed(publisher, f"{topics.prefix}-follow-up-instagram"))[1] != before[1]

            await until(committed_since)
        finally:
            process.kill()
            await process.wait()
        assert (await committed(publisher, f"{topics.prefix}-follow-up-instagram"))[0] == before[0]
        killed.set()
        async with following(publisher, settings_for(topics.prefix, {"instagram": platform})) as next_member:
            await next_member.until_counted("answered", 2)
            await next_member.until_committed(placed)
        assert sorted(posts_of(await answers(publisher))) == ["901", "901", "902", "909"]


async def test_a_retry_after_is_waited_for_and_then_the_answer_comes(publisher: Publisher) -> None:
    async with stand_in() as platform:

        async def limited_once(asked: Asked) -> Told:
            return Told(429, b"{}", {"retry-after": "3"}) if len(platform.asked) == 1 else told(asked)

        platform.answer = limited_once
        async with following(publisher, settings_for(publisher.topics.prefix, {"instagram": platform})) as under_way:
            await put(publisher, mention("903"))
            await under_way.until_counted("answered")
        first, second = platform.asked
        assert 2.9 < second.at - first.at < 15
    assert [raw.status for raw in await answers(publisher)] == [200]


async def test_a_question_that_nobody_answers_is_given_up_with_a_warning_and_the_position_moves_on(
    publisher: Publisher,
) -> None:
    async with stand_in() as platform:

        async def down(asked: Asked) -> Told:
            return Told(503)

        platform.answer = down
        settings = settings_for(publisher.topics.prefix, {"instagram": platform}, follow_up_seconds=2)
        with structlog.testing.capture_logs() as said:
            async with following(publisher, settings) as under_way:
                placed = await put(publisher, mention("903"))
                await under_way.until_counted("given_up")
                await under_way.until_committed(placed)
    [given_up] = [line for line in said if line["event"] == "question given up"]
    assert (given_up["platform"], given_up["account"], given_up["post"]) == ("instagram", "178", "903")
    assert given_up["log_level"] == "warning"


async def test_a_refused_token_is_said_once_with_the_account_and_is_no_answer(publisher: Publisher) -> None:
    async with stand_in() as platform:
        refusal = json.dumps({"error": {"code": 190, "message": "synthetic", "type": "OAuthException"}}).encode()

        async def refused_twice(asked: Asked) -> Told:
            return Told(400, refusal) if len(platform.asked) < 3 else told(asked)

        platform.answer = refused_twice
        with structlog.testing.capture_logs() as said:
            settings = settings_for(publisher.topics.prefix, {"instagram": platform})
            async with following(publisher, settings) as under_way:
                await put(publisher, mention("903"))
                await under_way.until_counted("answered")
            registry = under_way.metrics.registry
            assert registry.get_sample_value("tracker_tokens_refused_total", {"platform": "instagram"}) == 2
    [warning] = [line for line in said if line["event"] == "token refused"]
    assert (warning["platform"], warning["account"], warning["status"]) == ("instagram", "178", 400)
    assert "synthetic-token" not in str(said)
    assert [raw.status for raw in await answers(publisher)] == [200]


class Naming(SampleAdapter):
    """A made-up platform whose webhooks name a post: their body is its id."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.follows_up = True

    def follow_up(self, raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
        if raw.endpoint is not None:
            return []
        item = DueItem(platform=self.name, account="a", post=raw.body.decode())
        return [
            HttpRequest(method="GET", url=f"{access.base_url}/named?ids={item.post}", endpoint="named", items=(item,))
        ]


def named(platform: str, post: str) -> RawPayload:
    return RawPayload(platform=platform, source="webhook", name="main", received_at=1, body=post.encode())


async def test_a_platform_that_is_down_holds_up_its_own_questions_only(publisher: Publisher) -> None:
    async with stand_in() as dead, stand_in() as lively:

        async def hang(asked: Asked) -> Told:
            await asyncio.Event().wait()
            return Told()

        dead.answer = hang
        settings = settings_for(publisher.topics.prefix, {"dead": dead, "lively": lively})
        adapters = (Naming("dead"), Naming("lively"))
        async with following(publisher, settings, adapters) as under_way:
            await put(publisher, *(named("dead", f"d-{number}") for number in range(30)))
            await dead.until_asked(1)
            began = time.monotonic()
            placed = await put(publisher, *(named("lively", f"l-{number}") for number in range(20)))
            await under_way.until_counted("answered", 20, "lively")
            assert time.monotonic() - began < 10
            await under_way.until_committed(placed, "lively")
            assert under_way.counted("answered", "dead") == 0
        assert sorted(lively.posts) == sorted(f"l-{number}" for number in range(20))


class Faulty(Naming):
    """An adapter whose follow_up fails on one webhook."""

    def follow_up(self, raw: RawPayload, access: Access) -> Sequence[HttpRequest]:
        if raw.body == b"odd":
            raise KeyError("synthetic fault")
        return super().follow_up(raw, access)


async def test_an_adapter_with_a_fault_costs_one_record_and_stops_nothing(publisher: Publisher) -> None:
    async with stand_in() as platform:
        settings = settings_for(publisher.topics.prefix, {"faulty": platform})
        async with following(publisher, settings, [Faulty("faulty")]) as under_way:
            placed = await put(publisher, named("faulty", "odd"), named("faulty", "even"))
            await under_way.until_counted("answered", 1, "faulty")
            await under_way.until_counted("fault", 1, "faulty")
            await under_way.until_committed(placed, "faulty")
        assert platform.posts == ["even"]
