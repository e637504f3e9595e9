# ruff: noqa: RUF001  texts are written in full-width letters too
"""What a post must carry, and what it must be (plugins/tracker_rules/agreement_items.py)."""

from __future__ import annotations

import pytest

from tests.plugins.rules.facts import LATER, T, agreement, ana, facts, judged, outcome, outcomes, post, the, value
from tracker.domain.facts import CampaignFacts, PostFacts
from tracker_rules.agreement_items import RequiredMissing, WrongMedium, items

MISSING, MEDIUM = RequiredMissing(), WrongMedium()
ASKED = {"hashtags": ("#GlowPR", "pr"), "mentions": ("@Brand.Official",), "links": ("https://shop.example.com/x",)}
FULL = "new! #glowpr ＃ＰＲ @brand.official see shop.example.com/x/y"


def asked(*posts: PostFacts) -> CampaignFacts:
    return facts(ana(agreement(required=ASKED), posts=posts))


def test_a_post_that_carries_everything_passes_every_check() -> None:
    found = outcomes(judged(MISSING, asked(post(text=FULL)), LATER))
    assert found == {
        "hashtag:glowpr": "pass",
        "hashtag:pr": "pass",
        "mention:brand.official": "pass",
        "link:shop.example.com/x": "pass",
    }


@pytest.mark.parametrize(
    ("lost", "check"),
    [("#glowpr", "hashtag:glowpr"), ("@brand.official", "mention:brand.official"), ("/x/y", "link:shop.example.com/x")],
)
def test_each_missing_item_fails_its_own_check_alone(lost: str, check: str) -> None:
    found = outcomes(judged(MISSING, asked(post(text=FULL.replace(lost, ""))), LATER))
    assert [name for name, said in found.items() if said == "fail"] == [check]


def test_a_tag_that_only_begins_like_the_required_one_is_another() -> None:
    assert outcomes(judged(MISSING, asked(post(text="#glowprs")), LATER))["hashtag:glowpr"] == "fail"


def test_every_post_of_the_agreement_must_carry_it() -> None:
    found = judged(MISSING, asked(post("p1", text=FULL), post("p2", text="nothing")), LATER)
    assert {one.subject.post: one.outcome for one in found if one.check == "hashtag:pr"} == {"p1": "pass", "p2": "fail"}


def test_what_an_edit_took_out_is_missing_and_the_verdict_says_edited() -> None:
    found = the(judged(MISSING, asked(post(text="nothing", edited=True)), LATER), check="hashtag:pr")
    assert found.outcome == "fail"
    assert found.summary["en"] == "https://example.com/p1 by Ana lacks the agreed #pr since it was edited."


def test_an_unknown_text_lacks_nothing() -> None:
    found = judged(MISSING, asked(post(text=None)), LATER)
    assert {one.outcome for one in found} == {"not_assessable"}


def test_an_item_in_the_title_is_there_though_the_text_is_unknown() -> None:
    found = judged(MISSING, asked(post(text=None, tags=("pr",))), LATER)
    assert the(found, check="hashtag:pr").outcome == "pass"


def test_a_post_that_is_gone_lacks_nothing() -> None:
    found = judged(MISSING, asked(post(text="nothing", live=False)), LATER)
    assert {one.outcome for one in found} == {"not_assessable"}


def test_a_person_must_look_at_the_stickers_of_a_story() -> None:
    found = judged(MISSING, asked(post(text="#pr", medium="story")), LATER)
    assert the(found, check="hashtag:pr").outcome == "pass"
    assert the(found, check="hashtag:glowpr").outcome == "needs_human"


def test_before_there_is_a_post_the_checklist_has_every_item_unassessed() -> None:
    found = judged(MISSING, asked(), T)
    assert [one.outcome for one in found] == ["not_assessable"] * 4
    assert {one.subject.post for one in found} == {""}


def test_what_is_not_required_is_not_judged_and_word_of_mouth_is_not_either() -> None:
    assert judged(MISSING, facts(ana(posts=[post()])), LATER) == []
    only_heard = facts(ana(agreement(required=ASKED), posts=[post(how="word_of_mouth")]), others=(post("w"),))
    assert {one.outcome for one in judged(MISSING, only_heard, LATER)} == {"not_assessable"}


def test_an_item_named_twice_is_one_item() -> None:
    required = agreement(required={"hashtags": ("#PR", "pr", "ＰＲ")}).required
    assert [item.as_agreed for item in items(required)] == ["#PR"]


def test_long_items_have_checks_that_fit_and_differ() -> None:
    required = agreement(required={"hashtags": ("a" * 199 + "b", "a" * 199 + "c")}).required
    checks = {item.check for item in items(required)}
    assert len(checks) == 2
    assert {len(check) for check in checks} == {200}


def shown(medium: str | None, *agreed: str) -> CampaignFacts:
    return facts(ana(agreement(media=agreed), posts=[post(medium=medium)]))


@pytest.mark.parametrize(
    ("medium", "agreed", "said"),
    [
        ("reel", ("reel",), "pass"),
        ("story", ("reel", "story"), "pass"),
        ("story", ("reel",), "fail"),
        ("carousel", ("feed",), "pass"),
        ("feed", ("carousel",), "needs_human"),
        ("short", ("video",), "pass"),
        ("video", ("short",), "needs_human"),
        ("post", ("article",), "needs_human"),
        ("story", ("post",), "fail"),
        ("live", ("video",), "fail"),
        (None, ("reel",), "not_assessable"),
    ],
)
def test_a_post_is_of_an_agreed_kind_or_a_narrower_one(medium: str | None, agreed: tuple[str, ...], said: str) -> None:
    found = the(judged(MEDIUM, shown(medium, *agreed), LATER))
    assert (found.outcome, value(found, "medium")) == (said, medium)


def test_any_kind_will_do_where_none_is_agreed() -> None:
    assert judged(MEDIUM, shown("story"), LATER) == []


def test_the_kind_is_unassessed_before_there_is_a_post() -> None:
    assert outcome(MEDIUM, facts(ana(agreement(media=("reel",)))), T) == "not_assessable"
