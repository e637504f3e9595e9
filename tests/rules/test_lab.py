"""What holds for every world of the laboratory, and for what is seen of it."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from random import Random

import pytest

from tracker.domain.curve import INTERVALS, Row, bucket, keep
from tracker.domain.events import METRICS
from tracker.simulate.lab.arrival import GRID, Plan, grow
from tracker.simulate.lab.behaviour import CURVES, DAY, HOUR, LabPlatform
from tracker.simulate.lab.cases import KINDS, LANGUAGES, case_of, disturbed
from tracker.simulate.lab.seen import Seen
from tracker.simulate.lab.seen_post import DEFINITION, SeenPost
from tracker.simulate.lab.story import LIKES, LabPost
from tracker.simulate.lab.world import NORMAL_BEFORE, draw_world, final_likes

SEED = 3


def posts() -> list[LabPost]:
    return [post for person in world(SEED).people for post in (*person.posts, *person.normal)]


world = cache(draw_world)


def test_a_world_follows_from_its_seed_alone() -> None:
    assert draw_world(SEED) == draw_world(SEED)
    assert draw_world(SEED) != world(SEED + 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_disturbance_follows_from_kind_and_seed_and_names_somebody_of_the_world(kind: str) -> None:
    clean = world(SEED, LANGUAGES.get(kind))
    case = disturbed(kind, clean)
    assert case == disturbed(kind, clean)
    assert case.world != clean
    assert case.truths
    for truth in case.truths:
        start, end = case.world.campaign.starts_at, case.world.campaign.ends_at
        assert start <= truth.since < truth.until <= end + 6 * DAY
        assert truth.subject.creator in {"", *(person.id for person in case.world.people)}
        assert truth.rules


def test_a_curve_is_the_one_that_the_core_keeps_of_all_observations() -> None:
    for post in posts()[:12]:
        seen = SeenPost(post, "autumn")
        rows: list[Row] = []
        names = sum(1 << metric for metric, told in enumerate(post.told) if told)
        for look, at in enumerate(post.polls):
            age = at - post.published
            row: Row = (age, names, DEFINITION, *seen.observed(look))  # type: ignore[assignment]  # seven of them
            keep(rows, row, INTERVALS[bucket(age)])
            if look % 17 == 0 or look == len(post.polls) - 1:
                facts = seen.facts(at)
                assert facts is not None
                assert facts.curve == tuple(rows)
                assert facts.totals == seen.observed(look)


def test_nothing_is_known_before_it_was_looked_at_and_the_order_of_asking_is_of_no_matter() -> None:
    drawn = world(SEED)
    instants = [drawn.campaign.starts_at + hour * HOUR + 1 for hour in range(0, 240, 13)]
    forward, backward = Seen(drawn), Seen(drawn)
    told = {now: forward.facts(now) for now in instants}
    assert {now: backward.facts(now) for now in reversed(instants)} == told
    for now, facts in told.items():
        assert all(post.newest_at <= now for post in facts.posts())
        assert all(max(fresh.values()) <= now for fresh in facts.fresh.values())
        assert all(int(field.partition("@")[2]) <= now // HOUR for field in facts.hours)


def test_a_series_sums_up_to_its_counter() -> None:
    drawn = case_of("purge", SEED).world
    facts = Seen(drawn).facts(drawn.campaign.ends_at + DAY)
    for field in (*METRICS, "clicks", "conversions", "revenue.JPY", "refunds.JPY"):
        series = sum(amount for name, amount in facts.hours.items() if name.partition("@")[0] == field)
        assert series == facts.totals[""].get(field, 0)


def test_a_clean_campaign_passes_its_targets_and_delivers_in_time() -> None:
    for seed in range(4):
        drawn = world(seed)
        targets = drawn.campaign.targets
        assert targets is not None
        assert targets.likes is not None
        assert final_likes(drawn) > targets.likes
        facts = Seen(drawn).facts(drawn.campaign.ends_at)
        for creator in facts.creators:
            due = creator.agreements[0].due_at
            assert due is not None
            assert sum(post.at < due for post in creator.posts) == creator.agreements[0].posts
            assert len(creator.normal) >= NORMAL_BEFORE


@pytest.mark.parametrize("platform", sorted(CURVES))
def test_reactions_arrive_as_the_sources_say(platform: LabPlatform) -> None:
    wanted = {"instagram": 0.80, "youtube": 0.60, "x": 0.95, "tiktok": 0.72}[platform]
    rng = Random(1)
    means = tuple(5_000.0 if metric == "likes" else None for metric in METRICS)
    shares = []
    for number in range(60):
        path = grow(rng, Plan(platform=platform, language="ja", published=number * HOUR, means=means))
        counts = path.counts[LIKES]
        assert counts is not None
        whole = 5_000 * CURVES[platform].share(60 * DAY)
        shares.append(counts[GRID.index(DAY)] / 5_000)
        assert counts[-1] == pytest.approx(whole, rel=0.25)
    assert sum(shares) / len(shares) == pytest.approx(wanted, abs=0.05)


def test_polls_come_as_often_as_the_core_looks() -> None:
    post = next(post for post in posts() if len(post.polls) > 300)
    gaps = [later - earlier for earlier, later in pairwise(post.polls)]
    first_hour = [gap for gap, at in zip(gaps, post.polls, strict=False) if at - post.published < HOUR]
    assert 60_000 <= sorted(first_hour)[len(first_hour) // 2] < 65_000
    assert post.polls == tuple(sorted(post.polls))
