"""Who plays in the two fast campaigns, whose story is that of the counters. Nobody here exists.

In these reactions arrive hundreds of times as fast as in life, but ages are the clock's. So rules about how fast, how
much and how odd can say nothing true of them, and are switched off (`UNFIT_RULES`); what was agreed is watched.
"""

from __future__ import annotations

from typing import Any

from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Definition, Link, RuleDefinition
from tracker.simulate.model import Account

DAY = 86_400_000
SPRING = "yuzu-spring"
TEA = "tea-week"
SPRING_TAGS = ("yuzuspring", "ゆずの春")
TEA_TAGS = ("teaweek",)
SHOP = "https://shop.example/yuzu"


def _instagram(number: int, handle: str, name: str, creator: str | None, followers: int, growth: int) -> Account:
    id = f"17841400000000{number}"
    return Account(
        platform="instagram", id=id, handle=handle, name=name, creator=creator, followers=followers, growth=growth
    )


def _tiktok(id: str, handle: str, name: str, creator: str, followers: int, growth: int) -> Account:
    id = f"-000synthetic{id}"
    return Account(
        platform="tiktok", id=id, handle=handle, name=name, creator=creator, followers=followers, growth=growth
    )


def _youtube(id: str, handle: str, name: str, creator: str | None, followers: int, growth: int) -> Account:
    id = f"UCsynthetic{id}"
    return Account(
        platform="youtube", id=id, handle=handle, name=name, creator=creator, followers=followers, growth=growth
    )


HINA = _instagram(101, "hina.daidokoro", "ひなの台所", "hina", 18_432, 9)
LENA = _instagram(102, "lena.pours", "Lena Pours", "lena", 41_907, 14)
AOI = _instagram(103, "aoi_no_chashitsu", "あおいの茶室", "aoi", 9_120, 4)
STRANGER = _instagram(199, "weekend.lemons", "Weekend Lemons", None, 812, 0)
HINA_TIKTOK = _tiktok("HinaOpenId00000000000001", "hina.daidokoro", "ひなの台所", "hina", 27_655, 40)
KAITO = _tiktok("KaitoOpenId0000000000002", "kaito.mixes", "カイト", "kaito", 63_018, 75)
THEO_TIKTOK = _tiktok("TheoOpenId00000000000003", "theo.tastes", "Theo Tastes", "theo", 15_240, 11)
MIO = _youtube("MioChannel001", "@mio-no-hiru", "みおの昼ごはん", "mio", 88_451, 20)
THEO = _youtube("TheoChannel02", "@theotastes", "Theo Tastes", "theo", 12_987, 5)
FAN = _youtube("FanChannel_09", "@citrusdiary", "Citrus Diary", None, 1_322, 1)

ACCOUNTS = (HINA, LENA, AOI, STRANGER, HINA_TIKTOK, KAITO, THEO_TIKTOK, MIO, THEO, FAN)

CREATORS: dict[str, str] = {
    "hina": "ひな",
    "lena": "Lena",
    "aoi": "あおい",
    "kaito": "カイト",
    "mio": "みお",
    "theo": "Theo",
}
CODES = {creator: f"{creator.upper()}10" for creator in CREATORS}
LINKS: dict[str, str | None] = {
    **{f"yuzu-{creator}": creator for creator in ("hina", "kaito", "mio", "lena")},
    "yuzu-shop": None,
}
"""Link code → the creator whom its clicks are for."""


UNFIT_RULES = (
    "engagement.below_target", "engagement.below_baseline", "engagement.below_benchmark", "engagement.forecast_miss",
    "speed.late_burst", "speed.stopped_burst", "speed.flat_arrival",
    "authenticity.ratio_break", "authenticity.follower_jump", "authenticity.counter_rolled_back",
    "conversion.refund_rate",
)  # fmt: skip
"""They compare with the clock, or with a creator's normal posts at the same age. And of every four orders one is given
back at once, because the counters of refunds have to be seen."""


def _agreement(creator: str, number: int) -> Agreement:
    return Agreement(
        id=f"{SPRING}-{creator}",
        campaign=SPRING,
        creator=creator,
        hashtags=SPRING_TAGS,
        codes=(CODES[creator],),
        posts=number,
        # Kaito may take posts down whenever he likes: one of them goes and comes back, too fast to be told of for sure.
        keep_days=0 if creator == "kaito" else None,
    )


def definitions(start: int, *, submitted: str) -> list[Definition]:
    """What an ops person would define for campaigns that began two days ago. `submitted`: an address agreed by mail."""
    window: dict[str, Any] = {"starts_at": start - 2 * DAY, "ends_at": start + 30 * DAY}
    campaigns: list[Definition] = [
        Campaign(id=SPRING, name="ゆずの春 2027", client="Yuzu & Co (invented)", hashtags=SPRING_TAGS, **window),
        Campaign(id=TEA, name="Tea week", client="Teahouse (invented)", hashtags=TEA_TAGS, **window),
    ]
    creators: list[Definition] = [
        Creator(
            id=slug,
            name=name,
            accounts=tuple(
                AccountRef(platform=account.platform, account=account.id, handle=account.handle)
                for account in ACCOUNTS
                if account.creator == slug
            ),
        )
        for slug, name in CREATORS.items()
    ]
    agreements: list[Definition] = [_agreement(creator, 3) for creator in ("hina", "lena", "kaito", "mio", "theo")]
    agreements += [
        # Everything of the account in the window counts, on Instagram alone.
        Agreement(id=f"{TEA}-aoi", campaign=TEA, creator="aoi", platforms=("instagram",), posts=2),
        Agreement(id=f"{TEA}-lena", campaign=TEA, creator="lena", hashtags=TEA_TAGS, posts=1),
        # No tag in the post: the address alone makes it count.
        Agreement(id=f"{TEA}-kaito", campaign=TEA, creator="kaito", hashtags=("no-such-tag",), submitted=(submitted,)),
    ]
    links: list[Definition] = [
        Link(id=code, campaign=SPRING, creator=creator, destination=SHOP) for code, creator in LINKS.items()
    ]
    rules: list[Definition] = [
        RuleDefinition(id=f"{campaign}.{rule}", rule=rule, campaign=campaign, enabled=False)
        for campaign in (SPRING, TEA)
        for rule in UNFIT_RULES
    ]
    return campaigns + creators + agreements + links + rules
