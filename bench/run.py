"""Our worker beside its peers: one run, one topic, one table.

Starts Apache Kafka and Redis on loopback, fills a topic with canonical events, and has the contenders read it in turn,
round after round:

  worker   `tracker worker`, a process of its own: full state, exact counters in Redis; from the first record counted
           until the cursors reach the end of the log; afterwards every counter is compared with a fold of everything
  bare     aiokafka `getmany` and orjson, nothing else
  faust    a plain Faust agent: orjson, and one Redis pipeline of three HINCRBY for each event (on fewer events)

After that it measures how long an alert takes from its event on (bench/alert_bench.py).

What it prints is written into docs/performance.md. Trust the ratios: the contenders ran side by side on one machine, so
what slowed one slowed the others. It stops by itself and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # `python bench/run.py` knows only bench/ itself

from redis import Redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import alert_bench
from bench.alert_run import NotMeasured
from bench.ground import ROOT, Ground, Measured, WorkerStuck, WrongCounters
from tests.harness.kafka import KafkaBroker, KafkaUnavailable
from tracker.embedded.redis import RedisServer

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: written by make bench -->", "<!-- end of what make bench writes -->"
OF_BARE, OF_FAUST = 0.3, 25.0
"""What the worker must reach, as a part of `bare` and as a multiple of `faust`."""
NAMES = {
    "worker": "our worker: state, exact counters, Redis",
    "bare": "aiokafka `getmany` + orjson, nothing else",
    "faust": "plain Faust agent, one Redis pipeline an event",
}

Rounds = Mapping[str, Sequence[Measured]]


def ratio(rounds: Rounds, other: str) -> float:
    """The worker's rate by another's of the same round; the median over the rounds."""
    pairs = zip(rounds["worker"], rounds[other], strict=True)
    return statistics.median(ours.rate / theirs.rate for ours, theirs in pairs)


def table(rounds: Rounds) -> str:
    """The contenders as a table of Markdown."""
    lines = [
        "| | events/s, median | least to most | processor time an event | worker by it |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, measured in rounds.items():
        rates = [each.rate for each in measured]
        micros = [each.micros for each in measured if each.micros is not None]
        used = f"{statistics.median(micros):.1f} µs" if micros else "unknown"
        by = "" if name == "worker" else f"{ratio(rounds, name):.2f}"
        spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
        lines.append(f"| {NAMES[name]} | {statistics.median(rates):,.0f} | {spread} | {used} | {by} |")
    return "\n".join(lines)


def machine(ground: Ground, rounds: int, busy: Sequence[float]) -> str:
    """What it was measured on and with, as lines of Markdown."""
    with Redis.from_url(ground.redis.url) as client:
        redis = client.info("server")["redis_version"]
    packages = ("faust-streaming", "aiokafka", "redis", "hiredis", "msgspec", "orjson", "uvloop")
    processor = platform.processor() or platform.machine()
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        models = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        processor = models[0] if models else processor
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    size, load = ground.bytes / ground.events, f"{busy[0]:.1f} before, {busy[1]:.1f} after"
    counted = (
        f"{ground.events:,} events of {size:.0f} bytes on average in 8 partitions; rounds: {rounds}, taking turns."
    )
    proved = f"{ground.numbers:,} counters compared after each round of the worker: all equal."
    where = f"{os.cpu_count()} processors ({processor}), {memory:.0f} GiB, {platform.system()}, shared by all."
    what = f"Python {platform.python_version()}, {ground.broker.kind}, Redis {redis} (append-only file on)"
    versions = ", ".join((what, *(f"{name} {version(name)}" for name in packages)))
    return f"- {counted} {proved}\n- {where} Load of the machine: {load} (idle: near 0).\n- {versions}."


def measure(ground: Ground, chosen: argparse.Namespace, progress: Progress) -> Rounds:
    """Fill the topic and run every round. Raises WorkerStuck, WrongCounters."""
    filling = progress.add_task("write and fold the events", total=None)
    ground.fill(chosen.events, lambda many: progress.advance(filling, many))
    progress.update(filling, total=ground.events, completed=ground.events)
    few = min(ground.events, chosen.faust_events)
    rounds: dict[str, list[Measured]] = {name: [] for name in NAMES}
    for number in range(1, chosen.rounds + 1):
        task = progress.add_task(f"round {number}: worker", total=ground.events)
        rounds["worker"].append(ground.worker(f"round-{number}", lambda many, task=task: progress.advance(task, many)))  # type: ignore[misc]
        for name, many in (("bare", ground.events), ("faust", few)):
            task = progress.add_task(f"round {number}: {name}", total=many)
            rounds[name].append(ground.peer(name, many))
            progress.update(task, completed=many)
    return rounds


def write(text: str) -> None:
    """Put what was measured into the page, between its marks."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def verdict(rounds: Rounds) -> list[str]:
    """What falls short; empty when all is reached."""
    short = []
    if (found := ratio(rounds, "bare")) < OF_BARE:
        short.append(f"{found:.2f} of bare reading, wanted at least {OF_BARE}")
    if (found := ratio(rounds, "faust")) < OF_FAUST:
        short.append(f"{found:.1f} times a plain Faust agent, wanted at least {OF_FAUST:.0f}")
    return short


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="""examples:
  make bench                           500,000 events, 3 rounds; some minutes
  make bench ARGS=--quick              30,000 events, one round, nothing written: does it run at all?
  make bench ARGS='--rounds 7'         on a busy machine: the median of more rounds

exit code: 0 all reached; 1 a ratio falls short; 2 it could not be measured, or counted wrongly""",
    )
    parser.add_argument("--events", type=int, default=500_000, help="how many (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender runs (default: %(default)s)")
    parser.add_argument("--faust-events", type=int, default=20_000, help="of these for faust (default: %(default)s)")
    parser.add_argument(
        "--alert-seconds", type=int, default=60, help="how long alerts are measured at each rate (default: %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="30,000 events, one round, 3,000 for faust, not written")
    parser.add_argument("--no-write", action="store_true", help="leave docs/performance.md as it is")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.events, chosen.rounds, chosen.faust_events, chosen.no_write = 30_000, 1, 3_000, True
        chosen.alert_seconds = alert_bench.QUICK_S
    return chosen


def main() -> int:
    chosen = arguments()
    console = Console()
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    before = os.getloadavg()[0]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped, too
    try:
        with (
            tempfile.TemporaryDirectory(prefix="tracker-bench-") as name,
            KafkaBroker(Path(name) / "kafka") as broker,
            RedisServer(Path(name) / "redis") as redis,
            Progress(*columns, console=console) as progress,
        ):
            ground = Ground(broker, redis, Path(name))
            rounds = measure(ground, chosen, progress)
            facts = machine(ground, chosen.rounds, (before, os.getloadavg()[0]))
            progress.add_task("from an event to its alert", total=None)
            alerts, in_time = alert_bench.report(broker, redis, Path(name), rounds=1, seconds=chosen.alert_seconds)
    except (KafkaUnavailable, WorkerStuck, WrongCounters, NotMeasured) as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 2
    text = f"{table(rounds)}\n\n{facts}"
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    starts = [f"{each.first_s:.1f}" for each in rounds["worker"] if each.first_s is not None]
    console.print(f"worker, start of the process to its first counted event: {', '.join(starts)} s", highlight=False)
    console.print(f"\n{alerts}", markup=False, highlight=False, soft_wrap=True)
    if not chosen.no_write:
        write(text)
        alert_bench.write(alerts)
    short = verdict(rounds)
    if not in_time:
        short.append(f"99 of 100 alerts within {alert_bench.WANTED_MS} ms of their event")
    for line in short:
        console.print(f"falls short: {line}", style="yellow", highlight=False)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
