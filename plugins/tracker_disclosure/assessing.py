"""What a pack says of one post. Pure: text in, findings out, each with the places in the text that it rests on.

1. The first finding is whether there is a label at all; its `check` is the pack's id. The others follow where there is
   one: each rule that is judged by itself, under its own id.
2. A text that is unknown is not assessable. A label of the platform that is unknown is not on.
3. Every hit's text is what stands at its place: `text[offset : offset + length]`.
4. What is written in a new line after a label never makes it none: it can only take it back (a contradiction). What
   is written before it can also bury it, or push it beyond the fold (position rules).
5. A position is judged by the clear label that stands best. A label in a title stands before everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal
from unicodedata import category, east_asian_width

from msgspec import Struct
from msgspec.structs import replace

from tracker.domain.events import Instant
from tracker.domain.verdicts import Outcome, Severity
from tracker_disclosure.matching import Found, Reading, find
from tracker_disclosure.packs import Buried, FirstTag, Fold, LabelState, Pack, PackRule, RuleTest, Surface, Worth

Part = Literal["text", "title", "platform_label"]
Reason = Literal["labelled", "unclear", "insufficient", "absent", "unreadable", "kept", "hit"]
"""Of the label: a clear one; something, but unclear; only what does not suffice; nothing; the text is unknown. Of any
other rule: there is nothing to say; it was hit."""

_BEST_FIRST: tuple[tuple[Worth, Reason], ...] = (
    ("pass", "labelled"),
    ("needs_human", "unclear"),
    ("fail", "insufficient"),
)


class Posted(Struct, frozen=True, kw_only=True):
    """A post, as far as a pack needs to know it. `text` None: unknown. `brands`: one of them must be there."""

    text: str | None
    title: str | None = None
    platform: str = ""
    surface: Surface = "post"
    paid_label: LabelState = "unknown"
    brands: tuple[str, ...] = ()


class Limits(Struct, frozen=True, kw_only=True):
    """What stands in place of a pack's own limits; None: the pack's. `folds`: (platform, columns; 0: not judged)."""

    max_index: int | None = None
    max_share: Decimal | None = None
    folds: tuple[tuple[str, int], ...] = ()


class Hit(Struct, frozen=True, kw_only=True):
    """What a rule found, and where: code points of the post's text or title; a platform's label has no place."""

    rule: str
    part: Part
    text: str
    offset: int | None = None

    @property
    def length(self) -> int | None:
        return None if self.offset is None else len(self.text)


class Measured(Struct, frozen=True, kw_only=True):
    """A number behind a position: how many tags stand before the label, what share of all, in which column it ends."""

    name: Literal["tags_before", "share_before", "column"]
    value: int | Decimal
    limit: int | Decimal


class Finding(Struct, frozen=True, kw_only=True):
    """What a pack says on one point. `rule` is the one that decided; None: no rule found anything."""

    check: str
    outcome: Outcome
    severity: Severity
    reason: Reason
    rule: PackRule | None = None
    hits: tuple[Hit, ...] = ()
    measured: tuple[Measured, ...] = ()


def assess(pack: Pack, posted: Posted, now: Instant, limits: Limits | None = None) -> list[Finding]:
    """What the pack, as it is in force at `now`, says of a post. Empty: it asks nothing of such a post."""
    today = datetime.fromtimestamp(now / 1000, UTC).date()
    rules = [rule for rule in pack.rules if _applies(rule, posted, today)]
    asking = [rule for rule in rules if rule.kind == "require" and rule.asks == "label"]
    if not asking:
        return []
    if posted.text is None:
        return [Finding(check=pack.pack, outcome="not_assessable", severity="critical", reason="unreadable")]
    seen = _Seen(posted, posted.text)
    label = _label(pack, asking, seen)
    findings = [label]
    hit: set[str] = set()
    for rule in rules:
        if rule in asking or hit & set(rule.unless):
            continue
        finding = _judged(rule, label, seen, limits or Limits())
        if finding is not None:
            findings.append(finding)
            hit |= {rule.id} if finding.reason == "hit" else set()
    return findings


class _Seen:
    """A post on the way through the rules of a pack, each of its texts read once."""

    def __init__(self, posted: Posted, text: str) -> None:
        self.posted = posted
        self.text = text
        self.reading = Reading(text)
        self.title = Reading(posted.title or "")

    def hits(self, rule: PackRule) -> tuple[Hit, ...]:
        """What a rule finds, the title first."""
        assert rule.match is not None, "a position rule finds nothing by itself"
        if rule.match == "platform_label":
            on = self.posted.paid_label == "on"
            return (Hit(rule=rule.id, part="platform_label", text="on"),) if on else ()
        parts: tuple[tuple[Part, Reading], ...] = (("title", self.title), ("text", self.reading))
        return tuple(
            Hit(rule=rule.id, part=part, text=reading.text[found.start : found.end], offset=found.start)
            for part, reading in parts
            for found in self._found(rule, reading)
        )

    def _found(self, rule: PackRule, reading: Reading) -> Iterator[Found]:
        assert rule.match is not None
        excepted = (
            find(reading, "regex", rule.exceptions, rule.normalise, ()) if rule.exceptions and reading.text else []
        )
        for found in find(reading, rule.match, rule.patterns, rule.normalise, self.posted.brands):
            if not any(found.start < each.end and each.start < found.end for each in excepted):
                yield found


def _applies(rule: PackRule, posted: Posted, today: date) -> bool:
    return (
        (not rule.platform or posted.platform in rule.platform)
        and (not rule.surface or posted.surface in rule.surface)
        and rule.valid_from <= today
        and (rule.valid_to is None or today <= rule.valid_to)
    )


def _label(pack: Pack, asking: Iterable[PackRule], seen: _Seen) -> Finding:
    """The best that any of the rules finds; of equally good ones the first in the pack decides, and all are told."""
    found = [(rule, hits) for rule in asking if (hits := seen.hits(rule))]
    for worth, reason in _BEST_FIRST:
        best = [(rule, hits) for rule, hits in found if rule.verdict_on_hit == worth]
        if best:
            outcome = "pass" if worth == "pass" else _missing(pack, seen) if worth == "fail" else worth
            return Finding(
                check=pack.pack,
                outcome=outcome,
                severity=best[0][0].severity,
                reason=reason,
                rule=best[0][0],
                hits=tuple(hit for _, hits in best for hit in hits),
            )
    return Finding(check=pack.pack, outcome=_missing(pack, seen), severity="critical", reason="absent")


def _missing(pack: Pack, seen: _Seen) -> Outcome:
    return pack.on_miss[seen.posted.surface]


def _judged(rule: PackRule, label: Finding, seen: _Seen, limits: Limits) -> Finding | None:
    """One rule by itself; None where there is nothing that it could judge, as no label, or no brand, is there."""
    if rule.kind == "forbid":
        return _by_hits(rule, seen.hits(rule))
    if label.reason not in {"labelled", "unclear"}:
        return None
    if rule.kind == "contradiction":
        return _by_hits(rule, seen.hits(rule))
    if rule.kind == "require":
        return _brand(rule, seen) if seen.posted.brands else None
    return _position(rule, label, seen, limits) if label.reason == "labelled" else None


def _by_hits(rule: PackRule, hits: tuple[Hit, ...]) -> Finding:
    return _said(rule, is_hit=bool(hits), hits=hits)


def _said(rule: PackRule, *, is_hit: bool, hits: tuple[Hit, ...] = (), measured: Sequence[Measured] = ()) -> Finding:
    return Finding(
        check=rule.id,
        outcome=rule.verdict_on_hit if is_hit else "pass",
        severity=rule.severity,
        reason="hit" if is_hit else "kept",
        rule=rule,
        hits=hits,
        measured=tuple(measured),
    )


def _brand(rule: PackRule, seen: _Seen) -> Finding:
    """Whether the advertiser can be recognised. Where its name is not found a person must look, for names vary."""
    hits = seen.hits(rule)
    return Finding(
        check=rule.id,
        outcome="pass" if hits else "needs_human",
        severity=rule.severity,
        reason="kept" if hits else "hit",
        rule=rule,
        hits=hits,
    )


def _position(rule: PackRule, label: Finding, seen: _Seen, limits: Limits) -> Finding | None:
    placed = [hit for hit in label.hits if hit.offset is not None]
    if not placed:
        return None  # the platform shows its label where it wants to
    if any(hit.part == "title" for hit in placed):
        return _said(rule, is_hit=False, hits=tuple(hit for hit in placed if hit.part == "title"))
    assert rule.window is not None, "packs.read_pack refuses a position rule without a window"
    if isinstance(rule.window, FirstTag | Buried):
        return _among_tags(rule, rule.window, placed, seen, limits)
    fold = _fold(seen.posted.platform, rule.window.folds, limits)
    if fold is None:
        return None
    first = min(placed, key=_end)
    column = columns(seen.text, _end(first), fold)
    measured = Measured(name="column", value=column, limit=fold.columns)
    return _said(rule, is_hit=column > fold.columns, hits=(first,), measured=[measured])


def _end(hit: Hit) -> int:
    return (hit.offset or 0) + len(hit.text)


def _among_tags(
    rule: PackRule, window: FirstTag | Buried, placed: Sequence[Hit], seen: _Seen, limits: Limits
) -> Finding:
    starts = [span.start for span in seen.reading.tags]
    if any(hit.offset not in starts for hit in placed):
        return _said(rule, is_hit=False, hits=tuple(placed))  # a sentence or a word says it too
    first = (min(placed, key=_end),)
    before = starts.index(first[0].offset or 0)
    if isinstance(window, FirstTag):
        measured = [Measured(name="tags_before", value=before, limit=0)]
        return _said(rule, is_hit=before > 0, hits=first, measured=measured)
    max_index = limits.max_index or window.max_index
    max_share = limits.max_share or window.max_share
    share = (Decimal(before) / len(starts)).quantize(Decimal("0.0001"))
    is_hit = before >= max_index or (before >= window.min_index and share > max_share)
    return _said(
        rule,
        is_hit=is_hit,
        hits=first,
        measured=[
            Measured(name="tags_before", value=before, limit=max_index),
            Measured(name="share_before", value=share, limit=max_share),
        ],
    )


def _fold(platform: str, folds: Mapping[str, Fold], limits: Limits) -> Fold | None:
    fold = folds.get(platform)
    wanted = dict(limits.folds).get(platform)
    if wanted is None:
        return fold
    return None if wanted == 0 else Fold(columns=wanted) if fold is None else replace(fold, columns=wanted)


def columns(text: str, end: int, fold: Fold) -> int:
    """In which column the first `end` characters of a text end; what is not seen (marks, joiners) takes none."""
    addresses = {each.start: each.end for each in Reading(text).addresses} if fold.url else {}
    column = position = 0
    while position < end:
        char = text[position]
        if position in addresses and fold.url is not None:
            column += fold.url
            position = addresses[position]
            continue
        if char == "\n":
            column = column + 1 if fold.line is None else (column // fold.line + 1) * fold.line
        elif category(char) not in {"Mn", "Me", "Cf", "Cc"}:
            column += 2 if east_asian_width(char) in "WF" else 1
        position += 1
    return column


def failures(pack: Pack, rule: PackRule, now: Instant) -> list[str]:
    """What the rule's own tests say and the rule does not do; empty: it does what they say."""
    return [fault for test in rule.tests for fault in _failures(pack, rule, test, now)]


def _failures(pack: Pack, rule: PackRule, test: RuleTest, now: Instant) -> Iterator[str]:
    posted = Posted(
        text=test.text,
        title=test.title,
        platform=test.platform,
        surface=test.surface,
        paid_label=test.paid_label,
        brands=() if test.brand is None else (test.brand,),
    )
    if test.finds is not None and rule.match is not None:
        found = tuple(hit.text for hit in _Seen(posted, test.text).hits(rule))
        if found != test.finds:
            yield f"{rule.id}: in {test.text!r} it finds {found}, not {test.finds}"
    if test.outcome is not None:
        is_alternative = rule.kind == "require" and rule.asks == "label"
        check = pack.pack if is_alternative else rule.id
        outcome = next((each.outcome for each in assess(pack, posted, now) if each.check == check), "none")
        if outcome != test.outcome:
            yield f"{rule.id}: {test.text!r} is {outcome}, not {test.outcome}"
