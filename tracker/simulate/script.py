"""The plot of a simulated campaign: what is posted, said, edited, taken down, clicked and bought, and when.

1. The same seed, start and length give the same world.
2. Every trap the tracker must survive is in it once at least, early enough to be seen before the end.
3. What counts for which campaign, and which alerts it earns, is written down here by hand: nothing is matched, nothing
   judged.
4. The three campaigns in real time (real_time.py) are in the same world, anchored to `origin`.

Instants of the plot are shares of the run's length, so that a run of 20 s tells the whole story too. A run without an
end tells it in the first minute, and then adds a post every twenty seconds.
"""

# ruff: noqa: RUF001 - full-width punctuation is how Japanese is written

from __future__ import annotations

from msgspec import structs

from tracker.simulate import cast, real_time
from tracker.simulate.cast import (
    AOI,
    FAN,
    HINA,
    HINA_TIKTOK,
    KAITO,
    LENA,
    MIO,
    SPRING,
    STRANGER,
    TEA,
    THEO,
    THEO_TIKTOK,
)
from tracker.simulate.draft import Draft
from tracker.simulate.model import Absence, Account, Alarm, Click, Order, Post, Purge, Refund, Role, Version, World

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
PACE = 600
"""Ten world minutes in a second: a day of reactions in under two and a half minutes."""
STORY_SECONDS = 60
ENDLESS_SECONDS = 3_600
CLICKS_A_SECOND = 2

YUZU_JA = "【PR】ゆずの季節。朝の一杯に #PR #ゆずの春"
NOBODYS_CODE = "NOBODY-KNOWS-THIS"
YUZU_EN = "Ad: the yuzu that woke my kitchen up #ad #yuzuspring"


def _agreed(campaign: str, account: Account) -> Role:
    return Role(campaign=campaign, by="agreement", creator=account.creator)


def _credit(creator: str | None) -> Role:
    return Role(campaign=SPRING, by="agreement", creator=creator)


WORD_OF_MOUTH = Role(campaign=SPRING, by="word_of_mouth")


def _kept(rule: str, creator: str) -> Alarm:
    """An alert about a post that was to stay as it was."""
    return Alarm(rule=f"agreement.{rule}", campaign=SPRING, creator=creator, agreement=f"{SPRING}-{creator}")


def generate(seed: int, start: int, seconds: int | None, *, pace: int = PACE, origin: int | None = None) -> World:
    """A world that begins at `start` (ms) and freezes after `seconds` (None: it goes on for an hour)."""
    freeze = start + (seconds or ENDLESS_SECONDS) * SECOND
    draft = Draft(seed=seed, start=start, freeze=freeze, span_ms=(seconds or STORY_SECONDS) * SECOND, pace=pace)
    _instagram(draft)
    _tiktok(draft)
    _youtube(draft)
    if seconds is None:
        _go_on(draft)
    clicks = _clicks(draft)
    orders = _orders(draft, clicks)
    fast = structs.replace(
        draft.frame,
        posts=tuple(draft.posts),
        clicks=clicks,
        orders=orders,
        refunds=_refunds(draft, orders),
        alarms=_alarms(orders),
        origin=start if origin is None else origin,
    )
    return real_time.added(fast, draft.span_ms)


def _alarms(orders: tuple[Order, ...]) -> tuple[Alarm, ...]:
    """Three orders with a code that nobody has are told of; in less than half a minute there are two."""
    if sum(order.code == NOBODYS_CODE for order in orders) < 3:
        return ()
    return (Alarm(rule="system.code_unregistered", part="codes", code=NOBODYS_CODE.casefold()),)


def submitted_address(world: World) -> str:
    """The address that was agreed by mail: of the post that counts by it."""
    return next(p.permalink for p in world.posts for v in p.versions for role in v.roles if role.by == "submitted")


def _instagram(draft: Draft) -> None:
    hina, lena, aoi = _agreed(SPRING, HINA), _agreed(SPRING, LENA), _agreed(TEA, AOI)
    draft.post(HINA, draft.ago(59 * MINUTE + 40 * SECOND), YUZU_JA, hina, medium="reel")
    draft.post(HINA, draft.ago(26 * HOUR), "昨日の夕ごはん。だし巻きたまご。")
    draft.post(HINA, draft.ago(72 * HOUR), "#ゆずの春 まで、あと一日。")  # tagged, but before the campaign's window
    draft.post(HINA, draft.at(0.10), "ゆずシロップの作り方 #PR #ゆずの春", hina)
    draft.post(
        HINA, draft.ago(8 * MINUTE), "ゆずの香りが部屋いっぱい。",
        edits=(Version(since=draft.at(0.40), text="【PR】ゆずの香りが部屋いっぱい。 #PR #ゆずの春", roles=(hina,)),),
        alarms=(_kept("post_edited", "hina"),),
    )  # fmt: skip
    draft.post(LENA, draft.ago(100 * MINUTE), YUZU_EN, lena, hidden=frozenset({"likes"}))
    draft.post(
        LENA, draft.ago(3 * HOUR), "Ad: yuzu, honey, hot water #ad #YuzuSpring", lena,
        purges=(Purge(at=draft.at(0.45), count="likes", permille=350),),
    )  # fmt: skip
    draft.post(
        LENA, draft.at(0.15), "Two teas, one morning #ad #yuzuspring #teaweek", lena, _agreed(TEA, LENA), medium="reel"
    )
    draft.post(LENA, draft.at(0.25), "A quiet pour, nothing to sell.")
    draft.post(
        LENA,
        draft.ago(20 * HOUR),
        "Ad: yuzu marmalade #ad #yuzuspring",
        lena,
        absences=(Absence(since=draft.at(0.60)),),
        alarms=(_kept("post_removed", "lena"),),
    )
    draft.post(AOI, draft.ago(50 * SECOND), "春の茶会のしたく。", aoi)
    draft.post(AOI, draft.at(0.20), "新しい茶碗が届きました。", aoi)
    draft.post(AOI, draft.ago(23 * HOUR), "ストーリー：今日のお菓子", aoi, medium="story", ends_at=draft.at(0.35))
    draft.post(STRANGER, draft.at(0.30), "@hina.daidokoro made me do it #yuzuspring", WORD_OF_MOUTH, mentions=HINA)


def _tiktok(draft: Draft) -> None:
    hina, kaito, theo = _agreed(SPRING, HINA), _agreed(SPRING, KAITO), _agreed(SPRING, THEO_TIKTOK)
    draft.post(HINA_TIKTOK, draft.ago(5 * HOUR), YUZU_JA, hina, title="ゆずの春")
    draft.post(HINA_TIKTOK, draft.at(0.12), "15秒でゆず茶 #PR #ゆずの春", hina, title="15秒でゆず茶", through_app=True)
    draft.post(
        KAITO,
        draft.ago(90 * SECOND),
        "yuzu spritz, zero proof #ad #yuzuspring",
        kaito,
        title="yuzu spritz",
        through_app=True,
    )
    draft.post(
        KAITO,
        draft.ago(40 * MINUTE),
        "the shaker everyone asks about",
        Role(campaign=TEA, by="submitted", creator="kaito"),
        title="shaker",
    )
    draft.post(
        KAITO, draft.ago(2 * HOUR), "yuzu + ginger, trust me #ad #yuzuspring", kaito, title="yuzu + ginger",
        absences=(Absence(since=draft.at(0.30), until=draft.at(0.55)),), through_app=True,
    )  # fmt: skip
    for share in (0.22, 0.5):
        draft.post(KAITO, draft.at(share), "practice pours, day off", title="practice")
    draft.post(
        THEO_TIKTOK, draft.ago(7 * MINUTE), "Blind-tasting yuzu #ad #yuzuspring", theo, title="blind tasting",
        # It no longer counts, so its edit is no news. Not on YouTube, whose push tells of an edit before its text is
        # known: for a moment an edited post would still count.
        edits=(Version(since=draft.at(0.50), text="Blind-tasting yuzu", title="blind tasting"),),
    )  # fmt: skip
    for age in (4, 9, 15, 30, 40):  # enough for more than one short page
        draft.post(THEO_TIKTOK, draft.ago(age * HOUR), "Tasting notes from a rainy week", title=f"notes {age}")


def _youtube(draft: Draft) -> None:
    mio, theo = _agreed(SPRING, MIO), _agreed(SPRING, THEO)
    lunch = "概要: ゆずを使った三品 #PR #ゆずの春"
    draft.post(
        MIO, draft.ago(6 * HOUR), lunch, mio, title="ゆずの昼ごはん 三品",
        edits=(Version(since=draft.at(0.50), text=lunch, title="ゆずの昼ごはん 三品（改訂版）", roles=(mio,)),),
        alarms=(_kept("post_edited", "mio"),),
    )  # fmt: skip
    draft.post(
        MIO, draft.at(0.14), "概要: ゆずうどん #PR #ゆずの春", mio, title="ゆずうどん", hidden=frozenset({"comments"})
    )
    draft.post(MIO, draft.ago(90 * MINUTE), "概要: 春のお弁当 #PR #ゆずの春", mio, title="春のお弁当")
    draft.post(
        THEO, draft.ago(30 * MINUTE), "Sponsored by a citrus #ad #yuzuspring", theo, title="Is yuzu worth it?",
        absences=(Absence(since=draft.at(0.65)),), alarms=(_kept("post_removed", "theo"),),
    )  # fmt: skip
    draft.post(THEO, draft.ago(12 * HOUR), "No sponsor today.", title="Knives I regret", hidden=frozenset({"likes"}))
    draft.post(THEO, draft.at(0.35), "Four bars, one fruit #ad #yuzuspring", theo, title="Yuzu desserts, ranked")
    draft.post(FAN, draft.at(0.28), "I bought it myself. #yuzuspring", WORD_OF_MOUTH, title="Yuzu diary #yuzuspring")


def _go_on(draft: Draft) -> None:
    """What happens after the story, for as long as anybody watches."""
    turns = (HINA, KAITO, MIO, LENA, HINA_TIKTOK, THEO, AOI, THEO_TIKTOK)
    begin = draft.frame.start + STORY_SECONDS * SECOND
    for number, at in enumerate(range(begin, draft.frame.freeze, 20 * SECOND)):
        account = turns[number % len(turns)]
        title = None if account.platform == "instagram" else f"第{number}話"
        role = _agreed(TEA, account) if account is AOI else _agreed(SPRING, account)
        if number % 2:
            draft.post(account, at, YUZU_JA, role, title=title)
        else:
            draft.post(account, at, "ふつうの一日。", *((role,) if account is AOI else ()), title=title)


def _clicks(draft: Draft) -> tuple[Click, ...]:
    lasting = (draft.frame.freeze - draft.frame.start) // SECOND
    codes = tuple(cast.LINKS)
    ends = draft.frame.freeze - max(500, draft.span_ms // 20)
    made = [
        Click(at=draft.random.randrange(draft.frame.start + 500, ends), link=draft.random.choice(codes))
        for _ in range(lasting * CLICKS_A_SECOND)
    ]
    return tuple(sorted(made, key=lambda click: click.at))


def _orders(draft: Draft, clicks: tuple[Click, ...]) -> tuple[Order, ...]:
    """By code, by click, by both (the code wins), by an unknown code (nobody's); some reported twice."""
    ends = draft.frame.freeze - 100
    made: list[Order] = []
    for number, place in enumerate(range(0, len(clicks), 5)):
        click = clicks[place]
        at = min(click.at + draft.random.randrange(300, 2_000), ends)
        currency, amount = (("JPY", 3_480), ("EUR", 2_950), ("USD", 3_199))[number % 3]
        amount += draft.random.randrange(0, 2_000)
        owner = draft.random.choice(tuple(cast.CREATORS))
        id, repeats = f"order-{draft.frame.seed}-{number:05}", 1 if number % 6 == 2 else 0
        by_code = Order(
            at=at, id=id, amount=amount, currency=currency, repeats=repeats,
            code=cast.CODES[owner], by="code", credited=_credit(owner),
        )  # fmt: skip
        match number % 5:
            case 0 if owner != "aoi":
                made.append(by_code)
            case 1 if owner != "aoi":
                made.append(structs.replace(by_code, code=cast.CODES[owner].lower(), click=place))
            case 2:
                made.append(structs.replace(by_code, code=NOBODYS_CODE, by=None, credited=None))
            case _:
                credited = _credit(cast.LINKS[click.link])
                made.append(structs.replace(by_code, code=None, click=place, by="click", credited=credited))
    return tuple(made)


def _refunds(draft: Draft, orders: tuple[Order, ...]) -> tuple[Refund, ...]:
    """Every fourth order is given back in part, some of these in two parts; one refund is reported before its order."""
    made: list[Refund] = []
    for number, order in enumerate(orders[::4]):
        at = order.at - 200 if number == 0 else min(order.at + 700, draft.frame.freeze - 50)
        part = order.amount // (1 if number % 3 == 2 else 3)
        first = Refund(
            at=at, id=f"refund-{order.id}-1", order=order.id, amount=part, currency=order.currency, repeats=number % 2
        )
        made.append(first)
        if number % 3 == 1:
            made.append(structs.replace(first, id=f"refund-{order.id}-2", repeats=0))
    return tuple(made)


def story_of(world: World, account: Account) -> list[Post]:
    """An account's posts, oldest first."""
    return sorted(world.of(account), key=lambda post: (post.published, post.id))
