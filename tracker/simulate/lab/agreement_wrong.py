"""Disturbances of what was agreed: what is late, lacking, otherwise, gone, changed, or not labelled as advertising."""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from tracker.domain.definitions import AgreedMedium
from tracker.simulate.lab.behaviour import DAY, HOUR, Range
from tracker.simulate.lab.chance import within
from tracker.simulate.lab.people import Frame, draw_post
from tracker.simulate.lab.reactions_wrong import FALLS_SHORT, of_creator, of_post, with_person, with_post
from tracker.simulate.lab.story import Case, LabPost, Truth, Version, World
from tracker.simulate.lab.texts import MENTION, PRODUCT_TAG, pr_text, short_link, title_of

TOLERANCE = DAY
"""So long after the thing itself an alert about it is in time."""
_OTHER_MEDIUM: dict[AgreedMedium, AgreedMedium] = {"reel": "feed", "carousel": "feed", "video": "live"}


def overdue(rng: Random, world: World) -> Case:
    """A creator's second post comes a day or two after it was due."""
    person = rng.choice(world.people)
    due = person.agreement.due_at
    assert due is not None
    frame = Frame(world.campaign.starts_at, world.campaign.ends_at)
    late = draw_post(
        rng, person, frame, id=person.posts[1].id, published=due + round(within(rng, Range(1.0, 2.2)) * DAY), is_pr=True
    )
    world = with_post(world, late)
    truth = Truth(
        kind="overdue",
        subject=of_creator(world, person),
        since=due,
        until=due + TOLERANCE,
        rules=("agreement.post_overdue",),
        besides=("agreement.too_few_posts", *FALLS_SHORT),
    )
    return Case(kind="overdue", world=world, truths=(truth,))


def too_few_posts(rng: Random, world: World) -> Case:
    """A creator never posts a second time, and the window ends. No other day was agreed."""
    person = rng.choice(world.people)
    agreement = replace(person.agreement, due_at=None)
    world = with_person(world, replace(person, agreement=agreement, posts=person.posts[:1]))
    end = world.campaign.ends_at
    truth = Truth(
        kind="too_few_posts",
        subject=of_creator(world, person),
        since=end - 2 * DAY,
        until=end + TOLERANCE,
        rules=("agreement.too_few_posts",),
        besides=("agreement.post_overdue", *FALLS_SHORT),
    )
    return Case(kind="too_few_posts", world=world, truths=(truth,))


def missing_required(rng: Random, world: World) -> Case:
    """A post lacks the product's hashtag, the mention or the link that was agreed."""
    post = _any_post(rng, world)
    world = with_post(world, replace(post, versions=(_without_one(rng, world, post, post.published),)))
    truth = Truth(
        kind="missing_required",
        subject=of_post(world, post),
        since=post.published,
        until=post.published + TOLERANCE,
        rules=("agreement.required_missing",),
    )
    return Case(kind="missing_required", world=world, truths=(truth,))


def wrong_medium(rng: Random, world: World) -> Case:
    """A post in another form than was agreed: a picture for a reel, a live broadcast for a video."""
    post = rng.choice([post for person in world.people for post in person.posts if post.platform in _FORMS])
    world = with_post(world, replace(post, medium=_OTHER_MEDIUM[post.medium]))
    truth = Truth(
        kind="wrong_medium",
        subject=of_post(world, post),
        since=post.published,
        until=post.published + TOLERANCE,
        rules=("agreement.wrong_medium",),
    )
    return Case(kind="wrong_medium", world=world, truths=(truth,))


_FORMS = ("instagram", "youtube")
"""Platforms that have more than one form."""


def removed(rng: Random, world: World) -> Case:
    """A post is deleted, or made private, while it had to stay up. The facts are the same."""
    post = _any_post(rng, world)
    at = min(world.campaign.ends_at - DAY, post.published + round(within(rng, Range(6, 96)) * HOUR))
    world = with_post(world, replace(post, removed_at=at))
    truth = Truth(
        kind="removed",
        subject=of_post(world, post),
        since=at,
        until=at + TOLERANCE,
        rules=("agreement.post_removed",),
        besides=("agreement.too_few_posts", "agreement.post_overdue", *FALLS_SHORT),
    )
    return Case(kind="removed", world=world, truths=(truth,))


def edited(rng: Random, world: World) -> Case:
    """A post is edited after a while, and what was agreed to stand in it is gone."""
    post = _any_post(rng, world)
    at = _later(rng, world, post)
    world = with_post(world, replace(post, versions=(*post.versions, _without_one(rng, world, post, at))))
    truth = Truth(
        kind="edited",
        subject=of_post(world, post),
        since=at,
        until=at + TOLERANCE,
        rules=("agreement.post_edited", "agreement.required_missing"),
    )
    return Case(kind="edited", world=world, truths=(truth,))


def unlabelled(rng: Random, world: World) -> Case:
    """A Japanese post that nowhere says that it is advertising."""
    post = _any_post(rng, world)
    text = pr_text(rng, world.language, post.creator, labelled=False)
    world = with_post(world, replace(post, versions=(Version(post.published, text, title_of(post.platform, text)),)))
    truth = Truth(
        kind="unlabelled",
        subject=of_post(world, post),
        since=post.published,
        until=post.published + TOLERANCE,
        rules=("compliance.disclosure",),
        besides=("compliance.*",),
    )
    return Case(kind="unlabelled", world=world, truths=(truth,))


def label_removed(rng: Random, world: World) -> Case:
    """A Japanese post loses its label by an edit."""
    post = _any_post(rng, world)
    at = _later(rng, world, post)
    text = pr_text(rng, world.language, post.creator, labelled=False)
    version = Version(at, text, title_of(post.platform, text))
    world = with_post(world, replace(post, versions=(*post.versions, version)))
    truth = Truth(
        kind="label_removed",
        subject=of_post(world, post),
        since=at,
        until=at + TOLERANCE,
        rules=("compliance.disclosure", "agreement.post_edited"),
        besides=("compliance.*",),
    )
    return Case(kind="label_removed", world=world, truths=(truth,))


def _any_post(rng: Random, world: World) -> LabPost:
    return rng.choice(rng.choice(world.people).posts)


def _later(rng: Random, world: World, post: LabPost) -> int:
    return min(world.campaign.ends_at - DAY, post.published + round(within(rng, Range(3, 72)) * HOUR))


def _without_one(rng: Random, world: World, post: LabPost, since: int) -> Version:
    """The post's text from `since` on, without one of the things that were agreed."""
    first = post.versions[0]
    dropped = rng.choice((f"#{PRODUCT_TAG[world.language]}", f"@{MENTION}", short_link(post.creator)))
    return Version(since, first.text.replace(dropped, "").replace("  ", " ").strip(), first.title)
