"""Laws of the rules about agreements, clicks, followers and totals, over campaigns made up by Hypothesis."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plugins.rules.facts import DAY, END, HOUR, T, account, agreement, ana, but, facts, judged, post, totals
from tracker.domain.alerts import RAISES
from tracker.domain.events import METRICS
from tracker.domain.facts import CampaignFacts, PostFacts
from tracker.domain.verdicts import Verdict
from tracker_rules import agreement as agreements
from tracker_rules import audience, conversion
from tracker_rules.agreement_items import RequiredMissing

RULES: tuple[Any, ...] = (*agreements.RULES, *conversion.RULES, *audience.RULES)

nows = st.sampled_from((T - 1, T, T + DAY, T + 2 * DAY, T + 3 * DAY, END - HOUR, END - 1, END, END + DAY))
some_instants = st.sampled_from((T, T + DAY, T + 2 * DAY, END - 1, END, END + 2 * DAY))
_TEXTS = (None, "", "#glow", "#glow #pr @brand see shop.example.com/x", "@brand")
_WORDS = ("glow", "pr", "@brand", "aqua")


@st.composite
def posts(draw: st.DrawFn, id: str) -> PostFacts:
    at, live = draw(some_instants), draw(st.booleans())
    return post(
        id,
        at=at,
        text=draw(st.sampled_from(_TEXTS)),
        live=live,
        live_at=draw(some_instants) if not live else draw(st.none() | some_instants),
        published_at=draw(st.sampled_from((at, at, None))),
        how=draw(st.sampled_from(("agreement", "agreement", "submitted", "word_of_mouth"))),
        medium=draw(st.sampled_from((None, "reel", "story", "video", "carousel"))),
        edited=draw(st.booleans()),
        platform=draw(st.sampled_from(("instagram", "tiktok"))),
        totals=totals(likes=draw(st.integers(0, 50)), views=draw(st.integers(0, 5_000))),
        observed_at=(draw(st.none() | some_instants), *(None,) * (len(METRICS) - 1)),
    )


@st.composite
def campaigns(draw: st.DrawFn) -> CampaignFacts:
    agreed = [
        agreement(
            id=f"deal-{number}",
            posts=draw(st.integers(0, 3)),
            due_at=draw(st.none() | some_instants),
            keep_days=draw(st.none() | st.integers(0, 3)),
            hashtags=draw(st.sampled_from(((), ("glow",)))),
            media=draw(st.sampled_from(((), ("reel",), ("feed", "short")))),
            required=draw(
                st.none() | st.fixed_dictionaries({"hashtags": st.lists(st.sampled_from(_WORDS), max_size=3)})
            ),
        )
        for number in range(draw(st.integers(1, 2)))
    ]
    known = [draw(posts(f"p{number}")) for number in range(draw(st.integers(0, 4)))]
    followers = [
        (T + day * DAY, draw(st.integers(900, 1_100) | st.just(3_000))) for day in range(draw(st.integers(0, 10)))
    ]
    accounts = [
        account(polled=draw(st.none() | some_instants), followers=followers),
        account(platform="tiktok", polled=draw(st.none() | some_instants)),
    ]
    numbers = st.integers(0, 400)
    row = {
        name: draw(numbers)
        for name in ("clicks", "conversions", "conversions.by.click", "conversions.by.code", "refunds", "revenue.EUR")
    }
    return facts(
        ana(*agreed, posts=known[:3], normal=[but(one, how=None) for one in known[3:]], accounts=accounts),
        totals={"": row, "ana": row},
        hours={f"{field}@{T // HOUR + draw(st.integers(0, 48))}": draw(numbers) for field in ("clicks", "conversions")},
    )


def raised(verdicts: Iterable[Verdict]) -> set[tuple[str, str]]:
    return {(one.subject.text, one.check) for one in verdicts if one.outcome in RAISES}


def by_subject(verdicts: Iterable[Verdict]) -> dict[tuple[str, str], Verdict]:
    found = list(verdicts)
    named = {(one.subject.text, one.check): one for one in found}
    assert len(named) == len(found), "two verdicts on one thing"
    return named


@settings(max_examples=40)
@given(found=campaigns(), now=nows)
def test_verdicts_are_whole_and_each_is_on_another_thing(found: CampaignFacts, now: int) -> None:
    for rule in RULES:
        for said in by_subject(judged(rule, found, now)).values():
            assert msgspec.convert(msgspec.to_builtins(said), Verdict) == said
            assert said.subject.campaign == found.campaign.id
            assert set(said.summary) == {"en", "ja"}
            assert all(said.summary.values())
            assert said.evidence


@settings(max_examples=40)
@given(found=campaigns(), now=nows, seed=st.integers(0, 99))
def test_the_order_in_which_things_are_known_is_of_no_matter(found: CampaignFacts, now: int, seed: int) -> None:
    chance = random.Random(seed)

    def mixed(things: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(sorted(things, key=lambda _: chance.random()))

    creators = mixed(
        but(who, posts=mixed(who.posts), normal=mixed(who.normal), agreements=mixed(who.agreements))
        for who in found.creators
    )
    for rule in RULES:
        assert by_subject(judged(rule, but(found, creators=creators), now)) == by_subject(judged(rule, found, now))


def _each_post(found: CampaignFacts, **changed: Any) -> CampaignFacts:
    (who,) = found.creators
    return but(found, creators=(but(who, posts=tuple(but(one, **changed) for one in who.posts)),))


_UNKNOWN: dict[str, Callable[[CampaignFacts], CampaignFacts]] = {
    "text": lambda found: _each_post(found, text=None),
    "medium": lambda found: _each_post(found, medium=None),
    "looks": lambda found: but(
        found,
        creators=tuple(
            but(
                who, accounts=tuple(but(one, polled_at=None, followers=()) for one in who.accounts), posts=(), normal=()
            )
            for who in found.creators
        ),
    ),
    "followers": lambda found: but(
        found,
        creators=tuple(
            but(who, accounts=tuple(but(one, followers=()) for one in who.accounts)) for who in found.creators
        ),
    ),
}


@settings(max_examples=40)
@given(found=campaigns(), now=nows, lost=st.sampled_from(sorted(_UNKNOWN)))
def test_what_is_not_known_raises_nothing(found: CampaignFacts, now: int, lost: str) -> None:
    less = _UNKNOWN[lost](found)
    for rule in RULES:
        assert raised(judged(rule, less, now)) <= raised(judged(rule, found, now))


@settings(max_examples=40)
@given(found=campaigns(), now=nows, more=st.sampled_from(_WORDS))
def test_one_more_required_item_leaves_every_other_check_as_it_was(found: CampaignFacts, now: int, more: str) -> None:
    (who,) = found.creators
    asked = tuple(
        but(
            each,
            required=agreement(
                required={"hashtags": (*(each.required.hashtags if each.required else ()), more)}
            ).required,
        )
        for each in who.agreements
    )
    before = by_subject(judged(RequiredMissing(), found, now))
    after = by_subject(judged(RequiredMissing(), but(found, creators=(but(who, agreements=asked),)), now))
    assert before.items() <= after.items()


@settings(max_examples=40)
@given(found=campaigns(), now=nows)
def test_one_more_post_makes_none_overdue_and_none_lacking(found: CampaignFacts, now: int) -> None:
    polled = tuple(but(one, polled_at=END) for one in found.creators[0].accounts)
    who = but(found.creators[0], accounts=polled)
    found = but(found, creators=(who,))
    more = but(found, creators=(but(who, posts=(*who.posts, post("more", text="#glow"))),))
    for rule in agreements.RULES[:2]:
        assert raised(judged(rule, more, now)) <= raised(judged(rule, found, now))


@settings(max_examples=40)
@given(found=campaigns(), now=nows)
def test_word_of_mouth_is_not_judged(found: CampaignFacts, now: int) -> None:
    (who,) = found.creators
    heard = {one.post for one in who.posts if one.how == "word_of_mouth"}
    agreed = but(who, posts=tuple(one for one in who.posts if one.post not in heard))
    strangers = but(found, creators=(agreed,), others=tuple(one for one in who.posts if one.post in heard))
    for rule in agreements.RULES:
        said = by_subject(judged(rule, found, now))
        assert heard.isdisjoint(one.subject.post for one in said.values())
        assert by_subject(judged(rule, strangers, now)).keys() == said.keys()
