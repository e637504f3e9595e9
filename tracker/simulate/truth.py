"""What the counters must say in the end, from the script and from what was told. The fields are those of
docs/explanation/counting.md; nothing here is shared with what counts them, beyond their names.

1. For a post that can still be seen, and was asked for after the freeze, a count is the world's own. For any other it
   is the last that was told.
2. A count that was never told is unknown.
3. A comment stands as the last push about it says; what was never pushed (before the start, on YouTube) is not there.

What a simulator cannot know exactly is left to the recount: which ages were observed or interpolated, half-lives and
first reactions (they depend on the instants of the asking), and the minute and hour series.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from tracker.simulate import campaigns, cast
from tracker.simulate.model import Post, Role, World
from tracker.simulate.told import PostTold, ToldLog
from tracker.simulate.world import Signal, count

METRICS = ("likes", "comments", "shares", "saves", "views", "reach", "impressions")
WHOLE, MOUTH = "", "~wom"
OF_LINK = {
    **{link: Role(campaign=cast.SPRING, by="agreement", creator=creator) for link, creator in cast.LINKS.items()},
    **{link: Role(campaign=of[0], by="agreement", creator=of[1]) for link, of in campaigns.LINKS.items()},
}
"""Link code → whom its clicks count for."""
SETTLING_MS = 1_000
"""An answer to a request that began so long after the freeze cannot be overtaken by one from before it."""
BY_RECOUNT_ONLY = (".age.", ".half_life.", "first_reaction.")
"""Fields with these in their names are audited by the recount alone; so are the series and the freshness."""

Totals = Mapping[tuple[str, str], Mapping[str, int]]
"""(campaign, who) → field → value. `who`: "" the campaign, "~wom" word of mouth, else a creator."""


class Difference(Struct, frozen=True, order=True):
    """One counter that is not what it must be. None: the field or the whole scope is not there."""

    campaign: str
    who: str
    field: str
    expected: int
    found: int


def concerns(post: Post) -> bool:
    """Whether a post counts for any campaign, before or after an edit."""
    return any(version.roles for version in post.versions)


def unsettled(world: World, told: ToldLog) -> list[Post]:
    """Posts that concern a campaign and were not asked for since the freeze: of them the truth is not yet known."""
    instant = world.freeze + SETTLING_MS
    waiting: list[Post] = []
    for post in world.posts:
        if not concerns(post) or not _ever_shown(world, post):
            continue
        if not _settled(world, told, post, instant):
            waiting.append(post)
    return waiting


def _settled(world: World, told: ToldLog, post: Post, instant: int) -> bool:
    known = told.posts.get(post.id)
    if post.account.creator is None:
        # Nobody watches a stranger's account: what was pushed, or told of a mention, is all that is ever known of it.
        return known is None or known.seen is None or post.mentions is not None or known.asked_since(instant)
    if known is None:
        # Gone before anybody saw it, and no word of it since: nobody can know.
        return not post.visible(world.freeze) and post.id not in told.pushed_of
    return known.asked_since(instant)


def _ever_shown(world: World, post: Post) -> bool:
    return post.published < world.freeze and (post.ends_at is None or post.ends_at < world.freeze)


def truth(world: World, told: ToldLog) -> dict[tuple[str, str], Counter[str]]:
    """The counters of every scope that has any, once nothing is `unsettled` and every push was acknowledged."""
    totals: dict[tuple[str, str], Counter[str]] = {}
    standings = _comments(told.pushed)
    for post in world.posts:
        known = told.posts.get(post.id)
        if known is None:
            continue
        fields = _post_fields(world, told, post, known)
        fields.update(f"comment.{standing}" for standing in standings.get(post.id, {}).values())
        for role in post.version(world.freeze).roles:
            _add(totals, role, {**fields, f"posts.by.{role.by}": 1})
    _add_sales(world, totals)
    return totals


def _add(totals: dict[tuple[str, str], Counter[str]], role: Role, fields: Mapping[str, int]) -> None:
    scopes = [MOUTH] if role.by == "word_of_mouth" else [WHOLE, role.creator]
    for who in scopes:
        if who is not None:
            totals.setdefault((role.campaign, who), Counter()).update(fields)


def _values(world: World, post: Post, known: PostTold) -> dict[str, int | None]:
    still_true = post.visible(world.freeze) and known.asked_since(world.freeze + SETTLING_MS)
    values: dict[str, int | None] = dict.fromkeys(METRICS)
    for metric, last in known.counts.items():
        shown = metric in ("likes", "comments", "shares", "saves", "views")
        values[metric] = count(world, post, metric, world.freeze) if still_true and shown else last  # type: ignore[arg-type]
    return values


def _post_fields(world: World, told: ToldLog, post: Post, known: PostTold) -> Counter[str]:
    values = _values(world, post, known)
    fields = Counter({"posts": 1, "posts.live" if post.visible(world.freeze) else "posts.removed": 1})
    if len(known.texts) > 1 or len(known.titles) > 1:
        fields["posts.edited"] = 1
    for metric, value in values.items():
        if value is None:
            fields[f"{metric}.unknown"] = 1
        else:
            fields[f"{metric}.known"] = 1
            fields[metric] = value
    followers = told.followers_at(post.account.id, post.published)
    fields["followers.unknown" if followers is None else "followers.known"] = 1
    fields["followers"] = followers or 0
    reactions = [values["likes"], values["comments"]]
    _rate(fields, "followers", reactions, followers)
    _rate(fields, "views", [*reactions, values["shares"]], values["views"])
    _rate(fields, "reach", [*reactions, values["shares"]], values["reach"])
    return fields


def _rate(fields: Counter[str], basis: str, parts: list[int | None], whole: int | None) -> None:
    known = [part for part in parts if part is not None]
    if whole and len(known) == len(parts):
        fields.update({f"er.{basis}.num": sum(known), f"er.{basis}.den": whole, f"er.{basis}.posts": 1})


Standing = Literal["visible", "hidden", "removed"]


def _comments(pushed: Iterable[Signal]) -> dict[str, dict[str, Standing]]:
    """Post → comment → how it stands by the latest push about it."""
    says: dict[str, tuple[int, Standing]] = {
        "comment_created": (0, "visible"),
        "comment_shown": (0, "visible"),
        "comment_hidden": (1, "hidden"),
        "comment_removed": (2, "removed"),
    }
    latest: dict[tuple[str, str], tuple[int, int, Standing]] = {}
    for signal in pushed:
        if signal.comment is None:
            continue
        rank, standing = says[signal.kind]
        key = (signal.post.id, signal.comment.id)
        latest[key] = max(latest.get(key, (-1, -1, standing)), (signal.at, rank, standing))
    by_post: dict[str, dict[str, Standing]] = {}
    for (post, comment), (_, _, standing) in latest.items():
        by_post.setdefault(post, {})[comment] = standing
    return by_post


def _add_sales(world: World, totals: dict[tuple[str, str], Counter[str]]) -> None:
    for click in (*world.past_clicks, *world.clicks):
        if click.at < world.freeze:
            _add(totals, OF_LINK[click.link], {"clicks": 1})
    for order in (*world.past_orders, *world.orders):
        if order.credited is None or order.at >= world.freeze:
            continue
        refunds = [refund for refund in world.refunds if refund.order == order.id and refund.at < world.freeze]
        fields = Counter({"conversions": 1, f"conversions.by.{order.by}": 1, f"revenue.{order.currency}": order.amount})
        for refund in refunds:
            fields.update({"refunds": 1, f"refunds.{refund.currency}": refund.amount})
        _add(totals, order.credited, fields)


def known_exactly(field: str) -> bool:
    """Whether the simulator can say what this counter must be."""
    return not any(part in field for part in BY_RECOUNT_ONLY)


def differences(expected: Totals, found: Totals) -> list[Difference]:
    """Every counter that differs, absent counting as zero; of `found` only what the simulator knows exactly."""
    wrong: list[Difference] = []
    for scope in sorted({*expected, *found}):
        should, has = expected.get(scope, {}), found.get(scope, {})
        wrong += [
            Difference(*scope, name, should.get(name, 0), has.get(name, 0))
            for name in sorted({*should, *filter(known_exactly, has)})
            if should.get(name, 0) != has.get(name, 0)
        ]
    return wrong
