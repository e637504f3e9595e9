"""The process in which rules run: facts come in, verdicts go out, and whatever a rule does ends here.

1. What a rule prints goes to standard error, and what it reads is empty: the two pipes of the protocol are under other
   numbers before a plugin is loaded.
2. A rule cannot take more memory than the process is allowed, nor more time: an alarm that the kernel keeps ends the
   process, also in a loop that never comes back to Python, also after the watcher is gone.
3. Each rule gets facts that no other rule has changed.
4. The end of the input, or an output that nobody reads, is the end of this process.

Started by tracker.watch.judging, and by nobody else. Plugins are those that are installed; `--plugin name=module`
takes these in their place, and `--memory` and `--seconds` are the limits.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint
from typing import Any, BinaryIO

import msgspec
from msgspec.structs import replace

from tracker.domain.facts import CampaignFacts, PipelineFacts
from tracker.domain.verdicts import Verdict
from tracker.plugin.manager import GROUP, load_plugins
from tracker.plugin.registry import Registry
from tracker.plugin.rule_settings import WrongSettings, rule_settings
from tracker.watch.frames import (
    ANSWER_BYTES,
    LENGTH,
    Answer,
    Began,
    Done,
    End,
    Failed,
    Job,
    Ready,
    RuleInfo,
    Task,
    frame,
    job_decoder,
)

VERDICTS_AT_MOST = 50_000
"""Of one rule for one campaign: a thousand posts with fifty items to check."""
VERDICT_BYTES = 16 * 1024 * 1024
REASON_AT_MOST = 500
assert VERDICT_BYTES < ANSWER_BYTES

Facts = CampaignFacts | PipelineFacts

_FACTS: dict[str, type[Facts]] = {"campaign": CampaignFacts, "pipeline": PipelineFacts}


class NoVerdict(Exception):
    """A rule returned what is no verdict."""


class Judge:
    """Runs the rules of one registry."""

    def __init__(self, registry: Registry, output: BinaryIO, seconds: float) -> None:
        self._rules = registry.rules
        self._output = output
        self._seconds = seconds

    def say(self, answer: Answer) -> None:
        self._output.write(frame(answer))
        self._output.flush()

    def take(self, job: Job) -> bool:
        """Do one job; whether the process can go on to another."""
        facts = msgspec.msgpack.decode(job.facts, type=_FACTS[job.about])
        for task in job.tasks:
            self.say(Began(task.rule))
            answer = self._limited(task, facts, job)
            self.say(answer)
            if isinstance(answer, Failed) and answer.blame == "memory":
                return False
        self.say(End())
        return True

    def _limited(self, task: Task, facts: Facts, job: Job) -> Answer:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        try:
            return Done(task.rule, msgspec.Raw(self._judged(task, facts, job)))
        except MemoryError:
            return Failed(task.rule, "it took more memory than the process in which rules run may have", "memory")
        except WrongSettings as error:
            return Failed(task.rule, str(error), "settings")
        except BaseException as error:  # noqa: BLE001 - a rule may raise anything, SystemExit too
            return Failed(task.rule, f"{type(error).__name__}: {error}"[:REASON_AT_MOST])
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _judged(self, task: Task, facts: Facts, job: Job) -> bytes:
        rule: Any = self._rules[task.rule]
        settings = rule_settings(rule, task.settings)
        packed = msgspec.msgpack.encode(_verdicts(rule.judge(own(facts), settings, job.now)))
        if len(packed) > VERDICT_BYTES:
            raise NoVerdict(f"the rule returned verdicts of {len(packed)} bytes; {VERDICT_BYTES} are possible")
        return packed


def _verdicts(returned: Iterable[Any]) -> list[Verdict]:
    """What a rule returned, once it is seen to be verdicts. Raises NoVerdict."""
    verdicts: list[Verdict] = []
    for each in returned:
        if type(each) is not Verdict:
            raise NoVerdict(f"the rule returned {type(each).__name__} where a Verdict is wanted")
        if len(verdicts) == VERDICTS_AT_MOST:
            raise NoVerdict(f"the rule returned more than {VERDICTS_AT_MOST} verdicts")
        verdicts.append(each)
    return verdicts


def own(facts: Facts) -> Facts:
    """The same facts, with tables of their own: all else in them is frozen."""
    if isinstance(facts, PipelineFacts):
        return replace(facts, heard={platform: dict(row) for platform, row in facts.heard.items()})
    return replace(
        facts,
        totals={scope: dict(row) for scope, row in facts.totals.items()},
        fresh={scope: dict(row) for scope, row in facts.fresh.items()},
        minutes=dict(facts.minutes),
        hours=dict(facts.hours),
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Take the pipes, load the plugins, and do what is asked until nobody asks any more."""
    options = _options(argv)
    source, output = _pipes()
    kept = _limit_memory(options.memory)
    named = (each.partition("=") for each in options.plugin)
    points = [EntryPoint(name, module, GROUP) for name, _, module in named]
    registry = load_plugins(points or None)
    judge = Judge(registry, output, options.seconds)
    plugins = {name: str(info) for info in registry.plugins for name in info.rules}
    rules = tuple(RuleInfo(name, rule.about, plugins[name]) for name, rule in registry.rules.items())
    try:
        judge.say(Ready(rules, kept))
        while (job := _next(source)) is not None and judge.take(job):
            pass
    except BrokenPipeError:
        # The watcher is gone. What is still in the buffer has no reader: Python must not try again when it ends.
        os._exit(0)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tracker.watch.judge")
    parser.add_argument("--memory", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--plugin", action="append", default=[])
    return parser.parse_args(argv)


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Our two pipes under numbers of our own; standard input is empty from now on, standard output is the error's."""
    source, output = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, output


def _limit_memory(wanted: int) -> int | None:
    """Limit the address space; the limit that is kept, None where this platform keeps none (macOS)."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ValueError, OSError):
        return None
    return limit if sys.platform == "linux" else None


def _next(source: BinaryIO) -> Job | None:
    head = source.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = source.read(length)
    return job_decoder.decode(body) if len(body) == length else None


if __name__ == "__main__":
    main()
