"""Every kind of disturbance by its name, and the case of any seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from tracker.simulate.lab import agreement_wrong, reactions_wrong, shop_wrong
from tracker.simulate.lab.behaviour import LabLanguage
from tracker.simulate.lab.story import Case, World
from tracker.simulate.lab.world import draw_world

Disturb = Callable[[Random, World], Case]

_ALL: tuple[Disturb, ...] = (
    reactions_wrong.late_burst,
    reactions_wrong.bot_drip,
    reactions_wrong.delivered_at_once,
    reactions_wrong.comment_pod,
    reactions_wrong.purge,
    reactions_wrong.follower_jump,
    reactions_wrong.below_baseline,
    reactions_wrong.below_benchmark,
    reactions_wrong.below_target,
    reactions_wrong.forecast_miss,
    agreement_wrong.overdue,
    agreement_wrong.too_few_posts,
    agreement_wrong.missing_required,
    agreement_wrong.wrong_medium,
    agreement_wrong.removed,
    agreement_wrong.edited,
    agreement_wrong.unlabelled,
    agreement_wrong.label_removed,
    shop_wrong.sales_stop,
    shop_wrong.broken_link,
    shop_wrong.never_a_sale,
    shop_wrong.leaked_code,
    shop_wrong.refund_wave,
)
KINDS: Mapping[str, Disturb] = {disturb.__name__: disturb for disturb in _ALL}
CLEAN = "clean"
LANGUAGES: Mapping[str, LabLanguage] = {"unlabelled": "ja", "label_removed": "ja"}
"""Kinds that are of one language only; others are of the world's own."""


def disturbed(kind: str, world: World) -> Case:
    """The world of a seed, disturbed by one kind; `clean` leaves it as it is."""
    if kind == CLEAN:
        return Case(kind=CLEAN, world=world)
    return KINDS[kind](Random(f"{kind} {world.seed}"), world)  # noqa: S311 - a reproducible story, no secret


def case_of(kind: str, seed: int) -> Case:
    """The case of a kind and a seed."""
    return disturbed(kind, draw_world(seed, LANGUAGES.get(kind)))
