"""Facts of a small campaign, in few words: one creator, one agreement, posts, clicks and sales.

Times are ms since T, a midnight UTC, at which the campaign begins. It lasts ten days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from tracker.domain import text as tokens
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Link, Required, Targets
from tracker.domain.events import METRICS
from tracker.domain.facts import AccountFacts, CampaignFacts, CreatorFacts, PostFacts, Said
from tracker.domain.verdicts import Outcome, Verdict
from tracker.plugin.rules import CampaignRule, PipelineFacts, PipelineRule

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
T = 20_000 * DAY
END = T + 10 * DAY
LATER = END + 40 * DAY

S = TypeVar("S", bound=Struct)


def agreement(**said: Any) -> Agreement:
    required = said.pop("required", None)
    wanted = None if required is None else Required(**required)
    return Agreement(**{"id": "deal", "campaign": "spring", "creator": "ana", "required": wanted, **said})


def campaign(**said: Any) -> Campaign:
    targets = said.pop("targets", None)
    fields = {"id": "spring", "name": "Spring", "starts_at": T, "ends_at": END, **said}
    return Campaign(**fields, targets=None if targets is None else Targets(**targets))


def post(id: str = "p1", *, at: int = T + DAY, text: str | None = "hello", **said: Any) -> PostFacts:
    """A post that counts by agreement, with the tags, mentions and links that its text has; seen at once."""
    words = text or ""
    fields: dict[str, Any] = {
        "platform": "instagram",
        "account": "a1",
        "post": id,
        "creator": "ana",
        "how": "agreement",
        "seen_at": at,
        "published_at": at,
        "live_at": at,
        "medium": "feed",
        "permalink": f"https://example.com/{id}",
        "text": None if text is None else Said(at, text),
        "tags": tuple(sorted(tokens.tags(words))),
        "mentions": tuple(sorted(tokens.mentions(words))),
        "links": tuple(sorted(tokens.links(words))),
    }
    return PostFacts(**{**fields, **said})


def account(*, polled: int | None = LATER, followers: Sequence[tuple[int, int]] = (), **said: Any) -> AccountFacts:
    fields = {"platform": "instagram", "account": "a1", "polled_at": polled, "followers": tuple(followers), **said}
    return AccountFacts(**fields)


def ana(
    *agreements: Agreement,
    posts: Iterable[PostFacts] = (),
    normal: Iterable[PostFacts] = (),
    accounts: Sequence[AccountFacts] | None = None,
    id: str = "ana",
) -> CreatorFacts:
    """A creator with her agreements (left out: one that asks for one post), her posts, and one polled account."""
    known = (account(),) if accounts is None else tuple(accounts)
    return CreatorFacts(
        creator=Creator(
            id=id,
            name=id.title(),
            accounts=tuple(AccountRef(platform=one.platform, account=one.account) for one in known),
        ),
        agreements=agreements or (agreement(creator=id, id=f"deal-{id}"),),
        accounts=known,
        posts=tuple(posts),
        normal=tuple(normal),
    )


def facts(*creators: CreatorFacts, **said: Any) -> CampaignFacts:
    return CampaignFacts(**{"campaign": campaign(), "creators": creators, **said})


def shop(
    sums: Mapping[str, Mapping[str, int]],
    *,
    hours: Mapping[str, int] | None = None,
    linked: Iterable[str] = (),
    **said: Any,
) -> CampaignFacts:
    """A campaign with counters: scope → counter → sum; "" is added up from the creators where it is left out."""
    total: dict[str, int] = {}
    for row in sums.values():
        for field, number in row.items():
            total[field] = total.get(field, 0) + number
    return facts(
        *(ana(agreement(id=f"deal-{who}", creator=who, codes=(who,)), id=who) for who in sums if who),
        totals={"": total, **{who: dict(row) for who, row in sums.items()}},
        hours=dict(hours or {}),
        links=tuple(
            Link(id=f"l-{who}", campaign="spring", destination="https://example.com/", creator=who) for who in linked
        ),
        **said,
    )


def hourly(first: int, clicks: Sequence[int], sales: Sequence[int]) -> dict[str, int]:
    """Hour series: clicks and sales of the hours from the `first` one on."""
    series = {f"clicks@{first + number}": many for number, many in enumerate(clicks) if many}
    series |= {f"conversions@{first + number}": many for number, many in enumerate(sales) if many}
    return series


def store(clicks: Sequence[int], sales: Sequence[int], **said: Any) -> CampaignFacts:
    """A campaign without creators, by hours from its start on, with totals that are their sums."""
    sums = {"clicks": sum(clicks), "conversions": sum(sales), "conversions.by.click": sum(sales)}
    return shop({"": sums}, hours=hourly(T // HOUR, clicks, sales), **said)


def totals(**values: int) -> tuple[int | None, ...]:
    return tuple(values.get(name) for name in METRICS)


def judged(rule: Any, found: CampaignFacts | PipelineFacts, now: int, **settings: Any) -> list[Verdict]:
    """What a rule says, by its own settings but for those named."""
    known: CampaignRule | PipelineRule = rule
    return list(known.judge(found, known.settings(**settings), now))  # type: ignore[arg-type]  # facts as it wants them


def the(verdicts: Iterable[Verdict], **named: str) -> Verdict:
    """The one verdict whose subject (or check) has these."""
    check = named.pop("check", None)
    found = [
        one
        for one in verdicts
        if all(getattr(one.subject, name) == value for name, value in named.items()) and check in (None, one.check)
    ]
    assert len(found) == 1, [(one.subject.text, one.check, one.outcome) for one in found]
    return found[0]


def outcome(rule: Any, found: CampaignFacts | PipelineFacts, now: int, **settings: Any) -> Outcome:
    """Of a rule that says one thing."""
    return the(judged(rule, found, now, **settings)).outcome


def outcomes(verdicts: Iterable[Verdict]) -> dict[str, Outcome]:
    """Post or check → outcome, whichever a verdict names."""
    return {one.check or one.subject.post: one.outcome for one in verdicts}


def value(verdict: Verdict, name: str) -> int | str | None:
    """What the evidence of this name says."""
    (found,) = [one for one in verdict.evidence if one.name == name]
    return found.value


def but(struct: S, **changed: Any) -> S:
    return replace(struct, **changed)
