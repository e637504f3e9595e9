"""The past that is imported: what the stand-in would have said then, at the instants at which a poller looks."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulate.builders import START
from tests.simulate.telling import imported
from tracker.domain import events as ev
from tracker.domain.curve import INTERVALS, Row, bucket, keep
from tracker.domain.schedule import Cadence
from tracker.simulate import campaigns
from tracker.simulate.history import FOLLOWER_DAYS, history, look_at, looks, tell
from tracker.simulate.script import generate
from tracker.simulate.told import ToldLog
from tracker.simulate.truth import concerns
from tracker.simulate.wire import draw_secrets
from tracker.simulate.world import count, followers

HOUR, DAY = 3_600_000, 86_400_000
SECRETS = draw_secrets(1, campaigns.EVERYBODY)["instagram"]
WORLD = generate(1, START + 9_000, 60, origin=START)
POSTS = [post for post in WORLD.posts if post.account.real_time and post.published < START]


def curve_of(instants: list[int], published: int) -> list[Row]:
    """What a curve keeps of observations at these instants; the value is the age itself."""
    rows: list[Row] = []
    for at in instants:
        age = at - published
        keep(rows, (age, 1, "1", age, None, None, None, None, None, None), INTERVALS[bucket(age)])
    return rows


@given(st.integers(0, 10 * DAY))
def test_what_is_left_out_of_a_pollers_looks_is_what_a_curve_does_not_keep(age: int) -> None:
    cadence, at = Cadence(), START + 60_000
    every: list[int] = []
    while at < START + age:
        every.append(at)
        at += cadence.every(at - START)
    thinned = looks(START, START + age)
    assert set(thinned) <= set(every)
    assert curve_of(thinned, START) == curve_of(every, START)


def test_the_same_seed_gives_the_same_history_and_another_another() -> None:
    again = [history(generate(seed, START + 9_000, 60, origin=START), SECRETS) for seed in (1, 1, 2)]
    assert again[0] == again[1] == history(WORLD, SECRETS)
    assert again[1] != again[2]


@settings(deadline=None, max_examples=6)
@given(st.integers(0, 600_000), st.sampled_from([15, 60, None]))
def test_a_history_does_not_depend_on_when_the_world_begins_nor_for_how_long(delay: int, seconds: int | None) -> None:
    assert history(generate(1, START + delay, seconds, origin=START), SECRETS) == history(WORLD, SECRETS)


async def test_the_last_word_on_a_post_is_what_the_live_stand_in_says_first(tmp_path: Path) -> None:
    facts = await imported(history(WORLD, SECRETS), tmp_path, now=START)
    last = {one.post: one for one in facts if isinstance(one, ev.ReactionObserved)}
    assert {post.id for post in POSTS} == set(last)
    for account in campaigns.ACCOUNTS:
        live = json.loads(json.loads(look_at(WORLD, SECRETS, account, START).text)["body"])
        assert live["followers_count"] == account.followers
        for shown in live["media"]["data"]:
            said = last[shown["id"]]
            assert (said.likes, said.comments, said.views) == (
                shown["like_count"], shown["comments_count"], shown["view_count"],
            )  # fmt: skip
            assert said.observed_at == START


def test_no_count_of_the_past_falls_and_followers_grow_day_by_day() -> None:
    for post in POSTS:
        seen = [count(WORLD, post, "likes", at) for at in looks(post.published, START)]
        assert seen == sorted(seen)
        assert seen[-1] > 0
    omar = [followers(WORLD, campaigns.OMAR, START - days * DAY) for days in range(FOLLOWER_DAYS, -1, -1)]
    assert {after - before for before, after in pairwise(omar)} == {24 * campaigns.OMAR.growth}


def test_lines_are_in_order_and_none_is_of_later_than_the_origin() -> None:
    instants = [line.at for line in history(WORLD, SECRETS)]
    assert instants == sorted(instants)
    assert instants[-1] == START


def test_what_a_history_tells_is_known_to_the_truth_and_is_no_answer_to_a_request() -> None:
    told = ToldLog()
    tell(history(WORLD, SECRETS), told)
    assert told.answers == 0
    assert {post.id for post in POSTS if concerns(post)} <= set(told.posts)
    riko = campaigns.RIKO
    # Of the first look of a UTC day; START is 17:46 UTC, and so are the looks at the account.
    assert told.followers_at(riko.id, START - DAY + HOUR) == followers(WORLD, riko, START - DAY)
    assert told.followers_at(riko.id, START) == followers(WORLD, riko, START)
