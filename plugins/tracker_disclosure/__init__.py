"""Is a post labelled as advertising as its jurisdiction asks? Packs of rules as data, and what applies them."""

from __future__ import annotations

from tracker.plugin import Rule, hookimpl
from tracker_disclosure.packs import load_packs
from tracker_disclosure.rules import Disclosure


@hookimpl
def tracker_rules() -> list[Rule]:
    return [Disclosure(load_packs())]
