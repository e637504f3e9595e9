"""Reading the totals of the campaigns that somebody watches, once for all who do.

1. A touched campaign is read soon, and at most once in `debounce_ms`, however often it is touched, whoever watches it.
2. Totals are merged after the touch, at an instant that nobody announces: so a campaign is read again 1, 2, 4, 8 and 16
   seconds after its last touch, and every campaign that is watched at least once a minute.
3. A store that does not answer is said to be away, and what was due is asked for again every second.

The scopes of the campaign itself and of word of mouth are told with all figures; creators with their main ones, whose
freshness is looked up when their numbers changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from tracker.domain.counters import CAMPAIGN_SCOPE, WORD_OF_MOUTH, Scope
from tracker.domain.figures import figures
from tracker.store.base import Partition, Store, StoreUnreachable, UnfitStore
from tracker.web.live_events import LiveNumber, NumberKey, ScopeNow
from tracker.web.numbers import MAIN, freshness, number

ECHOES_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
SWEEP_S: Final = 60.0
_RETRY_S: Final = 1.0
_ASK_S: Final = 2.0
_AT_ONCE: Final = 4
_WHOLE: Final = (CAMPAIGN_SCOPE, WORD_OF_MOUTH)


class _Known(Struct):
    """A scope as it was last read."""

    total: Mapping[str, int]
    now: ScopeNow


class Watched(Struct):
    """A campaign that is watched. Instants are the loop's."""

    due: float
    touched_at: float = float("-inf")
    read_at: float = float("-inf")

    def next(self) -> float:
        """When it is to be read again after it was read, if nothing touches it."""
        echoes = (self.touched_at + after for after in ECHOES_S)
        return next((at for at in echoes if at > self.read_at), self.read_at + SWEEP_S)


class CampaignReader:
    """Reads campaigns when they are due, and tells `told` how they stand; `away` whether the store answers."""

    def __init__(
        self,
        store: Store,
        partitions: int,
        told: Callable[[str, Mapping[str, ScopeNow]], None],
        away: Callable[[bool], None],
        *,
        debounce_ms: int = 250,
    ) -> None:
        self._store = store
        self._partitions = partitions
        self._told = told
        self._away = away
        self._debounce = debounce_ms / 1000
        self._watched: dict[str, Watched] = {}
        self._known: dict[str, dict[str, _Known]] = {}
        self._planned = asyncio.Event()
        self.reads = 0
        """Campaigns read since the start."""

    def watch(self, campaign: str) -> None:
        """Somebody watches a campaign: read it, unless it is watched already."""
        if campaign not in self._watched:
            self._watched[campaign] = Watched(due=_now())
            self._planned.set()

    def unwatch(self, campaign: str) -> None:
        self._watched.pop(campaign, None)
        self._known.pop(campaign, None)

    def touch(self, campaign: str) -> None:
        """A campaign has changed: read it soon, if it is watched."""
        watched = self._watched.get(campaign)
        if watched is not None:
            watched.touched_at = _now()
            watched.due = min(watched.due, max(watched.touched_at, watched.read_at + self._debounce))
            self._planned.set()

    def touch_all(self) -> None:
        """Touches may have been missed."""
        for campaign in self._watched:
            self.touch(campaign)

    async def run(self) -> None:
        """Read what is due, until cancelled."""
        while True:
            now = _now()
            due = sorted((each.due, name) for name, each in self._watched.items() if each.due <= now)[:_AT_ONCE]
            if due:
                await asyncio.gather(*(self._renew(name, self._watched[name]) for _, name in due))
            else:
                await self._pause(min((each.due for each in self._watched.values()), default=None))

    async def ask(self) -> None:
        """See whether the store answers even when nothing is due, until cancelled."""
        while True:
            await asyncio.sleep(_ASK_S)
            if self._watched:
                try:
                    await self._store.freshness(Partition("activity", 0), Scope(next(iter(self._watched))))
                except (StoreUnreachable, UnfitStore):
                    self._away(True)
                else:
                    self._away(False)

    async def _pause(self, until: float | None) -> None:
        self._planned.clear()
        try:
            async with asyncio.timeout_at(until):
                await self._planned.wait()
        except TimeoutError:
            pass  # something is due

    async def _renew(self, campaign: str, watched: Watched) -> None:
        watched.read_at = _now()
        watched.due = watched.next()  # a touch while it is read brings this forward
        try:
            scopes = await self._read(campaign)
        except (StoreUnreachable, UnfitStore):
            self._away(True)
            watched.due = _now() + _RETRY_S
            return
        self._away(False)
        self.reads += 1
        if self._watched.get(campaign) is watched:
            self._known[campaign] = scopes
            self._told(campaign, {who: known.now for who, known in scopes.items()})

    async def _read(self, campaign: str) -> dict[str, _Known]:
        totals = {scope.who: total for scope, total in (await self._store.totals(campaign)).items()}
        before = self._known.get(campaign, {})
        found: dict[str, _Known] = {}
        for who in sorted({*totals, CAMPAIGN_SCOPE}):
            total, known = totals.get(who, {}), before.get(who)
            if known is not None and known.total == total and who not in _WHOLE:
                found[who] = known
                continue
            fresh = await freshness(self._store, self._partitions, Scope(campaign, who))
            numbers = known.now.numbers if known is not None and known.total == total else _numbers(who, total)
            found[who] = _Known(
                total, ScopeNow(sources=tuple(sorted(fresh)), at=max(fresh.values(), default=None), numbers=numbers)
            )
        return found


def _numbers(who: str, total: Mapping[str, int]) -> dict[NumberKey, LiveNumber]:
    """The figures of a scope. Their sources and age stand at the scope."""
    made = (number(figure, None) for figure in figures(total, {}, 0) if who in _WHOLE or figure.name in MAIN)
    return {
        (each.name, each.currency): LiveNumber(
            name=each.name,
            value=each.value,
            unit=each.unit,
            basis=each.basis,
            known=each.known,
            unknown=each.unknown,
            currency=each.currency,
        )
        for each in made
    }


def _now() -> float:
    return asyncio.get_running_loop().time()
