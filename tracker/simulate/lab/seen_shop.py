"""Clicks, orders and refunds, ready to be summed up to any instant."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property

from tracker.domain.counters import add
from tracker.simulate.lab.behaviour import HOUR
from tracker.simulate.lab.story import World


class SeenShop:
    """A world's clicks, orders and refunds, ready to be summed up to any instant."""

    def __init__(self, world: World) -> None:
        shop = world.shop
        currency = shop.currency
        kinds: list[tuple[int, int, tuple[tuple[str, int], ...]]] = [
            *((one.at, one.person, (("clicks", one.count),)) for one in shop.clicks),
            *(
                (
                    one.at,
                    one.person,
                    (("conversions", 1), (f"conversions.by.{one.by}", 1), (f"revenue.{currency}", one.amount)),
                )
                for one in shop.orders
            ),
            *((one.at, one.person, (("refunds", 1), (f"refunds.{currency}", one.amount))) for one in shop.refunds),
        ]
        kinds.sort()
        self._all = kinds
        self._at = [at for at, _, _ in kinds]
        self._sums: list[dict[str, list[tuple[int, int]]]] = [{} for _ in world.people]
        for at, person, parts in kinds:
            for field, amount in parts:
                points = self._sums[person].setdefault(field, [])
                points.append((at, amount + (points[-1][1] if points else 0)))

    def contribute(self, into: dict[str, int], person: int, now: int) -> None:
        for field, points in self._sums[person].items():
            found = bisect_right(points, (now, 2**62))
            if found:
                add(into, field, points[found - 1][1])

    @cached_property
    def by_hour(self) -> list[tuple[int, str, int]]:
        """(hour since the epoch, field, change) of all hours."""
        series: dict[tuple[int, str], int] = {}
        for at, _, parts in self._all:
            hour = at // HOUR
            for field, amount in parts:
                if not field.startswith("conversions.by"):
                    key = (hour, f"{field}@{hour}")
                    series[key] = series.get(key, 0) + amount
        return [(hour, field, amount) for (hour, field), amount in series.items()]

    def hour(self, series: dict[str, int], hour: int, now: int) -> None:
        """The changes of one hour, up to `now`."""
        for _, _, parts in self._all[bisect_left(self._at, hour * HOUR) : bisect_right(self._at, now)]:
            for field, amount in parts:
                if not field.startswith("conversions.by"):
                    add(series, f"{field}@{hour}", amount)
