"""Clicks that bring no sales, or no longer do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tracker.domain.events import Instant
from tracker.plugin.rules import (
    CampaignFacts,
    Category,
    Evidence,
    Kind,
    Language,
    Outcome,
    RuleSettings,
    Severity,
    Subject,
    Timing,
    Verdict,
)
from tracker_rules.conversion_sums import Hours, hours_of, of_scope, running, this_hour
from tracker_rules.conversion_tails import at_most, fewer_than_usual
from tracker_rules.saying import RATE, SHARE, Probability, percent, unlikely, verdict, written
from tracker_rules.words import HOUR, count

_NEAR = 10
"""A probability up to so many times the limit is near it."""
_Sales = Annotated[int, Meta(ge=1, description="So many sales must be known for a usual rate to be spoken of")]
_Clicks = Annotated[int, Meta(ge=1, description="Fewer clicks than these are not judged")]
_Lag = Annotated[
    int, Meta(ge=0, le=168, description="Clicks of the latest hours are left out: their sales are to come")
]


class ClicksSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of conversion.clicks_without_sales."""

    window_hours: Annotated[
        int, Meta(ge=1, le=720, description="The campaign's clicks of so many hours are judged")
    ] = 24
    lag_hours: _Lag = 1
    minimum_cvr: Annotated[
        str, Meta(pattern=SHARE, description='Sales per click that there must be; "0": compare with what is usual')
    ] = "0"
    least_share: Annotated[str, Meta(pattern=SHARE, description="So much of the usual rate is good enough")] = "0.3"
    probability: Probability = "0.005"
    minimum_clicks: _Clicks = 200
    minimum_sales: _Sales = 10


class StoppedSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of conversion.sales_stopped."""

    lag_hours: _Lag = 1
    least_share: Annotated[str, Meta(pattern=SHARE, description="So much of the usual rate is good enough")] = "0.5"
    probability: Probability = "0.005"
    times_longest: Annotated[
        str, Meta(pattern=RATE, description="The silence must be so many times the longest one before it, in clicks")
    ] = "1.5"
    minimum_clicks: _Clicks = 50
    minimum_sales: _Sales = 10


class _Compared(Struct, frozen=True):
    """Few sales for so many clicks, beside what there should be. `usual` None: there is nothing to compare with."""

    clicks: int
    sales: int
    usual: Fraction | None
    probability: Decimal | None
    basis: str


def _outcome(probability: Decimal, limit: str) -> Outcome:
    if probability <= Decimal(limit):
        return "fail"
    return "near" if probability <= _NEAR * Decimal(limit) else "pass"


class ClicksWithoutSales:
    """Clicks come, and by all that is usual there should be sales: a broken link, a wrong landing page, bots.

    Two things are judged. A creator: all clicks on its links and its sales by click, beside the sales by click per
    click of the others in the campaign. (A code beats a click: so orders by code beyond twice what the others have per
    click are taken for sales of the clicks.) The campaign: the clicks of the last `window_hours` (less the last
    `lag_hours`, for sales come after clicks) and the sales since, beside its own earlier ones; clicks of creators that
    fail by themselves are left out. With `minimum_cvr` both are measured by that instead, and by the client's targets
    (conversions / clicks) where a campaign has sold nothing yet.

    It fails when so few sales would have a probability of at most `probability`, were the true rate still `least_share`
    of the usual: an exact binomial tail. Creators' rates honestly differ by a factor of two or three, hence 0.3;
    at the defaults some 18 sales must be missing without a single one. Up to ten times the limit is near.

    Not assessable: fewer than `minimum_sales` known to compare with; or a campaign that never had a sale, has no target
    for sales and no `minimum_cvr`: perhaps no shop reports to it. A campaign that sold before and now sells nothing at
    all is the business of `conversion.sales_stopped`. Nothing is judged before the campaign or after it.
    """

    name = "conversion.clicks_without_sales"
    title: Mapping[Language, str] = {"en": "Clicks without sales", "ja": "クリックはあるのに売れていない"}
    category: Category = "conversion"
    kind: Kind = "baseline"
    severity: Severity = "warning"
    timing = Timing(hold_ms=2 * HOUR, clear_ms=HOUR)
    settings: type[RuleSettings] = ClicksSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: ClicksSettings, now: Instant) -> Iterable[Verdict]:
        if not running(facts, now):
            return
        failing = 0
        for who in facts.creators:
            found = _of_creator(facts, who.creator.id, settings)
            made = _few(Subject(campaign=facts.campaign.id, creator=who.creator.id), who.creator.name, found, settings)
            failing += found.clicks if made.outcome == "fail" else 0
            yield made
        yield _of_campaign(facts, failing, settings, now)


def _of_creator(facts: CampaignFacts, who: str, settings: ClicksSettings) -> _Compared:
    clicks, total_clicks = of_scope(facts, who, "clicks"), of_scope(facts, "", "clicks")
    by_click, by_code = (of_scope(facts, who, f"conversions.by.{how}") for how in ("click", "code"))
    others_click, others_code = (
        of_scope(facts, "", f"conversions.by.{how}") - mine for how, mine in (("click", by_click), ("code", by_code))
    )
    others_clicks = total_clicks - clicks
    usual_by_code = others_code * clicks // others_clicks if others_clicks > 0 else 0
    beyond = max(0, by_code - 2 * usual_by_code)
    return _compared(
        (clicks, by_click + beyond),
        (others_clicks, others_click),
        settings,
        f"orders by click ({beyond} by code, beyond twice the others' per click) beside the others' by click",
    )


def _of_campaign(facts: CampaignFacts, failing: int, settings: ClicksSettings, now: Instant) -> Verdict:
    subject, name = Subject(campaign=facts.campaign.id), facts.campaign.name
    hours = hours_of(facts)
    last = this_hour(now) - settings.lag_hours
    clicks = max(0, hours.clicks_within(last - settings.window_hours, last) - failing)
    sales = hours.sales_after(last - settings.window_hours)
    before_sales = of_scope(facts, "", "conversions") - sales
    before_clicks = of_scope(facts, "", "clicks") - hours.clicks_within(last - settings.window_hours, this_hour(now))
    basis = f"clicks of {settings.window_hours} h up to {settings.lag_hours} h ago, beside the campaign's earlier sales"
    if sales == 0 and before_sales > 0 and clicks >= settings.minimum_clicks and not Fraction(settings.minimum_cvr):
        said = (
            f"{name} has sold nothing in the last {settings.window_hours} h: see conversion.sales_stopped.",
            f"{name}は直近{settings.window_hours}時間の売上がありません(conversion.sales_stoppedを参照)。",
        )
        return verdict(subject, "near", said, count("clicks", clicks, basis=basis), count("sales", 0, basis=basis))
    agreed = None
    targets = facts.campaign.targets
    if before_sales == 0 and sales == 0 and targets is not None and targets.conversions and targets.clicks:
        agreed = Fraction(targets.conversions, targets.clicks)
        basis = "clicks of the last hours, beside the targets: conversions / clicks"
    found = _compared((clicks, sales), (before_clicks, before_sales), settings, basis, agreed)
    return _few(subject, name, found, settings)


def _compared(
    ours: tuple[int, int],
    usual: tuple[int, int],
    settings: ClicksSettings,
    basis: str,
    agreed: Fraction | None = None,
) -> _Compared:
    (clicks, sales), (usual_clicks, usual_sales) = ours, usual
    minimum, least = Fraction(settings.minimum_cvr), Fraction(settings.least_share)
    if minimum:
        chance = at_most(sales, max(clicks, sales), minimum)
        return _Compared(clicks, sales, minimum, chance, "the least rate that was set")
    if agreed is not None:
        return _Compared(clicks, sales, agreed, at_most(sales, clicks, min(Fraction(1), least * agreed)), basis)
    if usual_sales < settings.minimum_sales or usual_clicks <= 0:
        return _Compared(clicks, sales, None, None, basis)
    rate = Fraction(usual_sales, usual_clicks)
    chance = fewer_than_usual(sales, clicks, usual_sales, usual_clicks, least)
    return _Compared(clicks, sales, rate, chance, basis)


def _few(subject: Subject, name: str, found: _Compared, settings: ClicksSettings) -> Verdict:
    evidence: list[Evidence] = [
        count("clicks", found.clicks, basis=found.basis, limit=settings.minimum_clicks),
        count("sales", found.sales, basis=found.basis),
    ]
    said = (
        f"{name} has {found.sales} sales from {found.clicks} clicks.",
        f"{name}は{found.clicks}クリックで{found.sales}件の売上です。",
    )
    if found.clicks < settings.minimum_clicks:
        return verdict(subject, "pass", said, *evidence)
    if found.usual is None or found.probability is None:
        lacking = Evidence(
            name="usual_rate",
            value=None,
            unit="share",
            basis=f"{found.basis}: fewer than {settings.minimum_sales} sales are known to compare with",
        )
        said = (
            f"Whether {found.sales} sales are few for {name}'s {found.clicks} clicks is not known yet.",
            f"{name}の{found.clicks}クリックに対し売上{found.sales}件が少ないかは、まだ判断できません。",
        )
        return verdict(subject, "not_assessable", said, *evidence, lacking)
    evidence += [
        Evidence(name="usual_rate", value=written(found.usual), unit="share", basis=found.basis),
        Evidence(
            name="probability",
            value=unlikely(found.probability),
            unit="share",
            limit=settings.probability,
            basis=f"of so few sales, were the rate {_good_enough(settings)}: exact binomial tail",
        ),
    ]
    outcome = _outcome(found.probability, settings.probability)
    if outcome != "pass":
        rate, expected = percent(found.usual), written(found.usual * found.clicks, 2)
        said = (
            f"{name} has {found.sales} sales from {found.clicks} clicks; usual ({rate}) is about {expected}.",
            f"{name}は{found.clicks}クリックで売上{found.sales}件です(通常の{rate}なら約{expected}件)。",
        )
    return verdict(subject, outcome, said, *evidence)


def _good_enough(settings: ClicksSettings) -> str:
    if Fraction(settings.minimum_cvr):
        return f"{settings.minimum_cvr} per click"
    return f"{settings.least_share} of the usual one"


class SalesStopped:
    """A campaign that sold sells nothing any more while clicks go on: the shop, the stock or the tracking is broken.

    The clicks since the last sale (less those of the last `lag_hours`, and those of creators who never sold anything by
    click, which are another matter) beside all sales per click before. It fails when that silence would have a
    probability of at most `probability`, were the rate still `least_share` of the usual (exact binomial tail), and it
    is at least `times_longest` times the longest silence so far, measured in clicks. Half, because the rate is lower at
    night and for a new creator's audience; at the defaults some 11 sales must be missing. The longest silence so far,
    because some shops report once a day: a silence as long as those is no news. Up to ten times the limit is near. Any
    sale lets the alert go after an hour.

    Not assessable: fewer than `minimum_sales` sales, or none that followed clicks. Fewer than `minimum_clicks` clicks
    since the last sale pass. Nothing is judged before the campaign or after it.
    """

    name = "conversion.sales_stopped"
    title: Mapping[Language, str] = {"en": "Sales have stopped", "ja": "売上が止まった"}
    category: Category = "conversion"
    kind: Kind = "baseline"
    severity: Severity = "critical"
    timing = Timing(clear_ms=HOUR)
    settings: type[RuleSettings] = StoppedSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: StoppedSettings, now: Instant) -> Iterable[Verdict]:
        if running(facts, now):
            yield _silence(facts, settings, now)


def _silence(facts: CampaignFacts, settings: StoppedSettings, now: Instant) -> Verdict:
    subject, name = Subject(campaign=facts.campaign.id), facts.campaign.name
    hours = hours_of(facts)
    sold = sorted(hour for hour, sales in hours.sales.items() if sales > 0)
    sales = of_scope(facts, "", "conversions")
    last = sold[-1] if sold else -1
    never = sum(
        of_scope(facts, who.creator.id, "clicks")
        for who in facts.creators
        if not of_scope(facts, who.creator.id, "conversions.by.click")
    )
    since = max(0, hours.clicks_within(last, this_hour(now) - settings.lag_hours) - never)
    before = of_scope(facts, "", "clicks") - hours.clicks_within(last, this_hour(now))
    longest = longest_silence(hours, sold)
    evidence: list[Evidence] = [
        count(
            "clicks_since_last_sale", since, basis=f"up to {settings.lag_hours} h ago", limit=settings.minimum_clicks
        ),
        count("sales_before", sales, basis="by code and by click", limit=settings.minimum_sales),
        count("clicks_before", before, basis="up to the hour of the last sale"),
        count(
            "longest_silence_before",
            longest,
            basis=f"clicks without a sale; must be exceeded {settings.times_longest}-fold",
        ),
    ]
    if sold:
        evidence.append(Evidence(name="last_sale_before", value=(last + 1) * HOUR, unit="instant", basis="to the hour"))
    if sales < settings.minimum_sales or not sold or before <= 0:
        said = (
            f"{name} has {sales} sales from {before} clicks so far: too few to tell whether they have stopped.",
            f"{name}の売上は{before}クリックで{sales}件のみで、止まったかどうかはまだ判断できません。",
        )
        return verdict(subject, "not_assessable", said, *evidence)
    if since < settings.minimum_clicks:
        said = (
            f"{name} sells: {since} clicks since the last sale.",
            f"{name}は売れています(最後の売上から{since}クリック)。",
        )
        return verdict(subject, "pass", said, *evidence)
    chance = fewer_than_usual(0, since, sales, before, Fraction(settings.least_share))
    evidence.append(
        Evidence(
            name="probability",
            value=unlikely(chance),
            unit="share",
            limit=settings.probability,
            basis=f"of no sale, were the rate {settings.least_share} of the usual one: exact binomial tail",
        )
    )
    outcome = _outcome(chance, settings.probability)
    if outcome == "fail" and since < Fraction(settings.times_longest) * longest:
        outcome = "near"
    rate = Fraction(sales, before)
    expected = written(rate * since, 2)
    said = (
        f"{name} has had no sale for {since} clicks; usual ({percent(rate)}) is about {expected}.",
        f"{name}は{since}クリックの間、売上がありません(通常の{percent(rate)}なら約{expected}件)。",
    )
    return verdict(subject, outcome, said, *evidence)


def longest_silence(hours: Hours, sold: list[int]) -> int:
    """The most clicks between two hours with sales that follow each other."""
    gaps = dict.fromkeys(sold, 0)
    place = 0
    for hour in sorted(hours.clicks):
        while place < len(sold) and sold[place] < hour:
            place += 1
        if 0 < place < len(sold) and sold[place] != hour:
            gaps[sold[place]] += hours.clicks[hour]
    return max(gaps.values(), default=0)
