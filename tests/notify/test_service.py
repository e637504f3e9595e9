"""Telling of alerts from a real Kafka, over a real Redis, to real receivers."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from standardwebhooks.webhooks import Webhook as Verifier

from tests.harness.brokers import Broker
from tests.notify.receiver import Got, Receiver, Reply, receiving
from tests.notify.serving import PARTITIONS, Book, Notify, notifying, publish
from tests.notify.told import SECRET, a_notifier, an_event
from tracker.clock import now_ms
from tracker.codec.alerts import AlertEvent
from tracker.domain.definitions import NotifierDefinition
from tracker.kafka_admin import ensure_topics
from tracker.notify.desk import NoSuchNotifier, NotReplayed
from tracker.plugin.notifiers import Delivered, Later
from tracker.topics import Topics

ROOT = Path(__file__).parents[2]
HOUR = 3_600_000


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
async def prefix(kafka: Broker, topic_prefix: str) -> str:
    await asyncio.to_thread(ensure_topics, kafka.bootstrap, Topics(prefix=topic_prefix, partitions=PARTITIONS))
    return topic_prefix


def fresh(number: int, **changed: Any) -> AlertEvent:
    return an_event(number, now=now_ms(), **changed)


def to(receiver: Receiver, **changed: Any) -> NotifierDefinition:
    return a_notifier(to=receiver.url, **changed)


async def never(got: Got) -> Reply:
    await asyncio.Event().wait()
    return Reply()


async def test_an_alert_reaches_those_who_chose_it_signed_and_once(
    kafka: Broker, redis_url: str, prefix: str, receiver: Receiver
) -> None:
    book = Book(
        to(receiver),
        to(receiver, id="others", campaigns=("another",)),
        to(receiver, id="off", enabled=False),
        a_notifier(id="strange", type="pigeon", to="home"),
    )
    events = [fresh(1), fresh(2, severity="critical"), fresh(3, severity="info")]
    async with notifying(kafka.bootstrap, redis_url, prefix, book) as notify, notify.running():
        await publish(kafka.bootstrap, prefix, events)
        await receiver.until(2)
        await notify.until_logged("ops", "delivered", 2)
        await notify.until(lambda: notify.counted("unwanted") == 1)
        assert await notify.queue.notifiers() == ["ops", "strange"]
        strange = await notify.queue.log("strange")
        assert {each.status for each in strange} == {"waiting"}
    assert sorted(receiver.ids()) == sorted(event.id for event in events[:2])
    told = Verifier(SECRET).verify(receiver.got[0].body, dict(receiver.got[0].headers))
    assert told["data"]["id"] == receiver.got[0].headers["webhook-id"]


async def test_a_service_that_dies_before_its_commit_queues_nothing_twice(
    kafka: Broker, redis_url: str, prefix: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = fresh(1)
    await publish(kafka.bootstrap, prefix, [event])

    async def never_commits(*_: object) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr("tracker.notify.service._Service._commit", never_commits)
        async with notifying(kafka.bootstrap, redis_url, prefix, Book(to(receiver))) as first, first.dying():
            await first.until_logged("ops", "delivered")
    async with notifying(kafka.bootstrap, redis_url, prefix, Book(to(receiver))) as second, second.running():
        await second.until(lambda: second.counted("queued") == 1)  # it was read again
        await publish(kafka.bootstrap, prefix, [fresh(2)])
        await receiver.until(2)
    assert receiver.ids(of=event.data.id) == [event.id]


async def test_a_service_that_dies_between_sending_and_writing_it_down_sends_it_again_with_the_same_id(
    kafka: Broker, redis_url: str, prefix: str, receiver: Receiver
) -> None:
    event = fresh(1)
    await publish(kafka.bootstrap, prefix, [event])
    receiver.answer = never
    book = Book(to(receiver))
    async with notifying(kafka.bootstrap, redis_url, prefix, book) as first, first.dying():
        await receiver.until(1)
    receiver.answer = Receiver().answer
    later = lambda: now_ms() + 60_000  # noqa: E731 (the dead one's lease has ended)
    async with notifying(kafka.bootstrap, redis_url, prefix, book, now=later) as second, second.running():
        await second.until_logged("ops", "delivered")
    assert receiver.ids() == [event.id, event.id]
    assert receiver.got[0].body == receiver.got[1].body


@pytest.mark.slow
async def test_kill_9_while_telling_loses_nothing_and_a_receiver_that_keeps_ids_sees_each_once(
    kafka: Broker, redis_url: str, prefix: str, receiver: Receiver
) -> None:
    events = [fresh(number) for number in range(12)]
    seen = asyncio.Event()

    async def holds_the_third(got: Got) -> Reply:
        if len(receiver.got) == 3:
            seen.set()
        return await never(got) if len(receiver.got) >= 3 else Reply()

    receiver.answer = holds_the_third
    definition = {"id": "ops", "type": "webhook", "to": receiver.url, "secret": "ops"}
    told = json.dumps([kafka.bootstrap, redis_url, prefix, [definition]])

    async def start() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.notify.serving", told, cwd=ROOT)

    first = await start()
    try:
        await publish(kafka.bootstrap, prefix, events)
        async with asyncio.timeout(40):
            await seen.wait()
    finally:
        first.kill()
        await first.wait()
    receiver.answer = Receiver().answer
    second = await start()
    try:
        async with notifying(kafka.bootstrap, redis_url, prefix, Book(to(receiver))) as looking:
            await looking.until(lambda: set(receiver.ids()) == {event.id for event in events}, seconds=40)
            await looking.until_logged("ops", "delivered", 12)
    finally:
        second.kill()
        await second.wait()
    first_said = {got.headers["webhook-id"]: got.body for got in reversed(receiver.got)}
    assert all(first_said[got.headers["webhook-id"]] == got.body for got in receiver.got), "a repeat says the same"


async def test_a_receiver_that_never_answers_delays_no_other(
    kafka: Broker, redis_url: str, prefix: str, receiver: Receiver
) -> None:
    async with receiving() as dead:
        dead.answer = never
        book = Book(to(receiver), to(dead, id="dead"))
        options = {"concurrency": 2}
        async with notifying(kafka.bootstrap, redis_url, prefix, book, options=options) as notify, notify.dying():
            await publish(kafka.bootstrap, prefix, [fresh(number) for number in range(20)])
            await receiver.until(20)
            await notify.until_logged("ops", "delivered", 20)
            assert {each.status for each in await notify.queue.log("dead")} == {"waiting"}
        assert len(dead.got) == 2, "no more than so many at once"


async def test_what_failed_is_tried_again_when_the_receiver_said_and_stands_in_the_log(
    kafka: Broker, redis_url: str, prefix: str, receiver: Receiver
) -> None:
    async def busy(got: Got) -> Reply:
        return Reply(503, {"retry-after": "3600"})

    receiver.answer = busy
    event, skipped = fresh(1), [0]
    clock = lambda: now_ms() + skipped[0]  # noqa: E731
    book = Book(to(receiver))
    async with notifying(kafka.bootstrap, redis_url, prefix, book, now=clock) as notify, notify.running():
        await publish(kafka.bootstrap, prefix, [event])
        await notify.until(lambda: _attempted(notify, 1))
        (logged,) = await notify.desk.log("ops")
        assert (logged.status, logged.last_status, logged.last_error) == ("waiting", 503, "answered 503")
        assert logged.next_at is not None
        assert logged.last_at is not None
        assert logged.next_at - logged.last_at == HOUR
        receiver.answer = Receiver().answer
        skipped[0] = HOUR
        await notify.until_logged("ops", "delivered")
    assert receiver.ids() == [event.id, event.id]


async def _attempted(notify: Notify, times: int) -> bool:
    return [each.attempts for each in await notify.queue.log("ops")] == [times]


async def test_what_cannot_be_read_or_is_too_old_is_passed_over_and_the_next_is_told(
    kafka: Broker, redis_url: str, prefix: str, receiver: Receiver
) -> None:
    old = an_event(1, now=now_ms() - 73 * HOUR)
    async with notifying(kafka.bootstrap, redis_url, prefix, Book(to(receiver))) as notify, notify.running():
        await publish(kafka.bootstrap, prefix, [b"{", b"", old, event := fresh(2)])
        await receiver.until(1)
        await notify.until(lambda: (notify.counted("unreadable"), notify.counted("too_old")) == (2, 1))
    assert receiver.ids() == [event.id]


async def test_that_it_is_resolved_is_told_to_those_who_were_told_whatever_its_severity_is_now(
    kafka: Broker, redis_url: str, prefix: str, receiver: Receiver
) -> None:
    resolved: dict[str, Any] = {"what": "resolved", "state": "resolved", "severity": "info", "serial": 9}
    told, untold = fresh(1, severity="critical"), fresh(2, severity="warning")
    book = Book(to(receiver, at_least="critical"))
    async with notifying(kafka.bootstrap, redis_url, prefix, book) as notify, notify.running():
        await publish(kafka.bootstrap, prefix, [told, untold, fresh(2, **resolved), fresh(1, **resolved)])
        await receiver.until(2)
        await notify.until(lambda: notify.counted("unwanted") == 2)
    assert sorted(receiver.ids()) == sorted([told.id, f"{told.data.id}-9"])


async def test_a_notifier_that_comes_changes_or_goes_is_heeded_while_it_runs(
    kafka: Broker, redis_url: str, prefix: str, receiver: Receiver
) -> None:
    book = Book()
    async with notifying(kafka.bootstrap, redis_url, prefix, book) as notify, notify.running():
        await publish(kafka.bootstrap, prefix, [fresh(1)])
        await notify.until(lambda: notify.counted("unwanted") == 1)
        book.change(to(receiver))
        await publish(kafka.bootstrap, prefix, [fresh(2)])
        await receiver.until(1)
        async with receiving() as moved:
            book.change(to(moved))
            await publish(kafka.bootstrap, prefix, [fresh(3)])
            await moved.until(1)
        book.change(to(receiver), deleted=True)
        await publish(kafka.bootstrap, prefix, [fresh(4)])
        await notify.until(lambda: notify.counted("unwanted") == 2)
    assert len(receiver.got) == 1


async def test_an_operator_sees_tries_and_sends_again(
    kafka: Broker, redis_url: str, prefix: str, receiver: Receiver
) -> None:
    async def gone(got: Got) -> Reply:
        return Reply(410)

    receiver.answer = gone
    book = Book(to(receiver), to(receiver, id="unset", secret="nowhere", enabled=False))
    async with notifying(kafka.bootstrap, redis_url, prefix, book) as notify, notify.running():
        await publish(kafka.bootstrap, prefix, [event := fresh(1)])
        await notify.until_logged("ops", "failed")
        ops, unset = await notify.desk.notifiers()
        assert (ops.fault, ops.waiting) == (None, 0)
        assert ops.last is not None
        assert ops.last.last_status == 410
        assert unset.fault is not None
        assert "notifiers.secrets.nowhere" in unset.fault
        assert isinstance((await notify.desk.send_test("unset")).meaning, Later)
        receiver.answer = Receiver().answer
        assert (await notify.desk.send_test("ops")).meaning == Delivered()
        assert json.loads(receiver.got[-1].body)["type"] == "alert.test"
        await notify.desk.replay("ops", event.id)
        await notify.until_logged("ops", "delivered")
        assert await notify.desk.replay_failed("ops") == 0
        with pytest.raises(NotReplayed):
            await notify.desk.replay("ops", "al-unknown-1")
        with pytest.raises(NoSuchNotifier, match="ops, unset"):
            await notify.desk.log("nobody")
    assert receiver.ids(of=event.data.id) == [event.id, event.id]


async def test_redis_away_holds_everything_up_and_loses_nothing(
    kafka: Broker, redis_server: Any, prefix: str, receiver: Receiver
) -> None:
    redis = redis_server()
    async with notifying(kafka.bootstrap, redis.url, prefix, Book(to(receiver))) as notify, notify.running():
        await publish(kafka.bootstrap, prefix, [first := fresh(1)])
        await notify.until_logged("ops", "delivered")
        redis.kill()
        await publish(kafka.bootstrap, prefix, [second := fresh(2)])
        redis.start()
        await receiver.until(2)
        await notify.until_logged("ops", "delivered", 2)
    assert receiver.ids() == [first.id, second.id]


async def test_a_service_that_dies_while_redis_is_away_has_committed_nothing_that_is_not_queued(
    kafka: Broker, redis_server: Any, prefix: str, receiver: Receiver
) -> None:
    redis, event = redis_server(), fresh(1)
    async with notifying(kafka.bootstrap, redis.url, prefix, Book(to(receiver))) as first, first.dying():
        with structlog.testing.capture_logs() as logged:
            redis.kill()
            await publish(kafka.bootstrap, prefix, [event])
            await first.until(
                lambda: any(each["event"] == "queue unreachable" and "notifier" not in each for each in logged)
            )
    assert receiver.got == []
    redis.start()
    async with notifying(kafka.bootstrap, redis.url, prefix, Book(to(receiver))) as second, second.running():
        await second.until_logged("ops", "delivered")
    assert receiver.ids() == [event.id]
