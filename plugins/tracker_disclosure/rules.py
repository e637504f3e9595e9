"""The alert rule `compliance.disclosure`: every agreed post against the packs that its campaign names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Literal

from msgspec import Meta

from tracker.domain.alerts import Timing
from tracker.domain.events import Instant
from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts
from tracker.domain.verdicts import Category, Language, Severity, Subject, Verdict
from tracker.plugin.rules import Kind, RuleSettings
from tracker_disclosure.assessing import Finding, Limits, Posted, assess
from tracker_disclosure.packs import LabelState, Pack, Surface
from tracker_disclosure.wording import evidence_of, summary_of, unknown_pack

AGREED = frozenset({"submitted", "agreement"})
"""How a post counts that somebody was engaged for; word of mouth owes no label."""

_SURFACES: Mapping[str, Surface] = {
    "story": "story",
    "reel": "video",
    "video": "video",
    "short": "video",
    "live": "video",
}


class DisclosureSettings(RuleSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in place of the packs' own limits."""

    folds: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}=(0|[1-9][0-9]{0,5})$")], ...],
        Meta(
            description=(
                'how much of a text is seen at first, as "platform=columns" (a wide character takes two; 0: not '
                "judged); what is not named is as the pack has it"
            )
        ),
    ] = ()
    max_index: (
        Annotated[
            int,
            Meta(description="with so many hashtags before it a label is buried; left out: the pack's", ge=1, le=100),
        ]
        | None
    ) = None
    max_share: (
        Annotated[
            str,
            Meta(
                description='a label is buried behind more than this share of the tags ("0.5"); left out: the pack\'s',
                pattern=r"^(0?\.[0-9]*[1-9][0-9]*|1(\.0+)?)$",
            ),
        ]
        | None
    ) = None


class Disclosure:
    """Is each agreed post labelled as advertising, as the packs of the campaign's `disclosure` ask?

    Judged is every live post that counts by an agreement or was submitted. Per post and pack there is one verdict on
    the label (its check is the pack's id, e.g. `jp`), and one for each further rule of the pack on a post that has a
    label: where it stands (`jp.buried`, `jp.tag-first`, `jp.fold`), whether the text takes it back
    (`jp.contradiction`), whether the advertiser can be recognised (`jp.brand`; only where an agreement names the
    `required.brand`). So a post without a label raises one alert, and a post whose label is buried another one.

    `fail` is what the pack says plainly. `needs_human` is what only a person can decide: a label that can be read but
    is no tag, English alone, the platform's own label alone, what lies beyond the fold, a contradiction, a story (its
    label stands in the picture). `not_assessable`: the post's text is unknown, or there is no pack of that name. The
    platform's own label counts only when it is known to be on; unknown is never on.

    A post that lost its label in an edit is the same alert: the evidence `edited` says that it was edited. What it said
    before is not kept, so there is no rule of its own for it.

    The limits are the pack's (docs/reference/disclosure.md has their sources): with 5 or more hashtags before it, or 3
    or more that are more than half of all, a label is buried. The verdicts say what was found and never that a post is
    against the law; have a lawyer review each pack.
    """

    name: str = "compliance.disclosure"
    title: Mapping[Language, str] = {
        "en": "Advertising label missing or unclear",
        "ja": "広告表示がない、または不明瞭",
    }
    category: Category = "compliance"
    kind: Kind = "absolute"
    severity: Severity = "critical"
    timing: Timing = Timing()
    settings: type[RuleSettings] = DisclosureSettings
    about: Literal["campaign"] = "campaign"

    def __init__(self, packs: Mapping[str, Pack]) -> None:
        self.packs = packs
        # The same post is judged at every evaluation, and nearly always says what it said before. Findings depend on
        # the day at most (valid_from, valid_to).
        self._assessed = lru_cache(maxsize=20_000)(self._assess)

    def judge(self, facts: CampaignFacts, settings: DisclosureSettings, now: Instant) -> Iterable[Verdict]:
        limits = limits_of(settings)
        today = _midnight(now)
        for name in dict.fromkeys(facts.campaign.disclosure):
            if name not in self.packs:
                yield unknown_pack(facts.campaign.id, name, sorted(self.packs))
                continue
            for creator, post in _agreed(facts):
                posted = posted_of(post, _brands(creator, post))
                for finding in self._assessed(name, posted, today, limits):
                    yield _verdict(self.packs[name], finding, facts, creator, post)

    def _assess(self, name: str, posted: Posted, today: Instant, limits: Limits) -> tuple[Finding, ...]:
        return tuple(assess(self.packs[name], posted, today, limits))


def limits_of(settings: DisclosureSettings) -> Limits:
    """The settings' limits, read."""
    pairs = (fold.split("=") for fold in settings.folds)
    return Limits(
        max_index=settings.max_index,
        max_share=None if settings.max_share is None else Decimal(settings.max_share),
        folds=tuple((platform, int(columns)) for platform, columns in pairs),
    )


def posted_of(post: PostFacts, brands: tuple[str, ...] = ()) -> Posted:
    """A post as a pack judges it."""
    return Posted(
        text=None if post.text is None else str(post.text.value),
        title=None if post.title is None else str(post.title.value),
        platform=post.platform,
        surface=_SURFACES.get(post.medium or "", "post"),
        paid_label=_label_state(post),
        brands=brands,
    )


def _label_state(post: PostFacts) -> LabelState:
    if post.paid_label is None:
        return "unknown"
    return "on" if post.paid_label.value is True else "off"


def _agreed(facts: CampaignFacts) -> Iterator[tuple[CreatorFacts | None, PostFacts]]:
    for creator in facts.creators:
        yield from ((creator, post) for post in creator.posts if post.live and post.how in AGREED)
    yield from ((None, post) for post in facts.others if post.live and post.how in AGREED)


def _brands(creator: CreatorFacts | None, post: PostFacts) -> tuple[str, ...]:
    """By which names the advertiser may be recognised: those of the agreements that reach this platform."""
    agreements = () if creator is None else creator.agreements
    reaching = [each for each in agreements if not each.platforms or post.platform in each.platforms]
    return tuple(dict.fromkeys(each.required.brand for each in reaching if each.required and each.required.brand))


def _verdict(
    pack: Pack, finding: Finding, facts: CampaignFacts, creator: CreatorFacts | None, post: PostFacts
) -> Verdict:
    who = post.creator if creator is None else creator.creator.name
    return Verdict(
        subject=Subject(
            campaign=facts.campaign.id,
            creator=post.creator if creator is None else creator.creator.id,
            platform=post.platform,
            account=post.account,
            post=post.post,
        ),
        outcome=finding.outcome,
        summary=summary_of(pack, finding, post, who),
        evidence=evidence_of(pack, finding, post),
        check=finding.check,
        severity=finding.severity,
    )


def _midnight(now: Instant) -> Instant:
    day = datetime.fromtimestamp(now / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(day.timestamp() * 1000)
