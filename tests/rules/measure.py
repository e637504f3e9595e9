"""Measure every installed rule, and write what was measured: `python -m tests.rules.measure`.

It writes docs/reference/rules-measured.json, and docs/reference/rules.md from it. The same seeds give the same figures:
a test measures again and compares (tests/rules/test_precision.py). `--notes RULE` prints a rule's false alarms and
misses instead.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.rules.scoring import Score, alerts, score
from tracker.plugin.manager import load_plugins
from tracker.plugin.rules_reference import Measured, rules_page, write_measured
from tracker.simulate.lab.cases import CLEAN, KINDS, LANGUAGES, disturbed
from tracker.simulate.lab.seen import Known
from tracker.simulate.lab.story import World
from tracker.simulate.lab.world import draw_world

SEEDS = 50
PROCESSES = 2
OTHERS_EVERY = 10
"""Of the cases of a kind that a rule need not find, it judges one in so many."""
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@cache
def campaign_rules() -> list[Any]:
    """The installed rules about campaigns, by name."""
    return [rule for _, rule in sorted(load_plugins().rules.items()) if rule.about == "campaign"]


def measure(seeds: Iterable[int] = range(SEEDS), processes: int = PROCESSES) -> dict[str, Score]:
    """Every installed rule about campaigns, over every kind of case of these seeds."""
    scores: dict[str, Score] = {}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for of_seed in pool.map(_of_seed, seeds):
            _into(scores, of_seed)
    return scores


def measure_rules(
    rules: Sequence[Any], seed: int, kinds: Iterable[str] = (CLEAN, *KINDS), every: int = 1
) -> dict[str, Score]:
    """These rules over these kinds of one seed. Its cases share a world, so what was seen of it is made once.

    A rule that need not find a kind is judged in one of `every` of its cases.
    """
    scores: dict[str, Score] = {}
    known = Known()
    own = draw_world(seed)
    worlds: dict[str | None, World] = {None: own, own.language: own}
    for number, kind in enumerate(kinds):
        language = LANGUAGES.get(kind)
        if language not in worlds:
            worlds[language] = draw_world(seed, language)
        case = disturbed(kind, worlds[language])
        wanted = {name for truth in case.truths for name in truth.rules}
        everybody = kind == CLEAN or (seed + number) % every == 0
        judging = [rule for rule in rules if everybody or rule.name in wanted]
        if judging:
            _into(scores, score(case, alerts(case, judging, known), judging))
    return scores


def _of_seed(seed: int) -> dict[str, Score]:
    return measure_rules(campaign_rules(), seed, every=OTHERS_EVERY)


def _into(scores: dict[str, Score], more: Mapping[str, Score]) -> None:
    for name, one in more.items():
        scores.setdefault(name, Score()).add(one)


def measured(scores: Mapping[str, Score]) -> dict[str, Measured]:
    """The scores as they are written down."""
    return {
        name: Measured(**{field: getattr(one, field) for field in Measured.__struct_fields__})
        for name, one in sorted(scores.items())
    }


def main(arguments: Sequence[str]) -> None:
    scores = measure()
    for name, one in measured(scores).items():
        shown = (one.recall, one.precision, one.alarms_a_week, one.alarms_elsewhere)
        print(f"{name:40}", *(f"{each!s:>6}" for each in shown), *one.misses)
    if arguments[:1] == ["--notes"]:
        for name in arguments[1:] or scores:
            print(name, *scores[name].notes, sep="\n  ")
        return
    write_measured(REFERENCE, measured(scores))
    (REFERENCE / "rules.md").write_text(rules_page(load_plugins().rules, measured(scores)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
