"""What a poller would have seen of a world by an instant, as the facts that rules are given.

1. Nothing is known that no poll, click or order before `now` told; what a platform does not tell is None.
2. Curves are kept by the core's own `keep`. Of each interval of age only the first and the last observation are handed
   to it, for these are what it keeps of all of them (tests/rules/test_lab.py holds the two against each other).
3. Asking is cheap, and in any order: a post is made anew only when it was looked at again.

Totals have the fields that posts, clicks and orders bring (docs/explanation/counting.md, sections 4 and 5), without
those by age; the series are by the hour.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from tracker.domain.counters import add
from tracker.domain.events import METRICS
from tracker.domain.facts import AccountFacts, CampaignFacts, CreatorFacts, PostFacts
from tracker.domain.schedule import Cadence
from tracker.simulate.lab.behaviour import HOUR
from tracker.simulate.lab.seen_post import SeenPost, add_changes
from tracker.simulate.lab.seen_shop import SeenShop
from tracker.simulate.lab.story import LabPost, Person, Shop, World

_ACCOUNT_EVERY = Cadence().account_every


class Known:
    """What was already looked through: posts and shops, by their identity, which they keep while they are here."""

    def __init__(self) -> None:
        self._posts: dict[int, SeenPost] = {}
        self._shops: dict[int, tuple[Shop, SeenShop]] = {}

    def post(self, post: LabPost, campaign: str) -> SeenPost:
        found = self._posts.get(id(post))
        if found is None:
            found = self._posts[id(post)] = SeenPost(post, campaign)
        return found

    def commerce(self, world: World) -> SeenShop:
        found = self._shops.get(id(world.shop))
        if found is None:
            found = self._shops[id(world.shop)] = (world.shop, SeenShop(world))
        return found[1]


class Seen:
    """A world through the poller's eyes. `known`: what was already looked through, shared between a world's cases."""

    def __init__(self, world: World, known: Known | None = None) -> None:
        self.world = world
        shared = Known() if known is None else known
        self._people = [
            (
                person,
                self._each(person.posts, shared),
                self._each(person.normal, shared),
            )
            for person in world.people
        ]
        self._commerce = shared.commerce(world)
        self._hours = sorted(self._hourly(), key=lambda one: one[0])
        self._hour_starts = [hour for hour, _, _ in self._hours]
        self._past: tuple[int, dict[str, int]] = (0, {})

    def _each(self, posts: Iterable[LabPost], known: Known) -> list[SeenPost]:
        return [known.post(post, self.world.campaign.id) for post in posts]

    def facts(self, now: int) -> CampaignFacts:
        """All that is known of the campaign at `now`."""
        creators, totals = [], {"": dict[str, int]()}
        fresh: dict[str, dict[str, int]] = {}
        for place, (person, posts, normal) in enumerate(self._people):
            known = tuple(_known(posts, now))
            creators.append(
                CreatorFacts(
                    creator=person.creator,
                    agreements=(person.agreement,),
                    accounts=(_account(person, now, self.world.campaign.ends_at),),
                    posts=known,
                    normal=tuple(_known(normal, now)),
                )
            )
            own = totals[person.id] = {}
            for post in known:
                _contribute(own, post)
            self._commerce.contribute(own, place, now)
            for name, amount in own.items():
                add(totals[""], name, amount)
            newest = max((post.newest_at for post in known), default=None)
            if newest is not None:
                fresh[person.id] = {"poll": newest}
                everybody = fresh.setdefault("", {})
                everybody["poll"] = max(newest, everybody.get("poll", 0))
        return CampaignFacts(
            campaign=self.world.campaign,
            creators=tuple(creators),
            links=self.world.links,
            totals=totals,
            fresh=fresh,
            hours=self._series(now),
        )

    def _series(self, now: int) -> dict[str, int]:
        """The campaign's changes by the hour: of posts when they were looked at, of the shop when it happened."""
        this_hour = now // HOUR
        series = self._until(this_hour).copy()
        for _, posts, _ in self._people:
            for post in posts:
                changes = post.changes(this_hour, now)
                if changes is not None:
                    add_changes(series, this_hour, *changes)
        self._commerce.hour(series, this_hour, now)
        return series

    def _until(self, hour: int) -> dict[str, int]:
        """The series of all hours before this one."""
        known_until, known = self._past
        if hour < known_until:
            known_until, known = 0, {}
        if hour > known_until:
            known = known.copy()
            for _, field, amount in self._hours[
                bisect_left(self._hour_starts, known_until) : bisect_left(self._hour_starts, hour)
            ]:
                add(known, field, amount)
            self._past = (hour, known)
        return known

    def _hourly(self) -> Iterator[tuple[int, str, int]]:
        for _, posts, _ in self._people:
            for post in posts:
                yield from post.by_hour
        yield from self._commerce.by_hour


def _known(posts: list[SeenPost], now: int) -> Iterator[PostFacts]:
    for post in posts:
        facts = post.facts(now)
        if facts is not None:
            yield facts


def _account(person: Person, now: int, until: int) -> AccountFacts:
    """An account is looked at every five minutes, but not in a gap of its feed, and not once the campaign is over."""
    points = person.followers[: bisect_right(person.followers, (now, 2**62))]
    looked_at = min(now, until - 1)
    looked_at = min((start for start, end in person.gaps if start <= looked_at < end), default=looked_at)
    return AccountFacts(
        platform=person.platform,
        account=person.account,
        followers=points,
        polled_at=looked_at - looked_at % _ACCOUNT_EVERY,
    )


def _contribute(into: dict[str, int], post: PostFacts) -> None:
    """What a post brings, fields by age left out: docs/explanation/counting.md, section 4."""
    add(into, "posts", 1)
    add(into, "posts.live" if post.live else "posts.removed", 1)
    add(into, "posts.by.agreement", 1)
    if post.edited:
        add(into, "posts.edited", 1)
    for metric, value in zip(METRICS, post.totals, strict=True):
        add(into, f"{metric}.unknown" if value is None else f"{metric}.known", 1)
        if value:
            add(into, metric, value)
    add(into, "followers", post.followers or 0)
    add(into, "followers.known", 1)
    likes, comments, shares, _, views, reach, _ = post.totals
    if likes is not None and comments is not None:
        _rate(into, "er.followers", likes + comments, post.followers)
        if shares is not None:
            _rate(into, "er.views", likes + comments + shares, views)
            _rate(into, "er.reach", likes + comments + shares, reach)


def _rate(into: dict[str, int], name: str, part: int, whole: int | None) -> None:
    if whole:
        add(into, f"{name}.num", part)
        add(into, f"{name}.den", whole)
        add(into, f"{name}.posts", 1)
