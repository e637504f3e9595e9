# ruff: noqa: RUF001  full-width signs are what is tested
"""Hashtags, mentions and addresses. Own cases, in the manner of twitter-text's conformance suite."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.domain.text import (
    carries_link,
    links,
    mentions,
    normal_address,
    normal_mention,
    normal_tag,
    tag_spans,
    tags,
)


def written(text: str) -> list[str]:
    """The tags as they stand in the text, in order."""
    return [text[span.start + 1 : span.end] for span in tag_spans(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("＃ＰＲ　＃コスメ", ["ＰＲ", "コスメ"]),
        ("【#PR】新作", ["PR"]),
        ("#PR#コスメ", []),
        ("美容液#PR", []),
        ("本日は#広告です", []),
        ("#PRです最高", ["PRです最高"]),
        ("#PR・提供", ["PR・提供"]),
        ("#PR-提供", ["PR"]),
        ("#PR。最高", ["PR"]),
        ("#PR✨", ["PR"]),
        ("♯PR", []),
        ("#㏚", []),
        ("https://x.com/#PR", []),
    ],
)
def test_the_reference_table_of_disclosure_tags_is_read_as_it_says(text: str, found: list[str]) -> None:
    assert written(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("#", []),
        ("no tag", []),
        ("#summer", ["summer"]),
        ("new #summer2026 look", ["summer2026"]),
        ("#2026summer", ["2026summer"]),
        ("line 16 is #16", []),
        ("#_ #2_0 #７", []),
        ("#_a", ["_a"]),
        ("(#one)[#two]{#three}\u201c#four\u201d", ["one", "two", "three", "four"]),
        ("#one, #two. #three! #four? #five; #six:", ["one", "two", "three", "four", "five", "six"]),
        (".#one ,#two !#three ?#four :#five", ["one", "two", "three", "four", "five"]),
        ("first\n#second\nthird", ["second"]),
        ("# blank", []),
        ("a#b", []),
        ("é#b", []),
        ("1#b", []),
        ("_#b", []),
        ("・#b", []),
        ("R&#b", []),
        ("##b", ["b"]),
        ("#a##b", ["b"]),
        ("#a#b #c", ["c"]),
        ("#a＃b", []),
        ("#a://b", []),
        ("#http://shop.com #https://shop.com", []),
        ("http://shop.com/#sale shop.com/#sale", []),
        ("https://shop.example/#sale", []),
        ("https://shop.com/x #sale https://shop.com/y", ["sale"]),
        ("#shop.com", ["shop"]),
        ("#a-b", ["a"]),
        ("#crème #straße #İzmir #ılık", ["crème", "straße", "İzmir", "ılık"]),
        ("#cafe\u0301", ["cafe\u0301"]),
        ("#\u0301", ["\u0301"]),
        ("#весна #άνοιξη #გაზაფხული #գարուն", ["весна", "άνοιξη", "გაზაფხული", "գարուն"]),
        ("#봄날 #春 #はる #ハル #ﾊﾙ", ["봄날", "春", "はる", "ハル", "ﾊﾙ"]),
        ("春だ。#花見！＃桜、#梅", ["花見", "桜", "梅"]),
        ("#カレー～ナン #カレー〜ナン #いろ〃", ["カレー～ナン", "カレー〜ナン", "いろ〃"]),
        ("#پاییز_زیبا #می\u200cخواهم", ["پاییز_زیبا", "می\u200cخواهم"]),
        ("#ක්\u200dරීඩා", ["ක්\u200dරීඩා"]),
        ("#शरद_१२ #१२", ["शरद_१२"]),
        ("#ฤดูร้อน", ["ฤดูร้อน"]),
        ("#col·legi", ["col·legi"]),
        ("#סתו״ב", ["סתו״ב"]),
        ("#\U00020021 #\U00016f04\U00016f51 #B\U000104a0", ["\U00020021", "\U00016f04\U00016f51", "B\U000104a0"]),
        ("#\U000104a0", []),
        ("#\ufe0f\u20e3 #️⃣", []),
        ("☀\ufe0f#sun", ["sun"]),
        ("🌞#sun", ["sun"]),
        ("#sun🌞#sand", ["sun", "sand"]),
        ("#ⓅⓇ #½ #²", []),
        ("#sale²", ["sale"]),
        ("#a\u200bb", ["a"]),
    ],
)
def test_a_hashtag_begins_and_ends_where_twitter_text_says(text: str, found: list[str]) -> None:
    assert written(text) == found


def test_spans_are_code_points_of_the_original_text() -> None:
    text = "🌞 ＃ＰＲ and #①a1 #メ～ル"
    assert [(span.start, span.end, span.tag) for span in tag_spans(text)] == [(2, 5, "pr"), (15, 19, "メ~ル")]


def test_tags_that_look_alike_are_one() -> None:
    assert tags("#ＰＲ #pr #Pr ＃𝗣𝗥") == {"pr"}
    assert tags("#STRASSE #straße") == {"strasse"}
    assert tags("#ﾌﾟﾛﾓｰｼｮﾝ") == {normal_tag("プロモーション")}
    assert tags("#cafe\u0301") == tags("#café")


@pytest.mark.parametrize("given_as", ["Glow2026", "#glow2026", "＃ＧＬＯＷ２０２６", " #Glow2026 "])
def test_a_definition_may_write_its_tag_with_or_without_the_sign(given_as: str) -> None:
    assert normal_tag(given_as) == "glow2026"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@brand hello", {"brand"}),
        ("hello @brand", {"brand"}),
        ("@Brand_01 and @other", {"brand_01", "other"}),
        ("本日は@brandさんと", {"brand"}),
        ("＠brand", {"brand"}),
        ("@123", {"123"}),
        ("@_@ @brand", {"brand"}),
        ("write to info@brand.com", set()),
        ("@one@two", set()),
        ("a@@b", set()),
        ("x!@b x#@b x$@b x%@b x&@b x*@b", set()),
        (".@b (@c) /@d", {"b", "c", "d"}),
        ("RT@brand rt:@other", {"brand", "other"}),
        ("art@brand", set()),
        ("@brandé", set()),
        ("@http://brand.com", set()),
        ("@brand.official!", {"brand.official"}),
        ("thanks @brand. Bye", {"brand"}),
        ("@brand...", {"brand"}),
        ("@" + "a" * 64, {"a" * 64}),
        ("@" + "a" * 65, set()),
        ("@", set()),
    ],
)
def test_a_mention_is_a_name_after_a_free_standing_sign(text: str, found: set[str]) -> None:
    assert mentions(text) == found


def test_a_definition_may_write_its_mention_with_or_without_the_sign() -> None:
    assert {normal_mention(name) for name in ("Brand.Official", "@brand.official", "＠ｂｒａｎｄ．official")} == {
        "brand.official"
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://shop.com/summer?a=1.", {"shop.com/summer?a=1"}),
        ("see shop.com/summer, now", {"shop.com/summer"}),
        ("(http://shop.com/a_(b)) ok", {"shop.com/a_(b)"}),
        ("こちらshop.com/夏です", {"shop.com"}),
        ("見て。shop.com中国語t.co/abc한국", {"shop.com", "t.co/abc"}),
        ("http://shop.com:8080/x", {"shop.com:8080/x"}),
        ("https://www.Shop.com/X/", {"shop.com/X"}),
        ("https://shop.example/x", {"shop.example/x"}),
        ("shop.example/x", set()),
        ("https://shop.x", set()),
        ("tar.bz2 a.b v1.2.3", set()),
        ("#shop.com @shop.com $shop.com", set()),
        ("info@shop.com", set()),
        ("http://-shop.com http://shop-.com http://sh_op.com", set()),
        ("http://my_shop.shop.com", {"my_shop.shop.com"}),
        ("http://t.co/abc's and http://t.co/d-e", {"t.co/abc", "t.co/d"}),
        ("http://foobar.みんな/ http://xn--ls8h.la/", {"foobar.みんな", "xn--ls8h.la"}),
        ("a.com b.org/c d.co.jp/", {"a.com", "b.org/c", "d.co.jp"}),
        ("https://shop.com/a\nhttps://shop.com/b", {"shop.com/a", "shop.com/b"}),
        ("https://shop.com/" + "a" * 4_100, set()),
        ("", set()),
    ],
)
def test_an_address_is_found_with_or_without_a_scheme(text: str, found: set[str]) -> None:
    assert links(text) == found


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://www.Instagram.com/p/AbC/", "instagram.com/p/AbC"),
        ("http://instagram.com:80/p/AbC", "instagram.com/p/AbC"),
        ("https://instagram.com:443", "instagram.com"),
        ("https://shop.com:8443/", "shop.com:8443"),
        ("//shop.com/a#part", "shop.com/a"),
        ("shop.com/a/?utm_source=x&b=1&UTM_medium=y", "shop.com/a?b=1"),
        ("shop.com/?utm_source=x", "shop.com"),
        ("https://youtu.be/watch?v=AbC&t=1", "youtu.be/watch?v=AbC&t=1"),
        ("https://WWWhost.com", "wwwhost.com"),
        ("  https://shop.com/a  ", "shop.com/a"),
        ("https://shop.com./a", "shop.com/a"),
        ("https://[::1/", "[::1"),
        ("not an address", "not an address"),
        ("", ""),
    ],
)
def test_addresses_that_lead_to_one_place_are_written_one_way(url: str, normal: str) -> None:
    assert normal_address(url) == normal


@pytest.mark.parametrize(
    ("found", "wanted", "carried"),
    [
        ("shop.com/a", "shop.com/a", True),
        ("shop.com/a/b", "shop.com/a", True),
        ("shop.com/a?x=1", "shop.com/a", True),
        ("shop.com/ab", "shop.com/a", False),
        ("shop.com/a", "shop.com/a/b", False),
        ("shop.com.evil.com", "shop.com", False),
        ("my.shop.com", "shop.com", False),
        ("shop.com", "", False),
    ],
)
def test_a_link_is_carried_when_an_address_is_it_or_lies_below_it(found: str, wanted: str, carried: bool) -> None:
    assert carries_link({"other.com", found}, wanted) is carried


@given(st.text(alphabet=st.sampled_from("#＃@＠aPé漢ー1_・～.:/?&= \n\ufe0f\u0301\u200dǰΐﬃ"), max_size=40))
def test_what_is_found_stands_there_and_is_normal(text: str) -> None:
    end = 0
    for span in tag_spans(text):
        assert text[span.start] in "#＃"
        assert span.start >= end
        assert span.tag == normal_tag(span.tag)
        end = span.end
    assert all(normal_mention(name) == name for name in mentions(text))
    assert all(normal_address(link) == link for link in links(text))


@given(st.text())
def test_normalising_what_is_normal_changes_nothing(text: str) -> None:
    assert normal_address(normal_address(text)) == normal_address(text)
    bare = normal_tag(text)
    if bare[:1] not in ("#", "＃") and bare == bare.strip():
        assert normal_tag(bare) == bare


@given(st.text(), st.text())
def test_a_blank_separates_whatever_stands_on_either_side(left: str, right: str) -> None:
    assert tags(f"{left} {right}") == tags(left) | tags(right)
    assert links(f"{left} {right}") == links(left) | links(right)


def test_the_list_of_top_level_domains_is_whole() -> None:
    assert links("a.com a.jp a.みんな a.travelersinsurance a.onion") == {
        "a.com",
        "a.jp",
        "a.travelersinsurance",
        "a.onion",
    }
    assert links("http://a.みんな") == {"a.みんな"}


HOSTILE = [
    "#",
    "a.",
    "\u0301",
    "#\u0301",
    "#a",
    "@a.",
    "x.com/(",
    "http://x.com/((",
    "www.",
    "あ.",
    "x.co ",
    "xn--a.",
    "rt@",
    "?",
]


@pytest.mark.parametrize("atom", HOSTILE)
def test_hostile_text_takes_time_in_proportion_to_its_length(atom: str) -> None:
    links("warm.com")

    def seconds(length: int) -> float:
        text = (atom * length)[:length]
        begun = perf_counter()
        tags(text), links(text), mentions(text)
        return perf_counter() - begun

    # 100 kB of it takes some tenths of a second; a quadratic scan takes minutes.
    assert seconds(100_000) < 10
