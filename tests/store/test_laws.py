"""Memory and Redis are one store: any sequence of applies, right or wrong, leaves them equal."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.contract import ANA, CROWD, GLOW, LOG, SEVEN
from tracker.store.base import ApplyRefused, Change, Cursor, Lease, StaleCursor, Store
from tracker.store.memory import EXACT, MemoryStore
from tracker.store.redis import RedisStore

SCOPES = st.sampled_from([GLOW, ANA, CROWD])
NAMES = st.sampled_from(["a", "b", "ü c", "x" * 70])
NUMBERS = st.integers(-9, 9) | st.sampled_from([EXACT, -EXACT, EXACT - 1, 10**15])
TABLES = st.dictionaries(SCOPES, st.dictionaries(NAMES, NUMBERS, max_size=4), max_size=3)
WIDE = st.sampled_from([{}, {GLOW: {f"wide-{number}": 1 for number in range(60)}}])
MEMBERS = st.dictionaries(NAMES, st.sets(NAMES, max_size=3), max_size=2)
DAYS = st.integers(1, 5)

CHANGES = st.fixed_dictionaries(
    {
        "pieces": st.dictionaries(NAMES, st.none() | st.binary(max_size=9), max_size=4),
        "increments": TABLES | WIDE,
        "minutes": TABLES,
        "hours": TABLES | WIDE,
        "fresh": TABLES,
        "definitions": st.dictionaries(NAMES, st.binary(max_size=9), max_size=2),
        "origins": st.dictionaries(NAMES, NAMES, max_size=2),
        "marks": st.dictionaries(NAMES, NUMBERS, max_size=2),
        "term_adds": MEMBERS,
        "term_drops": MEMBERS,
        "due": st.dictionaries(NAMES, st.none() | st.integers(0, 50), max_size=3),
        "seen": st.dictionaries(DAYS, st.sets(NAMES, max_size=3), max_size=2),
        "forget_days_before": st.none() | DAYS,
    }
)
STEPS = st.lists(
    st.tuples(st.just("apply"), CHANGES, st.sampled_from([0, 0, 0, 0, 1, -1]))
    | st.tuples(st.just("lease"), st.integers(0, 60), st.integers(1, 3))
    | st.tuples(st.just("release"), st.integers(0, 60), st.integers(0, 3)),
    max_size=12,
)


@given(STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_steps_leaves_memory_and_redis_equal(redis_url: str, steps: list[Any]) -> None:
    async def both() -> None:
        memory, redis = MemoryStore(), await RedisStore.connect(redis_url)
        await redis.client.flushall()
        assert await run(memory, steps) == await run(redis, steps)
        await redis.close()

    asyncio.run(both())


async def run(store: Store, steps: list[Any]) -> list[Any]:
    """What each step said, and everything the store holds after it."""
    said: list[Any] = []
    held: list[Lease] = []
    for kind, what, how in steps:
        if kind == "apply":
            said.append(await apply(store, what, how))
        elif kind == "lease":
            held = list(await store.lease(SEVEN, now=what, limit=how, lease_ms=5))
            said.append(held)
        elif how < len(held):
            await store.release(held[how], due=what)
        said.append(await everything(store))
    return said


async def apply(store: Store, what: dict[str, Any], off_by: int) -> str:
    stored = (await store.open(SEVEN)).cursor
    expected = Cursor(stored.next_offset + off_by, stored.log)
    try:
        await store.apply(SEVEN, Change(expected=expected, next=Cursor(stored.next_offset + 1, LOG), **what))
    except (StaleCursor, ApplyRefused) as refused:
        return type(refused).__name__
    return "applied"


async def everything(store: Store) -> list[Any]:
    names = ["a", "b", "ü c", "x" * 70]
    head = await store.open(SEVEN)
    return [
        (head.cursor, head.origins, head.definitions, head.marks, frozenset(head.scopes)),
        await store.load(SEVEN, names, names),
        await store.seen(SEVEN, dict.fromkeys(range(1, 6), names)),
        await store.partials(SEVEN),
        [await store.series(SEVEN, scope, unit=unit) for scope in (GLOW, ANA, CROWD) for unit in ("minute", "hour")],
        [await store.freshness(SEVEN, scope) for scope in (GLOW, ANA, CROWD)],
    ]
