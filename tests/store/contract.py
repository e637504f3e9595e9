"""What every store must do. Memory, Redis, Valkey and Redis Cluster inherit it."""

import asyncio
import random

import pytest

from tracker.domain.counters import WORD_OF_MOUTH, Scope
from tracker.store.base import ApplyRefused, Change, Cursor, Lease, Partition, StaleCursor, Store
from tracker.store.memory import EXACT

SEVEN = Partition("activity", 7)
EIGHT = Partition("activity", 8)
COMMERCE = Partition("commerce", 7)
GLOW = Scope("spring-glow")
ANA = Scope("spring-glow", "ana")
CROWD = Scope("spring-glow", WORD_OF_MOUTH)
LOG = "cluster/topic"


def first(**what: object) -> Change:
    return Change(expected=Cursor(), next=Cursor(1, LOG), **what)  # type: ignore[arg-type]


def then(offset: int, **what: object) -> Change:
    return Change(expected=Cursor(offset, LOG), next=Cursor(offset + 1, LOG), **what)  # type: ignore[arg-type]


class Refusals:
    """Whatever is refused changes nothing."""

    async def test_a_stale_cursor_is_refused_and_changes_nothing(self, store: Store) -> None:
        await store.apply(SEVEN, first(increments={GLOW: {"likes": 3}}, pieces={"a": b"1"}))
        with pytest.raises(StaleCursor) as refused:
            await store.apply(SEVEN, first(increments={GLOW: {"likes": 3}}, pieces={"a": b"2"}, due={"i": 1}))
        assert refused.value.stored == Cursor(1, LOG)
        assert await store.partial(SEVEN, GLOW) == {"likes": 3}
        assert (await store.load(SEVEN, ["a"], [])).pieces == {"a": b"1"}
        assert await store.lease(SEVEN, now=10, limit=1, lease_ms=1) == []

    @pytest.mark.parametrize("offset", [0, 1, 3])
    async def test_another_offset_of_the_same_log_is_refused(self, store: Store, offset: int) -> None:
        await store.apply(SEVEN, first(increments={GLOW: {"likes": 1}}))
        await store.apply(SEVEN, then(1, increments={GLOW: {"likes": 1}}))
        with pytest.raises(StaleCursor):
            await store.apply(SEVEN, then(offset, increments={GLOW: {"likes": 1}}))
        assert (await store.open(SEVEN)).cursor == Cursor(2, LOG)
        assert await store.partial(SEVEN, GLOW) == {"likes": 2}

    async def test_the_same_offset_of_another_log_is_refused(self, store: Store) -> None:
        await store.apply(SEVEN, first())
        with pytest.raises(StaleCursor):
            await store.apply(SEVEN, Change(expected=Cursor(1, "another"), next=Cursor(2, "another")))
        assert (await store.open(SEVEN)).cursor == Cursor(1, LOG)

    async def test_of_two_applies_at_once_one_is_refused(self, store: Store) -> None:
        both = [store.apply(SEVEN, first(increments={GLOW: {"likes": 1}})) for _ in range(2)]
        ends = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(type(end).__name__ for end in ends) == ["NoneType", "StaleCursor"]
        assert await store.partial(SEVEN, GLOW) == {"likes": 1}

    @pytest.mark.parametrize("sign", [1, -1])
    async def test_a_sum_beyond_the_exact_integers_is_refused_whole(self, store: Store, sign: int) -> None:
        await store.apply(SEVEN, first(increments={ANA: {"revenue.EUR": sign * EXACT}}))
        with pytest.raises(ApplyRefused) as refused:
            await store.apply(SEVEN, then(1, increments={GLOW: {"likes": 1}, ANA: {"revenue.EUR": sign}}))
        assert "revenue.EUR" in refused.value.reason
        assert await store.partials(SEVEN) == {ANA: {"revenue.EUR": sign * EXACT}}
        assert (await store.open(SEVEN)).cursor == Cursor(1, LOG)


class Partials:
    async def test_a_partition_that_was_never_written_is_empty(self, store: Store) -> None:
        head = await store.open(SEVEN)
        assert head.cursor == Cursor(0, "")
        assert (head.origins, head.definitions, head.marks, head.scopes) == ({}, {}, {}, frozenset())
        assert await store.partials(SEVEN) == {}
        assert await store.series(SEVEN, GLOW, unit="minute") == {}
        assert await store.freshness(SEVEN, GLOW) == {}

    async def test_increments_add_up_to_the_partial(self, store: Store) -> None:
        await store.apply(SEVEN, first(increments={GLOW: {"likes": 120, "posts": 1}, ANA: {"likes": 120}}))
        await store.apply(SEVEN, then(1, increments={GLOW: {"likes": -40}, CROWD: {"likes": 5}}))
        assert await store.partials(SEVEN) == {
            GLOW: {"likes": 80, "posts": 1},
            ANA: {"likes": 120},
            CROWD: {"likes": 5},
        }

    async def test_a_field_whose_sum_is_zero_is_absent(self, store: Store) -> None:
        await store.apply(SEVEN, first(increments={GLOW: {"likes": 7, "posts": 1}, ANA: {"likes": 7, "views": 0}}))
        await store.apply(SEVEN, then(1, increments={GLOW: {"likes": -7}, ANA: {"likes": -7}}))
        assert await store.partials(SEVEN) == {GLOW: {"posts": 1}}
        assert await store.partial(SEVEN, ANA) == {}
        assert await store.scopes(SEVEN) == {GLOW, ANA}

    async def test_partitions_do_not_touch_each_other(self, store: Store) -> None:
        for number, partition in enumerate((SEVEN, EIGHT, COMMERCE), start=1):
            await store.apply(partition, first(increments={GLOW: {"likes": number}}))
        assert [await store.partial(each, GLOW) for each in (SEVEN, EIGHT, COMMERCE)] == [
            {"likes": 1},
            {"likes": 2},
            {"likes": 3},
        ]

    @pytest.mark.parametrize("value", [10**14, 10**15, 10**15 + 1, 10**16 - 10**15 - 1, EXACT - 1, EXACT])
    async def test_large_sums_are_exact_to_the_last_unit(self, store: Store, value: int) -> None:
        names = {f"field-{number}": value for number in range(100)}
        await store.apply(SEVEN, first(increments={GLOW: {"n": value - 1, "m": -value + 1}}, hours={GLOW: names}))
        await store.apply(SEVEN, then(1, increments={GLOW: {"n": 1, "m": -1}}, fresh={GLOW: {"poll": value}}))
        assert await store.partial(SEVEN, GLOW) == {"n": value, "m": -value}
        assert await store.series(SEVEN, GLOW, unit="hour") == names
        assert await store.freshness(SEVEN, GLOW) == {"poll": value}

    async def test_a_batch_of_many_fields_and_pieces_is_written_whole(self, store: Store) -> None:
        fields = {f"likes@{minute}": minute + 1 for minute in range(9_001)}
        pieces: dict[str, bytes | None] = {f"piece-{number}": bytes([number % 256]) * 400 for number in range(9_001)}
        await store.apply(SEVEN, first(minutes={GLOW: fields}, pieces=pieces, due=dict.fromkeys(pieces, 5)))
        assert await store.series(SEVEN, GLOW, unit="minute") == fields
        assert (await store.load(SEVEN, list(pieces), [])).pieces == pieces
        await store.apply(SEVEN, then(1, minutes={GLOW: {name: -n for name, n in fields.items()}}))
        assert await store.series(SEVEN, GLOW, unit="minute") == {}

    async def test_a_hash_keeps_its_fields_when_many_of_them_change(self, store: Store) -> None:
        await store.apply(SEVEN, first(increments={GLOW: {"kept": 4}}))
        await store.apply(SEVEN, then(1, increments={GLOW: {f"f{number}": 1 for number in range(60)}}))
        assert await store.partial(SEVEN, GLOW) == {"kept": 4, **{f"f{number}": 1 for number in range(60)}}

    async def test_minutes_and_hours_are_series_of_their_own(self, store: Store) -> None:
        await store.apply(
            SEVEN, first(minutes={GLOW: {"likes@9": 2}}, hours={GLOW: {"likes@0": 2}, ANA: {"likes@0": 1}})
        )
        assert await store.series(SEVEN, GLOW, unit="minute") == {"likes@9": 2}
        assert await store.series(SEVEN, GLOW, unit="hour") == {"likes@0": 2}
        assert await store.series(SEVEN, ANA, unit="minute") == {}

    async def test_freshness_never_goes_back(self, store: Store) -> None:
        await store.apply(SEVEN, first(fresh={GLOW: {"poll": 50, "webhook": 7}}))
        await store.apply(SEVEN, then(1, fresh={GLOW: {"poll": 40, "webhook": 9}}))
        assert await store.freshness(SEVEN, GLOW) == {"poll": 50, "webhook": 9}


class States:
    async def test_bytes_come_back_as_they_were(self, store: Store) -> None:
        every = bytes(range(256)) + b"\r\n"
        await store.apply(SEVEN, first(pieces={"post|tiktok|é": every, "empty": b""}, definitions={"link:a": every}))
        loaded = await store.load(SEVEN, ["post|tiktok|é", "empty", "missing"], [])
        assert loaded.pieces == {"post|tiktok|é": every, "empty": b"", "missing": None}
        assert (await store.open(SEVEN)).definitions == {"link:a": every}

    async def test_a_piece_that_is_none_is_gone(self, store: Store) -> None:
        await store.apply(SEVEN, first(pieces={"a": b"1", "b": b"2"}))
        await store.apply(SEVEN, then(1, pieces={"a": None, "never": None}))
        assert (await store.load(SEVEN, ["a", "b"], [])).pieces == {"a": None, "b": b"2"}

    async def test_the_head_holds_what_was_applied_last(self, store: Store) -> None:
        await store.apply(SEVEN, first(origins={"log/0": "5/0", "log/1": "1/1"}, marks={"observed": 1_790_000_000_000}))
        await store.apply(
            SEVEN, then(1, origins={"log/0": "6/2"}, marks={"more": 1}, definitions={"campaign:x": b"{}"})
        )
        head = await store.open(SEVEN)
        assert head.cursor == Cursor(2, LOG)
        assert head.origins == {"log/0": "6/2", "log/1": "1/1"}
        assert head.marks == {"observed": 1_790_000_000_000, "more": 1}
        assert head.definitions == {"campaign:x": b"{}"}

    async def test_a_term_gains_and_loses_members(self, store: Store) -> None:
        await store.apply(SEVEN, first(term_adds={"tag:glow {x}": {"a", "b"}, "tag:ü": {"c"}, "none": set()}))
        await store.apply(SEVEN, then(1, term_drops={"tag:glow {x}": {"a", "never"}, "tag:ü": {"c"}}))
        loaded = await store.load(SEVEN, [], ["tag:glow {x}", "tag:ü", "none"])
        assert loaded.terms == {"tag:glow {x}": {"b"}, "tag:ü": frozenset(), "none": frozenset()}

    async def test_a_member_both_dropped_and_added_stays(self, store: Store) -> None:
        await store.apply(SEVEN, first(term_adds={"t": {"a"}}, term_drops={"t": {"a"}}))
        assert (await store.load(SEVEN, [], ["t"])).terms == {"t": {"a"}}

    async def test_event_ids_are_known_by_their_day(self, store: Store) -> None:
        await store.apply(SEVEN, first(seen={20_000: {"r1", "r2"}, 20_001: {"r3"}}))
        asked = {20_000: ["r1", "r3"], 20_001: ["r1", "r3"], 20_002: ["r1"]}
        assert await store.seen(SEVEN, asked) == {"r1", "r3"}
        assert await store.seen(SEVEN, {20_001: ["r1"], 20_000: []}) == frozenset()

    async def test_forgotten_days_lose_their_event_ids_and_no_others(self, store: Store) -> None:
        await store.apply(SEVEN, first(seen={9: {"a"}, 10: {"a"}, 11: {"a"}}))
        await store.apply(SEVEN, then(1, seen={8: {"late"}, 12: {"a"}}, forget_days_before=11))
        assert [bool(await store.seen(SEVEN, {day: ["a", "late"]})) for day in (8, 9, 10, 11, 12)] == [
            False,
            False,
            False,
            True,
            True,
        ]


class Leases:
    async def test_due_items_are_leased_in_the_order_of_due(self, store: Store) -> None:
        await store.apply(SEVEN, first(due={"late": 30, "early": 10, "middle": 20, "future": 101}))
        taken = await store.lease(SEVEN, now=100, limit=2, lease_ms=60)
        assert taken == [Lease(SEVEN, "early", 10, 160), Lease(SEVEN, "middle", 20, 160)]
        assert [each.item for each in await store.lease(SEVEN, now=100, limit=9, lease_ms=60)] == ["late"]
        assert await store.lease(SEVEN, now=100, limit=9, lease_ms=60) == []

    async def test_an_ended_lease_comes_back_due_when_it_was(self, store: Store) -> None:
        await store.apply(SEVEN, first(due={"a": 10, "b": 20}))
        await store.lease(SEVEN, now=15, limit=1, lease_ms=60)
        assert [each.item for each in await store.lease(SEVEN, now=74, limit=9, lease_ms=60)] == ["b"]
        assert await store.lease(SEVEN, now=75, limit=9, lease_ms=60) == [Lease(SEVEN, "a", 10, 135)]

    async def test_a_released_item_is_due_when_it_was_said(self, store: Store) -> None:
        await store.apply(SEVEN, first(due={"a": 1_790_000_000_000}))
        [lease] = await store.lease(SEVEN, now=1_790_000_000_001, limit=1, lease_ms=60_000)
        await store.release(lease, due=1_790_000_030_000)
        assert await store.lease(SEVEN, now=1_790_000_029_999, limit=1, lease_ms=1) == []
        [again] = await store.lease(SEVEN, now=1_790_000_030_000, limit=1, lease_ms=1)
        assert again.due == 1_790_000_030_000

    async def test_a_lease_that_no_longer_holds_releases_nothing(self, store: Store) -> None:
        await store.apply(SEVEN, first(due={"a": 1, "b": 1}))
        a, b = await store.lease(SEVEN, now=1, limit=2, lease_ms=10)
        await store.apply(SEVEN, then(1, due={"a": 500, "b": None}))
        await store.release(a, due=2)
        await store.release(b, due=2)
        assert await store.lease(SEVEN, now=499, limit=9, lease_ms=1) == []
        assert [each.item for each in await store.lease(SEVEN, now=500, limit=9, lease_ms=1)] == ["a"]

    async def test_a_lease_that_ended_and_was_given_anew_is_not_the_first_ones_to_release(self, store: Store) -> None:
        await store.apply(SEVEN, first(due={"a": 1}))
        [old] = await store.lease(SEVEN, now=1, limit=1, lease_ms=10)
        [new] = await store.lease(SEVEN, now=20, limit=1, lease_ms=10)
        await store.release(old, due=2)
        assert await store.lease(SEVEN, now=21, limit=1, lease_ms=10) == []
        assert new.until == 30

    async def test_writing_an_item_ends_its_lease(self, store: Store) -> None:
        await store.apply(SEVEN, first(due={"a": 1}))
        await store.lease(SEVEN, now=1, limit=1, lease_ms=1_000)
        await store.apply(SEVEN, then(1, due={"a": 5}))
        assert await store.lease(SEVEN, now=5, limit=1, lease_ms=10) == [Lease(SEVEN, "a", 5, 15)]

    async def test_an_item_taken_off_is_never_leased(self, store: Store) -> None:
        await store.apply(SEVEN, first(due={"a": 1, "b": 1}))
        await store.lease(SEVEN, now=1, limit=1, lease_ms=10)
        await store.apply(SEVEN, then(1, due={"a": None, "b": None}))
        assert await store.lease(SEVEN, now=10_000, limit=9, lease_ms=10) == []

    async def test_many_pollers_never_get_one_item_twice(self, store: Store) -> None:
        items = {f"tiktok|account|{number}": number for number in range(200)}
        await store.apply(SEVEN, first(due=dict(items)))

        async def poller(dice: random.Random) -> list[str]:
            mine: list[str] = []
            while taken := await store.lease(SEVEN, now=1_000, limit=dice.randint(1, 9), lease_ms=60_000):
                mine += [each.item for each in taken]
                await asyncio.sleep(0)
            return mine

        taken = await asyncio.gather(*(poller(random.Random(seed)) for seed in range(8)))
        assert sorted(item for each in taken for item in each) == sorted(items)


class Totals:
    async def test_totals_are_overwritten_and_what_is_not_named_is_gone(self, store: Store) -> None:
        await store.write_totals(
            "spring-glow", {GLOW: {"likes": 3, "views": 9}, ANA: {"likes": 3}, CROWD: {"likes": 1}}
        )
        await store.write_totals("spring-glow", {GLOW: {"likes": 2}, CROWD: {}})
        assert await store.totals("spring-glow") == {GLOW: {"likes": 2}, CROWD: {}}

    async def test_a_campaign_without_totals_has_none(self, store: Store) -> None:
        await store.write_totals("spring-glow", {GLOW: {"likes": 3}})
        assert await store.totals("spring") == {}
        await store.write_totals("spring-glow", {})
        assert await store.totals("spring-glow") == {}

    async def test_a_total_may_be_larger_than_any_partial(self, store: Store) -> None:
        await store.write_totals("spring-glow", {GLOW: {"revenue.EUR": 5 * EXACT, "refunds.EUR": -5 * EXACT}})
        assert await store.totals("spring-glow") == {GLOW: {"revenue.EUR": 5 * EXACT, "refunds.EUR": -5 * EXACT}}

    async def test_totals_of_many_fields_are_written_whole(self, store: Store) -> None:
        fields = {f"field-{number}": number for number in range(9_001)}
        await store.write_totals("spring-glow", {GLOW: fields})
        assert await store.totals("spring-glow") == {GLOW: fields}


class StoreContract(Refusals, Partials, States, Leases, Totals):
    """The whole of it: inherit it and give a fixture `store`."""

    async def test_a_fit_store_passes_its_check(self, store: Store) -> None:
        await store.check()
