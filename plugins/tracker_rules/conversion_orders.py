"""Orders that no click explains, and orders that are given back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
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
from tracker_rules.conversion_sums import by_hour, hours_of, of_scope, running, this_hour
from tracker_rules.conversion_tails import more_than_usual
from tracker_rules.saying import RATE, SHARE, Probability, percent, unlikely, verdict, written
from tracker_rules.words import HOUR, count, duration


class LeakSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of conversion.sales_without_clicks."""

    minimum_orders: Annotated[int, Meta(ge=1, description="Fewer orders than these are not judged")] = 20
    times_usual: Annotated[
        str, Meta(pattern=RATE, description="Orders by code per click: so many times those of the others are too many")
    ] = "3"
    window_hours: Annotated[int, Meta(ge=1, le=720, description="The campaign's sales of so many hours are judged")] = (
        24
    )
    times_before: Annotated[
        str,
        Meta(pattern=RATE, description="The campaign's sales per click: so many times the earlier ones are too many"),
    ] = "2"
    probability: Probability = "0.0001"


class RefundSettings(RuleSettings, frozen=True, kw_only=True):
    """Settings of conversion.refund_rate."""

    most: Annotated[str, Meta(pattern=SHARE, description="More of the revenue than this share given back fails")] = (
        "0.3"
    )
    near: Annotated[str, Meta(pattern=SHARE, description="From this share on an alert is not let go")] = "0.25"
    window_hours: Annotated[int, Meta(ge=1, le=2_160, description="Refunds of so many hours are judged too")] = 72
    minimum_orders: Annotated[int, Meta(ge=1, description="Fewer orders than these are not judged")] = 30
    minimum_refunds: Annotated[int, Meta(ge=1, description="Fewer refunds than these are not judged")] = 5


class SalesWithoutClicks:
    """Orders that clicks cannot explain: perhaps a promo code that leaked to a coupon site. A person must look.

    For each creator with a link of its own (`code`): at least `minimum_orders` orders by code, and either more of them
    than clicks, or so many per click that it would have a probability of at most `probability` were the true number
    `times_usual` times that of the other creators with links and codes (exact binomial tail). Three times, because
    creators honestly differ by two or three in how many of their audience type the code and never click. And for each
    creator and the campaign (`click`): more orders by click than there were clicks, and at least `minimum_orders`.

    And for the campaign (`burst`): in the last `window_hours` so many sales per click that it would have a probability
    of at most `probability` were the true number `times_before` times the earlier one. That shows a leak early, before
    it is large beside all that a creator has sold. Twice, because a campaign's own rate varies less than creators do.

    It never says that somebody cheated: orders by code alone are a way of selling like any other, hence `needs_human`.
    Not assessable: a creator without a link, whose orders can only be by code; and of the campaign, fewer than
    `minimum_orders` earlier sales, or a shop that reports seldom: it was silent for `window_hours` before.
    """

    name = "conversion.sales_without_clicks"
    title: Mapping[Language, str] = {"en": "Sales without clicks", "ja": "クリックのない売上"}
    category: Category = "conversion"
    kind: Kind = "baseline"
    severity: Severity = "info"
    timing = Timing(hold_ms=HOUR, clear_ms=HOUR)
    settings: type[RuleSettings] = LeakSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: LeakSettings, now: Instant) -> Iterable[Verdict]:
        linked = {link.creator for link in facts.links}
        coded = [
            who.creator.id
            for who in facts.creators
            if who.creator.id in linked and any(agreement.codes for agreement in who.agreements)
        ]
        yield _by_click(facts, Subject(campaign=facts.campaign.id), ("", facts.campaign.name), settings)
        if running(facts, now):
            yield _burst(facts, settings, now)
        for who in facts.creators:
            subject = Subject(campaign=facts.campaign.id, creator=who.creator.id)
            named = (who.creator.id, who.creator.name)
            yield _by_click(facts, subject, named, settings)
            yield _by_code(facts, subject, named, (who.creator.id in linked, coded), settings)


def _by_click(facts: CampaignFacts, subject: Subject, named: tuple[str, str], settings: LeakSettings) -> Verdict:
    scope, name = named
    clicks, orders = of_scope(facts, scope, "clicks"), of_scope(facts, scope, "conversions.by.click")
    evidence = (
        count(
            "orders_by_click", orders, basis="orders attributed by click", limit=max(clicks, settings.minimum_orders)
        ),
        count("clicks", clicks, basis="all clicks, by click id"),
    )
    said = (
        f"{name} has {orders} orders by click from {clicks} clicks.",
        f"{name}のクリック経由の注文は{orders}件、クリックは{clicks}件です。",
    )
    many = orders >= settings.minimum_orders and orders > clicks
    if many:
        said = (
            f"Please review {name}: {orders} orders came by click, but only {clicks} clicks are known.",
            f"{name}を確認してください。クリック経由の注文が{orders}件、クリックは{clicks}件のみです。",
        )
    return verdict(subject, "needs_human" if many else "pass", said, *evidence, check="click")


def _by_code(
    facts: CampaignFacts,
    subject: Subject,
    named: tuple[str, str],
    like: tuple[bool, list[str]],
    settings: LeakSettings,
) -> Verdict:
    (who, name), (linked, coded) = named, like
    clicks, orders = of_scope(facts, who, "clicks"), of_scope(facts, who, "conversions.by.code")
    evidence = [
        count("orders_by_code", orders, basis="orders attributed by code", limit=settings.minimum_orders),
        count("clicks", clicks, basis="all clicks on the creator's links"),
    ]
    if not linked:
        said = (
            f"{name} has {orders} orders by code and no link of its own, so clicks say nothing of them.",
            f"{name}さんの注文はコード経由{orders}件で、専用リンクがないため比較できません。",
        )
        return verdict(subject, "not_assessable", said, *evidence, check="code")
    if orders < settings.minimum_orders:
        said = (f"{name} has {orders} orders by code.", f"{name}さんのコード経由の注文は{orders}件です。")
        return verdict(subject, "pass", said, *evidence, check="code")
    others = [one for one in coded if one != who]
    usual_clicks = sum(of_scope(facts, one, "clicks") for one in others)
    usual_orders = sum(of_scope(facts, one, "conversions.by.code") for one in others)
    outcome: Outcome = "needs_human" if orders > clicks else "pass"
    if clicks and usual_clicks:
        chance = more_than_usual(orders, clicks, usual_orders, usual_clicks, Fraction(settings.times_usual))
        outcome = "needs_human" if chance <= Decimal(settings.probability) else outcome
        evidence += [
            Evidence(
                name="usual_orders_by_code_per_click",
                value=written(Fraction(usual_orders, usual_clicks)),
                unit="share",
                basis=f"{usual_orders} orders by code / {usual_clicks} clicks of others with links and codes",
            ),
            Evidence(
                name="probability",
                value=unlikely(chance),
                unit="share",
                limit=settings.probability,
                basis=f"of so many orders, were they {settings.times_usual} times as many per click as usual",
            ),
        ]
    said = (
        f"{name} has {orders} orders by code and {clicks} clicks.",
        f"{name}さんはコード経由の注文が{orders}件、クリックが{clicks}件です。",
    )
    if outcome == "needs_human":
        said = (
            f"Please review {name}'s promo code: {orders} orders came by it with {clicks} clicks; it may have leaked.",
            f"{name}さんのコードを確認してください。クリック{clicks}件に対し注文{orders}件で、流出の可能性があります。",
        )
    return verdict(subject, outcome, said, *evidence, check="code")


def _burst(facts: CampaignFacts, settings: LeakSettings, now: Instant) -> Verdict:
    subject, name = Subject(campaign=facts.campaign.id), facts.campaign.name
    hours, spell = hours_of(facts), settings.window_hours
    after = this_hour(now) - spell
    sales, clicks = hours.sales_after(after), hours.clicks_within(after - 1, this_hour(now))
    before = of_scope(facts, "", "conversions") - sales
    before_clicks = of_scope(facts, "", "clicks") - clicks
    evidence = [
        count("sales", sales, basis=f"of the last {spell} h", limit=settings.minimum_orders),
        count("clicks", clicks, basis=f"of the last {spell + 1} h, for sales come after clicks"),
        count("sales_before", before, basis="all earlier ones", limit=settings.minimum_orders),
        count("clicks_before", before_clicks, basis="all earlier ones"),
    ]
    said = (
        f"{name} made {sales} sales with {clicks} clicks in the last {spell} h.",
        f"{name}は直近{spell}時間で{clicks}クリック、売上{sales}件です。",
    )
    sold = sorted(hour for hour, number in hours.sales.items() if number > 0)
    silence = max((later - earlier for earlier, later in pairwise(sold)), default=0)
    if before < settings.minimum_orders or before_clicks <= 0 or silence > spell:
        evidence.append(duration("longest_silence", silence * HOUR, basis="between sales", limit=spell * HOUR))
        return verdict(subject, "not_assessable", said, *evidence, check="burst")
    if sales < settings.minimum_orders:
        return verdict(subject, "pass", said, *evidence, check="burst")
    chance = more_than_usual(sales, clicks, before, before_clicks, Fraction(settings.times_before))
    evidence.append(
        Evidence(
            name="probability",
            value=unlikely(chance),
            unit="share",
            limit=settings.probability,
            basis=f"of so many sales, were they {settings.times_before} times as many per click as before",
        )
    )
    outcome: Outcome = "needs_human" if chance <= Decimal(settings.probability) else "pass"
    if outcome == "needs_human":
        said = (
            f"Please review {name}: {sales} sales with {clicks} clicks in {spell} h are odd; a code may have leaked.",
            f"{name}は直近{spell}時間に{clicks}クリックで売上{sales}件です。コード流出の可能性を確認してください。",
        )
    return verdict(subject, outcome, said, *evidence, check="burst")


class RefundRate:
    """Much of the revenue is given back.

    For the campaign and each creator, in each currency by itself: refunds / revenue of all attributed orders so far, in
    minor units. For the campaign the refunds of the last `window_hours` too, so that a wave shows before it is large
    beside all that was sold: they are divided by the revenue of the same hours, or by what the campaign makes in so
    many hours on average if that is more (refunds come after their sales, and sales may be dwindling). The worse of the
    two counts. From `near` on an alert is not let go. Of what was bought online in the USA in 2023, 17.6 % was
    given back (NRF and Appriss Retail, 2023 Consumer Returns in the Retail Industry), hence 30 % as too much.

    Not assessable: fewer than `minimum_orders` orders, unless not even those would fail. Fewer than `minimum_refunds`
    refunds pass: one large order says nothing of the others.
    """

    name = "conversion.refund_rate"
    title: Mapping[Language, str] = {"en": "Many refunds", "ja": "返金が多い"}
    category: Category = "conversion"
    kind: Kind = "absolute"
    severity: Severity = "warning"
    timing = Timing(clear_ms=HOUR)
    settings: type[RuleSettings] = RefundSettings
    about: Literal["campaign"] = "campaign"

    def judge(self, facts: CampaignFacts, settings: RefundSettings, now: Instant) -> Iterable[Verdict]:
        scopes = [("", facts.campaign.name), *((who.creator.id, who.creator.name) for who in facts.creators)]
        for scope, name in scopes:
            total = facts.totals.get(scope, {})
            for currency in sorted({field[8:] for field in total if field.startswith(("revenue.", "refunds."))}):
                subject = Subject(campaign=facts.campaign.id, creator=scope)
                recent = None if scope else _recent(facts, currency, settings, now)
                yield _refunded((subject, name), currency, total, recent, settings)


class _Money(Struct, frozen=True):
    """What was given back, and of how much, in minor units."""

    refunded: int
    revenue: int
    basis: str

    @property
    def rate(self) -> Fraction:
        return Fraction(self.refunded, self.revenue) if self.revenue > 0 else Fraction(0)


def _recent(facts: CampaignFacts, currency: str, settings: RefundSettings, now: Instant) -> _Money | None:
    """The last hours' refunds beside the revenue of as many hours; None where its orders are few."""
    spell, age = settings.window_hours, max(1, (now - facts.campaign.starts_at) // HOUR)
    after = this_hour(now) - spell
    orders = max(hours_of(facts).sales_after(after), of_scope(facts, "", "conversions") * spell // age)
    if orders < settings.minimum_orders:
        return None
    refunded, sold = (
        sum(change for hour, change in by_hour(facts, f"{kind}.{currency}").items() if hour > after)
        for kind in ("refunds", "revenue")
    )
    usual = of_scope(facts, "", f"revenue.{currency}") * spell // age
    return _Money(refunded, max(sold, usual), f"refunds of the last {spell} h / revenue of as many hours")


def _refunded(
    named: tuple[Subject, str], currency: str, total: Mapping[str, int], recent: _Money | None, settings: RefundSettings
) -> Verdict:
    subject, name = named
    whole = _Money(
        total.get(f"refunds.{currency}", 0), total.get(f"revenue.{currency}", 0), "refunds / revenue of all orders"
    )
    orders, refunds = total.get("conversions", 0), total.get("refunds", 0)
    worst = max((each for each in (whole, recent) if each is not None), key=lambda each: each.rate)
    evidence = (
        Evidence(
            name="refund_rate",
            value=written(worst.rate) if worst.revenue > 0 else None,
            unit="share",
            limit=settings.most,
            basis=worst.basis,
        ),
        Evidence(name="refunds", value=worst.refunded, unit="minor", currency=currency, basis=worst.basis),
        Evidence(name="revenue", value=worst.revenue, unit="minor", currency=currency, basis=worst.basis),
        count("orders", orders, basis="attributed orders, of all currencies", limit=settings.minimum_orders),
        count("refund_count", refunds, basis="their refunds, of all currencies", limit=settings.minimum_refunds),
    )
    too_much = worst.rate > Fraction(settings.most)
    if whole.revenue <= 0 or (orders < settings.minimum_orders and too_much):
        said = (
            f"{name} has {orders} orders in all: too few to judge its refunds in {currency}.",
            f"{name}の注文は{orders}件のみで、{currency}の返金率は判断できません。",
        )
        return verdict(subject, "not_assessable", said, *evidence, check=currency)
    outcome: Outcome = "near" if worst.rate >= Fraction(settings.near) else "pass"
    if refunds >= settings.minimum_refunds and too_much:
        outcome = "fail"
    spell = ("", "") if worst is whole else (f" of {settings.window_hours} h", f"直近{settings.window_hours}時間の")
    said = (
        f"{percent(worst.rate)} of {name}'s revenue{spell[0]} in {currency} was given back ({refunds} refunds in all).",
        f"{name}の{spell[1]}{currency}売上の{percent(worst.rate)}が返金されました(返金は計{refunds}件)。",
    )
    return verdict(subject, outcome, said, *evidence, check=currency)
