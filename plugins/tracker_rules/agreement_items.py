"""Whether a post carries what was agreed, and is of the kind that was agreed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from tracker.domain.definitions import Required
from tracker.domain.events import Instant
from tracker.domain.facts import PostFacts
from tracker.domain.text import carries_link, normal_address, normal_mention, normal_tag
from tracker.plugin.rules import (
    CampaignFacts,
    Category,
    Evidence,
    Kind,
    Language,
    Outcome,
    RuleSettings,
    Severity,
    Timing,
    Verdict,
)
from tracker_rules.agreement_posts import Deal, deals
from tracker_rules.saying import called, excerpt, verdict
from tracker_rules.words import MINUTE

_CHECK = 200
"""The longest name of a check that a verdict may have."""


class NoSettings(RuleSettings, frozen=True, kw_only=True):
    """Nothing can be set."""


class Item(Struct, frozen=True):
    """One thing that a post must carry, in compared form; `as_agreed` is how people write it."""

    kind: Literal["hashtag", "mention", "link"]
    wanted: str
    as_agreed: str

    @property
    def check(self) -> str:
        """The item as a checklist names it; one that is too long ends in a digest of the whole."""
        name = f"{self.kind}:{self.wanted}"
        if len(name) <= _CHECK:
            return name
        return f"{name[: _CHECK - 17]}~{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"

    def in_post(self, post: PostFacts) -> bool:
        match self.kind:
            case "hashtag":
                return self.wanted in post.tags
            case "mention":
                return self.wanted in post.mentions
            case "link":
                return carries_link(post.links, self.wanted)

    def found_among(self, post: PostFacts) -> tuple[str, ...]:
        found = {"hashtag": post.tags, "mention": post.mentions, "link": post.links}
        return found[self.kind]


def items(required: Required | None) -> list[Item]:
    """What is required, each once, in a fixed order. The brand is the business of the disclosure packs."""
    if required is None:
        return []
    asked = [
        *(Item("hashtag", normal_tag(tag), "#" + _bare(tag, "#\uff03")) for tag in required.hashtags),
        *(Item("mention", normal_mention(name), "@" + _bare(name, "@\uff20")) for name in required.mentions),
        *(Item("link", normal_address(link), link.strip()) for link in required.links),
    ]
    return list({item.check: item for item in reversed(asked) if item.wanted}.values())[::-1]


def _bare(name: str, signs: str) -> str:
    """A tag or a name as it was agreed, without the one sign before it."""
    name = name.strip()
    return name[1:] if name[:1] in tuple(signs) else name


class RequiredMissing:
    """A post lacks a hashtag, a mention or a link that its agreement requires.

    One check for each item and post, so the same verdicts are the checklist. Items are compared as everywhere else
    (normalised tags and names; an address carries a link that it equals or lies below), in title and text together. An
    item that an edit took out is missing like one that never was there.

    Not assessable: the post's text is unknown, or the post can no longer be seen, or there is no post yet. A story
    needs a person: what stands on its stickers is told by no platform. It must be missing for 15 minutes: many creators
    add what they forgot as soon as they see the post.
    """

    name = "agreement.required_missing"
    title: Mapping[Language, str] = {
        "en": "A required hashtag, mention or link is missing",
        "ja": "必須のハッシュタグ・メンション・リンクがない",
    }
    category: Category = "agreement"
    kind: Kind = "absolute"
    severity: Severity = "warning"
    timing = Timing(hold_ms=15 * MINUTE)
    settings: type[RuleSettings] = NoSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: NoSettings, now: Instant) -> Iterable[Verdict]:
        for deal in deals(facts):
            for item in items(deal.agreement.required):
                if not deal.posts:
                    yield _no_post(deal, item.check, item.as_agreed)
                for post in deal.posts:
                    yield _carried(deal, post, item)


def _no_post(deal: Deal, check: str, wanted: str) -> Verdict:
    said = (
        f"{deal.name} has made no post yet that could carry {wanted}.",
        f"{deal.name}さんの投稿がまだないため、{wanted}は確認できません。",
    )
    lacking = Evidence(name="posts", value=0, unit="count", basis="posts made for the agreement")
    return verdict(deal.subject, "not_assessable", said, lacking, check=check)


def _carried(deal: Deal, post: PostFacts, item: Item) -> Verdict:
    found = ", ".join(item.found_among(post))
    evidence = [
        Evidence(
            name=f"{item.kind}s",
            value=excerpt(found),
            unit="text",
            basis="found in title and text, normalised",
            limit=item.wanted,
            at=None if post.text is None else post.text.at,
        )
    ]
    if post.text is not None:
        evidence.append(Evidence(name="text", value=excerpt(str(post.text.value)), unit="text", at=post.text.at))
    if post.edited:
        evidence.append(Evidence(name="edited", value=1, unit="count", basis="the post was changed after publishing"))
    outcome, said = _judged(deal, post, item, evidence)
    return verdict(deal.subject_of(post), outcome, said, *evidence, check=item.check)


def _judged(deal: Deal, post: PostFacts, item: Item, evidence: list[Evidence]) -> tuple[Outcome, tuple[str, str]]:
    place = called(post)
    if not post.live:
        evidence.append(
            Evidence(name="live", value=0, unit="count", at=post.live_at, basis="the post is not to be seen")
        )
        return "not_assessable", (
            f"Whether {place} by {deal.name} carries {item.as_agreed} cannot be seen any more.",
            f"{deal.name}さんの投稿({place})は表示されなくなり、{item.as_agreed}を確認できません。",
        )
    if item.in_post(post):
        return "pass", (
            f"{place} by {deal.name} carries {item.as_agreed}.",
            f"{deal.name}さんの投稿({place})に{item.as_agreed}があります。",
        )
    if post.text is None:
        evidence.append(Evidence(name="text", value=None, unit="text", basis="no source has told the post's text"))
        return "not_assessable", (
            f"The text of {place} by {deal.name} is not known, so {item.as_agreed} cannot be checked.",
            f"{deal.name}さんの投稿({place})の本文が不明なため、{item.as_agreed}を確認できません。",
        )
    if post.medium == "story":
        evidence.append(Evidence(name="medium", value="story", unit="text", basis="its stickers are not told"))
        return "needs_human", (
            f"Please look whether the story {place} by {deal.name} shows {item.as_agreed}: its text does not.",
            f"{deal.name}さんのストーリーズ({place})に{item.as_agreed}があるか、目視で確認してください。",
        )
    edited = (" since it was edited", "(編集後)") if post.edited else ("", "")
    return "fail", (
        f"{place} by {deal.name} lacks the agreed {item.as_agreed}{edited[0]}.",
        f"{deal.name}さんの投稿({place})に、約束の{item.as_agreed}がありません{edited[1]}。",
    )


_INCLUDES: Mapping[str, frozenset[str]] = {
    "feed": frozenset({"carousel"}),
    "video": frozenset({"reel", "short"}),
    "post": frozenset({"feed", "carousel", "reel", "video", "short", "article"}),
}
"""What is also of a wider kind: a carousel is a feed post, a reel is a video."""


class WrongMedium:
    """A post is not of a kind that was agreed: a story where a reel was agreed.

    A narrower kind is as good: a carousel is a feed post, a reel and a short are videos, all but stories and live
    broadcasts are posts. Where the platform names only the wider kind ("video", and a short was agreed), a person must
    look: TikTok, for one, calls everything a video. Not assessable: the platform did not say what kind it is, or there
    is no post yet.
    """

    name = "agreement.wrong_medium"
    title: Mapping[Language, str] = {"en": "A post of another kind than agreed", "ja": "投稿形式が約束と違う"}
    category: Category = "agreement"
    kind: Kind = "absolute"
    severity: Severity = "warning"
    timing = Timing()
    settings: type[RuleSettings] = NoSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: NoSettings, now: Instant) -> Iterable[Verdict]:
        for deal in deals(facts):
            if not deal.agreement.media:
                continue
            if not deal.posts:
                yield _no_post(deal, "", " / ".join(deal.agreement.media))
            for post in deal.posts:
                yield _medium(deal, post)


def _medium(deal: Deal, post: PostFacts) -> Verdict:
    agreed = " / ".join(deal.agreement.media)
    place = called(post)
    found = post.medium
    evidence = Evidence(name="medium", value=found, unit="text", limit=agreed, basis="as the platform says")
    outcome: Outcome
    if found is None:
        outcome = "not_assessable"
        said = (
            f"What kind of post {place} by {deal.name} is, is not known; agreed: {agreed}.",
            f"{deal.name}さんの投稿({place})の形式が不明です(約束: {agreed})。",
        )
    elif any(found == one or found in _INCLUDES.get(one, ()) for one in deal.agreement.media):
        outcome = "pass"
        said = (
            f"{place} by {deal.name} is a {found}, as agreed.",
            f"{deal.name}さんの投稿({place})は約束どおりの形式({found})です。",
        )
    elif any(one in _INCLUDES.get(found, ()) for one in deal.agreement.media):
        outcome = "needs_human"
        said = (
            f"Please look at {place} by {deal.name}: agreed was {agreed}, and the platform says only {found}.",
            f"{deal.name}さんの投稿({place})を確認してください。約束は{agreed}、媒体の表示は{found}のみです。",
        )
    else:
        outcome = "fail"
        said = (
            f"{place} by {deal.name} is a {found}; agreed was {agreed}.",
            f"{deal.name}さんの投稿({place})は{found}で、約束の形式({agreed})と違います。",
        )
    return verdict(deal.subject_of(post), outcome, said, evidence)
