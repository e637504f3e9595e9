"""What a rule says: for each thing that it judged, an outcome with the numbers behind it.

1. A verdict is a level, not an event: it says how things are now, and is said anew at every evaluation.
2. Nothing fires from what is unknown: what cannot be judged is `not_assessable`, and its evidence says what is lacking.
3. The evidence is complete: whoever reads it can do the sum again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from tracker.domain.events import Instant

Category = Literal["engagement", "speed", "authenticity", "conversion", "compliance", "agreement", "payout", "system"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
"""Each has a topic of its own: `tracker.alerts.<category>`."""

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

Language = Literal["en", "ja"]

Outcome = Literal["pass", "near", "fail", "needs_human", "not_assessable"]
"""`fail` and `needs_human` raise an alert (the second one is always of severity `info`), `pass` lets it go. `near` is
neither: good enough not to raise one, not good enough to let it go (hysteresis). `not_assessable` changes nothing."""

EvidenceUnit = Literal["count", "share", "per_minute", "ms", "minor", "text", "instant"]


class Subject(Struct, frozen=True, kw_only=True, omit_defaults=True, order=True):
    """What is judged: a campaign, one of its creators or agreements, an account, a post, a promo code; or a part of
    the pipeline (`part`, e.g. `poller:youtube`), which is of no campaign. What is not named is "".
    """

    campaign: str = ""
    creator: str = ""
    agreement: str = ""
    platform: str = ""
    account: str = ""
    post: str = ""
    code: str = ""
    part: str = ""

    @property
    def text(self) -> str:
        """The same as one string, e.g. `campaign=spring/creator=ana`: equal subjects, and only these, are equal."""
        named = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return "/".join(f"{name}={_quoted(value)}" for name, value in named if value)


def _quoted(value: str) -> str:
    return value.replace("%", "%25").replace("/", "%2F").replace("=", "%3D")


class Evidence(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a verdict rests on.

    `value` is an integer for counts, instants, durations (ms) and money (minor units), a decimal written out for
    shares and rates, a text; None: unknown. `limit` is what it was compared with, in the same unit. `basis` says how
    it was computed, over what. `at` is the instant of the newest statement behind it. `offset` and `length` are where
    a text stands in the post's text, in code points. `platform` and `post` name the post that it is about, if it is not
    the verdict's subject.
    """

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    value: int | str | None
    unit: EvidenceUnit
    basis: str = ""
    limit: int | str | None = None
    currency: str | None = None
    source: str | None = None
    at: Instant | None = None
    platform: str | None = None
    post: str | None = None
    offset: int | None = None
    length: int | None = None


class Verdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule's word on one subject.

    `summary` says it in one sentence that an ops person could repeat to a client; English is required, other languages
    are welcome. `check` names the item of a checklist where a rule has several for one subject (a rule id of a
    disclosure pack, a required hashtag): it is part of what makes an alert the same alert. `severity` overrides the
    rule's own.
    """

    subject: Subject
    outcome: Outcome
    summary: Mapping[Language, str]
    evidence: tuple[Evidence, ...] = ()
    check: Annotated[str, Meta(max_length=200)] = ""
    severity: Severity | None = None
