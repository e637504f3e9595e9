"""A campaign's clicks and sales as conversion rules need them: by hour, and by creator.

1. A counter that is not there is zero: clicks and orders are events of ours, and are known to have come or not to.
2. Sales come after their clicks: the clicks of the latest hours are left out, their sales are not. So a sale that is
   still to come is not missed.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from tracker.domain.events import Instant
from tracker.domain.facts import CampaignFacts
from tracker_rules.words import HOUR


class Hours(Struct, frozen=True):
    """Clicks and sales by the hour since the epoch, only those where there were any."""

    clicks: Mapping[int, int]
    sales: Mapping[int, int]

    def clicks_within(self, after: int, until: int) -> int:
        """Clicks of the hours `after < hour <= until`."""
        return sum(number for hour, number in self.clicks.items() if after < hour <= until)

    def sales_after(self, after: int) -> int:
        return sum(number for hour, number in self.sales.items() if hour > after)


def hours_of(facts: CampaignFacts) -> Hours:
    return Hours(by_hour(facts, "clicks"), by_hour(facts, "conversions"))


def by_hour(facts: CampaignFacts, field: str) -> dict[int, int]:
    """A counter's changes by the hour since the epoch, only those where there were any."""
    prefix = f"{field}@"
    return {int(key[len(prefix) :]): change for key, change in facts.hours.items() if key.startswith(prefix)}


def this_hour(now: Instant) -> int:
    return now // HOUR


def running(facts: CampaignFacts, now: Instant) -> bool:
    return facts.campaign.starts_at <= now < facts.campaign.ends_at


def of_scope(facts: CampaignFacts, scope: str, field: str) -> int:
    return facts.totals.get(scope, {}).get(field, 0)
