"""Which posts were made for which agreement, and what follows from its dates.

1. A post is of one agreement at most: the one by which it counts (docs/explanation/counting.md, section 3).
2. Word of mouth is of none.
3. The order in which posts and agreements are given is of no matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from tracker.domain.definitions import Agreement
from tracker.domain.events import Instant
from tracker.domain.facts import AccountFacts, CampaignFacts, CreatorFacts, PostFacts
from tracker.domain.text import carries_link, normal_address, normal_mention, normal_tag
from tracker.domain.verdicts import Evidence, Subject
from tracker_rules.words import DAY


class Deal(Struct, frozen=True):
    """An agreement, whose it is, and the posts that were made for it, the earliest first."""

    facts: CampaignFacts
    who: CreatorFacts
    agreement: Agreement
    posts: tuple[PostFacts, ...]

    @property
    def name(self) -> str:
        return self.who.creator.name

    @property
    def starts_at(self) -> Instant:
        own = self.agreement.starts_at
        return self.facts.campaign.starts_at if own is None else own

    @property
    def ends_at(self) -> Instant:
        """The end of its window, which is no longer in it."""
        own = self.agreement.ends_at
        return self.facts.campaign.ends_at if own is None else own

    @property
    def due_at(self) -> Instant:
        """By when all its posts are to be up: what comes after the window counts for nothing."""
        own = self.agreement.due_at
        return self.ends_at if own is None else min(own, self.ends_at)

    @property
    def subject(self) -> Subject:
        return Subject(campaign=self.facts.campaign.id, creator=self.who.creator.id, agreement=self.agreement.id)

    def subject_of(self, post: PostFacts) -> Subject:
        return Subject(
            campaign=self.facts.campaign.id,
            creator=self.who.creator.id,
            agreement=self.agreement.id,
            platform=post.platform,
            account=post.account,
            post=post.post,
        )

    @property
    def accounts(self) -> tuple[AccountFacts, ...]:
        """Those on which its posts may come."""
        wanted = self.agreement.platforms
        return tuple(one for one in self.who.accounts if not wanted or one.platform in wanted)


def deals(facts: CampaignFacts) -> list[Deal]:
    """Every agreement of a campaign with its posts, in the order of the agreements' ids."""
    pairs = sorted(
        ((who, agreement) for who in facts.creators for agreement in who.agreements),
        key=lambda pair: pair[1].id,
    )
    posts: dict[str, list[PostFacts]] = {agreement.id: [] for _, agreement in pairs}
    by_address: dict[str, Agreement] = {}
    for _, agreement in pairs:
        for address in agreement.submitted:
            by_address.setdefault(normal_address(address), agreement)
    for who in facts.creators:
        for post in who.posts:
            found = _of(post, by_address, who, facts)
            if found is not None:
                posts[found.id].append(post)
    for post in facts.others:
        found = _submitted(post, by_address)
        if found is not None:
            posts[found.id].append(post)
    return [Deal(facts, who, agreement, tuple(sorted(posts[agreement.id], key=_age))) for who, agreement in pairs]


def _age(post: PostFacts) -> tuple[Instant, str, str, str]:
    return (post.at, post.platform, post.account, post.post)


def _submitted(post: PostFacts, by_address: dict[str, Agreement]) -> Agreement | None:
    if post.how != "submitted" or post.permalink is None:
        return None
    return by_address.get(normal_address(post.permalink))


def _of(post: PostFacts, by_address: dict[str, Agreement], who: CreatorFacts, facts: CampaignFacts) -> Agreement | None:
    """The agreement by which a post of a creator counts.

    A post counts by the definitions that its partition knew; where none of today's fits, the least id has it.
    """
    if post.how not in ("submitted", "agreement"):
        return None
    own = sorted(who.agreements, key=lambda agreement: agreement.id)
    found = _submitted(post, by_address)
    if found is None:
        found = next((agreement for agreement in own if _fits(post, agreement, facts)), None)
    return found or next(iter(own), None)


def _fits(post: PostFacts, agreement: Agreement, facts: CampaignFacts) -> bool:
    return in_frame(post, agreement, facts) and carries_agreed(post, agreement)


def in_frame(post: PostFacts, agreement: Agreement, facts: CampaignFacts) -> bool:
    """Whether a post lies in an agreement's window, on one of its platforms."""
    starts_at = facts.campaign.starts_at if agreement.starts_at is None else agreement.starts_at
    ends_at = facts.campaign.ends_at if agreement.ends_at is None else agreement.ends_at
    return starts_at <= post.at < ends_at and (not agreement.platforms or post.platform in agreement.platforms)


def carries_agreed(post: PostFacts, agreement: Agreement) -> bool:
    """Whether a post carries one of the hashtags, mentions or links by which it would count."""
    if not (agreement.hashtags or agreement.mentions or agreement.links):
        return True
    return (
        any(normal_tag(tag) in post.tags for tag in agreement.hashtags)
        or any(normal_mention(name) in post.mentions for name in agreement.mentions)
        or any(carries_link(post.links, normal_address(link)) for link in agreement.links)
    )


def kept_until(deal: Deal, post: PostFacts) -> Instant | None:
    """Until when a post must stay up and as it is. None: it depends on when it was published, which is unknown."""
    days = deal.agreement.keep_days
    if days is None:
        return deal.ends_at
    return None if post.published_at is None else post.published_at + days * DAY


def looked_at(deal: Deal, account: AccountFacts) -> Instant | None:
    """When an account would last have shown a new post; None: never.

    Where it is polled, the polls decide. Of one that is not, whatever was last heard is the best there is.
    """
    if account.polled_at is not None:
        return account.polled_at
    signs = [
        post.newest_at
        for post in (*deal.who.posts, *deal.who.normal)
        if (post.platform, post.account) == (account.platform, account.account)
    ]
    signs += [account.followers[-1][0]] if account.followers else []
    return max(signs, default=None)


def unseen(deal: Deal, since: Instant) -> tuple[Evidence, ...]:
    """What stands in the way of saying that a post is not there: accounts not looked at since then, or none known."""
    if not deal.accounts:
        return (Evidence(name="accounts", value=0, unit="count", basis="no account of the creator is known there"),)
    return tuple(
        each
        for each in looks(deal, since)
        if each.value is None or (isinstance(each.value, int) and each.value < since)
    )


def looks(deal: Deal, since: Instant) -> tuple[Evidence, ...]:
    """When each of the deal's accounts was last looked at, of what was needed."""
    return tuple(
        Evidence(
            name=f"looked_at.{account.platform}",
            value=looked_at(deal, account),
            unit="instant",
            basis=f"last look at account {account.account}",
            limit=since,
        )
        for account in deal.accounts
    )


def edited_away(deal: Deal) -> Sequence[Evidence]:
    """Posts of the creator that were edited and carry nothing agreed: they may have counted before."""
    return tuple(
        Evidence(
            name="edited_post_without_agreed_item",
            value=post.permalink or post.post,
            unit="text",
            basis="an edited post in the window that carries none of the agreed hashtags, mentions or links",
            platform=post.platform,
            post=post.post,
        )
        for post in sorted(deal.who.normal, key=_age)
        if post.edited and in_frame(post, deal.agreement, deal.facts) and not carries_agreed(post, deal.agreement)
    )
