# ruff: noqa: RUF001  full-width signs are what is tested
"""`compliance.disclosure`: a campaign's facts in, one verdict for each post and check out."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tracker.domain.alerts import RAISES
from tracker.domain.definitions import Agreement, Campaign, Creator, Required
from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts, Said
from tracker.domain.verdicts import Evidence, Subject, Verdict
from tracker.plugin.manager import load_plugins
from tracker_disclosure.packs import load_packs
from tracker_disclosure.rules import Disclosure, DisclosureSettings

NOW = 1_795_000_000_000
RULE = Disclosure(load_packs(found=()))
SETTINGS = DisclosureSettings()


def post(text: str | None, **more: Any) -> PostFacts:
    said = None if text is None else Said(at=NOW - 60_000, value=text)
    given = PostFacts(
        platform="instagram", account="a1", post="p1", creator="mio", how="agreement", seen_at=NOW, text=said
    )
    return replace(given, **more)


def campaign(*posts: PostFacts, disclosure: tuple[str, ...] = ("jp",), brand: str | None = None) -> CampaignFacts:
    required = None if brand is None else Required(brand=brand)
    creator = CreatorFacts(
        creator=Creator(id="mio", name="Mio"),
        agreements=(Agreement(id="deal", campaign="glow", creator="mio", required=required),),
        posts=posts,
    )
    frame = Campaign(id="glow", name="Glow", starts_at=NOW - 1, ends_at=NOW + 1, disclosure=disclosure)
    return CampaignFacts(campaign=frame, creators=(creator,))


def verdicts(facts: CampaignFacts, settings: DisclosureSettings = SETTINGS) -> dict[str, Verdict]:
    found = list(RULE.judge(facts, settings, NOW))
    assert len({(v.subject, v.check) for v in found}) == len(found)
    return {verdict.check: verdict for verdict in found}


def alerts(facts: CampaignFacts) -> list[tuple[str, str]]:
    return [(v.check, v.outcome) for v in RULE.judge(facts, SETTINGS, NOW) if v.outcome in RAISES]


def evidence(verdict: Verdict, name: str) -> Evidence:
    return next(each for each in verdict.evidence if each.name == name)


@pytest.mark.parametrize(
    ("text", "raised"),
    [
        ("#PR 新作", []),
        ("新作", [("jp", "fail")]),
        ("新作 #ad #提供", [("jp", "fail")]),
        ("新作 ♯PR", [("jp", "needs_human")]),
        ("新作 #コスメ #PR", [("jp.tag-first", "fail")]),
        ("#a1 #a2 #a3 #a4 #a5 #a6 #PR", [("jp.buried", "fail")]),
        ("新作\n\n\n\n#PR", [("jp.fold", "needs_human")]),
        ("【広告】第三者としての感想です", [("jp.contradiction", "needs_human")]),
        (None, []),
    ],
)
def test_a_post_raises_one_alert_for_each_thing_that_is_wrong(text: str | None, raised: list[tuple[str, str]]) -> None:
    assert alerts(campaign(post(text))) == raised


def test_a_verdict_names_the_post_and_is_of_the_rules_severity() -> None:
    verdict = verdicts(campaign(post("新作")))["jp"]
    assert verdict.subject == Subject(campaign="glow", creator="mio", platform="instagram", account="a1", post="p1")
    assert verdict.severity == "critical"
    assert verdicts(campaign(post("新作 #コスメ #PR")))["jp.tag-first"].severity == "warning"


def test_the_evidence_says_where_the_label_stands_and_on_whose_word() -> None:
    text = "🌞 ＃ＰＲ　新作"
    verdict = verdicts(campaign(post(text)))["jp"]
    hit = evidence(verdict, "jp.tag")
    assert hit.offset is not None
    assert hit.length is not None
    assert text[hit.offset : hit.offset + hit.length] == hit.value == "＃ＰＲ"
    assert hit.at == NOW - 60_000
    jp = RULE.packs["jp"]
    assert evidence(verdict, "pack").value == f"jp {jp.version}"
    assert evidence(verdict, "legal_ref").value == jp.rules[0].legal_ref
    assert evidence(verdict, "source_url").value == jp.rules[0].source_url
    assert evidence(verdict, "source_url").basis == "checked: S, 2026-11-25"


def test_the_evidence_of_a_place_has_the_numbers_and_the_limits() -> None:
    verdict = verdicts(campaign(post("#a1 #a2 #a3 #a4 #a5 #PR")))["jp.buried"]
    assert (evidence(verdict, "tags_before").value, evidence(verdict, "tags_before").limit) == (5, 5)
    share = evidence(verdict, "share_before")
    assert (share.value, share.limit, share.unit) == ("0.8333", "0.5", "share")


def test_an_unknown_text_is_not_assessable_and_says_what_is_lacking() -> None:
    found = verdicts(campaign(post(None, paid_label=Said(at=NOW, value=True))))
    assert {check: v.outcome for check, v in found.items()} == {"jp": "not_assessable"}
    assert evidence(found["jp"], "text_length").value is None


@pytest.mark.parametrize(
    ("label", "outcome", "value"),
    [
        (None, "fail", None),
        (Said(at=5, value=False), "fail", "off"),
        (Said(at=5, value=True), "needs_human", "on"),
    ],
)
def test_the_platforms_own_label_counts_only_when_it_is_known_to_be_on(
    label: Said | None, outcome: str, value: str | None
) -> None:
    verdict = verdicts(campaign(post("新作", paid_label=label)))["jp"]
    assert verdict.outcome == outcome
    assert (evidence(verdict, "paid_label").value, evidence(verdict, "paid_label").at) == (value, label and 5)


def test_a_label_that_is_gone_after_an_edit_is_the_same_alert_and_says_edited() -> None:
    before, after = verdicts(campaign(post("新作")))["jp"], verdicts(campaign(post("新作", edited=True)))["jp"]
    assert (before.subject, before.check) == (after.subject, after.check)
    assert not any(each.name == "edited" for each in before.evidence)
    assert evidence(after, "edited").value == "yes"
    assert "edited" in after.summary["en"]
    assert "編集" in after.summary["ja"]
    assert "edited" not in verdicts(campaign(post("#PR", edited=True)))["jp"].summary["en"]


@pytest.mark.parametrize("how", [None, "word_of_mouth", "code", "click", "link"])
def test_a_post_that_nobody_was_engaged_for_owes_no_label(how: Any) -> None:
    assert verdicts(campaign(post("新作", how=how))) == {}


def test_a_submitted_post_of_a_creator_without_an_account_is_judged_too() -> None:
    facts = replace(
        campaign(), others=(post("新作", how="submitted", creator=""), post("x", how="word_of_mouth", post="p2"))
    )
    assert [(v.check, v.subject.post, v.outcome) for v in RULE.judge(facts, SETTINGS, NOW)] == [("jp", "p1", "fail")]


def test_a_post_that_is_down_is_judged_no_more() -> None:
    assert verdicts(campaign(post("新作", live=False))) == {}


def test_a_campaign_that_names_no_pack_asks_for_no_label() -> None:
    assert verdicts(campaign(post("新作"), disclosure=())) == {}


def test_a_pack_that_is_not_installed_is_told_with_those_that_are() -> None:
    found = verdicts(campaign(post("新作"), disclosure=("atlantis", "jp", "jp")))
    assert {check: v.outcome for check, v in found.items()} == {"atlantis": "not_assessable", "jp": "fail"}
    assert found["atlantis"].subject == Subject(campaign="glow")
    assert evidence(found["atlantis"], "packs").value == "jp"
    assert "jp" in found["atlantis"].summary["en"]


def test_the_advertiser_must_be_recognisable_where_an_agreement_says_by_what_name() -> None:
    assert "jp.brand" not in verdicts(campaign(post("#PR 新作")))
    assert verdicts(campaign(post("#PR グロウの新作"), brand="グロウ"))["jp.brand"].outcome == "pass"
    unnamed = verdicts(campaign(post("#PR 新作"), brand="グロウ"))["jp.brand"]
    assert unnamed.outcome == "needs_human"
    assert unnamed.summary["en"] == "Mio's post on instagram does not name the advertiser (jp.brand)."


def test_an_agreement_of_another_platform_asks_for_no_brand_here() -> None:
    facts = campaign(post("#PR 新作"), brand="グロウ")
    deal = replace(facts.creators[0].agreements[0], platforms=("tiktok",))
    facts = replace(facts, creators=(replace(facts.creators[0], agreements=(deal,)),))
    assert "jp.brand" not in verdicts(facts)


def test_the_settings_stand_in_place_of_the_packs_limits() -> None:
    facts = campaign(post("#a1 #a2 #a3 #PR #a5 #a6"))
    assert verdicts(facts)["jp.buried"].outcome == "pass"
    assert verdicts(facts, DisclosureSettings(max_index=2))["jp.buried"].outcome == "fail"
    assert verdicts(facts, DisclosureSettings(max_share="0.2"))["jp.buried"].outcome == "fail"
    assert verdicts(facts, DisclosureSettings(folds=("instagram=5",)))["jp.fold"].outcome == "needs_human"
    assert "jp.fold" not in verdicts(facts, DisclosureSettings(folds=("instagram=0", "tiktok=5")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"folds": ["instagram"]},
        {"folds": ["instagram=-1"]},
        {"folds": ["Instagram=5"]},
        {"max_index": 0},
        {"max_share": "0"},
        {"max_share": "1.1"},
        {"max_share": "half"},
        {"max_shares": "0.5"},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, DisclosureSettings)


@pytest.mark.parametrize(
    ("text", "english", "japanese"),
    [
        (
            "【PR】新作",
            "Mio's post on instagram is labelled as advertising (jp): “PR”.",
            "Mioのinstagramの投稿には広告である旨の表示があります（jp）：「PR」。",
        ),
        (
            "新作",
            "Mio's post on instagram has no advertising label that jp accepts in its text.",
            "Mioのinstagramの投稿の本文にはjpで認められる広告表示がありません。",
        ),
        (
            "新作 #ad",
            "Mio's post on instagram has no advertising label that jp accepts: “#ad” does not suffice by itself.",
            "Mioのinstagramの投稿にはjpで認められる広告表示がありません：「#ad」だけでは足りません。",
        ),
    ],
)
def test_a_summary_is_a_sentence_that_can_be_passed_on(text: str, english: str, japanese: str) -> None:
    assert verdicts(campaign(post(text)))["jp"].summary == {"en": english, "ja": japanese}


def test_the_platforms_label_alone_is_told_as_such() -> None:
    summary = verdicts(campaign(post("新作", paid_label=Said(at=1, value=True))))["jp"].summary
    assert "“the platform's label” is the only one" in summary["en"]
    assert "「プラットフォームのラベル」のみで" in summary["ja"]


def test_a_label_in_the_wrong_place_is_told_as_such() -> None:
    summary = verdicts(campaign(post("新作 #コスメ #PR")))["jp.tag-first"].summary
    assert summary["en"] == (
        "Mio's post on instagram: its label stands among other hashtags, but not first (jp.tag-first): “#PR”."
    )
    assert summary["ja"] == (
        "Mioのinstagramの投稿の広告表示が他のハッシュタグの先頭にありません（jp.tag-first）：「#PR」。"
    )


@given(
    st.text(max_size=50)
    | st.sampled_from(("#PR", "新作 #ad", "♯PR 案件ではありません", "#a1 #PR", "x\n\n\n\n【広告】")),
    st.sampled_from(("feed", "story", "reel", None)),
    st.booleans(),
)
def test_no_verdict_calls_a_post_unlawful_and_each_travels(text: str, medium: str | None, edited: bool) -> None:
    facts = campaign(post(text, medium=medium, edited=edited, title=Said(at=1, value=text)), brand="Glow")
    for verdict in RULE.judge(facts, SETTINGS, NOW):
        words = " ".join([*verdict.summary.values(), *(each.basis for each in verdict.evidence)]).lower()
        assert not any(word in words for word in ("illegal", "unlawful", "violat", "違法", "違反"))
        assert all(summary.endswith((".", "。")) for summary in verdict.summary.values())
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(verdict), type=Verdict) == verdict


def test_the_same_facts_give_the_same_verdicts() -> None:
    facts = campaign(post("新作 #コスメ #PR"), post("新作", post="p2"), brand="Glow")
    fresh = Disclosure(load_packs(found=()))
    assert list(RULE.judge(facts, SETTINGS, NOW)) == list(RULE.judge(facts, SETTINGS, NOW))
    assert list(RULE.judge(facts, SETTINGS, NOW)) == list(fresh.judge(facts, SETTINGS, NOW))


def test_the_rule_is_loaded_as_a_plugin_is() -> None:
    point = EntryPoint(name="disclosure", value="tracker_disclosure", group="tracker.plugins")
    rule = load_plugins([point]).rules["compliance.disclosure"]
    assert isinstance(rule, Disclosure)
    assert "jp" in rule.packs
