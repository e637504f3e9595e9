"""Rules about clicks, sales and refunds.

1. Whatever is compared by chance is compared by an exact tail, with the number in the evidence (conversion_tails.py).
2. Unknown rates are not guessed: without enough sales to compare with, nothing fails.
"""

from __future__ import annotations

from tracker.plugin.rules import Rule
from tracker_rules.conversion_orders import RefundRate, SalesWithoutClicks
from tracker_rules.conversion_stops import ClicksWithoutSales, SalesStopped

RULES: tuple[Rule, ...] = (ClicksWithoutSales(), SalesStopped(), SalesWithoutClicks(), RefundRate())
