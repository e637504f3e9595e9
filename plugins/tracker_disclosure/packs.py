"""Packs: what a jurisdiction asks of a post that advertises, as data with its sources.

1. A file is one pack. Its head says what all its rules share; an unknown field, a missing source or date, or a pattern
   that cannot be compiled refuses the whole file, with the line.
2. `require` rules that ask for the label are alternatives: one that is hit suffices. Their `verdict_on_hit` is what a
   hit is worth: `pass` (a clear label), `needs_human` (something, but is it clear?), `fail` (known not to suffice).
3. Every other rule is judged by itself: `forbid` (must not be there), `position` (where the label stands),
   `contradiction` (what takes the label back), and `require` with `asks: brand`.
4. Each rule brings its own tests; a pack whose rules do not do what their tests say is not fit to be used
   (tracker_disclosure.assessing.failures, tests/plugins/disclosure/test_packs.py).

`checked` says how far the source was read: V the primary page, S by another's word, M not verified, I our inference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from tracker.domain.definitions import Slug
from tracker.domain.verdicts import Language, Severity
from tracker_disclosure.matching import BRAND, Form, Match, compiled
from tracker_disclosure.places import Data, PackFault, read

GROUP = "tracker.disclosure_packs"
"""Entry points of this group name packages; each `*.yaml` in the folder `packs` of such a package is a pack."""

Surface = Literal["post", "story", "video", "repost"]
LabelState = Literal["on", "off", "unknown"]
Worth = Literal["pass", "needs_human", "fail"]
_Text = Annotated[str, Meta(min_length=1, max_length=500)]
_Platform = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
_Link = Annotated[str, Meta(pattern=r"^https?://[^\s]+$", max_length=500)]


class _Part(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    pass


class Fold(_Part, frozen=True, kw_only=True):
    """How much is seen before "more": `columns` (a wide character takes two), in lines of `line` columns.

    A line break uses up its line; without `line` it takes one column. An address takes `url` columns, if that is set.
    """

    columns: Annotated[int, Meta(ge=1, le=100_000)]
    line: Annotated[int, Meta(ge=1, le=1_000)] | None = None
    url: Annotated[int, Meta(ge=1, le=1_000)] | None = None


class FirstTag(_Part, frozen=True, kw_only=True, tag="first_tag", tag_field="measure"):
    """A label that is given by hashtags alone: is one of them the first tag of the text?"""


class Buried(_Part, frozen=True, kw_only=True, tag="buried", tag_field="measure"):
    """A label that is given by hashtags alone: do too many other tags stand before it?

    Hit where `max_index` or more tags stand before it; or `min_index` or more, and these are more than `max_share` of
    all. Counted is what stands before it, so that a tag after it never buries it.
    """

    max_index: Annotated[int, Meta(ge=1, le=100)]
    max_share: Decimal
    min_index: Annotated[int, Meta(ge=1, le=100)] = 1


class BeyondFold(_Part, frozen=True, kw_only=True, tag="fold", tag_field="measure"):
    """Does the first clear label end beyond what is seen at first? A platform that is not named is not judged."""

    folds: dict[_Platform, Fold]


Window = FirstTag | Buried | BeyondFold


class RuleTest(_Part, frozen=True, kw_only=True):
    """A post, and what the rule must say of it: the texts that it finds, or the outcome of the check it belongs to.

    `outcome` "none": the check is not judged at all.
    """

    text: str
    title: str | None = None
    platform: _Platform = "instagram"
    surface: Surface = "post"
    paid_label: LabelState = "unknown"
    brand: str | None = None
    finds: tuple[str, ...] | None = None
    outcome: Literal["pass", "fail", "needs_human", "none"] | None = None


class PackRule(_Part, frozen=True, kw_only=True):
    """One rule of a pack. Empty `platform` or `surface`: any. `valid_to` is its last day; days are of UTC."""

    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]*\.[a-z0-9][a-z0-9-]*$", max_length=100)]
    kind: Literal["require", "forbid", "position", "contradiction"]
    says: Mapping[Language, _Text]
    """What a hit means, to be read after "its label": "stands among other tags, but not first". Of a rule that asks for
    the brand: what it means that nothing is found."""
    asks: Literal["label", "brand"] = "label"
    match: Match | None = None
    patterns: tuple[_Text, ...] = ()
    normalise: Form = "nfkc_casefold"
    exceptions: tuple[_Text, ...] = ()
    """Regular expressions: what overlaps with one of these is no hit."""
    platform: tuple[_Platform, ...] = ()
    surface: tuple[Surface, ...] = ()
    window: Window | None = None
    unless: tuple[str, ...] = ()
    """Rules before it: where one of these is hit, this one is not judged, so that one cause raises one alert."""
    severity: Severity = "critical"
    verdict_on_hit: Worth
    legal_ref: _Text
    source_url: _Link
    verified_on: date
    checked: Literal["V", "S", "M", "I"]
    valid_from: date
    valid_to: date | None = None
    tests: Annotated[tuple[RuleTest, ...], Meta(min_length=1)]


class Pack(_Part, frozen=True, kw_only=True):
    """A pack. `on_miss` is what the absence of any label is, by surface: what cannot be read is for a person."""

    pack: Slug
    version: Annotated[str, Meta(min_length=1, max_length=50)]
    jurisdiction: Annotated[str, Meta(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
    title: Mapping[Language, _Text]
    on_miss: dict[Surface, Literal["fail", "needs_human"]]
    rules: Annotated[tuple[PackRule, ...], Meta(min_length=1)]

    def rule(self, id: str) -> PackRule | None:
        return next((rule for rule in self.rules if rule.id == id), None)


def read_pack(text: str, file: str) -> Pack:
    """The pack in a file's text; `file` is how the file is called in errors. Raises PackFault."""
    data = read(text, file)
    pack = _converted(data)
    for number, rule in enumerate(pack.rules):
        fault = next(_faults(pack, number, rule), None)
        if fault is not None:
            raise PackFault(file, data.line(("rules", number)), f"rule {rule.id}: {fault}")
    if not any(r.kind == "require" and r.asks == "label" and r.verdict_on_hit == "pass" for r in pack.rules):
        raise PackFault(
            file, data.line(("rules",)), "no rule says what a clear label is (require, verdict_on_hit: pass)"
        )
    if missing := {"post", "story", "video", "repost"} - pack.on_miss.keys():
        raise PackFault(file, data.line(("on_miss",)), f"`on_miss` does not say what it is on {sorted(missing)}")
    if not pack.title.get("en"):
        raise PackFault(file, data.line(("title",)), "`title` needs at least English (en)")
    return pack


def load_packs(found: Iterable[EntryPoint] | None = None) -> Mapping[str, Pack]:
    """The packs of this package, and of those that the entry points name (or `found`), by id.

    Raises PackFault, also where two packs have one id.
    """
    points = sorted(entry_points(group=GROUP) if found is None else found, key=lambda point: point.name)
    packs: dict[str, tuple[Pack, str]] = {}
    for package in ("tracker_disclosure", *(point.value for point in points)):
        for file in _files(package):
            pack = read_pack(file.read_text("utf-8"), f"{package}/packs/{file.name}")
            if pack.pack in packs:
                raise PackFault(
                    f"{package}/packs/{file.name}", 1, f"pack {pack.pack!r} is already that of {packs[pack.pack][1]}"
                )
            packs[pack.pack] = pack, f"{package}/packs/{file.name}"
    return {id: pack for id, (pack, _) in packs.items()}


def _files(package: str) -> list[Traversable]:
    try:
        folder = files(package).joinpath("packs")
    except ModuleNotFoundError as error:
        raise PackFault(package, 1, f"an entry point of {GROUP} names it, and it cannot be imported") from error
    found = [file for file in folder.iterdir() if file.name.endswith(".yaml")] if folder.is_dir() else []
    if not found:
        raise PackFault(f"{package}/packs", 1, "there is no *.yaml in it")
    return sorted(found, key=lambda file: file.name)


def _converted(data: Data) -> Pack:
    try:
        return msgspec.convert(data.value, Pack)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        raise PackFault(data.file, data.line(_path(where)), problem) from error


def _path(where: str) -> tuple[str | int, ...]:
    return tuple(int(index) if index else name for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", where))


def _faults(pack: Pack, number: int, rule: PackRule) -> Iterator[str]:
    before = {each.id for each in pack.rules[:number]}
    if rule.id in before:
        yield "its id is given twice"
    if not rule.id.startswith(f"{pack.pack}."):
        yield f"its id must begin with `{pack.pack}.`"
    if not rule.says.get("en"):
        yield "`says` needs at least English (en)"
    if unknown := set(rule.unless) - before:
        yield f"`unless` names {sorted(unknown)}, which stand nowhere before it"
    if rule.valid_to is not None and rule.valid_to < rule.valid_from:
        yield "`valid_to` is before `valid_from`"
    if any(test.finds is None and test.outcome is None for test in rule.tests):
        yield "a test says neither what it `finds` nor the `outcome`"
    yield from _faults_of_kind(rule)
    yield from _faults_of_patterns(rule)


def _faults_of_kind(rule: PackRule) -> Iterator[str]:
    is_position = rule.kind == "position"
    if is_position != (rule.window is not None):
        yield "a `position` rule, and no other, has a `window`"
    if is_position == (rule.match is not None):
        yield "every rule but a `position` rule has a `match`"
    if rule.kind == "contradiction" and rule.verdict_on_hit != "needs_human":
        yield "whether a text contradicts its label is for a person: `verdict_on_hit: needs_human`"
    if rule.kind != "require" and rule.verdict_on_hit == "pass":
        yield f"a hit of a `{rule.kind}` rule cannot `pass`"
    if rule.asks == "brand" and (rule.kind, rule.match, rule.verdict_on_hit) != ("require", "regex", "pass"):
        yield "a rule that asks for the brand is a `require` with `match: regex` and `verdict_on_hit: pass`"
    if isinstance(rule.window, Buried) and not 0 < rule.window.max_share <= 1:
        yield "`max_share` lies above 0 and is at most 1"


def _faults_of_patterns(rule: PackRule) -> Iterator[str]:
    if (rule.match in {None, "platform_label"}) == bool(rule.patterns):
        yield "`token`, `keyword` and `regex` have `patterns`, nothing else has"
    if any((BRAND in pattern) != (rule.asks == "brand") for pattern in rule.patterns):
        yield f"{BRAND} stands in the patterns of a rule that asks for the brand, and in no other"
    if rule.match == "token" and rule.normalise != "nfkc_casefold":
        yield "hashtags are always compared as `nfkc_casefold`"
    try:
        if rule.match == "keyword" or rule.match == "regex":  # noqa: PLR1714 (mypy narrows this)
            compiled(rule.match, rule.patterns, rule.normalise, ("x",))
        compiled("regex", rule.exceptions, rule.normalise)
    except re.error as error:
        yield f"{error.pattern!r} is no regular expression: {error}"
