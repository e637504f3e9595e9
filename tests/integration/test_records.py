"""Records that nobody can read, or that come twice: each is told of once, and what can be counted is counted once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.harness.brokers import Broker
from tests.integration.harness import Installation, Load, Topology, play
from tests.integration.harness.faults import CutBroadcast, Poison, Rebuild, ReplayInbox, SetBackAdapter
from tests.integration.harness.load import T
from tracker.codec import inbox
from tracker.plugin.api import RawPayload
from tracker.sending import Outgoing, Place, Sender
from tracker.store.base import Cursor, Partition
from tracker.topics import Stage

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]


def unreadable_payload(installation: Installation) -> tuple[Place, Outgoing]:
    raw = RawPayload(platform="direct", source="import", name="odd", received_at=T, body=b'{"type": NaN}')
    key, value, headers = inbox.encode(raw)
    return (installation.topics.name("inbox"), 2), Outgoing(key, value, headers)


async def test_a_poison_record_is_one_letter_with_its_place_and_stops_nothing(installation: Installation) -> None:
    name = installation.topics.name
    poison: list[tuple[Place, Outgoing]] = [
        ((name("inbox"), 1), Outgoing(b"k", b"\x00 no door of ours", [("x-other", b"1")])),
        unreadable_payload(installation),
        ((name("activity"), 0), Outgoing(b"k", b"\xff\xfe no event")),
        ((name("commerce"), 3), Outgoing(b"k", b'{"type":"order.of.tomorrow","id":"1"}')),
    ]
    outcome = await play(installation, Load(5, installation.topics), Poison(poison))
    outcome.prove()
    assert sum(counted.unreadable for counted in outcome.report.partitions) == 2
    letters = await installation.letters()
    assert [(each.origin.stage, each.origin.partition, each.origin.refused_by) for each in letters] == [
        ("activity", 0, "count"),
        ("commerce", 3, "count"),
        ("inbox", 1, "inbox"),
        ("inbox", 2, "direct"),
    ]
    assert {each.value for each in letters} == {record.value for _, record in poison}
    assert "order.of.tomorrow" in letters[1].origin.reason
    assert ("x-other", b"1") in letters[2].headers


@pytest.mark.parametrize("stage", ["inbox", "activity"])
async def test_a_burst_of_bad_records_stops_the_worker_with_nothing_applied(
    stage: Stage, tmp_path: Path, kafka: Broker, redis_url: str, topic_prefix: str
) -> None:
    installation = Installation.create(
        tmp_path,
        bootstrap=kafka.bootstrap,
        redis_url=redis_url,
        name=topic_prefix,
        more={"worker": {"dead_limit": 5}},
    )
    async with Sender(kafka.bootstrap) as sender:
        await sender.send({(installation.topics.name(stage), 0): [Outgoing(b"k", b"bad")] * 20})
    child = installation.start("worker", "worker")
    code = await asyncio.to_thread(child.wait, 60)
    assert code != 0
    assert "worker.dead_limit" in child.tail(60)
    assert f"{installation.topics.name(stage)}[0]@0..20: 20 records were refused" in child.tail(60)
    async with installation.store() as store:
        assert (await store.open(Partition(stage, 0))).cursor == Cursor()
    assert await installation.letters() == []
    await installation.close()


async def test_payloads_that_come_twice_are_counted_once(installation: Installation) -> None:
    (await play(installation, Load(6, installation.topics), ReplayInbox())).prove()


async def test_events_that_are_published_twice_are_counted_once(installation: Installation) -> None:
    outcome = await play(installation, Load(7, installation.topics), SetBackAdapter())
    outcome.prove()
    published = sum(end for place, end in (await installation.ends(["activity"])).items())
    assert published > outcome.said, "nothing was published twice, so nothing was shown"


async def test_a_broadcast_that_was_cut_off_is_completed_by_the_workers(installation: Installation) -> None:
    (await play(installation, Load(8, installation.topics), CutBroadcast(after=21), define_first=False)).prove()


async def test_a_worker_follows_a_rebuild_to_the_new_view_by_itself(installation: Installation) -> None:
    # Slowly enough that a rebuild on two busy cores catches up.
    outcome = await play(installation, Load(9, installation.topics), Rebuild(), Topology(pace_s=0.5))
    outcome.prove()
    assert outcome.report.view == "v2"
    assert outcome.ended == []
