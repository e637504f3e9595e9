"""For which campaigns a post, an order or a click counts.

1. A match follows from the state of what is matched and the definitions alone.
2. For each campaign a post matches at most once, by the first rule that holds: submitted, agreement, word of mouth.
3. An order is attributed at most once: by code, else by click.

The exact rules: docs/explanation/counting.md, sections 3 and 5.
"""

from __future__ import annotations

from tracker.domain.commerce import Click, Order
from tracker.domain.counters import DAY, Match, Matches
from tracker.domain.definitions import Agreement, Campaign
from tracker.domain.posts import Post
from tracker.domain.rules import Rules, Wanted, account_key, normal_code
from tracker.domain.text import carries_link

_NONE: frozenset[str] = frozenset()


def match_post(post: Post, rules: Rules) -> Matches:
    """Where a post counts, in the order of the campaigns' ids."""
    found: dict[str, Match] = {}
    if post.address is not None:
        for wanted in _by_id(rules, rules.agreements_by_address.get(post.address, _NONE)):
            campaign = wanted.agreement.campaign
            if campaign in rules.campaigns and campaign not in found:
                found[campaign] = Match(campaign, "submitted", wanted.agreement.creator)
    creators = rules.creators_by_account.get(account_key(post.platform, post.account), _NONE)
    of_account = _NONE.union(*(rules.agreements_by_creator.get(creator, _NONE) for creator in creators))
    for wanted in _by_id(rules, of_account):
        campaign = wanted.agreement.campaign
        if campaign not in found and _agreed(post, wanted, rules.campaigns.get(campaign)):
            found[campaign] = Match(campaign, "agreement", wanted.agreement.creator)
    for tag in post.tags:
        for campaign in rules.campaigns_by_tag.get(tag, _NONE):
            known = rules.campaigns[campaign]
            if campaign not in found and known.starts_at <= post.at < known.ends_at:
                found[campaign] = Match(campaign, "word_of_mouth", "")
    return tuple(found[campaign] for campaign in sorted(found))


def attribute(order: Order, rules: Rules) -> Matches:
    """To whom an order is attributed: to one, or to nobody."""
    if order.sale is None:
        return ()
    if order.sale.code is not None:
        for wanted in _by_id(rules, rules.agreements_by_code.get(normal_code(order.sale.code), _NONE)):
            if wanted.agreement.campaign in rules.campaigns:
                return (Match(wanted.agreement.campaign, "code", wanted.agreement.creator),)
    link = rules.links.get(order.sale.link) if order.sale.link is not None else None
    campaign = rules.campaigns.get(link.campaign) if link is not None else None
    if link is None or campaign is None or order.sale.clicked_at is None:
        return ()
    if 0 <= order.sale.at - order.sale.clicked_at <= campaign.attribution_days * DAY:
        return (Match(campaign.id, "click", link.creator or ""),)
    return ()


def match_click(click: Click, rules: Rules) -> Matches:
    """Where a click counts: for its link's campaign, if both are defined."""
    link = rules.links.get(click.link)
    if link is None or link.campaign not in rules.campaigns:
        return ()
    return (Match(link.campaign, "link", link.creator or ""),)


def _by_id(rules: Rules, agreements: frozenset[str]) -> list[Wanted]:
    return [rules.agreements[id] for id in sorted(agreements)]


def _agreed(post: Post, wanted: Wanted, campaign: Campaign | None) -> bool:
    agreement = wanted.agreement
    return (
        campaign is not None
        and (not agreement.platforms or post.platform in agreement.platforms)
        and _in_window(post.at, agreement, campaign)
        and (wanted.names_nothing or _carries(post, wanted))
    )


def _in_window(at: int, agreement: Agreement, campaign: Campaign) -> bool:
    start = campaign.starts_at if agreement.starts_at is None else agreement.starts_at
    end = campaign.ends_at if agreement.ends_at is None else agreement.ends_at
    return start <= at < end


def _carries(post: Post, wanted: Wanted) -> bool:
    return (
        not wanted.tags.isdisjoint(post.tags)
        or not wanted.mentions.isdisjoint(post.mentions)
        or any(carries_link(post.links, link) for link in wanted.links)
    )
