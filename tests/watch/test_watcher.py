"""A watcher's life: what is told, how often, and what a crash leaves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence

import pytest

from tests.harness.brokers import Broker
from tests.watch.watching import RULE, Town, Watching, campaign, subject
from tracker.domain.alerts import Acknowledged, Alert, Silence
from tracker.domain.definitions import RuleDefinition
from tracker.domain.evaluation import Step
from tracker.sending import Outgoing, Place
from tracker.watch.telling import Teller

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def town(kafka: Broker, redis_url: str, topic_prefix: str) -> Town:
    made = Town(kafka.bootstrap, redis_url, topic_prefix)
    made.define(campaign("spring"), campaign("tea"))
    return made


def kinds(events: Sequence[object]) -> list[str]:
    return [event.type for event in events]  # type: ignore[attr-defined]


async def test_an_alert_is_told_on_the_topic_of_its_category_and_shelved_and_told_when_it_is_resolved(
    town: Town,
) -> None:
    town.says("spring", "fail")
    async with Watching(town):
        (fired,) = await town.told(1, stages=["alerts.engagement"])
        assert (fired.type, fired.subject, fired.data.subject) == ("alert.firing", "spring", subject("spring"))
        town.says("spring", "pass")
        events = await town.told(2)
        assert kinds(events) == ["alert.firing", "alert.resolved"]
        assert len({event.data.id for event in events}) == 1
        current = await town.told(2, stages=["alerts.current"])
        assert current[-1] == events[-1]
        (shelved,) = await town.shelved("spring")
        assert shelved.state == "resolved"


async def test_the_next_episode_is_another_alert(town: Town) -> None:
    async with Watching(town):
        town.says("spring", "fail")
        await town.told(1)
        town.says("spring", "pass")
        await town.told(2)
        town.says("spring", "fail")
        events = await town.told(3)
    assert kinds(events) == ["alert.firing", "alert.resolved", "alert.firing"]
    assert [event.data.episode for event in events] == [1, 1, 2]


async def test_what_people_do_is_told(town: Town) -> None:
    town.says("spring", "fail")
    async with Watching(town):
        (fired,) = await town.told(1)
        now = int(time.time() * 1000)
        town.act(Acknowledged(alert=fired.data.id, serial=fired.data.serial, by="mei", at=now))
        assert kinds(await town.told(2))[-1] == "alert.acknowledged"
        town.act(Silence(id="s1", by="mei", at=now, until=now + 1_500, campaign="spring"))
        assert kinds(await town.told(3))[-1] == "alert.silenced"
        assert kinds(await town.told(4))[-1] == "alert.acknowledged", "a silence ends by itself"


async def test_a_watcher_that_starts_anew_tells_nothing_twice_and_goes_on(town: Town) -> None:
    town.says("spring", "fail", posts=("7001", "7002"))
    async with Watching(town):
        await town.told(2)
    async with Watching(town) as again:
        await again.until(lambda: again.watcher.evaluated >= 2)
        town.says("spring", "pass", posts=("7001", "7002"))
        events = await town.told(4)
    assert sorted(kinds(events)) == ["alert.firing", "alert.firing", "alert.resolved", "alert.resolved"]
    assert len({event.id for event in events}) == 4


class Crash(Exception):
    """The process is gone."""


class CrashesBeforeHistory(Teller):
    """Dies once the intent is in Kafka, before anybody is told."""

    async def _send(self, records: Iterable[tuple[Place, Outgoing]]) -> None:
        sent = list(records)
        await super()._send(sent)
        if sent:
            raise Crash


class CrashesBeforeShelf(Teller):
    """Dies once all is told, before it is remembered."""

    async def tell(self, campaign: str, steps: Sequence[Step]) -> None:
        shelf, self._shelf = self._shelf, _Gone()  # type: ignore[assignment]
        try:
            await super().tell(campaign, steps)
        finally:
            self._shelf = shelf


class _Gone:
    async def put(self, campaign: str, alerts: Sequence[Alert]) -> None:
        if alerts:
            raise Crash

    async def of_campaign(self, campaign: str) -> list[Alert]:
        return []


@pytest.mark.parametrize(("teller", "copies"), [(CrashesBeforeHistory, 1), (CrashesBeforeShelf, 2)])
@pytest.mark.parametrize("meanwhile", ["fail", "pass"])
async def test_a_crash_at_any_point_loses_no_episode_and_doubles_none_by_its_id(
    town: Town, teller: type[Teller], copies: int, meanwhile: str
) -> None:
    town.says("spring", "fail")
    async with Watching(town, teller=teller) as dying:
        with pytest.raises(Crash):
            await asyncio.wait_for(dying.running, 30)
    town.says("spring", meanwhile)  # type: ignore[arg-type]
    async with Watching(town):
        await town.told(copies)
        town.says("spring", "pass")
        events = await town.told(copies + 1)
    assert kinds(events) == ["alert.firing"] * copies + ["alert.resolved"]
    assert (len({event.data.id for event in events}), len({event.id for event in events})) == (1, 2)


async def test_a_rule_that_could_not_answer_leaves_its_alerts_as_they_are(town: Town) -> None:
    town.says("spring", "fail")
    async with Watching(town) as watching:
        await town.told(1)
        town.failing.add("spring")
        before = watching.watcher.evaluated
        town.touch("spring")
        await watching.until(lambda: watching.watcher.evaluated > before + 1)
        (shelved,) = await town.shelved("spring")
        assert shelved.state == "firing"


async def test_a_disabled_rule_resolves_its_alerts(town: Town) -> None:
    town.says("spring", "fail")
    async with Watching(town):
        await town.told(1)
        town.define(RuleDefinition(id="off", rule=RULE, campaign="spring", enabled=False))
        events = await town.told(2)
    assert (events[-1].type, events[-1].data.reason) == ("alert.resolved", "gone")


async def test_the_alerts_of_a_campaign_that_is_deleted_while_it_is_watched_are_resolved(town: Town) -> None:
    town.says("spring", "fail")
    async with Watching(town):
        await town.told(1)
        del town.verdicts["spring"]
        town.define(campaign("spring"), deleted=True)
        events = await town.told(2)
    assert (events[-1].type, events[-1].data.reason) == ("alert.resolved", "gone")


@pytest.mark.slow
async def test_two_watchers_share_the_campaigns_and_one_takes_over(town: Town) -> None:
    names = [f"c{number}" for number in range(12)]
    town.define(*(campaign(name) for name in names))
    for name in names:
        town.says(name, "fail")
    async with Watching(town) as stays:
        async with Watching(town) as leaves:
            await stays.until(lambda: leaves.watcher.watched and stays.watcher.watched)
            await stays.until(lambda: stays.watcher.watched + leaves.watcher.watched == len(names) + 3)
            await town.told(len(names))
        await stays.until(lambda: stays.watcher.watched == len(names) + 3)
        for name in names:
            town.says(name, "pass")
        events = await town.told(2 * len(names))
    ids = {event.id for event in events}
    assert len(ids) == 2 * len(names), "each was told, whoever told it"
    assert {event.data.campaign for event in events if event.type == "alert.resolved"} == set(names)
