"""Rules about what was agreed with each creator. Their verdicts are the agreement's checklist.

1. Every agreement gets a verdict on each item that it asks for: one a post; where there is no post yet, one that it
   cannot be assessed.
2. Word of mouth is not judged, and neither is what an agreement does not ask for.
"""

from __future__ import annotations

from tracker.plugin.rules import Rule
from tracker_rules.agreement_count import PostOverdue, TooFewPosts
from tracker_rules.agreement_items import RequiredMissing, WrongMedium
from tracker_rules.agreement_kept import PostEdited, PostRemoved

RULES: tuple[Rule, ...] = (
    PostOverdue(),
    TooFewPosts(),
    RequiredMissing(),
    WrongMedium(),
    PostRemoved(),
    PostEdited(),
)
