"""Having facts judged, by rules that may raise, loop or eat memory: the others are judged all the same.

1. Rules run in one process of their own. Whatever a rule does there costs at most that process: it is started again,
   and what was not judged yet is judged then.
2. What comes back is believed only if it is verdicts: of the right types, each on a subject of what was judged, no two
   on the same, each said in English.
3. A rule that failed is left out for that campaign for `quarantine_ms`; one that cost the process for several campaigns
   is left out for all of them. Time is an argument: no clock decides what is left out. Settings that do not fit are
   put right by whoever wrote them: such a rule is asked again each time.
4. A rule that was left out says nothing, which is not the same as an empty list of verdicts.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Self

import msgspec
from msgspec import Struct

from tracker.domain.events import Instant
from tracker.domain.facts import CampaignFacts, PipelineFacts, RuleFailure
from tracker.domain.verdicts import Subject, Verdict
from tracker.watch.frames import About, Began, Done, End, Failed, Job, Ready, RuleInfo, Task
from tracker.watch.judge_process import PATIENCE_S, Ended, JudgeProcess

log = logging.getLogger(__name__)

_IN_VAIN = 2
"""So often the process may end before a rule began: then the facts are too much for it."""
_SPREAD = 3
"""A rule that cost the process for so many campaigns is at fault itself, not what it judged."""

_verdicts_decoder = msgspec.msgpack.Decoder(tuple[Verdict, ...])


class JudgesNotStarted(Exception):
    """The process in which rules run does not start: no rule can be run. `said` is what it said last."""

    def __init__(self, reason: str, said: str) -> None:
        super().__init__(
            f"the process in which rules run {reason}. Nothing was judged, and alerts stay as they are. "
            f"It said last: {said.strip() or '(nothing)'}"
        )
        self.reason = reason
        self.said = said


class Judgement(Struct, frozen=True, kw_only=True):
    """What the rules say. `failures`: the rules that were left out, each with why and since when (`at`)."""

    verdicts: Mapping[str, tuple[Verdict, ...]]
    failures: tuple[RuleFailure, ...] = ()


class Judges:
    """The rules that are installed, in their process. Use it as a context.

    `rule_seconds` is how long one rule may take for one campaign, `memory_bytes` how much address space the process
    may have. `plugins` (entry point's name → module) are loaded in place of those installed: for tests.
    """

    def __init__(
        self,
        *,
        rule_seconds: float = 2.0,
        grace_seconds: float = 5.0,
        memory_bytes: int = 1 << 30,
        quarantine_ms: int = 600_000,
        plugins: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._rule_seconds = rule_seconds
        self._patience = rule_seconds + grace_seconds
        options = ["--memory", str(memory_bytes), "--seconds", str(rule_seconds)]
        options += [f"--plugin={name}={module}" for name, module in plugins.items()]
        self._argv = (sys.executable, "-P", "-m", "tracker.watch.judge", *options)
        self._quarantine = Quarantine(quarantine_ms)
        self._turn = asyncio.Lock()
        self._child: JudgeProcess | None = None
        self.rules: Mapping[str, RuleInfo] = {}
        """The rules that the process has, by name."""
        self.started = 0
        """How often the process was started."""

    async def __aenter__(self) -> Self:
        """Start the process. Raises JudgesNotStarted."""
        await self._running()
        return self

    async def __aexit__(self, *_: object) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.leave()

    @property
    def pid(self) -> int | None:
        """The process in which rules run now."""
        return None if self._child is None else self._child.pid

    async def judge(
        self, facts: CampaignFacts | PipelineFacts, settings: Mapping[str, Mapping[str, object]], now: Instant
    ) -> Judgement:
        """Have facts judged by the rules that `settings` names, one campaign at a time.

        Rules about something else than the facts are passed over. Raises JudgesNotStarted.
        """
        async with self._turn:
            await self._running()
            docket = self._docket(facts, settings, now)
            packed = msgspec.Raw(msgspec.msgpack.encode(facts))
            in_vain = 0
            while docket.left:
                before = len(docket.left)
                await self._sit(docket, packed)
                in_vain = in_vain + 1 if len(docket.left) == before else 0
                if in_vain == _IN_VAIN:
                    docket.give_up("the process in which rules run ended before any rule began: too many facts for it?")
            return Judgement(verdicts=docket.verdicts, failures=tuple(docket.failures))

    def _docket(
        self, facts: CampaignFacts | PipelineFacts, settings: Mapping[str, Mapping[str, object]], now: Instant
    ) -> _Docket:
        about: About = "campaign" if isinstance(facts, CampaignFacts) else "pipeline"
        campaign = facts.campaign.id if isinstance(facts, CampaignFacts) else ""
        docket = _Docket(about, campaign, now, self.rules, self._quarantine)
        self._quarantine.release(now)
        for name, each in settings.items():
            info = self.rules.get(name)
            held = self._quarantine.holds(name, campaign)
            if held is not None:
                docket.failures.append(held)
            elif info is None:
                docket.failures.append(docket.failure(name, "no plugin offers it"))
            elif info.about == about:
                docket.left[name] = Task(name, dict(each))
        return docket

    async def _running(self) -> JudgeProcess:
        """The process, started if it does not run. Raises JudgesNotStarted."""
        if self._child is not None and not self._child.ended:
            return self._child
        self._child = None
        self.started += 1
        child = await JudgeProcess.start(self._argv)
        try:
            ready = await child.answer(PATIENCE_S)
        except BaseException as error:
            child.kill()
            if isinstance(error, (TimeoutError, Ended)):
                why = "no answer" if isinstance(error, TimeoutError) else str(error)
                raise JudgesNotStarted(f"did not start ({why})", await child.last_said()) from error
            raise
        if not isinstance(ready, Ready):
            child.kill()
            raise JudgesNotStarted(f"says {type(ready).__name__} where Ready is wanted", await child.last_said())
        if ready.memory_bytes is None:
            log.warning("this platform keeps no limit of memory: a rule may take all there is")
        self.rules = {rule.name: rule for rule in ready.rules}
        self._child = child
        return child

    async def _sit(self, docket: _Docket, facts: msgspec.Raw) -> None:
        """Have judged what is left, as far as the process gets."""
        child = await self._running()
        try:
            await self._hear(child, docket, facts)
        except (Ended, TimeoutError) as error:
            child.kill()
            await child.wait()
            if docket.running is not None:
                docket.fail(docket.running, self._why(error, child), costly=True)
        except BaseException:
            # Cancelled in the midst of a job: what the process would answer is nobody's answer.
            self._child = None
            child.kill()
            raise

    async def _hear(self, child: JudgeProcess, docket: _Docket, facts: msgspec.Raw) -> None:
        docket.running = None
        await child.say(Job(docket.about, docket.now, tuple(docket.left.values()), facts))
        while True:
            answer = await child.answer(PATIENCE_S if docket.running is None else self._patience)
            match answer:
                case Began(rule) if rule in docket.left:
                    docket.running = rule
                case Done(rule, verdicts) if rule == docket.running:
                    docket.take(rule, verdicts)
                case Failed(rule, reason, blame) if rule == docket.running:
                    docket.fail(rule, reason, costly=blame == "memory", held=blame != "settings")
                    if blame == "memory":
                        child.kill()
                        await child.wait()
                        return
                case End() if docket.running is None:
                    return
                case _:
                    raise Ended(f"it said {type(answer).__name__} out of turn")

    def _why(self, error: Exception, child: JudgeProcess) -> str:
        if isinstance(error, TimeoutError) or child.returncode == -signal.SIGALRM:
            return f"it took longer than {self._rule_seconds:g} s"
        return f"the process in which it ran ended: {error}"


class Quarantine:
    """Which rules are left out, for which campaign, until when. "" is the pipeline, as if it were a campaign."""

    def __init__(self, quarantine_ms: int) -> None:
        self._for = quarantine_ms
        self._held: dict[tuple[str, str], RuleFailure] = {}
        self._costly: dict[tuple[str, str], RuleFailure] = {}

    def take(self, failure: RuleFailure, *, costly: bool) -> None:
        """Leave a rule out. `costly`: it cost the process."""
        self._held[failure.rule, failure.campaign] = failure
        if costly:
            self._costly[failure.rule, failure.campaign] = failure

    def holds(self, rule: str, campaign: str) -> RuleFailure | None:
        """The failure for which a rule is left out now; None: it is not."""
        held = self._held.get((rule, campaign))
        if held is not None:
            return held
        costly = [failure for (name, _), failure in self._costly.items() if name == rule]
        return max(costly, key=lambda failure: failure.at) if len(costly) >= _SPREAD else None

    def release(self, now: Instant) -> None:
        """Forget those whose time is over."""
        for failures in (self._held, self._costly):
            for key in [key for key, failure in failures.items() if now - failure.at >= self._for]:
                del failures[key]


class _Docket:
    """One campaign's judgement in the making."""

    def __init__(
        self, about: About, campaign: str, now: Instant, rules: Mapping[str, RuleInfo], quarantine: Quarantine
    ) -> None:
        self.about = about
        self.campaign = campaign
        self.now = now
        self.left: dict[str, Task] = {}
        self.running: str | None = None
        self.verdicts: dict[str, tuple[Verdict, ...]] = {}
        self.failures: list[RuleFailure] = []
        self._rules = rules
        self._quarantine = quarantine

    def take(self, rule: str, packed: msgspec.Raw) -> None:
        """What a rule returned. Its verdicts, if that is what it is; else it failed."""
        try:
            verdicts = _verdicts_decoder.decode(packed)
        except msgspec.MsgspecError as error:
            self.fail(rule, f"it returned what is no verdict: {error}", costly=False)
            return
        fault = verdicts_fault(verdicts, self.about, self.campaign)
        if fault is not None:
            self.fail(rule, fault, costly=False)
            return
        self.verdicts[rule] = verdicts
        self._is_over(rule)

    def fail(self, rule: str, reason: str, *, costly: bool, held: bool = True) -> None:
        """`costly`: it cost the process. Not `held`: it may be asked again at once."""
        failure = self.failure(rule, reason)
        self.failures.append(failure)
        if held:
            self._quarantine.take(failure, costly=costly)
        self._is_over(rule)

    def give_up(self, reason: str) -> None:
        """What is left cannot be judged, and no rule is to blame."""
        self.failures += [self.failure(rule, reason) for rule in self.left]
        self.left.clear()

    def failure(self, rule: str, reason: str) -> RuleFailure:
        info = self._rules.get(rule)
        plugin = "" if info is None else info.plugin
        return RuleFailure(rule=rule, plugin=plugin, campaign=self.campaign, reason=reason, at=self.now)

    def _is_over(self, rule: str) -> None:
        del self.left[rule]
        self.running = None


def verdicts_fault(verdicts: Sequence[Verdict], about: About, campaign: str) -> str | None:
    """Why these verdicts cannot be taken; None: they can. `campaign` is what was judged ("" for the pipeline)."""
    places: set[tuple[Subject, str]] = set()
    for verdict in verdicts:
        subject = verdict.subject
        if subject.campaign != campaign:
            return f"it judged {subject.text or '(nothing)'}, but was asked about {campaign or 'the pipeline'}"
        if about == "pipeline" and subject == Subject():
            return "it judged the pipeline without naming a part of it"
        if not verdict.summary.get("en", "").strip():
            return f"its verdict on {subject.text} has no summary in English"
        if (subject, verdict.check) in places:
            return f"it returned two verdicts on {subject.text}" + (f" ({verdict.check})" if verdict.check else "")
        places.add((subject, verdict.check))
    return None
