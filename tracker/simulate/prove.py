"""The proofs at the end of a run: a recount of the log, the simulator's truth of the counters, its truth of the alerts.

1. They only read. While the log is counted again, the watcher has the time to judge all that was counted.
2. Exact is only what none of the three finds a difference in.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from rich.console import Console

from tracker.simulate import alert_truth, alert_words, screen, truth
from tracker.simulate.bulletin import Bulletin
from tracker.simulate.errors import NotInTime
from tracker.simulate.gauge import Gauge
from tracker.simulate.model import World
from tracker.simulate.services import Service, command
from tracker.simulate.told import ToldLog

AUDIT_S, JUDGED_S, TICK_S = 300.0, 60.0, 0.2


async def counters_are_exact(
    world: World, told: ToldLog, gauge: Gauge, console: Console, *, settings: Path, directory: Path
) -> bool:
    """Run `tracker audit` and compare with the truth; print both. True if neither finds a difference."""
    audited, report = await asyncio.wait_for(
        command("audit", ["audit"], settings=settings, directory=directory), AUDIT_S
    )
    console.print(report.rstrip(), highlight=False, markup=False, soft_wrap=True)
    expected = truth.truth(world, told)
    found = {(scope.campaign, scope.who): fields for scope, fields in (await gauge.totals()).items()}
    wrong = truth.differences(expected, found)
    console.print(screen.verdict(wrong, sum(len(fields) for fields in expected.values())))
    return audited == 0 and not wrong


async def alerts_are_exact(world: World, bulletin: Bulletin, watcher: Service, console: Console, *, since: int) -> bool:
    """Wait until every campaign was judged as it is since `since`; compare what was told with what was earned."""
    await _judged(bulletin, watcher, since)
    wanted = alert_truth.expected(world)
    wrong = alert_truth.differences(wanted, bulletin.alerts)
    for line in alert_words.outcome(wanted, bulletin.alerts, wrong, repeats=bulletin.repeats):
        console.print(line, highlight=False, soft_wrap=True)
    return not wrong


async def _judged(bulletin: Bulletin, watcher: Service, since: int) -> None:
    deadline = time.monotonic() + JUDGED_S
    while lagging := await bulletin.lagging(since):
        watcher.tend()
        await bulletin.read()
        if time.monotonic() > deadline:
            raise NotInTime(
                f"the watcher did not judge {', '.join(lagging)} within {JUDGED_S:.0f} s of the last count. "
                f"The watcher's log is {watcher.log}"
            )
        await asyncio.sleep(TICK_S)
    while not await bulletin.is_read_to_the_end():
        await bulletin.read()
        await asyncio.sleep(TICK_S / 4)
    await bulletin.read()
