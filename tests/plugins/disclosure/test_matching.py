# ruff: noqa: RUF001  full-width signs are what is tested
"""Where a pattern stands in a text: the reference table of hashtags, bounded keywords, the way back to the original."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tracker_disclosure.matching import DROPPED, Reading, find, normalised

LABELS = ("プロモーション", "PR", "宣伝", "広告")
STRANGE = st.text(
    alphabet=st.one_of(
        st.sampled_from(
            "#＃♯PRprＰＲ㏚ⓅⓇ𝗣𝗥広告宣伝ﾌﾟﾛﾓｰｼｮﾝ【】[]:：|｜ \n\u3000\u200b\ufeff\u200d\ufe0f\u20e3e\u0301é・～🅿🆁/.@"
        ),
        st.characters(codec="utf-8"),
    ),
    max_size=40,
)


def tags_in(text: str, *wanted: str) -> list[str]:
    return [text[at.start : at.end] for at in find(Reading(text), "token", wanted or LABELS, "nfkc_casefold", ())]


def words_in(text: str, *wanted: str) -> list[str]:
    return [text[at.start : at.end] for at in find(Reading(text), "keyword", wanted or LABELS, "nfkc_casefold", ())]


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("＃ＰＲ　＃コスメ", ("PR", "コスメ"), ["＃ＰＲ", "＃コスメ"]),
        ("【#PR】新作", (), ["#PR"]),
        ("#PR#コスメ", ("PR", "コスメ"), []),
        ("美容液#PR", (), []),
        ("本日は#広告です", ("広告", "広告です"), []),
        ("#PRです最高", (), []),
        ("#PRです最高", ("PRです最高",), ["#PRです最高"]),
        ("#PR・提供", ("PR", "提供"), []),
        ("#PR・提供", ("PR・提供",), ["#PR・提供"]),
        ("#PR-提供", (), ["#PR"]),
        ("#PR。最高", (), ["#PR"]),
        ("#PR✨", (), ["#PR"]),
        ("♯PR", (), []),
        ("#㏚", (), []),
        ("https://x.com/#PR", (), []),
        ("#PRADA", (), []),
        ("#pr #Pr", (), ["#pr", "#Pr"]),
        ("＃𝗣𝗥", (), ["＃𝗣𝗥"]),
        ("#ﾌﾟﾛﾓｰｼｮﾝ", (), ["#ﾌﾟﾛﾓｰｼｮﾝ"]),
        ("#P\u200bR", (), []),
    ],
)
def test_the_reference_table_of_hashtags_is_read_as_it_says(
    text: str, wanted: tuple[str, ...], found: list[str]
) -> None:
    assert tags_in(text, *wanted) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("【PR】新作", ["PR"]),
        ("【 PR 】新作", ["PR"]),
        ("［ＰＲ］新作", ["ＰＲ"]),
        ("〈㏚〉新作", ["㏚"]),
        ("PR: 新作", ["PR"]),
        ("新作、PR：グロウ", ["PR"]),
        ("PR｜新作", ["PR"]),
        ("PR 新作", ["PR"]),
        ("PR　新作", ["PR"]),
        ("\n PR\n新作", ["PR"]),
        ("新作\n＼PR／\nです", ["PR"]),
        ("新作\n広告", ["広告"]),
        ("ﾌﾟﾛﾓｰｼｮﾝ：新作", ["ﾌﾟﾛﾓｰｼｮﾝ"]),
        ("𝗣𝗥 新作", ["𝗣𝗥"]),
        ("P\u200bR: 新作", ["P\u200bR"]),
        ("\ufeffPR 新作", ["PR"]),
        ("PRADA", []),
        ("SPRING: sale", []),
        ("PRESS RELEASE", []),
        ("新作PR: x", []),
        ("新作 PR 最高", []),
        ("広告代理店 で", []),
        ("新作\nPR 担当です", []),
        ("#PR: 新作", []),
        ("♯PR", []),
        ("@PR", []),
        ("pr://shop.example", []),
        ("https://shop.example/a(PR)", []),
        ("shop.example/x?a=[PR]", []),
        ("P\u200dR 新作", []),
        ("", []),
    ],
)
def test_a_keyword_counts_only_where_it_is_bounded(text: str, found: list[str]) -> None:
    assert words_in(text) == found


def test_an_address_ends_where_japanese_goes_on() -> None:
    assert words_in("https://shop.example/xです【PR】") == ["PR"]


@pytest.mark.parametrize(
    ("text", "form", "copy", "at", "origin"),
    [
        ("a㏚b", "nfkc", "aPRb", 2, (1, 2)),
        ("xﾌﾟy", "nfkc", "xプy", 1, (1, 3)),
        ("xﾌ\u200bﾟy", "nfkc", "xプy", 1, (1, 4)),
        ("e\u0301!", "nfkc", "é!", 1, (2, 3)),
        ("\u1112\u1161\u11ab!", "nfkc", "한!", 0, (0, 3)),
        ("ＡＢ", "nfkc_casefold", "ab", 1, (1, 2)),
        ("Straße!", "nfkc_casefold", "strasse!", 7, (6, 7)),
        ("Ａ\u200bＢ", "none", "ＡＢ", 1, (2, 3)),
    ],
)
def test_a_copy_knows_where_its_characters_came_from(
    text: str, form: str, copy: str, at: int, origin: tuple[int, int]
) -> None:
    normal = normalised(text, form)  # type: ignore[arg-type]
    assert normal.text == copy
    assert normal.origin[at] == origin


@given(STRANGE)
@example("\u0cc6\u0cc2\u0cd5")
@example("a\u0315\u0300\u05ae\u0062")
@example("ﾌ\u200bﾟ\ufeff")
def test_a_copy_is_the_normal_form_of_the_whole_text(text: str) -> None:
    kept = "".join(char for char in text if char not in DROPPED)
    assert normalised(text, "none").text == kept
    assert normalised(text, "nfkc").text == normalize("NFKC", kept)


@given(STRANGE)
def test_a_copy_loses_no_character_and_keeps_their_order(text: str) -> None:
    normal = normalised(text, "nfkc_casefold")
    assert len(normal.text) == len(normal.origin)
    assert list(normal.origin) == sorted(normal.origin)
    covered = {index for start, end in normal.origin for index in range(start, end)}
    assert all(index in covered for index, char in enumerate(text) if char not in DROPPED)


@given(STRANGE, STRANGE)
def test_what_is_found_in_a_text_is_found_where_it_stands(before: str, after: str) -> None:
    text = f"{before}\n【PR】\n{after}"
    assert (len(before) + 2, len(before) + 4) in [
        (at.start, at.end) for at in find(Reading(text), "keyword", ("PR",), "nfkc_casefold", ())
    ]
