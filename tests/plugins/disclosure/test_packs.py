"""Packs as data: a rule has its sources and does what its own tests say; what is wrong is refused, with its line."""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tracker_disclosure.assessing import failures
from tracker_disclosure.packs import GROUP, Pack, PackRule, load_packs, read_pack
from tracker_disclosure.places import PackFault

NOW = 1_795_000_000_000
PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "disclosure.md").read_text("utf-8")
PACKS = load_packs(found=())
RULES = [(pack, rule) for pack in PACKS.values() for rule in pack.rules]

SMALL = """\
pack: xx
version: "1"
jurisdiction: XX
title: {en: Nowhere}
on_miss: {post: fail, video: fail, story: needs_human, repost: fail}
rules:
  - id: xx.tag
    kind: require
    match: token
    patterns: [ad]
    verdict_on_hit: pass
    says: {en: is a label}
    legal_ref: none
    source_url: https://law.example/1
    verified_on: "2026-01-01"
    checked: I
    valid_from: "2026-01-01"
    tests:
      - {text: "#ad", outcome: pass}
"""
AGAIN = SMALL[SMALL.index("  - id:") :]


def by_id(pair: tuple[Pack, PackRule]) -> str:
    return pair[1].id


@pytest.mark.parametrize("pair", RULES, ids=map(by_id, RULES))
def test_a_rule_does_what_its_own_tests_say(pair: tuple[Pack, PackRule]) -> None:
    assert failures(*pair, NOW) == []


@pytest.mark.parametrize("pair", RULES, ids=map(by_id, RULES))
def test_a_rule_names_its_source_and_a_day_of_checking_that_has_been(pair: tuple[Pack, PackRule]) -> None:
    rule = pair[1]
    assert rule.legal_ref
    assert rule.source_url.startswith("https://")
    assert date(2026, 1, 1) <= rule.verified_on <= datetime.now(UTC).date()
    assert rule.valid_from <= rule.verified_on


@pytest.mark.parametrize("pair", RULES, ids=map(by_id, RULES))
def test_a_rule_speaks_english_and_japanese_and_judges_nobody(pair: tuple[Pack, PackRule]) -> None:
    rule = pair[1]
    assert set(rule.says) == {"en", "ja"}
    assert not any(word in " ".join(rule.says.values()).lower() for word in ("illegal", "unlawful", "違法", "違反"))


def test_the_pack_of_japan_has_a_test_both_ways_for_every_rule_with_patterns() -> None:
    one_sided = [
        rule.id
        for rule in PACKS["jp"].rules
        if rule.patterns and {bool(t.finds) for t in rule.tests if t.finds is not None} != {True, False}
    ]
    assert one_sided in ([], ["jp.insufficient"]), "jp.insufficient finds whole tags only; jp.tag shows what is none"


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("outcome: fail}", "'#ad' is pass, not fail"),
        ('finds: ["#other"]}', "it finds ('#ad',), not ('#other',)"),
        ("finds: []}", "it finds ('#ad',), not ()"),
    ],
)
def test_a_test_that_is_not_kept_is_told(told: str, found: str) -> None:
    pack = read_pack(SMALL.replace("outcome: pass}", told), "xx.yaml")
    [failure] = failures(pack, pack.rules[0], NOW)
    assert found in failure


def test_a_small_pack_is_read() -> None:
    pack = read_pack(SMALL, "xx.yaml")
    assert [rule.id for rule in pack.rules] == ["xx.tag"]
    assert pack.rules[0].verified_on == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("    checked: I\n", "    checked: I\n    weight: 3\n", 7, "unknown field `weight`"),
        ("pack: xx\n", "pack: xx\nowner: me\n", 1, "unknown field `owner`"),
        ("    source_url: https://law.example/1\n", "", 7, "missing required field `source_url`"),
        ('    verified_on: "2026-01-01"\n', "", 7, "missing required field `verified_on`"),
        ('verified_on: "2026-01-01"', "verified_on: soon", 15, "date"),
        ("https://law.example/1", "a book", 14, "matching regex"),
        ("kind: require", "kind: demand", 8, "demand"),
        ('    tests:\n      - {text: "#ad", outcome: pass}\n', "    tests: []\n", 18, "length >= 1"),
        ("outcome: pass}", "outcome: maybe}", 19, "maybe"),
        (", outcome: pass}", "}", 7, "neither"),
        ("    patterns: [ad]\n", "", 7, "have `patterns`"),
        ("match: token\n    patterns: [ad]", "match: regex\n    patterns: ['(ad']", 7, "no regular expression"),
        ("patterns: [ad]", "patterns: ['{brand}']", 7, "asks for the brand"),
        ("    match: token\n", "    match: token\n    exceptions: ['(']\n", 7, "no regular expression"),
        ("    match: token\n", "    match: token\n    normalise: none\n", 7, "nfkc_casefold"),
        ("    match: token\n", "    match: token\n    unless: [xx.other]\n", 7, "stand nowhere before it"),
        ("    match: token\n", "    match: token\n    window: {measure: first_tag}\n", 7, "has a `window`"),
        ("kind: require", "kind: forbid", 7, "cannot `pass`"),
        ("kind: require", "kind: contradiction", 7, "for a person"),
        ("verdict_on_hit: pass", "verdict_on_hit: fail", 6, "clear label"),
        ("id: xx.tag", "id: yy.tag", 7, "must begin with `xx.`"),
        ("says: {en: is a label}", "says: {ja: ラベル}", 7, "English"),
        ("title: {en: Nowhere}", "title: {ja: どこにも}", 4, "English"),
        (", repost: fail}", "}", 5, "repost"),
        ('valid_from: "2026-01-01"', 'valid_from: "2026-01-01"\n    valid_to: "2025-01-01"', 7, "before `valid_from`"),
        ("    kind: require\n", "    kind: require\n    kind: forbid\n", 9, "stands twice"),
        ('version: "1"', "version: [", 4, ""),
        ("says: {en: is a label}", "says: &x {en: is a label}\n    exceptions: *x", 12, "alias"),
        (AGAIN, AGAIN + AGAIN, 20, "given twice"),
        (SMALL, "", 1, "empty"),
        (SMALL, "- 1", 1, "Expected `object`"),
        ("Nowhere", "No\x00where", 4, "character"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(old: str, new: str, line: int, problem: str) -> None:
    assert old in SMALL
    with pytest.raises(PackFault) as told:
        read_pack(SMALL.replace(old, new, 1), "some/xx.yaml")
    assert (told.value.file, told.value.line) == ("some/xx.yaml", line)
    assert problem in told.value.problem
    assert f"some/xx.yaml:{line}: " in str(told.value)


def test_a_share_that_is_none_is_refused() -> None:
    position = (
        AGAIN.replace("xx.tag", "xx.buried")
        .replace("kind: require", "kind: position")
        .replace(
            "    match: token\n    patterns: [ad]\n    verdict_on_hit: pass",
            '    window: {measure: buried, max_index: 5, max_share: "SHARE"}\n    verdict_on_hit: fail',
        )
    )
    assert len(read_pack(SMALL + position.replace("SHARE", "0.5"), "xx.yaml").rules) == 2
    with pytest.raises(PackFault, match="max_share"):
        read_pack(SMALL + position.replace("SHARE", "1.5"), "xx.yaml")


def test_the_reference_page_lists_every_rule_with_how_far_its_source_was_read() -> None:
    for rule in PACKS["jp"].rules:
        rows = re.findall(rf"^\| `{re.escape(rule.id)}` \|.*\| (\w) \|$", PAGE, re.MULTILINE)
        assert rows == [rule.checked], rule.id


def test_the_pack_on_the_reference_page_can_be_used() -> None:
    [text] = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if block.startswith("pack:")]
    pack = read_pack(text, "disclosure.md")
    assert [failures(pack, rule, NOW) for rule in pack.rules] == [[]]


def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, text: str | None) -> EntryPoint:
    """A package of somebody else's that offers a pack."""
    folder = tmp_path / package / "packs"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("")
    if text is not None:
        (folder / "mine.yaml").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, package, raising=False)
    return EntryPoint(name=package, value=package, group=GROUP)


def test_another_package_can_offer_a_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = outside(tmp_path, monkeypatch, "packs_of_somebody", SMALL)
    assert set(load_packs([point])) == {*PACKS, "xx"}


def test_a_pack_of_a_name_that_is_taken_is_refused_and_both_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SMALL.replace("pack: xx", "pack: jp").replace("xx.tag", "jp.tag")
    point = outside(tmp_path, monkeypatch, "packs_that_collide", text)
    with pytest.raises(PackFault) as told:
        load_packs([point])
    assert told.value.file == "packs_that_collide/packs/mine.yaml"
    assert "tracker_disclosure/packs/jp.yaml" in told.value.problem


def test_a_package_without_packs_or_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PackFault, match="no \\*\\.yaml"):
        load_packs([outside(tmp_path, monkeypatch, "packs_of_nothing", None)])
    with pytest.raises(PackFault, match="cannot be imported"):
        load_packs([EntryPoint(name="x", value="no_such_package_of_packs", group=GROUP)])
