"""A watcher: one member of a group that shares the campaigns, each watched by one.

1. A campaign is evaluated when it was touched (at most once in `judge_every_ms`), when time alone changes one of its
   alerts, when somebody acted, and at the latest every `tick_ms`.
2. Whatever is assigned to a watcher is read anew from `alerts.current`: what another one, or it itself before a crash,
   meant to tell and may not have told, is told first.
3. What is taken away is told no more: an evaluation under way is finished before it is given up.
4. Whatever is not expected ends the watcher with its reason; a supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from msgspec import Struct

from tracker.definitions.following import Following
from tracker.domain.alerts import OPEN, Acknowledged, Act, Alert, Noted
from tracker.domain.definitions import Campaign
from tracker.domain.evaluation import RuleTerms, after, evaluate, next_look
from tracker.domain.events import DefinitionChanged, Instant
from tracker.domain.facts import CampaignFacts, PipelineFacts, RuleFailure
from tracker.domain.in_force import in_force
from tracker.domain.verdicts import Verdict
from tracker.plugin.rules import Rule
from tracker.sending import partition_of
from tracker.store.alerts import AlertShelf, RuleSaid
from tracker.tasks import end
from tracker.topics import Topics
from tracker.watch.acts import Acts
from tracker.watch.judging import Judgement
from tracker.watch.pacing import Answer, Answers
from tracker.watch.telling import Teller, key_of, read_current

log = logging.getLogger(__name__)

PIPELINE = ""
"""The name under which the pipeline is watched, as if it were a campaign."""
_DAY_MS = 86_400_000
_BEFORE_MS, _AFTER_MS = 7 * _DAY_MS, 60 * _DAY_MS
_AT_ONCE = 4
_SAY_AGAIN_MS = 10_000
"""Verdicts that did not change are written again after so long, so that their age can be read."""
_IDLE_S = 0.5


class Clock(Protocol):
    def __call__(self) -> Instant: ...


class Judges(Protocol):
    """Who has facts judged: `tracker.watch.judging.Judges`."""

    async def judge(
        self, facts: CampaignFacts | PipelineFacts, settings: Mapping[str, Mapping[str, object]], now: Instant
    ) -> Judgement: ...


class WatcherParts(Struct, frozen=True, kw_only=True):
    """What a watcher is made of; `tracker.wiring` puts it together."""

    bootstrap: str
    group: str
    topics: Topics
    book: Following
    acts: Acts
    rules: Mapping[str, Rule]
    judges: Judges
    campaign_facts: Callable[[str], Awaitable[CampaignFacts | None]]
    pipeline_facts: Callable[[Sequence[RuleFailure], Instant], Awaitable[PipelineFacts]]
    shelf: AlertShelf
    teller: Teller
    clock: Clock
    judge_every_ms: int
    tick_ms: int
    pipeline_every_ms: int
    session_timeout_ms: int


class Watcher:
    def __init__(self, parts: WatcherParts) -> None:
        self._parts = parts
        self._mine: set[int] = set()
        self._alerts: dict[str, dict[str, Alert]] = {}
        self._due: dict[str, Instant] = {}
        self._judged_at: dict[str, Instant] = {}
        self._said: dict[str, tuple[Instant, Mapping[str, Sequence[Verdict]]]] = {}
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._failures: dict[tuple[str, str], RuleFailure] = {}
        self._answers = Answers()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self.evaluated = 0
        """Evaluations since the start."""

    @property
    def watched(self) -> int:
        """Campaigns (and the pipeline, which counts as one) that this watcher watches."""
        return len(self._due)

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop`. Raises what ended it otherwise."""
        parts = self._parts
        consumer = AIOKafkaConsumer(
            bootstrap_servers=parts.bootstrap,
            group_id=parts.group,
            client_id="tracker-watcher",
            # Where it is read from matters to nobody: whatever is assigned is evaluated anyway. But without a position
            # of its own a touch could fall between the assignment and the first fetch.
            enable_auto_commit=True,
            auto_offset_reset="earliest",
            session_timeout_ms=parts.session_timeout_ms,
            heartbeat_interval_ms=parts.session_timeout_ms // 4,
        )
        consumer.subscribe([parts.topics.name("touched")], listener=_Rebalances(self))
        parts.book.add_listener(self._definition_changed)
        parts.acts.add_listener(self._acted)
        tasks: list[asyncio.Task[None]] = []
        try:
            await consumer.start()
            tasks = [
                asyncio.create_task(each, name=name)
                for name, each in (
                    ("touches", self._read_touches(consumer)),
                    ("evaluations", self._evaluate_what_is_due()),
                    ("book", parts.book.wait()),
                    ("acts", parts.acts.wait()),
                    ("rebalances", _raised(self._failed)),
                    ("stop", _until(stop)),
                )
            ]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(tasks)
            await self.give_up(self._mine)
            await consumer.stop()

    # -- what is mine ------------------------------------------------------------------------------------------------

    async def take_over(self, numbers: Sequence[int]) -> None:
        """Watch the campaigns of these partitions from now on (law 2)."""
        parts = self._parts
        current = await read_current(parts.bootstrap, parts.topics, numbers)
        self._mine.update(numbers)
        for campaign, alerts in current.items():
            again = await parts.teller.tell_again(
                campaign, list(alerts.values()), await parts.shelf.of_campaign(campaign)
            )
            if again:
                log.info("%s: %d alerts may not have been told before; told again", campaign or "pipeline", again)
            self._alerts[campaign] = alerts
        for campaign in {*parts.book.definitions.rules.campaigns, *current, PIPELINE}:
            self._touch(campaign)

    def fail(self, error: BaseException) -> None:
        """End the watcher for what a rebalance raised: aiokafka logs it, and goes on."""
        if not self._failed.done():
            self._failed.set_exception(error)

    async def give_up(self, numbers: set[int]) -> None:
        """Watch the campaigns of these partitions no more, once what is under way has ended (law 3)."""
        given = [campaign for campaign in self._due if self._partition(campaign) in numbers]
        for campaign in given:
            self._due.pop(campaign, None)
        busy = [task for campaign, task in self._busy.items() if self._partition(campaign) in numbers]
        if busy:
            await asyncio.wait(busy)
        self._mine -= set(numbers)
        for campaign in given:
            self._due.pop(campaign, None)
            self._alerts.pop(campaign, None)
            self._judged_at.pop(campaign, None)
            self._said.pop(campaign, None)
        self._answers.forget(given)

    def _partition(self, campaign: str) -> int:
        return partition_of(key_of(campaign), self._parts.topics.partitions)

    # -- when to look ------------------------------------------------------------------------------------------------

    async def _read_touches(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            fetched = await consumer.getmany(timeout_ms=1_000)
            for records in fetched.values():
                for record in records:
                    self._touch((record.key or b"").decode(errors="replace"))

    def _touch(self, campaign: str) -> None:
        """Look at a campaign soon, if it is mine."""
        if self._partition(campaign) not in self._mine:
            return
        soon = max(self._parts.clock(), self._judged_at.get(campaign, 0) + self._parts.judge_every_ms)
        self._due[campaign] = min(soon, self._due.get(campaign, soon))
        self._changed.set()

    def _definition_changed(self, change: DefinitionChanged) -> None:
        rules = self._parts.book.definitions.rules
        match change.kind:
            case "campaign":
                self._touch(change.id)
            case "agreement" | "link":
                # What it was before may have named another campaign: the counters' own touch tells of that one.
                campaign = getattr(change.definition, "campaign", None)
                if campaign is not None:
                    self._touch(campaign)
            case "creator":
                for agreement in rules.agreements_by_creator.get(change.id, ()):
                    self._touch(rules.agreements[agreement].agreement.campaign)
            case "rule":
                for campaign in tuple(self._due):
                    self._touch(campaign)

    def _acted(self, act: Act) -> None:
        for campaign, alerts in self._alerts.items():
            still_open = [alert for alert in alerts.values() if alert.state in OPEN]
            if isinstance(act, (Acknowledged, Noted)):
                still_open = [alert for alert in still_open if alert.id == act.alert]
            if still_open:
                self._touch(campaign)

    async def _evaluate_what_is_due(self) -> None:
        while True:
            now = self._parts.clock()
            ready = [campaign for campaign, due in self._due.items() if due <= now and campaign not in self._busy]
            for campaign in sorted(ready, key=self._due.__getitem__):
                await self._slots.acquire()
                if campaign in self._due:
                    self._busy[campaign] = asyncio.create_task(self._evaluate(campaign), name=f"evaluate {campaign}")
                else:
                    self._slots.release()
                self._raise_failures()
            self._changed.clear()
            waiting = [due for campaign, due in self._due.items() if campaign not in self._busy]
            seconds = max(0.0, (min(waiting, default=now + 60_000) - self._parts.clock()) / 1000)
            try:
                async with asyncio.timeout(min(seconds, _IDLE_S)):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._raise_failures()

    def _raise_failures(self) -> None:
        for campaign, task in tuple(self._busy.items()):
            if task.done():
                del self._busy[campaign]
                task.result()

    # -- one look ----------------------------------------------------------------------------------------------------

    async def _evaluate(self, campaign: str) -> None:
        parts = self._parts
        try:
            began = parts.clock()
            self._judged_at[campaign] = began
            self._due[campaign] = began + self._pause(campaign)
            terms = self._terms(campaign)
            answers, failures = await self._judge(campaign, terms, began)
            said = {rule: answer.verdicts for rule, answer in answers.items()}
            known = self._alerts.get(campaign, {})
            now = parts.clock()
            acts = parts.acts.of(known.values())
            steps = evaluate(campaign, known, terms, said, acts, now)
            await parts.teller.tell(campaign, steps)
            self._alerts[campaign] = after(known, steps)
            await self._remember(campaign, answers, failures, began)
            wake = next_look(self._alerts[campaign].values(), terms, parts.acts.silences, now)
            if campaign in self._due and wake is not None:
                self._due[campaign] = min(self._due[campaign], wake)
            self.evaluated += 1
        finally:
            self._slots.release()
            self._changed.set()

    def _pause(self, campaign: str) -> int:
        """How long to wait at most before looking again."""
        if campaign == PIPELINE:
            return self._parts.pipeline_every_ms
        defined = self._parts.book.definitions.rules.campaigns.get(campaign)
        return self._parts.tick_ms if _is_current(defined, self._parts.clock()) else _DAY_MS

    def _terms(self, campaign: str) -> dict[str, RuleTerms]:
        about = "pipeline" if campaign == PIPELINE else "campaign"
        definitions = self._parts.book.definitions.alert_rules.values()
        return {
            name: RuleTerms(
                category=rule.category,
                in_force=in_force(name, rule.severity, rule.timing, definitions, campaign),
            )
            for name, rule in self._parts.rules.items()
            if rule.about == about
        }

    async def _judge(
        self, campaign: str, terms: Mapping[str, RuleTerms], now: Instant
    ) -> tuple[Mapping[str, Answer], Sequence[RuleFailure]]:
        """What each rule says, or said when it was last asked; of a campaign that is not defined every one nothing."""
        version = self._parts.book.definitions.version
        answers = self._answers.standing(campaign, terms, self._alerts.get(campaign, {}).values(), version, now)
        enabled = {name: each.in_force.settings for name, each in terms.items() if each.in_force.enabled}
        asked = {name: settings for name, settings in enabled.items() if name not in answers}
        facts: CampaignFacts | PipelineFacts | None
        if campaign == PIPELINE:
            facts = await self._parts.pipeline_facts(self._recent_failures(now), now)
        else:
            facts = await self._parts.campaign_facts(campaign)
        if facts is None:
            return {name: Answer((), now, version) for name in terms}, ()
        judgement = await self._parts.judges.judge(facts, asked, now)
        for failure in judgement.failures:
            self._failures[failure.rule, campaign] = failure
            if failure.at == now:
                log.warning("%s: the rule %s is left out: %s", campaign or "pipeline", failure.rule, failure.reason)
        for rule, verdicts in judgement.verdicts.items():
            self._failures.pop((rule, campaign), None)
            answers[rule] = Answer(verdicts, now, version)
        self._answers.take(campaign, answers)
        return answers, judgement.failures

    def _recent_failures(self, now: Instant) -> list[RuleFailure]:
        """The rules that could not answer when they were last asked, of a campaign that is still watched."""
        for place, failure in tuple(self._failures.items()):
            if place[1] not in self._due or now - failure.at > _DAY_MS:
                del self._failures[place]
        return list(self._failures.values())

    async def _remember(
        self,
        campaign: str,
        answers: Mapping[str, Answer],
        failures: Sequence[RuleFailure],
        at: Instant,
    ) -> None:
        told = [RuleSaid(rule=rule, at=one.at, verdicts=tuple(one.verdicts)) for rule, one in answers.items()]
        told += [RuleSaid(rule=failure.rule, at=at, failure=failure.reason) for failure in failures]
        if campaign != PIPELINE and campaign not in self._parts.book.definitions.rules.campaigns:
            await self._parts.shelf.forget_campaign(campaign)
            return
        said = {rule: one.verdicts for rule, one in answers.items()}
        written_at, written = self._said.get(campaign, (0, None))
        if failures or said != written or at - written_at >= _SAY_AGAIN_MS:
            await self._parts.shelf.say(campaign, told)
            self._said[campaign] = (at, said)


def _is_current(campaign: Campaign | None, now: Instant) -> bool:
    return campaign is not None and campaign.starts_at - _BEFORE_MS <= now < campaign.ends_at + _AFTER_MS


class _Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        try:
            await self._watcher.give_up({each.partition for each in revoked})
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the watcher
            self._watcher.fail(error)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        try:
            await self._watcher.take_over(sorted(each.partition for each in assigned))
        except Exception as error:  # noqa: BLE001 - as above
            self._watcher.fail(error)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


async def _raised(failed: asyncio.Future[None]) -> None:
    await failed
