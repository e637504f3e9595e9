"""How rules write instants, exact rates and posts, and put a verdict together (the rest is in words.py).

1. A number in a sentence is the one in the evidence, only shorter.
2. Nothing here judges.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Annotated

from msgspec import Meta

from tracker.domain.events import Instant
from tracker.domain.facts import PostFacts
from tracker.domain.verdicts import Evidence, Outcome, Severity, Subject, Verdict

RATE = r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,9})?$"
"""A decimal, written out: zero or more."""
SHARE = r"^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$"
"""A decimal between 0 and 1, written out."""

Probability = Annotated[
    str,
    Meta(pattern=SHARE, description="How improbable it must be by chance, for what was counted to be told of"),
]

LEAST_CHANCE = Decimal("0.000000000001")
EXCERPT = 280
"""So many characters of a text stand in the evidence."""


def clock(at: Instant) -> str:
    """An instant for people: `2026-05-03 12:00 UTC`."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def written(number: Fraction | Decimal, digits: int = 9) -> str:
    """A rate or a share as evidence has it: a decimal of so many significant digits, written out."""
    if not number:
        return "0"
    value = number if isinstance(number, Decimal) else Decimal(number.numerator) / Decimal(number.denominator)
    kept = value.quantize(Decimal(1).scaleb(value.adjusted() - digits + 1), ROUND_HALF_EVEN)
    plain = f"{kept:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def percent(number: Fraction | Decimal) -> str:
    """A share for people: `2.46 %`."""
    return f"{written(number * 100, 3)} %"


def unlikely(chance: Decimal) -> str:
    """A probability as evidence has it. What is smaller than 0.000000000001 is written so: it is as good as never."""
    return written(max(chance, LEAST_CHANCE))


def called(post: PostFacts) -> str:
    """A post for people: its address, or its id on its platform."""
    return post.permalink or f"{post.platform}/{post.post}"


def excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def instant(name: str, at: Instant | None, basis: str = "", limit: Instant | None = None) -> Evidence:
    return Evidence(name=name, value=at, unit="instant", basis=basis, limit=limit)


def verdict(
    subject: Subject,
    outcome: Outcome,
    sentences: tuple[str, str],
    *evidence: Evidence,
    check: str = "",
    severity: Severity | None = None,
) -> Verdict:
    """A verdict. `sentences`: the summary in English and in Japanese."""
    english, japanese = sentences
    return Verdict(
        subject=subject,
        outcome=outcome,
        summary={"en": english, "ja": japanese},
        evidence=evidence,
        check=check,
        severity=severity,
    )
