"""Disturbances of reactions: what is bought, what falls short, what the platform takes back.

Each takes a generator and a clean world, and gives the world disturbed, with the truth. How long an alert counts as
right, and why, stands in docs/explanation/simulated-campaigns.md.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from msgspec.structs import replace

from tracker.domain.definitions import Targets
from tracker.domain.events import METRICS
from tracker.domain.verdicts import Subject
from tracker.simulate.lab.arrival import Extra, grow
from tracker.simulate.lab.behaviour import DAY, HOUR, MINUTE, PLATFORM_RATE, Range, like_rate
from tracker.simulate.lab.chance import poisson, within
from tracker.simulate.lab.story import COMMENTS, LIKES, Case, LabPost, Person, Truth, World
from tracker.simulate.lab.world import final_likes, with_targets

ENOUGH_LIKES = 100
ENOUGH_COMMENTS = 12
"""Whom nobody looks at, nobody buys anything for."""
_VIEWS = METRICS.index("views")
FALLS_SHORT = ("engagement.*",)
"""What follows where posts do badly: any rule about engagement may say so too."""


def of_creator(world: World, person: Person) -> Subject:
    return Subject(campaign=world.campaign.id, creator=person.id)


def of_post(world: World, post: LabPost) -> Subject:
    return Subject(
        campaign=world.campaign.id, creator=post.creator, platform=post.platform, account=post.account, post=post.id
    )


def with_person(world: World, changed: Person) -> World:
    return replace(world, people=tuple(changed if person.id == changed.id else person for person in world.people))


def with_post(world: World, changed: LabPost) -> World:
    """The world with one post otherwise, found by its id."""
    person = next(person for person in world.people if person.id == changed.creator)
    posts = tuple(changed if post.id == changed.id else post for post in person.posts)
    return with_person(world, replace(person, posts=posts))


def redone(rng: Random, post: LabPost, factor: float) -> LabPost:
    """The same post, as if it had done `factor` as well: drawn anew."""
    means = tuple(None if mean is None else mean * factor for mean in post.plan.means)
    plan = replace(post.plan, means=means, wave=None)
    return replace(post, plan=plan, path=grow(rng, plan), extras=())


def pick_post(
    rng: Random, world: World, metric: int, enough: float, fits: Callable[[LabPost], bool] = lambda _: True
) -> LabPost:
    """One of the advertising posts of which a metric is told and large enough; else the one of which it is largest."""
    posts = [post for person in world.people for post in person.posts if post.told[metric] and fits(post)]
    large = [post for post in posts if (post.plan.means[metric] or 0) >= enough]
    return rng.choice(large) if large else max(posts, key=lambda post: post.plan.means[metric] or 0)


def usual(post: LabPost, metric: int) -> float:
    mean = post.plan.means[metric]
    assert mean is not None
    return mean


def late_burst(rng: Random, world: World) -> Case:
    """Likes bought for a post that had quietened down: as many again, within an hour, a day or two after it."""
    end = world.campaign.ends_at
    post = pick_post(rng, world, LIKES, ENOUGH_LIKES, lambda post: post.published < end - 3 * DAY)
    at = post.published + round(within(rng, Range(20, 60)) * HOUR)
    amount = round((post.total(LIKES, at) or 0) * within(rng, Range(0.8, 2.0)))
    until = at + round(within(rng, Range(10, 60)) * MINUTE)
    extras = [Extra(LIKES, ((at, 0), (until, amount)))]
    if post.told[_VIEWS] and rng.random() < 1 / 3:  # some sellers bring views along
        extras.append(Extra(_VIEWS, ((at, 0), (until, amount * 10))))
    world = with_post(world, replace(post, extras=(*post.extras, *extras)))
    truth = Truth(
        kind="late_burst",
        subject=of_post(world, post),
        since=at,
        until=at + DAY,
        rules=("speed.late_burst",),
        besides=("authenticity.ratio_break", "speed.*"),
    )
    return Case(kind="late_burst", world=world, truths=(truth,))


def bot_drip(rng: Random, world: World) -> Case:
    """Likes delivered evenly, day and night, for days; the audience itself hardly reacts."""
    end = world.campaign.ends_at
    post = pick_post(rng, world, LIKES, ENOUGH_LIKES, lambda post: post.published < end - 3 * DAY)
    hours = round(within(rng, Range(48, 96)))
    per_hour = usual(post, LIKES) * within(rng, Range(0.7, 1.3)) / hours
    points, total = [(post.published, 0)], 0
    for hour in range(1, hours + 1):
        total += poisson(rng, per_hour)
        points.append((post.published + hour * HOUR, total))
    world = with_post(
        world,
        replace(redone(rng, post, within(rng, Range(0.2, 0.35))), extras=(Extra(LIKES, tuple(points)),)),
    )
    truth = Truth(
        kind="bot_drip",
        subject=of_post(world, post),
        since=post.published,
        until=post.published + 3 * DAY,
        rules=("speed.flat_arrival",),
        besides=("authenticity.ratio_break", "speed.*", *FALLS_SHORT),
    )
    return Case(kind="bot_drip", world=world, truths=(truth,))


def delivered_at_once(rng: Random, world: World) -> Case:
    """Likes delivered within minutes of publishing, and then next to nothing."""
    post = pick_post(rng, world, LIKES, ENOUGH_LIKES)
    at = post.published + round(within(rng, Range(1, 20)) * MINUTE)
    until = at + round(within(rng, Range(3, 12)) * MINUTE)
    amount = round(usual(post, LIKES) * within(rng, Range(0.6, 1.0)))
    changed = redone(rng, post, within(rng, Range(0.1, 0.25)))
    world = with_post(world, replace(changed, extras=(Extra(LIKES, ((at, 0), (until, amount))),)))
    truth = Truth(
        kind="delivered_at_once",
        subject=of_post(world, post),
        since=post.published,
        until=post.published + 2 * DAY,
        rules=("speed.stopped_burst",),
        besides=("authenticity.ratio_break", "speed.*", *FALLS_SHORT),
    )
    return Case(kind="delivered_at_once", world=world, truths=(truth,))


def comment_pod(rng: Random, world: World) -> Case:
    """A ring of accounts comments on each other's posts: comments in number within two hours, likes as ever."""
    post = pick_post(rng, world, COMMENTS, ENOUGH_COMMENTS, lambda post: post.told[LIKES])
    at = post.published + round(within(rng, Range(5, 30)) * MINUTE)
    until = at + round(within(rng, Range(20, 120)) * MINUTE)
    amount = round(usual(post, COMMENTS) * within(rng, Range(4.0, 9.0)))
    pod = Extra(COMMENTS, ((at, 0), (until, amount)))
    world = with_post(world, replace(post, extras=(*post.extras, pod)))
    truth = Truth(
        kind="comment_pod",
        subject=of_post(world, post),
        since=post.published,
        until=post.published + 2 * DAY,
        rules=("authenticity.ratio_break",),
        besides=("speed.*",),
    )
    return Case(kind="comment_pod", world=world, truths=(truth,))


def purge(rng: Random, world: World) -> Case:
    """The platform takes back much of what a post had: it was bought, and found out."""
    end = world.campaign.ends_at
    post = pick_post(rng, world, LIKES, ENOUGH_LIKES, lambda post: post.published < end - 2 * DAY)
    at = min(end - DAY, post.published + round(within(rng, Range(12, 120)) * HOUR))
    lost = round((post.total(LIKES, at) or 0) * within(rng, Range(0.15, 0.4)))
    taken = Extra(LIKES, ((at, 0), (at + round(within(rng, Range(5, 60)) * MINUTE), -lost)))
    world = with_post(world, replace(post, extras=(*post.extras, taken)))
    truth = Truth(
        kind="purge",
        subject=of_post(world, post),
        since=at,
        until=at + DAY,
        rules=("authenticity.counter_rolled_back",),
        besides=("authenticity.ratio_break", *FALLS_SHORT),
    )
    return Case(kind="purge", world=world, truths=(truth,))


def follower_jump(rng: Random, world: World) -> Case:
    """Followers bought overnight; some of them go again in the days after."""
    person = rng.choice(world.people)
    start = world.campaign.starts_at + round(within(rng, Range(1.0, 7.0)) * DAY)
    before = max(count for at, count in person.followers if at < start)
    bought = before * within(rng, Range(0.15, 0.5))
    followers = tuple(
        (at, count if at < start else count + round(bought * 0.97 ** ((at - start) / DAY)))
        for at, count in person.followers
    )
    world = with_person(world, replace(person, followers=followers))
    truth = Truth(
        kind="follower_jump",
        subject=of_creator(world, person),
        since=start,
        until=start + 2 * DAY,
        rules=("authenticity.follower_jump",),
    )
    return Case(kind="follower_jump", world=world, truths=(truth,))


def below_baseline(rng: Random, world: World) -> Case:
    """A creator's audience does not care for the advertising: both posts reach a fraction of what is usual for them."""
    person = rng.choice(world.people)
    posts = tuple(_reaching(rng, person, post, within(rng, Range(0.2, 0.35))) for post in person.posts)
    world = with_person(world, replace(person, posts=posts))
    truth = Truth(
        kind="below_baseline",
        subject=of_creator(world, person),
        since=posts[0].published,
        until=posts[-1].published + 3 * DAY,
        rules=("engagement.below_baseline",),
        besides=FALLS_SHORT,
    )
    return Case(kind="below_baseline", world=world, truths=(truth,))


def _reaching(rng: Random, person: Person, post: LabPost, share: float) -> LabPost:
    """The post, as if it had reached this share of what its creator's posts usually do: its own luck aside."""
    return redone(rng, post, share * post.followers * person.like_rate / usual(post, LIKES))


def below_benchmark(rng: Random, world: World) -> Case:
    """A creator whose followers are idle: all their posts reach a fraction of what is usual for that many."""
    person = rng.choice([person for person in world.people if person.platform == "instagram" and _has_row(person)])
    typical = like_rate(person.followers[0][1]) * PLATFORM_RATE[person.platform]
    factor = within(rng, Range(0.2, 0.35)) * typical / person.like_rate
    posts = tuple(redone(rng, post, factor) for post in person.posts)
    normal = tuple(redone(rng, post, factor) for post in person.normal)
    world = with_person(world, replace(person, posts=posts, normal=normal))
    truth = Truth(
        kind="below_benchmark",
        subject=of_creator(world, person),
        since=posts[0].published,
        until=posts[-1].published + 3 * DAY,
        rules=("engagement.below_benchmark",),
        besides=FALLS_SHORT,
    )
    return Case(kind="below_benchmark", world=world, truths=(truth,))


def _has_row(person: Person) -> bool:
    """Whether the source gives what is usual for so many followers: Markerly has no row from 100K to 1M."""
    return person.followers[-1][1] < 100_000


def below_target(rng: Random, world: World) -> Case:
    """The campaign was promised too much: it ends at about half of its target."""
    world = _with_likes_target(world, within(rng, Range(0.35, 0.6)))
    truth = Truth(
        kind="below_target",
        subject=Subject(campaign=world.campaign.id),
        since=world.campaign.starts_at,
        until=world.campaign.ends_at + DAY,
        rules=("engagement.below_target",),
        besides=FALLS_SHORT,
    )
    return Case(kind="below_target", world=world, truths=(truth,))


def forecast_miss(rng: Random, world: World) -> Case:
    """The campaign begins well and loses its momentum: the second posts do badly, and it will end short."""
    for person in world.people:
        world = with_post(world, redone(rng, person.posts[1], within(rng, Range(0.05, 0.25))))
    world = _with_likes_target(world, within(rng, Range(0.45, 0.65)))
    truth = Truth(
        kind="forecast_miss",
        subject=Subject(campaign=world.campaign.id),
        since=world.campaign.starts_at,
        until=world.campaign.ends_at,
        rules=("engagement.forecast_miss",),
        besides=FALLS_SHORT,
    )
    return Case(kind="forecast_miss", world=world, truths=(truth,))


def _with_likes_target(world: World, reached: float) -> World:
    """The world with a target of which so much is reached in the end."""
    targets = world.campaign.targets or Targets()
    return with_targets(world, replace(targets, likes=max(1, round(final_likes(world) / reached))))
