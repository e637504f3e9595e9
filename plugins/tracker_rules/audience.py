"""Rules about follower counts and totals that move as an audience does not. They speak of numbers, never of intent."""

from __future__ import annotations

from tracker.plugin.rules import Rule
from tracker_rules.audience_jumps import FollowerJump
from tracker_rules.audience_rollbacks import CounterRolledBack

RULES: tuple[Rule, ...] = (FollowerJump(), CounterRolledBack())
