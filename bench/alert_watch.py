"""`tracker watch` with a stopwatch: the command as it is, and at its end a file that says where its time went.

Each evaluation is one line of JSON: campaign, when it began (ms since the epoch), and the ms that gathering, judging
and telling took, waiting for a turn included. The first line names the process in which rules run.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from tracker.cli import main
from tracker.gather import Gatherer
from tracker.watch.judging import Judges
from tracker.watch.telling import Teller
from tracker.watch.watcher import Watcher

_laps: ContextVar[dict[str, float]] = ContextVar("laps")


def timed(owner: type[Any], name: str, lap: str) -> None:
    """Have every call of a method note how long it took."""
    method: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def measured(*args: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return await method(*args, **named)
        finally:
            laps = _laps.get()
            laps[lap] = laps.get(lap, 0.0) + (time.perf_counter() - began) * 1000

    setattr(owner, name, measured)


def evaluations_to(file: Path) -> None:
    """Have every evaluation written into a file, a line each."""
    evaluate = Watcher._evaluate
    out = file.open("w", buffering=1)
    pids: set[int | None] = set()

    async def measured(self: Watcher, campaign: str) -> None:
        laps: dict[str, float] = {}
        _laps.set(laps)
        began = time.time_ns() // 1_000_000
        await evaluate(self, campaign)
        judges = self._parts.judges
        if isinstance(judges, Judges) and judges.pid not in pids:
            pids.add(judges.pid)
            out.write(json.dumps({"judge_pid": judges.pid}) + "\n")
        out.write(json.dumps({"campaign": campaign, "began": began, **laps}) + "\n")

    Watcher._evaluate = measured  # type: ignore[method-assign]


if __name__ == "__main__":
    evaluations_to(Path(sys.argv.pop(1)))
    timed(Gatherer, "campaign", "gather")
    timed(Judges, "judge", "judge")
    timed(Judges, "_sit", "sit")
    timed(Teller, "tell", "tell")
    sys.argv[0] = "tracker"
    main()
