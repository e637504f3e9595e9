"""The contract suite for alert rules: inherit it, give it a rule, and pytest does the rest.

```python
class TestTooQuiet(RuleContract):
    rule = TooQuiet()
```

It needs pytest and hypothesis, which the tracker itself does not.

1. A rule is pure: it repeats itself, keeps nothing, and judges what came through MessagePack like what did not.
2. A verdict is about the campaign at hand, and no other verdict of the rule is about the same thing.
3. Nothing known, nothing failed: neither an empty campaign nor one whose every count is hidden fails.
4. A verdict reads back as it was written, has an English sentence, and evidence where it raises or cannot be judged.
5. Default settings are valid, and each is described.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any, ClassVar, cast

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.domain.curve import AGES_MS, INTERVALS, Row, bucket, keep
from tracker.domain.definitions import AccountRef, Agreement, Campaign, Creator, Link, Required, Targets
from tracker.domain.events import METRICS, Instant
from tracker.domain.facts import (
    AccountFacts,
    CampaignFacts,
    CreatorFacts,
    PartitionFacts,
    PipelineFacts,
    PostFacts,
    QuotaFacts,
    Said,
    UnattributedCode,
)
from tracker.domain.verdicts import Evidence, Verdict
from tracker.plugin.rules import Rule

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
STARTS: Instant = 20_000 * DAY
"""When the campaigns of the strategies begin: a midnight UTC. They last for ten days."""
ENDS: Instant = STARTS + 10 * DAY
# A plugin may offer dozens of rules: fewer examples than the active Hypothesis profile has, where that has many.
_QUICK = settings(
    max_examples=min(40, settings().max_examples), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
_COUNTED = ("count", "ms", "minor", "instant")


class RuleContract:
    """What any rule keeps. A subclass gives `rule`, and `extra` facts that it should be tried with as well.

    Attributes:
        rule: the rule under test.
        extra: campaigns of your own, e.g. one that fails.
    """

    rule: ClassVar[Rule]
    extra: ClassVar[Sequence[CampaignFacts]] = ()

    def verdicts(self, facts: CampaignFacts | PipelineFacts, now: Instant) -> list[Verdict]:
        """What the rule says, with its default settings."""
        judge = cast("Any", self.rule).judge
        return list(judge(facts, self.rule.settings(), now))

    def test_it_repeats_itself_and_keeps_nothing(self) -> None:
        before = copy.deepcopy(vars(self.rule)) if hasattr(self.rule, "__dict__") else {}

        @_QUICK
        @given(self._facts(), moments())
        def check(facts: CampaignFacts | PipelineFacts, now: Instant) -> None:
            written = msgspec.msgpack.encode(facts)
            said = self.verdicts(facts, now)
            assert self.verdicts(facts, now) == said
            assert self.verdicts(msgspec.msgpack.decode(written, type=type(facts)), now) == said
            assert msgspec.msgpack.encode(facts) == written, "facts are not to be changed"

        check()
        assert (vars(self.rule) if hasattr(self.rule, "__dict__") else {}) == before

    def test_every_verdict_is_one_that_can_be_told(self) -> None:
        @_QUICK
        @given(self._facts(), moments())
        def check(facts: CampaignFacts | PipelineFacts, now: Instant) -> None:
            self._check(facts, self.verdicts(facts, now))

        check()
        for facts in self.extra:
            self._check(facts, self.verdicts(facts, ENDS))

    def test_an_empty_campaign_fails_nothing(self) -> None:
        empty = CampaignFacts(campaign=a_campaign()) if self.rule.about == "campaign" else PipelineFacts()
        for now in (STARTS, STARTS + 3 * DAY):
            assert [said for said in self.verdicts(empty, now) if said.outcome == "fail"] == []

    def test_what_is_unknown_fails_nothing(self) -> None:
        unknown = unknown_facts() if self.rule.about == "campaign" else PipelineFacts(watched=())
        for now in (STARTS + HOUR, STARTS + 3 * DAY):
            assert [said for said in self.verdicts(unknown, now) if said.outcome == "fail"] == []

    def test_its_default_settings_are_valid_and_described(self) -> None:
        default = self.rule.settings()
        assert msgspec.convert(msgspec.to_builtins(default), self.rule.settings) == default
        described = msgspec.json.schema(self.rule.settings)["$defs"][self.rule.settings.__name__].get("properties", {})
        assert [name for name, field in described.items() if not _has_description(field)] == []

    def test_it_says_what_it_is(self) -> None:
        assert self.rule.name.startswith(f"{self.rule.category}.")
        assert self.rule.title.get("en")
        assert (type(self.rule).__doc__ or "").strip(), "the docstring is the rule's documentation"

    def _facts(self) -> st.SearchStrategy[Any]:
        return campaign_facts() if self.rule.about == "campaign" else pipeline_facts()

    def _check(self, facts: CampaignFacts | PipelineFacts, verdicts: Sequence[Verdict]) -> None:
        named = [(verdict.subject.text, verdict.check) for verdict in verdicts]
        assert len(set(named)) == len(named), "two verdicts on one subject and check"
        for verdict in verdicts:
            check_verdict(verdict)
            if isinstance(facts, CampaignFacts):
                assert verdict.subject.campaign == facts.campaign.id
            else:
                assert not verdict.subject.campaign, "a rule about the pipeline is of no campaign"


def check_verdict(verdict: Verdict) -> None:
    """What holds for every verdict of every rule. Raises AssertionError."""
    assert isinstance(verdict, Verdict)
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(verdict), type=Verdict) == verdict
    assert verdict.summary.get("en", "").strip(), "a verdict has an English sentence"
    assert verdict.evidence or verdict.outcome == "pass", f"{verdict.outcome} without evidence"
    for evidence in verdict.evidence:
        for value in (evidence.value, evidence.limit):
            _check_value(evidence, value)


def _check_value(evidence: Evidence, value: object) -> None:
    if value is None:
        return
    if evidence.unit in _COUNTED:
        assert type(value) is int, f"{evidence.name}: {evidence.unit} is an integer"
    else:
        assert isinstance(value, str), f"{evidence.name}: {evidence.unit} is written out"
        assert evidence.unit == "text" or Decimal(value).is_finite()


def _has_description(field: dict[str, Any]) -> bool:
    return bool(field.get("description")) or any(_has_description(each) for each in field.get("anyOf", ()))


# Facts


def a_campaign(**changed: Any) -> Campaign:
    """A campaign of ten days without targets."""
    return Campaign(**{"id": "spring", "name": "Spring", "starts_at": STARTS, "ends_at": ENDS, **changed})


def unknown_facts() -> CampaignFacts:
    """A campaign with all its targets, whose one post is live, and of which nothing else is known."""
    post = PostFacts(platform="instagram", account="_ana", post="p1", creator="ana", how="agreement", seen_at=STARTS)
    totals = {"posts": 1, "posts.live": 1, **{f"{metric}.unknown": 1 for metric in METRICS}}
    targets = Targets(**dict.fromkeys((*METRICS, "clicks", "conversions"), 1_000), engagement_rate="0.03")
    return CampaignFacts(
        campaign=a_campaign(targets=targets),
        creators=(
            CreatorFacts(
                creator=Creator(id="ana", name="Ana", accounts=(AccountRef(platform="instagram", account="_ana"),)),
                agreements=(Agreement(id="a1", campaign="spring", creator="ana", required=Required(hashtags=("pr",))),),
                accounts=(AccountFacts(platform="instagram", account="_ana"),),
                posts=(post,),
            ),
        ),
        totals={"": totals, "ana": totals},
    )


def moments() -> st.SearchStrategy[Instant]:
    """Before, during and after the campaigns."""
    return st.integers(-2, 20 * 24).map(lambda hours: STARTS + hours * HOUR)


# Curves and posts are made of a seed each: drawn value by value they would take a hundred times as long.


def curves() -> st.SearchStrategy[tuple[Row, ...]]:
    """The curve of a post: counts that rise mostly, fall at times, and are not always told."""
    return st.integers(0, 2**32 - 1).map(lambda seed: _curve(Random(seed)))  # noqa: S311 (no secret)


def posts(creator: str, number: int) -> st.SearchStrategy[PostFacts]:
    """A post of a creator on one of two platforms."""
    return st.integers(0, 2**32 - 1).map(lambda seed: _post(Random(seed), creator, number))  # noqa: S311 (no secret)


def _curve(random: Random) -> tuple[Row, ...]:
    rows: list[Row] = []
    reached = [0] * len(METRICS)
    told = [random.random() < 0.8 for _ in METRICS]  # the others are hidden
    pace = random.choice((2, 50, 2_000))
    ages = (random.choice(AGES_MS) if random.random() < 0.5 else random.randrange(10 * DAY) for _ in range(20))
    for age in sorted(ages)[: random.randrange(20)]:
        fall = random.random() < 0.1
        reached = [max(0, had - random.randrange(pace) if fall else had + random.randrange(pace)) for had in reached]
        named = [is_told and random.random() < 0.9 for is_told in told]
        values = [had if names else None for had, names in zip(reached, named, strict=True)]
        bits = sum(1 << index for index, names in enumerate(named) if names)
        if bits:
            definition = "v2" if random.random() < 0.1 else "v1"
            row: Row = (age, bits, definition, *values)  # type: ignore[assignment]  # seven values
            keep(rows, row, INTERVALS[bucket(age)])
    return tuple(rows)


def _post(random: Random, creator: str, number: int) -> PostFacts:
    published = STARTS + random.randrange(-10 * 24, 9 * 24) * HOUR
    rows = _curve(random)
    totals: list[int | None] = [None] * len(METRICS)
    observed: list[int | None] = [None] * len(METRICS)
    for row in rows:
        for index, value in enumerate(row[3:]):
            if isinstance(value, int):
                totals[index], observed[index] = value, published + row[0]
    at = published + (rows[-1][0] if rows else 0)
    text = random.choice((None, "", "#PR new", "lovely #spring @brand https://shop.example/x"))
    return PostFacts(
        platform=random.choice(("instagram", "instagram", "tiktok")),
        account=f"_{creator}",
        post=f"{creator}-{number}",
        creator=creator,
        how="agreement",
        campaigns=("spring",),
        seen_at=published + random.randrange(HOUR),
        published_at=random.choice((published, published, published, None)),
        live=random.random() < 0.8,
        live_at=at,
        text=None if text is None else Said(at, text),
        medium=random.choice((None, "feed", "reel", "story")),
        paid_label=random.choice((None, Said(at, value=True), Said(at, value=False))),
        edited=random.random() < 0.3,
        totals=tuple(totals),
        observed_at=tuple(observed),
        curve=rows,
        followers=random.choice((None, 0, 50, 20_000)),
        comments=(random.randrange(9), random.randrange(9), random.randrange(9)),
        tags=random.choice(((), ("pr",), ("spring", "pr"))),
    )


@st.composite
def campaign_facts(draw: st.DrawFn) -> CampaignFacts:
    """A small campaign: up to two creators, with posts of all ages, normal ones too, targets, clicks and orders."""
    creators = tuple(draw(_creators(id)) for id in ("ana", "ken")[: draw(st.integers(0, 2))])
    own = [post for creator in creators for post in creator.posts]
    target = st.none() | st.integers(1, 2_000)
    targets = Targets(likes=draw(target), views=draw(target), clicks=draw(target), engagement_rate=draw(_RATES))
    series = draw(st.dictionaries(_SERIES, st.integers(-20, 200), max_size=12))
    total: dict[str, int] = {"posts": len(own), "clicks": draw(st.integers(0, 500)), "conversions": draw(_ORDERS)}
    for post in own:
        for metric, value in zip(METRICS, post.totals, strict=True):
            known = f"{metric}.unknown" if value is None else f"{metric}.known"
            total[known] = total.get(known, 0) + 1
            total[metric] = total.get(metric, 0) + (value or 0)
    return CampaignFacts(
        campaign=a_campaign(targets=targets, tiers=draw(st.sampled_from(("four-tier", "fohr", "unheard-of")))),
        creators=creators,
        links=(Link(id="l1", campaign="spring", destination="https://shop.example/"),) if draw(st.booleans()) else (),
        totals={"": {name: value for name, value in total.items() if value}},
        fresh={"": {"poll": STARTS + HOUR}} if own else {},
        hours=series,
    )


_RATES = st.none() | st.sampled_from(("0.01", "0.5"))
_ORDERS = st.integers(0, 50)
_SERIES = st.builds(
    lambda name, hour: f"{name}@{STARTS // HOUR + hour}",
    st.sampled_from(("likes", "clicks", "conversions", "revenue.JPY", "refunds.JPY")),
    st.integers(0, 240),
)


@st.composite
def _creators(draw: st.DrawFn, id: str) -> CreatorFacts:
    followers = draw(st.lists(st.integers(0, 100_000), max_size=4))
    refs = tuple(AccountRef(platform=platform, account=f"_{id}") for platform in ("instagram", "tiktok"))
    agreement = Agreement(
        id=f"{id}-deal",
        campaign="spring",
        creator=id,
        posts=draw(st.integers(0, 3)),
        codes=draw(st.sampled_from(((), (id.upper(),)))),
        required=draw(st.sampled_from((None, Required(hashtags=("pr",), brand="Glow")))),
        media=draw(st.sampled_from(((), ("reel",)))),
    )
    return CreatorFacts(
        creator=Creator(id=id, name=id.title(), accounts=refs),
        agreements=(agreement,) if draw(st.booleans()) else (),
        accounts=tuple(
            AccountFacts(
                platform=ref.platform,
                account=ref.account,
                followers=tuple((STARTS + day * DAY, count) for day, count in enumerate(followers)),
            )
            for ref in refs
        ),
        posts=tuple(draw(posts(id, number)) for number in range(draw(st.integers(0, 2)))),
        normal=tuple(
            msgspec.structs.replace(draw(posts(id, 100 + number)), how=None, campaigns=())
            for number in range(draw(st.sampled_from((0, 1, 4, 5))))
        ),
    )


def pipeline_facts() -> st.SearchStrategy[PipelineFacts]:
    """A pipeline that lags here, is not heard of there, and is not allowed to ask."""
    at = st.integers(STARTS, ENDS)
    return st.builds(
        PipelineFacts,
        partitions=st.lists(
            st.builds(
                PartitionFacts,
                stage=st.sampled_from(("adapt", "count")),
                number=st.integers(0, 3),
                lag=st.none() | st.integers(0, 10_000_000),
            ),
            max_size=3,
            unique_by=lambda each: (each.stage, each.number),
        ).map(tuple),
        letters=st.lists(at, max_size=5).map(lambda each: tuple(sorted(each))),
        heard=st.dictionaries(
            st.sampled_from(("instagram", "youtube")), st.dictionaries(st.sampled_from(("poll", "webhook")), at)
        ),
        watched=st.sampled_from(((), ("instagram",), ("instagram", "youtube"))),
        quotas=st.lists(
            st.builds(
                QuotaFacts,
                platform=st.sampled_from(("instagram", "youtube")),
                blocked_until=st.none() | at,
                reason=st.sampled_from(("quota", "rate", "token", "")),
                at=at,
            ),
            max_size=2,
            unique_by=lambda each: each.platform,
        ).map(tuple),
        codes=st.lists(
            st.builds(UnattributedCode, code=st.sampled_from(("ANA10", "X")), orders=st.integers(1, 9), last_at=at),
            max_size=2,
            unique_by=lambda each: each.code,
        ).map(tuple),
    )
