"""Follow-ups: asks what a webhook calls for, and puts the answers on the inbox beside those of polls.

A webhook may name something without telling it: Instagram's `mentions` give a post's id only. The adapter's
`follow_up` says what to ask then.

1. At least once: a record's position is committed when each of its questions, and of the records before it, is
   answered on the inbox or given up. After a crash or a rebalance a question may be asked again; its answer is an
   observation like any other, and a repeated observation changes no counter.
2. A question that nobody answers is given up after `patience_ms`, with a warning and a count. Nothing waits for ever.
3. Each platform has a consumer group of its own: one that is down holds up its own questions and no other's.
4. A new group begins at the inbox's end: the first start does not ask about all that ever came. Kafka forgets a group
   that nobody was in for `offsets.retention.minutes` (a week): that one begins anew, too.
5. A record that cannot be read is passed over: the adapt stage makes a dead letter of it.

Positions are Kafka's here, and Redis' in the worker, because nothing is counted here: a position that is too early
costs a request. The worker's must move with its counters, in one step or not at all.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from msgspec import Struct

from tracker.codec import inbox
from tracker.ingest.lane import Lane, backoff_ms
from tracker.ingest.publisher import KafkaUnreachable
from tracker.plugin.api import HttpRequest, Unreadable
from tracker.tasks import end
from tracker.topics import Topics

log = structlog.get_logger(__name__)

WINDOW = 500
"""So many questions may wait at once; no more records are read meanwhile."""
_READ_MS = 250
_READ_RECORDS = 100
_COMMIT_SECONDS = 1.0
_HEARTBEAT_MS = 1_000
_LEAVE_SECONDS = 5.0
_BACKOFF_STEPS = 6  # up to about two minutes between two tries


class FollowUpParts(Struct, frozen=True, kw_only=True):
    """What follows up one platform's webhooks. `group` is the consumer group of this platform's follow-ups.

    `patience_ms`: a question is given up after so long; `session_timeout_ms`: a dead member's partitions move after it.
    """

    lane: Lane
    bootstrap: str
    topics: Topics
    group: str
    patience_ms: int
    session_timeout_ms: int


async def run_follow_ups(parts: FollowUpParts, stop: asyncio.Event) -> None:
    """Follow up a platform's webhooks until `stop`. What is under way then is asked again by the next member.

    Raises KafkaUnreachable.
    """
    following = asyncio.create_task(_Follower(parts).run())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end([following, stopping])
        [ended, _] = await asyncio.gather(following, stopping, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended


class _Position:
    """How far one partition is read, and which of its records still wait for an answer."""

    __slots__ = ("committed", "next_offset", "open")

    def __init__(self, next_offset: int) -> None:
        self.next_offset = next_offset
        self.committed: int | None = None
        self.open: set[int] = set()

    @property
    def done(self) -> int:
        """The first offset that is not done with."""
        return min(self.open, default=self.next_offset)


class _Revoked(ConsumerRebalanceListener):  # type: ignore[misc]
    """Tells the follower before its partitions go to others."""

    def __init__(self, follower: _Follower) -> None:
        self._follower = follower

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        await self._follower.give_up_partitions()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        pass  # each is taken over where its first records, or its position, are seen


class _Follower:
    def __init__(self, parts: FollowUpParts) -> None:
        self._parts = parts
        self._lane = parts.lane
        self._platform = parts.lane.parts.adapter.name
        self._topic = parts.topics.name("inbox")
        # Polls share the lane, and are never crowded out of it.
        self._slots = asyncio.Semaphore(max(1, parts.lane.parts.concurrency // 2))
        self._positions: dict[TopicPartition, _Position] = {}
        self._answering: dict[asyncio.Task[None], int] = {}
        """What is under way for each record, with its number of questions."""
        self._commit_at = 0.0
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=parts.bootstrap,
            client_id=parts.group,
            group_id=parts.group,
            auto_offset_reset="latest",
            enable_auto_commit=False,
            session_timeout_ms=parts.session_timeout_ms,
            heartbeat_interval_ms=min(_HEARTBEAT_MS, parts.session_timeout_ms // 3),
        )

    async def run(self) -> None:
        """Read, ask and commit, until cancelled. Raises KafkaUnreachable."""
        try:
            await self._consumer.start()
            self._consumer.subscribe([self._topic], listener=_Revoked(self))
            while True:
                self._read_on_or_wait()
                read = await self._consumer.getmany(timeout_ms=_READ_MS, max_records=_READ_RECORDS)
                for at, records in read.items():
                    self._take(at, records)
                await self._take_over()
                if time.monotonic() >= self._commit_at:
                    await self._commit()
        except KafkaError as error:
            raise KafkaUnreachable(self._topic, f"reading it: {type(error).__name__}: {error}") from error
        finally:
            await self._leave()

    async def give_up_partitions(self) -> None:
        """Commit what is done, and leave the rest to whoever gets the partitions."""
        await self._commit()
        self._drop()

    def _read_on_or_wait(self) -> None:
        paused = self._consumer.paused()
        if sum(self._answering.values()) < WINDOW:
            self._consumer.resume(*paused)
        else:
            # Asking on for nothing keeps the membership alive, which an idle consumer would lose.
            self._consumer.pause(*(self._consumer.assignment() - paused))

    def _take(self, at: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        position = self._positions.get(at)
        if position is None:
            position = self._began(at, records[0].offset)
        for record in records:
            position.next_offset = record.offset + 1
            questions = self._questions(record)
            if questions:
                position.open.add(record.offset)
                task = asyncio.create_task(self._answer(position, record.offset, questions))
                self._answering[task] = len(questions)
                task.add_done_callback(self._answering.pop)

    async def _take_over(self) -> None:
        """Note where newly assigned partitions begin, so that a new group's beginning is committed at once."""
        for at in self._consumer.assignment() - self._positions.keys():
            try:
                offset = await self._consumer.position(at)
            except IllegalStateError:
                continue  # it was revoked meanwhile
            if at not in self._positions and at in self._consumer.assignment():
                self._began(at, offset)

    def _began(self, at: TopicPartition, offset: int) -> _Position:
        log.debug("following up", platform=self._platform, partition=at.partition, offset=offset)
        position = self._positions[at] = _Position(offset)
        self._commit_at = 0.0
        return position

    def _questions(self, record: ConsumerRecord) -> Sequence[HttpRequest]:
        try:
            raw = inbox.decode(record.value, record.headers)
            if raw.platform != self._platform or raw.source != "webhook":
                return ()
            return self._lane.parts.adapter.follow_up(raw, self._lane.parts.access)
        except (inbox.UnreadableRecord, Unreadable):
            return ()  # the adapt stage finds the same, and keeps the record as a dead letter
        except Exception:
            # A plugin's fault costs one record's questions; the others, and the other platforms, are not held up.
            self._count("fault")
            log.exception("a fault in a follow-up", platform=self._platform, partition=record.partition,
                          offset=record.offset, next="look at the platform's plugin")  # fmt: skip
            return ()

    async def _answer(self, position: _Position, offset: int, questions: Sequence[HttpRequest]) -> None:
        await asyncio.gather(*(self._ask(question) for question in questions))
        position.open.discard(offset)

    async def _ask(self, question: HttpRequest) -> None:
        """Ask until it is answered on the inbox, or given up."""
        gives_up_at = self._now() + self._parts.patience_ms
        tries = 0
        try:
            while not await self._asked(question):
                now = self._now()
                if now >= gives_up_at:
                    self._given_up(question, tries + 1)
                    return
                await asyncio.sleep(min(self._pause(tries), gives_up_at - now) / 1000)
                tries += 1
            self._count("answered")
        except Exception:
            # As in the lane: a plugin's fault is said loudly, and ends neither the others' questions nor the poller.
            self._count("fault")
            log.exception("a fault in a follow-up", platform=self._platform, endpoint=question.endpoint,
                          next="look at the platform's plugin")  # fmt: skip

    async def _asked(self, question: HttpRequest) -> bool:
        async with self._slots:
            return await self._lane.follow(question)

    def _pause(self, tries: int) -> int:
        held = self._lane.held_until - self._now()
        backoff = backoff_ms(min(tries, _BACKOFF_STEPS))
        return held + random.randrange(backoff) if held > 0 else backoff  # noqa: S311 (spreads load)

    async def _commit(self) -> None:
        """Commit what is done. A failure is told and tried again: the position is then too early, never too late."""
        self._commit_at = time.monotonic() + _COMMIT_SECONDS
        moved = {at: position.done for at, position in self._positions.items() if position.done != position.committed}
        if not moved:
            return
        try:
            await self._consumer.commit(moved)
        except (CommitFailedError, IllegalStateError) as error:
            log.info("position not committed", group=self._parts.group, reason=str(error), next="others ask it again")
        except KafkaError as error:
            log.warning("position not committed", group=self._parts.group, reason=str(error), next="tried again")
        else:
            for at in moved.keys() & self._positions.keys():
                self._positions[at].committed = moved[at]

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self._commit()
                await self._consumer.stop()
        except TimeoutError:
            log.warning("group not left in time", group=self._parts.group, next="Kafka finds out by itself")
        finally:
            self._drop()

    def _drop(self) -> None:
        for task in self._answering:
            task.cancel()
        self._positions.clear()

    def _given_up(self, question: HttpRequest, tries: int) -> None:
        self._count("given_up")
        item = question.items[0]
        log.warning("question given up", platform=self._platform, account=item.account, post=item.post,
                    endpoint=question.endpoint, tries=tries, after_ms=self._parts.patience_ms,
                    next="see the warnings before: a token, or the platform")  # fmt: skip

    def _count(self, outcome: str) -> None:
        self._lane.parts.metrics.follow_ups.labels(self._platform, outcome).inc()

    def _now(self) -> int:
        return self._lane.parts.now()
