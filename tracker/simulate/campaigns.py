"""Who plays in the three campaigns in real time, whose story is that of the alerts. Nobody here exists.

`matcha-morning` is healthy, `sakura-skin` has a bought late burst and an unlabelled post, `trail-shoes` clicks and no
more sales. Every rule is on, with its own limits; only how long a rule waits before it tells is set to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracker.domain.definitions import (
    AccountRef,
    Agreement,
    Campaign,
    Creator,
    Definition,
    Link,
    Required,
    RuleDefinition,
    Targets,
)
from tracker.simulate import cast
from tracker.simulate.model import Account, Role

DAY = 86_400_000
MATCHA, SAKURA, TRAIL = "matcha-morning", "sakura-skin", "trail-shoes"
CAMPAIGNS = (MATCHA, SAKURA, TRAIL)


def _account(number: int, handle: str, name: str, creator: str, followers: int, growth: int) -> Account:
    return Account(
        platform="instagram",
        id=f"17841400000000{number}",
        handle=handle,
        name=name,
        creator=creator,
        followers=followers,
        growth=growth,
        real_time=True,
    )


RIKO = _account(201, "riko.no.asa", "りこの朝", "riko", 24_310, 2)
NOAH = _account(202, "noah.steeps", "Noah Steeps", "noah", 47_250, 3)
YUI = _account(203, "yui.hada", "ゆいの肌日記", "yui", 31_870, 2)
MEI = _account(204, "mei.bihada", "めい", "mei", 15_640, 1)
OMAR = _account(205, "omar.uphill", "Omar Uphill", "omar", 58_900, 4)
ACCOUNTS = (RIKO, NOAH, YUI, MEI, OMAR)
EVERYBODY = (*cast.ACCOUNTS, *ACCOUNTS)
"""Those of the fast campaigns too."""

NAMES = {"riko": "りこ", "noah": "Noah", "yui": "ゆい", "mei": "めい", "omar": "Omar"}
PLAYERS = {MATCHA: (RIKO, NOAH), SAKURA: (YUI, MEI), TRAIL: (OMAR,)}
TAGS = {MATCHA: ("matchamorning", "抹茶の朝"), SAKURA: ("さくらスキン",), TRAIL: ("uphillseason",)}
LINKS = {"matcha-riko": (MATCHA, "riko"), "matcha-noah": (MATCHA, "noah"), "trail-omar": (TRAIL, "omar")}
"""Link code → the campaign and the creator whom its clicks are for."""
LABELLED = frozenset({MATCHA, SAKURA})
"""Campaigns whose posts must be labelled as advertising, by the Japanese rules."""

PATIENT_RULES = (
    "engagement.below_target", "engagement.below_baseline", "engagement.below_benchmark", "engagement.forecast_miss",
    "speed.late_burst", "speed.stopped_burst", "speed.flat_arrival", "authenticity.ratio_break",
    "agreement.required_missing", "conversion.clicks_without_sales", "conversion.sales_without_clicks",
)  # fmt: skip
"""Rules that by themselves wait for minutes or hours before they tell. Nobody watches a demo for so long; and that the
healthy campaign raises nothing shows more when nothing is held back."""


def role(account: Account) -> Role:
    """How an agreed post of an account counts."""
    assert account.creator is not None
    return Role(campaign=campaign_of(account), by="agreement", creator=account.creator)


def campaign_of(account: Account) -> str:
    """The campaign that an account plays in."""
    return next(campaign for campaign, players in PLAYERS.items() if account in players)


def definitions(origin: int) -> list[Definition]:
    """What an ops person would define for campaigns that began three days ago."""
    made: list[Definition] = [*_campaigns(origin)]
    for campaign, players in PLAYERS.items():
        for account in players:
            made += _creator(campaign, account)
    made += [
        Link(id=code, campaign=campaign, creator=creator, destination=f"https://shop.example/{campaign}")
        for code, (campaign, creator) in LINKS.items()
    ]
    made += [
        RuleDefinition(id=f"{campaign}.{rule}", rule=rule, campaign=campaign, hold_minutes=0)
        for campaign in CAMPAIGNS
        for rule in PATIENT_RULES
    ]
    return made


def _campaigns(origin: int) -> Sequence[Campaign]:
    window: dict[str, Any] = {"starts_at": origin - 3 * DAY, "ends_at": origin + 20 * DAY}
    return (
        Campaign(
            id=MATCHA,
            name="抹茶の朝 Matcha Morning",
            client="Morning Tea (invented)",
            targets=Targets(likes=1_200),
            disclosure=("jp",),
            **window,
        ),
        Campaign(id=SAKURA, name="さくらスキン 2027", client="Sakura Lab (invented)", disclosure=("jp",), **window),
        Campaign(id=TRAIL, name="Uphill Season", client="Trail Works (invented)", **window),
    )


def _creator(campaign: str, account: Account) -> tuple[Creator, Agreement]:
    creator = account.creator
    assert creator is not None
    whose = AccountRef(platform=account.platform, account=account.id, handle=account.handle)
    return (
        Creator(id=creator, name=NAMES[creator], accounts=(whose,)),
        Agreement(
            id=f"{campaign}-{creator}",
            campaign=campaign,
            creator=creator,
            hashtags=TAGS[campaign],
            required=Required(hashtags=TAGS[campaign][:1]),
            posts=2,
            keep_days=14,
        ),
    )
