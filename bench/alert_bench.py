"""How long from an event to its alert: everything real, under a load, probed every second.

Starts Apache Kafka and Redis on loopback, defines thirty campaigns that run now, has `tracker worker` count their
history and `tracker watch` judge them by all installed rules, and then writes a load of canonical events while a few
probes a second say what must be told of at once: an agreed post without its label, one that was removed, one that was
edited. A probe's time runs from the acknowledgement of its event by Kafka to the arrival of its alert at a subscriber
of the alert topics. A probe that is not told of is an error, not a slow one.

What it prints is written into docs/performance.md. It stops by itself and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # `python bench/alert_bench.py` knows only bench/ itself

from rich.console import Console

from bench.alert_run import CAMPAIGNS, CREATORS, NotMeasured, Round, measure
from bench.alert_world import AGREED, NORMAL
from tests.harness.kafka import KafkaBroker, KafkaUnavailable
from tracker.embedded.redis import RedisServer

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- alerts: written by make bench -->", "<!-- end of alerts -->"
WANTED_MS = 1_000
RATES = (1_000, 10_000)
QUICK_S = 8


def share(values: Sequence[float], of: float) -> float:
    """A quantile (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(of * len(ordered)))]


def table(rounds: Sequence[Round]) -> str:
    """What was found at each rate, the rounds of a rate taken together, as a table of Markdown."""
    columns = "load, events/s|probes|event → alert p50|p90|p99|most|evaluations/s|gather|judge|worker|watcher|rules"
    lines = [f"| {columns.replace('|', ' | ')} |", "|---:" * (columns.count("|") + 1) + "|"]
    for rate in sorted({each.rate for each in rounds}):
        some = [each for each in rounds if each.rate == rate]
        took = [ms for each in some for ms in each.took_ms]
        quantiles = " | ".join(f"{share(took, of):,.0f} ms" for of in (0.5, 0.9, 0.99, 1.0))
        laps = " | ".join(f"{statistics.median(each.median(lap) for each in some):.0f} ms" for lap in ("gather", "sit"))
        cpu = " | ".join(
            f"{statistics.median(each.cpu[name] for each in some) * 100:.0f} %"
            for name in ("worker", "watcher", "judge")
        )
        reached = statistics.median(each.reached for each in some)
        looked = statistics.median(each.evaluations_s for each in some)
        lines.append(f"| {reached:,.0f} | {len(took):,} | {quantiles} | {looked:.0f} | {laps} | {cpu} |")
    return "\n".join(lines)


def notes(rounds: Sequence[Round], broker: str, busy: tuple[float, float]) -> str:
    """On what it was measured, as lines of Markdown."""
    posts = CAMPAIGNS * CREATORS * (AGREED + NORMAL)
    kinds = sorted({kind for each in rounds for kind in each.by_kind})
    medians = (
        f"{kind} {statistics.median([ms for each in rounds for ms in each.by_kind.get(kind, ())]):,.0f} ms"
        for kind in kinds
    )
    others = sum(each.other_alerts for each in rounds) / sum(each.seconds for each in rounds)
    return (
        f"- {CAMPAIGNS} campaigns with {CREATORS} creators each, {posts:,} posts in all, their history counted before; "
        f"{len({each.number for each in rounds})} round(s) of {rounds[0].seconds:.0f} s at each rate. Every probe was "
        f"told of. Medians by kind: {', '.join(medians)}. Other changes of alerts that were told: {others:.1f} a "
        "second.\n"
        f"- `gather` and `judge`: median of one evaluation. Processor time of each process is a share of one core; "
        f"the {os.cpu_count()} cores are shared by all, with {broker}, Redis and the writer of the load. Load of the "
        f"machine: {busy[0]:.1f} before, {busy[1]:.1f} after (idle: near 0)."
    )


def report(broker: KafkaBroker, redis: RedisServer, directory: Path, *, rounds: int, seconds: int) -> tuple[str, bool]:
    """Measure so many rounds of so many seconds at each rate, taking turns. Raises NotMeasured.

    The text for the page, and whether what is wanted was reached. `bench/run.py` may call it on its own servers.
    """
    before = os.getloadavg()[0]
    found = [
        asyncio.run(measure(broker.bootstrap, redis.url, directory, rate, number, seconds))
        for number in range(1, rounds + 1)
        for rate in RATES
    ]
    text = f"{table(found)}\n\n{notes(found, broker.kind, (before, os.getloadavg()[0]))}"
    full = [ms for each in found if each.rate == max(RATES) for ms in each.took_ms]
    return text, share(full, 0.99) <= WANTED_MS


def write(text: str) -> None:
    """Put what was measured into the page, between its marks. Raises LookupError where they are not."""
    if BEGIN not in PAGE.read_text():
        raise LookupError(f"{PAGE} has no line `{BEGIN}`")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit code: 0 reached; 1 the p99 is above a second; 2 not measured, or a probe was not told of",
    )
    parser.add_argument("--rounds", type=int, default=1, help="at each rate (default: %(default)s)")
    parser.add_argument("--alert-seconds", type=int, default=60, help="of each round (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help=f"one round of {QUICK_S} s, not written: does it run?")
    parser.add_argument("--no-write", action="store_true", help="leave docs/performance.md as it is")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds, chosen.alert_seconds, chosen.no_write = 1, QUICK_S, True
    return chosen


def main() -> int:
    chosen, console = arguments(), Console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped, too
    try:
        with (
            tempfile.TemporaryDirectory(prefix="tracker-alerts-") as name,
            KafkaBroker(Path(name) / "kafka") as broker,
            RedisServer(Path(name) / "redis") as redis,
        ):
            text, reached = report(broker, redis, Path(name), rounds=chosen.rounds, seconds=chosen.alert_seconds)
    except (KafkaUnavailable, NotMeasured) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 2
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    if not chosen.no_write:
        write(text)
    if not reached:
        console.print(f"falls short: the p99 is above {WANTED_MS} ms", style="yellow", highlight=False)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
