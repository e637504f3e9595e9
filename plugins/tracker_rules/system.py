"""Rules about the tracker itself: whether what it says can be relied on.

1. An alert names the part that is amiss: `feed:{platform}:{source}`, `partition:{stage}:{number}`, `dead_letters`,
   `poller:{platform}`, `rule:{name}`, `codes`.
2. What was never heard of is not stale: only what was there before can be gone.
"""

from __future__ import annotations

from tracker.plugin.rules import Rule
from tracker_rules.system_feed import DeadLetters, FeedStale, Lag, QuotaExhausted
from tracker_rules.system_own import CodeUnregistered, RuleFailing

RULES: tuple[Rule, ...] = (FeedStale(), Lag(), DeadLetters(), QuotaExhausted(), RuleFailing(), CodeUnregistered())
