"""A rebuild beside the active view of one Redis. All data is synthetic."""

from __future__ import annotations

from tests.audit.logs import TOPICS, MemoryLog, count
from tracker.audit import audit
from tracker.codec.examples import examples
from tracker.domain.schedule import Cadence
from tracker.store.base import Partition
from tracker.store.redis import RedisStore
from tracker.store.views import active_view, switch_view
from tracker.stream.rebuild import RebuildParts, rebuild

COMMERCE = ("definition.changed", "link.clicked", "conversion.recorded", "conversion.refunded")


def everything() -> MemoryLog:
    """Every example event, each in the partition of its topic, definitions in both."""
    of_both = examples()["definition.changed"][:4]  # the last one deletes a definition again
    money = [event for name in COMMERCE[1:] for event in examples()[name]]
    posts = [event for name, events in examples().items() if name not in COMMERCE for event in events]
    return MemoryLog.of({Partition("activity", 0): [*of_both, *posts], Partition("commerce", 1): [*of_both, *money]})


async def test_the_rebuilt_view_is_exact_and_active_and_the_old_one_is_still_there(
    redis_url: str, redis_prefix: str
) -> None:
    log = everything()
    old = await RedisStore.connect(redis_url, prefix=redis_prefix)
    new = await RedisStore.connect(redis_url, prefix=redis_prefix, view="v2")
    try:
        await count(old, log)

        async def switch() -> None:
            await switch_view(old.client, redis_prefix, expected=old.view, to="v2")

        parts = RebuildParts(
            old=old, new=new, log=log, topics=TOPICS, cadence=Cadence(), polls={}, switch=switch, batch_records=3
        )
        await rebuild(parts)
        assert await active_view(old.client, redis_prefix) == "v2"
        report = await audit(new, log, TOPICS, patience_seconds=0)
        assert report.differences == ()
        assert report.compared > 50
        for partition in log.values:
            assert await new.partials(partition) == await old.partials(partition)
            assert await new.partials(partition)
        assert (await rebuild(parts)).records == 0, "there was nothing left to count"
    finally:
        await old.close()
        await new.close()
