"""Whatever a rule does, the others are judged; and nothing is left of the process in which they run."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tracker.domain.definitions import Campaign
from tracker.domain.facts import CampaignFacts, PipelineFacts
from tracker.domain.verdicts import Subject, Verdict
from tracker.watch.judging import Judgement, Judges, JudgesNotStarted, verdicts_fault

ROOT = Path(__file__).parents[2]
PLUGINS = {"naughty": "tests.watch.naughty_rules"}
GOOD = ("engagement.a_good", "engagement.z_good")
"""One that is run before all others, one after them."""
T = 1_780_000_000_000
QUARANTINE = 60_000

Settings = Mapping[str, Mapping[str, Any]]


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def facts(campaign: str = "spring", *, likes: int = 40) -> CampaignFacts:
    return CampaignFacts(
        campaign=Campaign(id=campaign, name="Synthetic", starts_at=T, ends_at=T + 1),
        totals={"": {"likes": likes}},
        fresh={"": {"poll": T}},
        minutes={"likes@1": likes},
        hours={"likes@0": likes},
    )


def judges(**other: Any) -> Judges:
    options = {"rule_seconds": 2.0, "quarantine_ms": QUARANTINE, "plugins": PLUGINS}
    return Judges(**{**options, **other})


def between(*rules: str) -> Settings:
    """These rules, between a good one and another."""
    return {GOOD[0]: {}, **{f"engagement.{rule}": {} for rule in rules}, GOOD[1]: {}}


def reasons(judgement: Judgement) -> dict[str, str]:
    return {failure.rule.partition(".")[2]: failure.reason for failure in judgement.failures}


async def test_rules_say_what_they_find_by_their_own_settings() -> None:
    async with judges() as made:
        judgement = await made.judge(facts(), {GOOD[0]: {}, "engagement.lazy": {}, GOOD[1]: {"least": 41}}, T)
    assert judgement.failures == ()
    outcomes = {rule: [each.outcome for each in verdicts] for rule, verdicts in judgement.verdicts.items()}
    assert outcomes == {GOOD[0]: ["pass"], "engagement.lazy": ["pass"], GOOD[1]: ["fail"]}
    [verdict] = judgement.verdicts[GOOD[0]]
    assert (verdict.subject, verdict.evidence[0].value) == (Subject(campaign="spring"), 40)


async def test_a_rule_is_asked_about_what_it_is_about_and_no_other() -> None:
    async with judges() as made:
        settings: Settings = {GOOD[0]: {}, "system.watches": {}}
        about_spring = await made.judge(facts(), settings, T)
        about_us = await made.judge(PipelineFacts(watched=("youtube",)), settings, T)
        nameless = await made.judge(PipelineFacts(), {"system.watches_nothing": {}}, T)
    assert list(about_spring.verdicts) == [GOOD[0]]
    assert [each.subject for each in about_us.verdicts["system.watches"]] == [Subject(part="youtube")]
    assert "naming a part" in reasons(nameless)["watches_nothing"]


async def test_a_rule_that_returns_what_is_no_verdict_says_nothing() -> None:
    naughty = {
        "raises": "ZeroDivisionError: by nothing",
        "asks_to_leave": "SystemExit: enough",
        "returns_a_dict": "returned dict where a Verdict is wanted",
        "returns_nothing": "NoneType",
        "never_ends": "more than 50000 verdicts",
        "is_long_winded": "17825",
        "misnames": "maybe",
        "strays": "it judged campaign=another, but was asked about spring",
        "is_mute": "no summary in English",
        "repeats": "two verdicts on campaign=spring (a)",
    }
    async with judges() as made:
        judgement = await made.judge(facts(), between(*naughty), T)
        assert made.started == 1
    assert set(judgement.verdicts) == set(GOOD)
    assert {rule: naughty[rule] in reason for rule, reason in reasons(judgement).items()} == dict.fromkeys(
        naughty, True
    )
    assert {(each.campaign, each.at) for each in judgement.failures} == {("spring", T)}
    assert all(each.plugin.startswith("naughty ") for each in judgement.failures)


@pytest.mark.parametrize("rule", ["loops", "loops_beyond_python", "loops_deaf"])
async def test_a_rule_that_does_not_end_is_ended(rule: str) -> None:
    async with judges(rule_seconds=0.5, grace_seconds=0.5) as made:
        judgement = await made.judge(facts(), between(rule), T)
        assert made.started == 2
    assert set(judgement.verdicts) == set(GOOD)
    assert reasons(judgement) == {rule: "it took longer than 0.5 s"}


@pytest.mark.skipif(sys.platform != "linux", reason="the address space is limited on Linux alone")
@pytest.mark.parametrize("rule", ["eats", "keeps"])
async def test_a_rule_that_eats_memory_leaves_enough_for_the_others(rule: str) -> None:
    async with judges(memory_bytes=384 << 20, rule_seconds=60) as made:
        judgement = await made.judge(facts(), between(rule), T)
    assert set(judgement.verdicts) == set(GOOD)
    assert "more memory" in reasons(judgement)[rule]


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_rule_that_leaves_takes_nobody_along(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def judged() -> Judgement:
        async with judges() as made:
            return await made.judge(facts(), between("leaves"), T)

    with asyncio.Runner(loop_factory=loop) as runner:
        judgement = runner.run(judged())
    assert set(judgement.verdicts) == set(GOOD)
    assert reasons(judgement) == {"leaves": "the process in which it ran ended: exit code 3"}


async def test_what_a_rule_prints_is_logged_and_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with judges() as made:
        judgement = await made.judge(facts(), between("prints"), T)
    assert set(judgement.verdicts) == {*GOOD, "engagement.prints"}
    assert [line for line in ("printed", "written to 1") if line in caplog.text] == ["printed", "written to 1"]


async def test_no_rule_sees_what_another_has_changed() -> None:
    async with judges() as made:
        judgement = await made.judge(facts(), between("meddles"), T)
    assert [judgement.verdicts[rule][0].evidence[0].value for rule in GOOD] == [40, 40]


async def test_a_process_that_is_killed_between_two_campaigns_is_started_again() -> None:
    async with judges() as made:
        assert set((await made.judge(facts(), between(), T)).verdicts) == set(GOOD)
        assert made.pid is not None
        os.kill(made.pid, signal.SIGKILL)
        judgement = await made.judge(facts("autumn"), between(), T)
        assert made.started == 2
    assert set(judgement.verdicts) == set(GOOD)
    assert judgement.failures == ()


async def test_a_rule_that_failed_is_left_out_for_that_campaign_and_for_a_while() -> None:
    async with judges() as made:
        first = await made.judge(facts(), between("raises"), T)
        held = await made.judge(facts(), between("raises"), T + QUARANTINE - 1)
        elsewhere = await made.judge(facts("autumn"), between("raises"), T + QUARANTINE - 1)
        again = await made.judge(facts(), between("raises"), T + QUARANTINE)
    assert held.failures == first.failures
    assert [(each.campaign, each.at) for each in elsewhere.failures] == [("autumn", T + QUARANTINE - 1)]
    assert [each.at for each in again.failures] == [T + QUARANTINE]


async def test_a_rule_that_costs_the_process_again_and_again_is_left_out_for_all() -> None:
    async with judges() as made:
        for number in range(3):
            await made.judge(facts(f"c{number}"), between("leaves"), T + number)
        assert made.started == 4
        judgement = await made.judge(facts("another"), between("leaves", "raises"), T + 3)
        assert made.started == 4
        assert reasons(judgement).keys() == {"leaves", "raises"}
        await made.judge(facts("another"), between("leaves"), T + QUARANTINE)
        assert made.started == 5


async def test_settings_that_do_not_fit_are_told_and_the_rule_is_asked_again_when_they_do() -> None:
    async with judges() as made:
        wrong = await made.judge(facts(), {GOOD[0]: {"leest": 1}, GOOD[1]: {"least": "1"}}, T)
        right = await made.judge(facts(), {GOOD[0]: {"least": 1}}, T + 1)
    assert "did you mean 'least'?" in reasons(wrong)["a_good"]
    assert "Expected `int`" in reasons(wrong)["z_good"]
    assert (set(right.verdicts), right.failures) == ({GOOD[0]}, ())


async def test_a_rule_that_no_plugin_offers_is_told() -> None:
    async with judges() as made:
        judgement = await made.judge(facts(), between("unheard_of"), T)
    assert set(judgement.verdicts) == set(GOOD)
    assert reasons(judgement) == {"unheard_of": "no plugin offers it"}


async def test_a_cancelled_judgement_is_not_taken_for_the_next_one() -> None:
    async with judges(rule_seconds=30) as made:
        under_way = asyncio.create_task(made.judge(facts(), between("loops"), T))
        await asyncio.sleep(0)
        under_way.cancel()
        with pytest.raises(asyncio.CancelledError):
            await under_way
        judgement = await made.judge(facts("autumn", likes=7), between(), T)
    assert [each.subject for rule in GOOD for each in judgement.verdicts[rule]] == [Subject(campaign="autumn")] * 2


async def test_plugins_that_do_not_load_are_told_with_what_was_said() -> None:
    with pytest.raises(JudgesNotStarted, match="no_such_module") as error:
        async with judges(plugins={"broken": "no_such_module"}):
            pass
    assert "exit code 1" in error.value.reason


async def test_the_installed_plugins_are_loaded_where_no_others_are_named() -> None:
    async with Judges() as made:
        assert (await made.judge(facts(), {}, T)).verdicts == {}
        assert not any(name.startswith("engagement.loops") for name in made.rules)


def test_no_fault_is_found_where_none_is() -> None:
    one = Verdict(subject=Subject(campaign="spring"), outcome="pass", summary={"en": "Well."})
    two = Verdict(subject=Subject(campaign="spring"), check="label", outcome="pass", summary={"en": "Well."})
    assert verdicts_fault((one, two), "campaign", "spring") is None
    assert verdicts_fault((), "pipeline", "") is None


PARENT = """
import asyncio, sys
from tests.watch.test_judging import facts, judges

async def main():
    async with judges(rule_seconds=1.0) as made:
        await made.judge(facts(), {sys.argv[1]: {"path": sys.argv[2]}}, 1)
        print("judged", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("rule", ["engagement.holds", "engagement.loops", "engagement.loops_beyond_python"])
async def test_no_process_outlives_a_watcher_that_was_killed(tmp_path: Path, rule: str) -> None:
    # The rule holds a pipe open: it ends when the process does.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, rule, str(pipe), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        with await asyncio.to_thread(pipe.open, "rb", buffering=0) as held:
            assert await asyncio.to_thread(held.read, 4) == b"here"
            parent.kill()
            await parent.wait()
            assert await asyncio.to_thread(held.read, 1) == b""
    finally:
        if parent.returncode is None:
            parent.kill()


async def test_the_process_ends_with_its_context(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    async with judges() as made:
        opening = asyncio.create_task(asyncio.to_thread(pipe.open, "rb", buffering=0))
        await made.judge(facts(), {"engagement.holds": {"path": str(pipe)}}, T)
        held = await opening
        assert made.pid is not None
    with held:
        assert await asyncio.to_thread(held.read) == b"here"
    assert made.pid is None
