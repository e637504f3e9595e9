"""What one evaluation costs, by the size of the campaign: gather, encode, judge, keep and tell, on Redis.

One campaign with 10, 100 and 1,000 creators, each with three agreed and ten normal posts; history counted by a worker.
Then the parts of a watcher evaluate it over and over in this process, with nothing else going on. `python -m
bench.alert_scale --help` explains it. In brackets: of that, the processor time of this process. Afterwards the rules
run in this process, too, to say what each of them costs.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import os
import pstats
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench.alert_run import Site, counted
from bench.alert_world import World, Writer, now_ms
from tests.harness.kafka import KafkaBroker
from tracker import wiring
from tracker.definitions.following import Following
from tracker.domain.alerts import Alert
from tracker.domain.evaluation import RuleTerms, after, evaluate
from tracker.domain.facts import CampaignFacts
from tracker.domain.in_force import in_force
from tracker.embedded.redis import RedisServer
from tracker.gather import Gatherer
from tracker.plugin.rule_settings import rule_settings
from tracker.plugin.rules import Rule
from tracker.sending import Sender
from tracker.store.alerts import RuleSaid
from tracker.watch.judge import own
from tracker.watch.judging import Judges
from tracker.watch.telling import Teller

NORMAL = 10
CAMPAIGN = "spring-0"


class Laps:
    """How long each part of each evaluation took, in ms, and how long this process was at work in it."""

    def __init__(self) -> None:
        self.of: dict[str, list[tuple[float, float]]] = {}
        self.start()

    def start(self) -> None:
        self._at, self._worked = time.perf_counter(), time.process_time()

    def lap(self, name: str) -> None:
        at, worked = time.perf_counter(), time.process_time()
        self.of.setdefault(name, []).append(((at - self._at) * 1000, (worked - self._worked) * 1000))
        self._at, self._worked = at, worked

    def line(self) -> str:
        return ", ".join(
            f"{name} {statistics.median(ms for ms, _ in took):.1f} ms ({statistics.median(cpu for _, cpu in took):.1f})"
            for name, took in self.of.items()
        )


async def measure(site: Site, creators: int, repeats: int, profile: cProfile.Profile | None) -> str:
    """A line that says what it found."""
    world = World(now_ms(), 1, creators, normal=NORMAL)
    await site.define(world)
    await site.write(Writer(site.topics, place=0), world)
    with site.process("worker", "-m", "tracker", "worker") as worker:
        await counted(site, worker)
    rules = {name: rule for name, rule in wiring.plugins().rules.items() if rule.about == "campaign"}
    terms = {
        name: RuleTerms(category=rule.category, in_force=in_force(name, rule.severity, rule.timing, (), CAMPAIGN))
        for name, rule in rules.items()
    }
    book, laps = Following(site.settings.kafka.bootstrap, site.topics), Laps()
    known: dict[str, Alert] = {}
    packed, verdicts = b"", 0
    facts: CampaignFacts | None = None
    await book.start()
    async with (
        wiring.store(site.settings) as store,
        Sender(site.settings.kafka.bootstrap) as sender,
        Judges(rule_seconds=60.0, memory_bytes=8 << 30) as judges,
    ):
        gatherer = Gatherer(store, site.topics.partitions, book.definitions, remembered=50_000)
        shelf = wiring.alert_shelf(store)
        teller = Teller(sender, shelf, site.topics)
        for repeat in range(repeats + 1):
            if repeat == 1:
                laps = Laps()  # the first one decodes every piece, and tells of what is new
                if profile is not None:
                    profile.enable()
            laps.start()
            if (gathered := await gatherer.campaign(CAMPAIGN)) is None:
                raise LookupError(f"{CAMPAIGN} is not defined")
            facts = gathered
            laps.lap("gather")
            packed = msgspec.msgpack.encode(facts)
            laps.lap("encode")
            now = now_ms()
            judgement = await judges.judge(facts, {name: {} for name in rules}, now)
            assert not judgement.failures, judgement.failures
            laps.lap("judge")
            steps = evaluate(CAMPAIGN, known, terms, judgement.verdicts, [], now)
            known = after(known, steps)
            laps.lap("keep")
            await teller.tell(CAMPAIGN, steps)
            laps.lap("tell")
            said = [RuleSaid(rule=rule, at=now, verdicts=each) for rule, each in judgement.verdicts.items()]
            await shelf.say(CAMPAIGN, said)
            laps.lap("shelve verdicts")
            verdicts = sum(map(len, judgement.verdicts.values()))
        if profile is not None:
            profile.disable()
        if facts is not None:
            in_process(rules, facts, repeats)
    await book.stop()
    return f"{creators:,} creators, {len(packed):,} bytes of facts, {verdicts:,} verdicts: {laps.line()}"


def in_process(rules: Mapping[str, Rule], facts: CampaignFacts, repeats: int) -> None:
    """Run the rules as the process of theirs does, and print what each of them costs."""
    costs: dict[str, float] = {}
    packed = msgspec.msgpack.encode(facts)
    began = time.process_time()
    for _ in range(repeats):
        facts = msgspec.msgpack.decode(packed, type=CampaignFacts)
    costs["decoding the facts"] = time.process_time() - began
    for name, rule in rules.items():
        judging: Any = rule
        began = time.process_time()
        for _ in range(repeats):
            msgspec.msgpack.encode(list(judging.judge(own(facts), rule_settings(rule, {}), now_ms())))
        costs[name] = time.process_time() - began
    print(f"  the rules, {sum(costs.values()) / repeats * 1000:.1f} ms of processor time:")
    for name, seconds in sorted(costs.items(), key=lambda each: -each[1]):
        print(f"    {seconds / repeats * 1000:8.2f} ms  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--creators", type=int, nargs="+", default=[10, 100, 1_000], help="(default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=10, help="evaluations of each (default: %(default)s)")
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped, too
    with (
        tempfile.TemporaryDirectory(prefix="tracker-scale-") as name,
        KafkaBroker(Path(name) / "kafka") as broker,
        RedisServer(Path(name) / "redis") as redis,
    ):
        for creators in chosen.creators:
            site = Site(broker.bootstrap, redis.url, Path(name), f"scale-{creators}")
            profile = cProfile.Profile() if chosen.profile else None
            print(asyncio.run(measure(site, creators, chosen.repeats, profile)), flush=True)
            if profile is not None:
                pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    print(f"Load of the machine: {os.getloadavg()[0]:.1f} (idle: near 0).")


if __name__ == "__main__":
    main()
