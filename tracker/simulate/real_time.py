"""The plot of the three campaigns in real time: normal posts, agreed posts, clicks and orders, and what goes wrong.

1. What is before the origin does not depend on when the world starts, nor on how long it runs; each post draws for
   itself, so no other post's fate moves it.
2. What goes wrong is written here once, with the alert that it earns: a bought burst, a post without a label, sales
   that stopped. Whatever is not written with an alert must raise none.
3. Of sales, what stopped is certain and not drawn: every fifth click was an order, until `SILENT_HOURS` ago.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from msgspec import Struct, structs

from tracker.simulate.campaigns import (
    ACCOUNTS,
    LINKS,
    MATCHA,
    MEI,
    NOAH,
    OMAR,
    RIKO,
    TRAIL,
    YUI,
    campaign_of,
    role,
)
from tracker.simulate.curves import HOUR, curve
from tracker.simulate.draft import AUTHORS, LIKE_SHARE_LARGE, SAID
from tracker.simulate.model import (
    Account,
    Alarm,
    Burst,
    Click,
    Comment,
    CountName,
    Order,
    Post,
    Role,
    Version,
    World,
)

MINUTE = HOUR // 60
BURST_MS = 20_000
SILENT_HOURS = 10
CLICKS_AN_ORDER = 5
LIVE_CLICKS = 12
"""So many for each link in a run: an hour that ends meanwhile must not look like a rush without sales."""

NORMAL_HOURS = (31, 55, 79, 101, 126)
"""How old each account's normal posts are at the origin: four at the least are older than any agreed post."""
NORMAL_JA = ("朝の散歩みち。", "本棚を片づけた日。", "雨の日の窓辺。", "作り置きの夕ごはん。", "古い器を買いました。")
NORMAL_EN = ("Fog over the ridge.", "Sunday, slowly.", "A shelf, finally tidy.", "Rain on the window.", "Old boots.")
JAPANESE = frozenset({RIKO, YUI, MEI})


class _Plan(Struct, frozen=True, kw_only=True):
    """One post to be drawn. `number` tells the posts of an account apart."""

    account: Account
    number: int
    published: int
    text: str
    roles: tuple[Role, ...] = ()
    bursts: tuple[Burst, ...] = ()
    alarms: tuple[Alarm, ...] = ()


def added(world: World, span_ms: int) -> World:
    """The world with the three campaigns in it. `span_ms`: how long the story takes from the start."""
    plans = [*_normal(world), *_agreed(world), *_live(world, span_ms)]
    past_clicks, past_orders = _past_sales(world)
    clicks, orders = _live_sales(world, span_ms)
    return structs.replace(
        world,
        accounts=(*world.accounts, *ACCOUNTS),
        posts=(*world.posts, *(_drawn(world, plan) for plan in plans)),
        clicks=(*world.clicks, *clicks),
        orders=(*world.orders, *orders),
        past_clicks=past_clicks,
        past_orders=past_orders,
        alarms=(*world.alarms, Alarm(rule="conversion.sales_stopped", campaign=TRAIL)),
    )


def _normal(world: World) -> Iterator[_Plan]:
    for place, account in enumerate(ACCOUNTS):
        texts = NORMAL_JA if account in JAPANESE else NORMAL_EN
        for number, (hours, text) in enumerate(zip(NORMAL_HOURS, texts, strict=True)):
            published = world.origin - hours * HOUR - place * 37 * MINUTE
            yield _Plan(account=account, number=number, published=published, text=text)


def _agreed(world: World) -> Iterator[_Plan]:
    """Those of before the origin, all labelled: `#PR` stands first, whatever the language."""
    for account, number, hours, text in (
        (RIKO, 11, 46, "#PR 抹茶の朝、はじめます。 #matchamorning #抹茶の朝"),
        (RIKO, 12, 19, "#PR 点てたての一杯を、いつもの窓で。 #matchamorning"),
        (NOAH, 11, 27, "#PR Advertisement. Whisk, breathe, sip. #matchamorning"),
        (NOAH, 12, 9, "#PR Advertisement. Six in the morning, one bowl of matcha. #matchamorning"),
        (MEI, 11, 24, "#PR さくらスキンの化粧水、二週間め。 #さくらスキン"),
        (YUI, 11, 40, "#PR 春の肌に、さくらスキン。 #さくらスキン"),
        (OMAR, 11, 43, "Ad: forty kilometres in the new uphill shoe #ad #uphillseason"),
        (OMAR, 12, 21, "Ad: mud, roots, no blisters #ad #uphillseason"),
    ):
        published = world.origin - hours * HOUR - 11 * MINUTE
        yield _Plan(account=account, number=number, published=published, text=text, roles=(role(account),))


def _live(world: World, span_ms: int) -> Iterator[_Plan]:
    """What goes wrong while one watches, and one post that is as it should be."""

    def at(share: float) -> int:
        return world.start + int(span_ms * share)

    def alarm(rule: str, account: Account, check: str = "") -> Alarm:
        return Alarm(rule=rule, campaign=campaign_of(account), creator=account.creator or "", check=check)

    bought = Burst(at=at(0.45), until=at(0.45) + min(BURST_MS, span_ms // 5), count="likes", permille=900)
    yield _Plan(
        account=YUI,
        number=12,
        published=world.origin - 20 * HOUR - 23 * MINUTE,
        text="#PR 三日でうるおう、さくらスキンの夜クリーム。 #さくらスキン",
        roles=(role(YUI),),
        bursts=(bought,),
        alarms=(alarm("speed.late_burst", YUI),),
    )
    yield _Plan(
        account=MEI,
        number=12,
        published=at(0.3),
        text="新しい美容液、朝も夜もこれ一本。 #さくらスキン",
        roles=(role(MEI),),
        alarms=(alarm("compliance.disclosure", MEI, "jp"),),
    )
    yield _Plan(
        account=RIKO, number=13, published=at(0.2), text="#PR 今朝の抹茶ラテ。 #matchamorning", roles=(role(RIKO),)
    )


def _drawn(world: World, plan: _Plan) -> Post:
    """A post with counts and comments drawn for it alone. Platforms tell a post's birth in whole seconds."""
    account, code = plan.account, int(plan.account.id[-3:])
    draw = random.Random(f"{world.seed} {account.id} {plan.number}")  # noqa: S311 - a plot, not a secret
    likes = int(account.followers * LIKE_SHARE_LARGE * draw.uniform(0.9, 1.1))
    totals: dict[CountName, int] = {
        "likes": likes,
        "shares": likes // 30,
        "saves": likes // 12,
        "views": int(likes * draw.uniform(11, 14)),
    }
    bare = Post(
        id=f"1800000001{code:03}{plan.number:04}",
        account=account,
        medium="feed",
        published=plan.published // 1000 * 1000,
        versions=(Version(since=0, text=plan.text, roles=plan.roles),),
        totals=totals,
        bursts=plan.bursts,
        tempo=draw.uniform(0.85, 1.2),
        alarms=plan.alarms,
    )
    many = int(likes * draw.uniform(0.03, 0.035))
    comments = (_comment(draw, bare, code * 1_000 + plan.number, place, many) for place in range(many))
    return structs.replace(bare, comments=tuple(one for one in comments if one.at < world.freeze))


def _comment(draw: random.Random, post: Post, number: int, place: int, many: int) -> Comment:
    """A comment at its quantile of the curve."""
    share = (place + draw.random()) / (many + 1)
    return Comment(
        id=f"1791{number:06}{place:07}",
        at=post.published + round(curve(post.account.platform, "comments").age(share) * post.tempo),
        author=draw.choice(AUTHORS),
        text=draw.choice(SAID),
    )


PAST_HOURS = {"matcha-riko": (60, 2, 0), "matcha-noah": (60, 2, 0), "trail-omar": (62, 8, SILENT_HOURS)}
"""Link → for how many hours until the origin it was clicked, how often an hour, and since when nothing was bought."""


def _past_sales(world: World) -> tuple[tuple[Click, ...], tuple[Order, ...]]:
    clicks: list[Click] = []
    orders: list[Order] = []
    for link, (hours, an_hour, silent) in PAST_HOURS.items():
        first = world.origin - hours * HOUR
        for number in range(hours * an_hour):
            at = first + number * HOUR // an_hour
            clicks.append(Click(at=at, link=link))
            bought = at + 3 * MINUTE
            if number % CLICKS_AN_ORDER == 2 and bought < world.origin - silent * HOUR:
                orders.append(_order(link, bought, f"past-{link}-{number:04}", len(clicks) - 1))
    return tuple(clicks), tuple(orders)


def _live_sales(world: World, span_ms: int) -> tuple[list[Click], list[Order]]:
    """Visitors go on; the first of each link but the one whose sales have stopped buys. Places are of all clicks."""
    clicks: list[Click] = []
    orders: list[Order] = []
    for link in LINKS:
        for number in range(LIVE_CLICKS):
            clicks.append(Click(at=world.start + 500 + number * (span_ms * 9 // 10) // LIVE_CLICKS, link=link))
            if number == 0 and link in PAST_HOURS and not PAST_HOURS[link][2]:
                place = len(world.clicks) + len(clicks) - 1
                orders.append(_order(link, clicks[-1].at + 900, f"live-{world.seed}-{link}", place))
    return clicks, orders


def _order(link: str, at: int, id: str, click: int) -> Order:
    campaign, creator = LINKS[link]
    amount, currency = (4_800, "JPY") if campaign == MATCHA else (12_900, "EUR")
    credited = Role(campaign=campaign, by="agreement", creator=creator)
    return Order(at=at, id=id, amount=amount, currency=currency, click=click, credited=credited, by="click")
