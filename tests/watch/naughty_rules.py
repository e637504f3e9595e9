"""Rules that do what no rule may do, beside some that do what they should: a plugin for the tests of the judges."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, cast

from msgspec import Meta

from tracker.domain.verdicts import Category, Evidence, Language, Severity, Subject, Verdict
from tracker.plugin import CampaignFacts, PipelineFacts, RuleSettings, Timing, hookimpl
from tracker.plugin.rules import Kind

Does = Callable[[Any, "Settings"], Any]
_OPEN: list[Any] = []


class Settings(RuleSettings, frozen=True, kw_only=True):
    least: Annotated[int, Meta(ge=0, description="So many likes at least")] = 10
    path: Annotated[str, Meta(description="A pipe to hold open as long as this process lives")] = ""


class Rule:
    """Does one thing."""

    title: Mapping[Language, str] = {"en": "Of the tests"}
    kind: Kind = "absolute"
    severity: Severity = "warning"
    timing = Timing()
    settings: type[RuleSettings] = Settings

    def __init__(self, name: str, does: Does) -> None:
        self.name = name
        self.category = cast(Category, name.partition(".")[0])
        self.about = "pipeline" if self.category == "system" else "campaign"
        self.does = does

    def judge(self, facts: Any, settings: Any, now: int) -> Any:
        return self.does(facts, settings)


def verdict(facts: CampaignFacts, **other: Any) -> Verdict:
    likes = facts.totals.get("", {}).get("likes")
    said: dict[str, Any] = {
        "subject": Subject(campaign=facts.campaign.id),
        "outcome": "pass",
        "summary": {"en": "As it should be."},
        "evidence": (Evidence(name="likes", value=likes, unit="count"),),
    }
    return Verdict(**{**said, **other})


def good(facts: CampaignFacts, settings: Settings) -> Iterable[Verdict]:
    return [verdict(facts, outcome="pass" if facts.totals[""]["likes"] >= settings.least else "fail")]


def lazy(facts: CampaignFacts, _settings: Settings) -> Iterator[Verdict]:
    yield verdict(facts)


def raises(_facts: CampaignFacts, _settings: Settings) -> None:
    raise ZeroDivisionError("by nothing")


def loops(_facts: CampaignFacts, settings: Settings) -> None:
    hold(settings)
    while True:
        pass


def loops_beyond_python(_facts: CampaignFacts, settings: Settings) -> None:
    """Never comes back from C, and holds the interpreter's lock all the time."""
    hold(settings)
    sum(iter(int, 1))


def loops_deaf(_facts: CampaignFacts, _settings: Settings) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    while True:
        pass


def prints(facts: CampaignFacts, _settings: Settings) -> Iterable[Verdict]:
    print("printed", flush=True)
    os.write(1, b"written to 1\n")
    assert sys.stdin.read() == ""
    return [verdict(facts)]


def eats(_facts: CampaignFacts, _settings: Settings) -> None:
    eaten = []
    while True:
        eaten.append(bytearray(16 << 20))


def keeps(_facts: CampaignFacts, _settings: Settings) -> None:
    while True:
        _OPEN.append(bytearray(16 << 20))


def leaves(_facts: CampaignFacts, _settings: Settings) -> None:
    os._exit(3)


def asks_to_leave(_facts: CampaignFacts, _settings: Settings) -> None:
    sys.exit("enough")


def returns_a_dict(_facts: CampaignFacts, _settings: Settings) -> list[Any]:
    return [{"subject": {}, "outcome": "pass", "summary": {"en": "x"}}]


def returns_nothing(_facts: CampaignFacts, _settings: Settings) -> None:
    return None


def never_ends(facts: CampaignFacts, _settings: Settings) -> Iterator[Verdict]:
    one = verdict(facts)
    while True:
        yield one


def is_long_winded(facts: CampaignFacts, _settings: Settings) -> Iterable[Verdict]:
    return [verdict(facts, summary={"en": "x" * (17 << 20)})]


def misnames(facts: CampaignFacts, _settings: Settings) -> Iterable[Verdict]:
    return [verdict(facts, outcome="maybe")]


def strays(facts: CampaignFacts, _settings: Settings) -> Iterable[Verdict]:
    return [verdict(facts, subject=Subject(campaign="another"))]


def is_mute(facts: CampaignFacts, _settings: Settings) -> Iterable[Verdict]:
    return [verdict(facts, summary={"ja": "静か"})]


def repeats(facts: CampaignFacts, _settings: Settings) -> Iterable[Verdict]:
    return [verdict(facts), verdict(facts, check="a"), verdict(facts, check="a", outcome="fail")]


def meddles(facts: CampaignFacts, _settings: Settings) -> Iterable[Verdict]:
    facts.totals[""]["likes"] = 0
    facts.totals["other"] = {}
    facts.fresh.clear()
    facts.minutes.clear()
    facts.hours.clear()
    return [verdict(facts)]


def holds(facts: CampaignFacts, settings: Settings) -> Iterable[Verdict]:
    hold(settings)
    return [verdict(facts)]


def watches(facts: PipelineFacts, _settings: Settings) -> Iterable[Verdict]:
    return [Verdict(subject=Subject(part=part), outcome="pass", summary={"en": "Well."}) for part in facts.watched]


def watches_nothing(_facts: PipelineFacts, _settings: Settings) -> Iterable[Verdict]:
    return [Verdict(subject=Subject(), outcome="pass", summary={"en": "Well."})]


def hold(settings: Settings) -> None:
    """Open the pipe, for as long as this process lives."""
    if settings.path:
        pipe = open(settings.path, "wb", buffering=0)  # noqa: PTH123, SIM115 - it is never closed
        _OPEN.append(pipe)
        pipe.write(b"here")


RULES: Mapping[str, Does] = {
    "engagement.a_good": good,
    "engagement.asks_to_leave": asks_to_leave,
    "engagement.eats": eats,
    "engagement.holds": holds,
    "engagement.is_long_winded": is_long_winded,
    "engagement.is_mute": is_mute,
    "engagement.keeps": keeps,
    "engagement.lazy": lazy,
    "engagement.leaves": leaves,
    "engagement.loops": loops,
    "engagement.loops_beyond_python": loops_beyond_python,
    "engagement.loops_deaf": loops_deaf,
    "engagement.meddles": meddles,
    "engagement.misnames": misnames,
    "engagement.never_ends": never_ends,
    "engagement.prints": prints,
    "engagement.raises": raises,
    "engagement.repeats": repeats,
    "engagement.returns_a_dict": returns_a_dict,
    "engagement.returns_nothing": returns_nothing,
    "engagement.strays": strays,
    "engagement.z_good": good,
    "system.watches": watches,
    "system.watches_nothing": watches_nothing,
}


@hookimpl
def tracker_rules() -> list[Any]:
    return [Rule(name, does) for name, does in RULES.items()]
