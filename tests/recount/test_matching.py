# ruff: noqa: RUF001  a definition may be written in full-width letters
"""Stories with numbers worked out by hand, which make the recount an oracle: matching. All data is synthetic."""

from __future__ import annotations

from typing import Any

import pytest

from tests.recount.story import (
    AGREEMENT,
    CAMPAIGN,
    CREATOR,
    DAY,
    GLOW,
    HOUR,
    MINUTE,
    MIO,
    WOM,
    Log,
    T,
    agreed,
    fields,
    untagged,
)
from tracker.domain import events as ev
from tracker.domain.counters import Scope
from tracker.domain.definitions import Agreement, Campaign, Creator

# -- matching --------------------------------------------------------------------------------------------------------


def test_a_tag_without_an_agreement_is_word_of_mouth_and_counts_nowhere_else() -> None:
    log = agreed().published(account="stranger").observed(MINUTE, likes=3, account="stranger")
    assert set(log.counted().partial) == {WOM}
    assert fields(log, "posts.by", "likes", scope=WOM)["posts.by.word_of_mouth"] == 1
    assert log.field("likes", WOM) == 3


def test_a_submitted_address_counts_whatever_the_post_says_and_whoever_posted_it() -> None:
    agreement = Agreement(
        id="s", campaign="glow", creator="ken", submitted=("http://www.instagram.com/p/X/?utm_source=a",)
    )
    log = Log().defines(CAMPAIGN, CREATOR, AGREEMENT, agreement)
    log.published(0, None, permalink="https://instagram.com/p/X")
    assert set(log.counted().partial) == {GLOW, Scope("glow", "ken")}
    assert log.field("posts.by.submitted") == 1
    assert log.published(-9 * DAY, None, post="p2", permalink="https://instagram.com/p/x").field("posts") == 1


def test_submitted_comes_before_agreed() -> None:
    agreement = Agreement(id="z", campaign="glow", creator="ken", submitted=("instagram.com/p/1",))
    log = agreed().defines(agreement).published(0, "#glow", permalink="https://instagram.com/p/1/")
    assert set(log.counted().partial) == {GLOW, Scope("glow", "ken")}


def test_word_of_mouth_counts_within_the_campaigns_half_open_window() -> None:
    for at, counted in ((-10 * DAY - 1, None), (-10 * DAY, 1), (10 * DAY - 1, 1), (10 * DAY, None)):
        assert Log().defines(CAMPAIGN).published(at).field("posts", WOM) == counted


def test_the_window_is_half_open_and_falls_back_to_the_campaigns() -> None:
    own = Agreement(id="o", campaign="glow", creator="mio", starts_at=T, ends_at=T + HOUR, hashtags=("g",))
    for at, counted in ((-1, None), (0, 1), (HOUR - 1, 1), (HOUR, None)):
        assert Log().defines(CAMPAIGN, CREATOR, own).published(at, "#g").field("posts") == counted
    for at, counted in ((-10 * DAY - 1, None), (-10 * DAY, 1), (10 * DAY - 1, 1), (10 * DAY, None)):
        assert agreed().published(at).field("posts") == counted


def test_without_a_publishing_time_the_earliest_statement_decides() -> None:
    log = agreed().published(11 * DAY, occurred_at=None)
    assert log.field("posts") is None
    assert log.says(ev.CommentHidden, 9 * DAY, comment="c").field("posts") == 1


@pytest.mark.parametrize(
    ("wanted", "text", "counts"),
    [
        ({"hashtags": ("＃ＧＬＯＷ",)}, "new #glow!", True),
        ({"hashtags": ("glow",)}, "#glowing", False),
        ({"mentions": ("@Brand.Official",)}, "thanks @brand.official!", True),
        ({"mentions": ("brand",)}, "brand", False),
        ({"links": ("https://shop.com/glow",)}, "see shop.com/glow/red", True),
        ({"links": ("https://shop.com/glow",)}, "see shop.com/glowing", False),
        ({"hashtags": ("a",), "mentions": ("b",)}, "@b", True),
        ({}, None, True),
        ({"platforms": ("tiktok",)}, None, False),
        ({"platforms": ("tiktok", "instagram")}, None, True),
    ],
)
def test_an_agreed_post_carries_one_of_what_the_agreement_names(wanted: Any, text: str | None, counts: bool) -> None:
    log = Log().defines(untagged(CAMPAIGN), CREATOR, Agreement(id="a", campaign="glow", creator="mio", **wanted))
    assert (log.published(0, text).field("posts.by.agreement") == 1) is counts


def test_the_title_carries_as_the_text_does() -> None:
    assert agreed().published(0, None, title="#glow").field("posts") == 1
    assert agreed().published(0, "low", title="#g").field("posts") is None


def test_the_least_agreement_id_decides_for_whom_a_post_counts() -> None:
    ken = Creator(id="ken", name="Ken (synthetic)", accounts=CREATOR.accounts)
    log = agreed().defines(ken, Agreement(id="a-ken", campaign="glow", creator="ken", hashtags=("glow",))).published()
    assert set(log.counted().partial) == {GLOW, Scope("glow", "ken")}


def test_a_post_counts_once_for_each_of_two_campaigns() -> None:
    other = Campaign(id="aqua", name="Aqua", starts_at=T, ends_at=T + DAY, hashtags=("aqua",))
    log = agreed().defines(other).published(0, "#glow #aqua")
    assert set(log.counted().partial) == {GLOW, MIO, Scope("aqua", "~wom")}


def test_an_agreement_whose_campaign_is_gone_matches_nothing() -> None:
    assert agreed().published().deletes("campaign", "glow").counted().partial == {}


def test_an_agreement_whose_creator_is_gone_leaves_word_of_mouth() -> None:
    assert set(agreed().published().deletes("creator", "mio").counted().partial) == {WOM}


def test_definitions_that_come_after_the_posts_count_them() -> None:
    log = Log().published().observed(MINUTE, likes=4)
    assert log.counted().partial == {}
    assert log.defines(CAMPAIGN, CREATOR, AGREEMENT, at=HOUR).field("likes") == 4


def test_an_older_version_of_a_definition_is_ignored() -> None:
    log = agreed()
    log.versions["agreement", "glow-mio"] = 0
    gone = Agreement(id="glow-mio", campaign="glow", creator="mio", hashtags=("other",))
    assert log.defines(gone).published().field("posts.by.agreement") == 1


def test_a_definition_under_another_name_than_its_own_is_refused() -> None:
    log = agreed()
    log.hears(
        ev.DefinitionChanged(
            platform="direct", observed_at=T, kind="campaign", id="aqua", version=1, definition=CAMPAIGN
        )
    )
    assert [refused.offset for refused in log.counted().refused] == [len(log.records) - 1]
