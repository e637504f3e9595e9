# ruff: noqa: RUF001  full-width signs are what is tested
"""What a pack says of a post: laws for any text, and the decisions one by one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tracker.domain.verdicts import Outcome
from tracker_disclosure.assessing import Finding, Limits, Posted, assess, columns
from tracker_disclosure.packs import Fold, Pack, load_packs, read_pack

NOW = 1_795_000_000_000
DAY = 86_400_000
JP = load_packs(found=())["jp"]

WORDS = st.lists(
    st.sampled_from(
        (
            "新作",
            "最高",
            "コスメ",
            "#コスメ",
            "#a1",
            "#ad",
            "#提供",
            "【新作】",
            "PRADA",
            "SPRING",
            "https://shop.example/#x",
            "@glow",
            "広告代理店",
            "♯PR",
            "\u200b",
            "\n",
            "ﾌﾟ",
            "e\u0301",
            "🌞",
            "…",
            "参加して",
            "投稿し",
            "(",
            "：",
            "わけではない",
        )
    ),
    max_size=12,
).map(" ".join)
LABELS = st.sampled_from(
    (
        "#PR",
        "＃ＰＲ",
        "#宣伝",
        "#広告",
        "#ﾌﾟﾛﾓｰｼｮﾝ",
        "【PR】",
        "［ＰＲ］",
        "PR：",
        "グロウのプロモーションに参加しています",
        "グロウの商品モニターに協力中です",
        "A社から商品の提供を受けて投稿しています",
        "この投稿は広告です",
    )
)
ANYTHING = st.text(max_size=60) | st.tuples(WORDS, LABELS, WORDS).map(" ".join)


def judged(text: str | None, pack: Pack = JP, limits: Limits | None = None, **more: Any) -> dict[str, Finding]:
    posted = replace(Posted(text=text, platform="instagram"), **more)
    return {finding.check: finding for finding in assess(pack, posted, NOW, limits)}


def outcomes(text: str | None, **more: Any) -> dict[str, Outcome]:
    return {check: finding.outcome for check, finding in judged(text, **more).items()}


@given(
    ANYTHING, ANYTHING, st.sampled_from(("instagram", "x", "elsewhere")), st.sampled_from(("post", "story", "video"))
)
@example("x\u200bP\u200bR", "㏚", "x", "post")
def test_a_hit_is_the_text_that_stands_at_its_place(text: str, title: str, platform: str, surface: Any) -> None:
    found = judged(text, title=title, platform=platform, surface=surface, paid_label="on", brands=("コスメ", "a"))
    for finding in found.values():
        for hit in finding.hits:
            if hit.part == "platform_label":
                assert hit.offset is None
                continue
            whole = text if hit.part == "text" else title
            assert hit.offset is not None
            assert hit.length is not None
            assert whole[hit.offset : hit.offset + hit.length] == hit.text != ""


@given(ANYTHING)
def test_there_is_one_finding_for_each_check_and_the_label_is_the_first(text: str) -> None:
    findings = assess(JP, Posted(text=text, platform="instagram", brands=("Glow",)), NOW)
    assert findings[0].check == "jp"
    assert len({finding.check for finding in findings}) == len(findings)
    if findings[0].reason in {"absent", "insufficient"}:
        assert len(findings) == 1, "a post without a label is one alert, not several"


@given(WORDS, LABELS, WORDS)
def test_what_is_written_in_a_new_line_after_a_label_takes_nothing_from_it(before: str, label: str, after: str) -> None:
    short, long = judged(f"{before} {label}"), judged(f"{before} {label}\n{after}")
    for check in short:
        if short[check].outcome == "pass":
            assert long[check].outcome == "pass", check


@given(WORDS, st.sampled_from(("#PR", "#広告")), WORDS)
def test_a_tag_is_a_label_whatever_stands_around_it(before: str, tag: str, after: str) -> None:
    assert judged(f"{before} {tag} {after}")["jp"].outcome == "pass"


@given(st.sampled_from(("#PR", "#プロモーション", "#宣伝", "#広告", "【PR】", "PR: ", "広告：")), st.data())
def test_any_way_of_writing_that_nfkc_undoes_is_the_same_label(label: str, data: st.DataObject) -> None:
    written = "".join(data.draw(st.sampled_from(VARIANTS.get(char, (char,)))) for char in label)
    assert judged(f"{written} 新作")["jp"].outcome == "pass", ascii(written)


VARIANTS = {
    "P": ("P", "p", "Ｐ", "𝗣", "ℙ"),  # not Ⓟ: twitter-text takes it for a symbol, so it stands in no tag
    "R": ("R", "r", "Ｒ", "𝗥", "ℛ"),
    "#": ("#", "＃"),
    "プ": ("プ", "ﾌﾟ", "フ\u309a"),
    "ロ": ("ロ", "ﾛ"),
    "モ": ("モ", "ﾓ"),
    "ー": ("ー", "ｰ"),
    "シ": ("シ", "ｼ"),
    "ョ": ("ョ", "ｮ"),
    "ン": ("ン", "ﾝ"),
    ":": (":", "：", "﹕"),
}


@given(ANYTHING)
def test_an_unknown_label_of_the_platform_is_never_on(text: str) -> None:
    assert judged(text, paid_label="unknown") == judged(text, paid_label="off")
    assert not any(hit.part == "platform_label" for hit in judged(text, paid_label="unknown")["jp"].hits)


@given(st.sampled_from(("on", "off", "unknown")), st.sampled_from((None, "【PR】新作")))
def test_an_unknown_text_is_not_assessable_whatever_else_is_known(paid_label: Any, title: str | None) -> None:
    assert outcomes(None, paid_label=paid_label, title=title) == {"jp": "not_assessable"}


def test_an_empty_text_is_known_and_has_no_label() -> None:
    assert outcomes("") == {"jp": "fail"}


@pytest.mark.parametrize("paid_label", ["on", "off", "unknown"])
def test_the_platforms_own_label_never_makes_a_clear_one_worse(paid_label: str) -> None:
    assert outcomes("#PR 新作", paid_label=paid_label)["jp"] == "pass"


def test_a_label_on_a_story_may_stand_in_its_picture() -> None:
    assert outcomes("", surface="story") == {"jp": "needs_human"}
    assert outcomes("#ad", surface="story") == {"jp": "needs_human"}
    assert outcomes("#PR", surface="story")["jp"] == "pass"


def test_an_unclear_label_is_not_judged_by_its_place() -> None:
    assert outcomes("#a1 #a2 #a3 #a4 #a5 #a6 ♯PR") == {"jp": "needs_human", "jp.contradiction": "pass"}


def test_of_several_labels_the_best_decides_and_insufficient_ones_do_no_harm() -> None:
    label = judged("【PR】新作 #ad #提供 ♯PR")["jp"]
    assert (label.outcome, [hit.text for hit in label.hits]) == ("pass", ["PR"])


def test_a_buried_label_is_one_failure_not_two() -> None:
    found = outcomes("#a1 #a2 #a3 #a4 #a5 #PR")
    assert {check for check, outcome in found.items() if outcome == "fail"} == {"jp.buried"}


def test_a_label_in_the_title_stands_before_everything() -> None:
    found = outcomes("#a1 #a2 #a3 #a4 #a5 #PR " + "\n" * 10, title="【PR】新作")
    assert set(found.values()) == {"pass"}


def test_of_several_labels_the_one_that_stands_best_is_judged() -> None:
    found = judged("#PR 新作 #a1 #a2 #a3 #a4 #a5 #a6\n\n\n\n#広告")
    assert {check: finding.outcome for check, finding in found.items() if finding.outcome != "pass"} == {}
    assert [hit.text for hit in found["jp.tag-first"].hits] == ["#PR"]
    assert [hit.text for hit in found["jp.fold"].hits] == ["#PR"]


def test_the_place_of_a_platforms_own_label_is_not_judged() -> None:
    text = (
        "pack: zz\nversion: '1'\njurisdiction: ZZ\ntitle: {en: Z}\n"
        "on_miss: {post: fail, video: fail, story: fail, repost: fail}\nrules:\n"
    )
    common = (
        "    legal_ref: none\n    source_url: https://law.example/1\n    verified_on: '2026-01-01'\n    checked: I\n"
        "    valid_from: '2026-01-01'\n    valid_to: '2026-12-31'\n    tests: [{text: x, outcome: none}]\n"
    )
    own = "  - {id: zz.own, kind: require, match: platform_label, verdict_on_hit: pass, says: {en: is on},\n"
    first = (
        "  - {id: zz.first, kind: position, window: {measure: first_tag}, verdict_on_hit: fail, says: {en: is late},\n"
    )
    flow = ", ".join(line.strip() for line in common.strip().splitlines()) + "}\n"
    pack = read_pack(text + own + flow + first + flow, "zz.yaml")
    assert {c: f.outcome for c, f in judged("#x", pack, paid_label="on").items()} == {"zz": "pass"}
    assert {c: f.outcome for c, f in judged("#x", pack).items()} == {"zz": "fail"}


def test_the_limits_of_the_settings_stand_in_place_of_the_packs() -> None:
    text = "#a1 #a2 #a3 #PR #a5 #a6"
    assert judged(text)["jp.buried"].outcome == "pass"
    assert judged(text, limits=Limits(max_index=2))["jp.buried"].outcome == "fail"
    assert judged(text, limits=Limits(max_share=Decimal("0.3")))["jp.buried"].outcome == "fail"
    assert judged("新作 #PR", limits=Limits(folds=(("instagram", 7),)))["jp.fold"].outcome == "needs_human"
    assert judged("新作 #PR", limits=Limits(folds=(("instagram", 8),)))["jp.fold"].outcome == "pass"
    assert "jp.fold" not in judged("新作 #PR", limits=Limits(folds=(("instagram", 0),)))
    assert judged("新作 #PR", platform="y", limits=Limits(folds=(("y", 7),)))["jp.fold"].outcome == "needs_human"


def test_the_numbers_behind_a_place_are_told() -> None:
    found = judged("#a1 #a2 #a3 #PR #a5 #a6")["jp.buried"]
    assert {m.name: (m.value, m.limit) for m in found.measured} == {
        "tags_before": (3, 5),
        "share_before": (Decimal("0.5000"), Decimal("0.5")),
    }


@pytest.mark.parametrize(
    ("text", "fold", "column"),
    [
        ("abc", Fold(columns=9), 3),
        ("新作", Fold(columns=9), 4),
        ("a\nb", Fold(columns=9), 3),
        ("a\nb", Fold(columns=9, line=40), 41),
        ("\n\nb", Fold(columns=9, line=40), 81),
        ("a\r\nb", Fold(columns=9, line=40), 41),
        ("x" * 50 + "\nb", Fold(columns=9, line=40), 81),
        ("e\u0301\u200d\ufe0f", Fold(columns=9), 1),
        ("🌞", Fold(columns=9), 2),
        ("https://shop.example/abcdefghijklmn b", Fold(columns=9, url=23), 25),
        ("https://shop.example/abcdefghijklmn b", Fold(columns=9), 37),
    ],
)
def test_columns_are_counted_as_they_are_shown(text: str, fold: Fold, column: int) -> None:
    assert columns(text, len(text), fold) == column


def test_a_rule_holds_from_its_first_day_to_its_last() -> None:
    first, last = date(2026, 11, 10), date(2026, 11, 12)
    pack = replace(JP, rules=tuple(replace(rule, valid_from=first, valid_to=last) for rule in JP.rules[:1]))
    midnight = 1_794_268_800_000  # 2026-11-10T00:00:00Z

    def asked(at: int) -> bool:
        return bool(assess(pack, Posted(text="x"), at))

    assert [asked(midnight - 1), asked(midnight), asked(midnight + 3 * DAY - 1), asked(midnight + 3 * DAY)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_rule_of_other_platforms_or_surfaces_asks_nothing() -> None:
    pack = replace(JP, rules=(replace(JP.rules[0], platform=("x",), surface=("video",)),))
    assert judged("", pack, platform="x", surface="video")["jp"].outcome == "fail"
    assert judged("", pack, platform="x", surface="post") == {}
    assert judged("", pack, platform="tiktok", surface="video") == {}


def test_what_is_forbidden_is_judged_with_a_label_or_without() -> None:
    forbidden = replace(
        JP.rules[1], id="jp.claim", kind="forbid", match="regex", patterns=("必ず治",), verdict_on_hit="fail"
    )
    pack = replace(JP, rules=(JP.rules[0], forbidden))
    assert {c: f.outcome for c, f in judged("必ず治ります", pack).items()} == {"jp": "fail", "jp.claim": "fail"}
    assert {c: f.outcome for c, f in judged("#PR 新作", pack).items()} == {"jp": "pass", "jp.claim": "pass"}


@pytest.mark.parametrize(
    ("text", "brands", "outcome"),
    [
        ("#PR Glowの新作", ("Glow",), "pass"),
        ("#PR ＧＬＯＷの新作", ("Glow",), "pass"),
        ("#PR @glow.official", ("Glow",), "pass"),
        ("#PR 新作", ("Glow", "グロウ"), "needs_human"),
        ("#PR グロウ", ("Glow", "グロウ"), "pass"),
        ("#PR glowing", ("Glow",), "needs_human"),
        ("#PR a.b", ("a+b",), "needs_human"),
        ("#PR a+b", ("a+b",), "pass"),
    ],
)
def test_the_advertiser_is_recognised_by_name_or_a_person_looks(
    text: str, brands: tuple[str, ...], outcome: str
) -> None:
    assert judged(text, brands=brands)["jp.brand"].outcome == outcome
