"""A whole clean campaign, drawn from its seed.

It is clean: its creators do as they do, deliver in time and in form, and it passes its targets when it ends.
"""

from __future__ import annotations

from random import Random

from msgspec.structs import replace

from tracker.domain.definitions import Campaign, Link, Targets
from tracker.simulate.lab.behaviour import DAY, HOUR, SMALL_TIERS, TIERS, LabLanguage, Range
from tracker.simulate.lab.chance import within
from tracker.simulate.lab.people import PLATFORMS, Frame, draw_person, draw_post, posting_instant
from tracker.simulate.lab.shop import draw_shop
from tracker.simulate.lab.story import LIKES, Person, Version, World
from tracker.simulate.lab.texts import short_link

CAMPAIGN = "autumn"
DAYS = 10
NAMES = ("aoi", "ben", "chika", "dan")
NORMAL_BEFORE = 8
EXCEEDS = Range(1.15, 1.6)
"""A clean campaign ends with so much of its target."""
_FIRST_DAY = 20_700  # 2026-09-04, a Friday
_DISCLOSURE: dict[LabLanguage, tuple[str, ...]] = {"ja": ("jp",), "en": ("us",)}


def draw_world(seed: int, language: LabLanguage | None = None) -> World:
    """The clean campaign of this seed. `language` of its creators and their audiences; None: the seed's own."""
    rng = Random(f"world {seed}")  # noqa: S311 - a reproducible story, no secret
    drawn: LabLanguage = "en" if rng.random() < 0.3 else "ja"
    language = language or drawn
    starts_at = (_FIRST_DAY + rng.randrange(28)) * DAY + rng.choice((0, 1, 15)) * HOUR
    frame = Frame(starts_at, starts_at + DAYS * DAY)
    platforms = ("instagram", *rng.choices(PLATFORMS, (0.45, 0.2, 0.2, 0.15), k=len(NAMES) - 1))
    people = []
    for name, platform in zip(NAMES, platforms, strict=True):
        tiers = SMALL_TIERS if name == NAMES[0] else TIERS
        person = draw_person(
            rng, frame, name=name, campaign=CAMPAIGN, platform=platform, language=language, tiers=tiers
        )
        people.append(_with_posts(rng, frame, person))
    shop = draw_shop(rng, people, frame.starts_at, frame.ends_at)
    campaign = Campaign(
        id=CAMPAIGN,
        name="Autumn",
        starts_at=frame.starts_at,
        ends_at=frame.ends_at,
        disclosure=_DISCLOSURE[language],
    )
    links = tuple(
        Link(id=f"{name}-link", campaign=CAMPAIGN, creator=name, destination=short_link(name)) for name in NAMES
    )
    world = World(seed=seed, language=language, campaign=campaign, people=tuple(people), links=links, shop=shop)
    orders = sum(order.at < frame.ends_at for order in shop.orders)
    targets = Targets(
        likes=max(1, round(final_likes(world) / within(rng, EXCEEDS))),
        clicks=max(1, round(sum(clicks.count for clicks in shop.clicks) / within(rng, EXCEEDS))),
        conversions=max(1, round(orders / within(rng, EXCEEDS))),
    )
    return with_targets(world, targets)


def with_targets(world: World, targets: Targets) -> World:
    return replace(world, campaign=replace(world.campaign, targets=targets))


def final_likes(world: World) -> int:
    """The likes that are told of its posts when the campaign ends."""
    end = world.campaign.ends_at
    return sum(post.total(LIKES, end) or 0 for person in world.people for post in person.posts if post.told[LIKES])


def _with_posts(rng: Random, frame: Frame, person: Person) -> Person:
    day = frame.starts_at // DAY + 1
    first = posting_instant(rng, person.language, day + rng.randrange(3))
    second = posting_instant(rng, person.language, day + 3 + rng.randrange(3))
    posts = tuple(
        draw_post(rng, person, frame, id=f"{person.id}-pr-{number}", published=max(at, frame.starts_at), is_pr=True)
        for number, at in enumerate((first, second), 1)
    )
    days = sorted(rng.sample(range(day - 42, day - 1), NORMAL_BEFORE)) + sorted(rng.sample(range(day, day + 7), 2))
    normal = []
    for number, local_day in enumerate(days, 1):
        at = posting_instant(rng, person.language, local_day)
        normal.append(draw_post(rng, person, frame, id=f"{person.id}-{number}", published=at, is_pr=False))
    edited = rng.randrange(len(normal))  # somebody mends a misprint: nobody's affair, for nothing was agreed of it
    first_version = normal[edited].versions[0]
    mended = Version(first_version.since + 2 * HOUR, f"{first_version.text} .", first_version.title)
    normal[edited] = replace(normal[edited], versions=(first_version, mended))
    return replace(person, posts=posts, normal=tuple(normal))
