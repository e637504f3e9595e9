"""What stands in the rows of exported tables: columns, and a row of each thing. Pure.

Columns are declared before the first row is made; only those of money depend on what was counted (its currencies).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from tracker.domain.alerts import Alert
from tracker.domain.currencies import exponent
from tracker.domain.events import METRICS
from tracker.domain.facts import PostFacts, Said
from tracker.domain.figures import figures
from tracker.web.campaigns import CampaignCreator, Point
from tracker.web.commerce import ConversionDetail
from tracker.web.export_cells import Cell, CellKind, Column, Row

_MONEY: Final = ("revenue", "refunds", "revenue.net")
_KINDS: Final[dict[str, CellKind]] = {"share": "decimal", "per_minute": "decimal"}

POSTS: Final[Sequence[Column]] = (
    *map(Column, ("platform", "account", "post", "creator", "how", "campaigns")),
    Column("published_at", "instant"),
    Column("seen_at", "instant"),
    Column("live", "truth"),
    Column("live_at", "instant"),
    Column("edited", "truth"),
    Column("medium"),
    Column("paid_label", "truth"),
    *map(Column, ("permalink", "title", "text")),
    *(
        column
        for metric in METRICS
        for column in (
            Column(metric, "integer"),
            Column(f"{metric}.known", "integer"),
            Column(f"{metric}.at", "instant"),
        )
    ),
    Column("followers", "integer"),
    Column("followers.known", "integer"),
    Column("comments.visible", "integer"),
    Column("comments.hidden", "integer"),
    Column("comments.deleted", "integer"),
    Column("numbers.unknown", "integer"),
)
"""`<number>.known` is 1 or 0; `numbers.unknown` is how many of the metrics and followers are unknown."""

ALERTS: Final[Sequence[Column]] = (
    *map(Column, ("id", "rule", "category", "severity", "state", "what", "outcome", "campaign", "creator")),
    *map(Column, ("agreement", "platform", "account", "post", "code", "part", "check")),
    Column("episode", "integer"),
    Column("serial", "integer"),
    *(Column(name, "instant") for name in ("at", "began_at", "judged_at", "fired_at", "resolved_at")),
    *map(Column, ("reason", "summary.en", "summary.ja", "acknowledged.by")),
    Column("acknowledged.at", "instant"),
    *map(Column, ("acknowledged.note", "silence")),
    Column("notes", "integer"),
    Column("evidence"),
    Column("evidence.unknown", "integer"),
)
"""`evidence` is JSON, as the API has it; `evidence.unknown` is how many of its values are unknown."""

SERIES: Final[Sequence[Column]] = (
    *map(Column, ("campaign", "who", "field", "unit")),
    Column("at", "instant"),
    Column("change", "integer"),
    Column("total", "integer"),
    Column("currency"),
    Column("exponent", "integer"),
)
"""`total` is the counter after the change. `currency` and `exponent` are empty where it is no money."""

CONVERSIONS: Final[Sequence[Column]] = (
    Column("order"),
    Column("at", "instant"),
    Column("amount", "integer"),
    Column("currency"),
    Column("exponent", "integer"),
    *map(Column, ("code", "link")),
    Column("clicked_at", "instant"),
    *map(Column, ("campaign", "creator", "by", "why")),
    Column("refunds", "integer"),
    Column("refunds.amounts"),
    Column("numbers.unknown", "integer"),
)
"""`refunds.amounts`: one `<amount> <currency>` for each refund. `numbers.unknown` is 1 while only refunds are known."""


def post_row(post: PostFacts, sees: Callable[[str], bool]) -> Row:
    """A post; `sees`: which campaigns may be named."""
    cells: list[Cell] = [
        post.platform,
        post.account,
        post.post,
        post.creator,
        post.how,
        " ".join(filter(sees, post.campaigns)),
        post.published_at,
        post.seen_at,
        post.live,
        post.live_at,
        post.edited,
        post.medium,
        _said(post.paid_label),
        post.permalink,
        _said(post.title),
        _said(post.text),
    ]
    for value, at in zip(post.totals, post.observed_at, strict=True):
        cells += [value, int(value is not None), at]
    cells += [post.followers, int(post.followers is not None), *post.comments]
    cells.append(sum(value is None for value in (*post.totals, post.followers)))
    return cells


def _said(said: Said | None) -> Cell:
    return None if said is None else said.value


def creator_columns(currencies: Collection[str]) -> Sequence[Column]:
    """Each figure; where it rests on posts, how many of them are known and unknown; money by currency."""
    columns = [Column("creator"), Column("name"), Column("agreements"), Column("sources"), Column("at", "instant")]
    for figure in figures({}, {}, 0):
        columns.append(Column(figure.name, _KINDS.get(figure.unit, "integer")))
        if figure.known is not None:
            columns += [Column(f"{figure.name}.known", "integer"), Column(f"{figure.name}.unknown", "integer")]
    for currency in sorted(currencies):
        columns += [Column(f"{name}.{currency}", "integer") for name in _MONEY]
        columns.append(Column(f"exponent.{currency}", "integer"))
    return columns


def creator_row(creator: CampaignCreator, columns: Sequence[Column]) -> Row:
    """A creator of a campaign. Money that none of its orders is in is 0: that is known."""
    cells: dict[str, Cell] = {
        "creator": creator.id,
        "name": creator.name,
        "agreements": " ".join(agreement.id for agreement in creator.agreements),
    }
    kinds = {column.name: column.kind for column in columns}
    for number in creator.numbers:
        name = number.name if number.currency is None else f"{number.name}.{number.currency}"
        value = number.value
        cells[name] = Decimal(value) if isinstance(value, str) and kinds[name] == "decimal" else value
        if number.known is not None:
            cells[f"{name}.known"], cells[f"{name}.unknown"] = number.known, number.unknown
        cells["sources"] = " ".join(number.sources or ())
        cells["at"] = number.at
    for name in kinds:
        first, _, currency = name.rpartition(".")
        if first == "exponent":
            cells[name] = exponent(currency)
        elif first in _MONEY and name not in cells:
            cells[name] = 0
    return [cells.get(column.name) for column in columns]


def series_rows(campaign: str, who: str, field: str, unit: str, points: Sequence[Point]) -> list[Row]:
    currency = field.partition(".")[2] or None
    digits = None if currency is None else exponent(currency)
    return [[campaign, who, field, unit, point.at, point.change, point.total, currency, digits] for point in points]


def alert_row(alert: Alert) -> Row:
    subject, taken = alert.subject, alert.acknowledged
    return [
        alert.id,
        alert.rule,
        alert.category,
        alert.severity,
        alert.state,
        alert.what,
        alert.outcome,
        alert.campaign,
        subject.creator,
        subject.agreement,
        subject.platform,
        subject.account,
        subject.post,
        subject.code,
        subject.part,
        alert.check,
        alert.episode,
        alert.serial,
        alert.at,
        alert.began_at,
        alert.judged_at,
        alert.fired_at,
        alert.resolved_at,
        alert.reason,
        alert.summary.get("en"),
        alert.summary.get("ja"),
        None if taken is None else taken.by,
        None if taken is None else taken.at,
        None if taken is None else taken.text,
        alert.silence,
        len(alert.notes),
        msgspec.json.encode(alert.evidence).decode(),
        sum(each.value is None for each in alert.evidence),
    ]


def conversion_row(order: ConversionDetail) -> Row:
    paid, to = order.paid, order.attributed
    return [
        order.order,
        order.at,
        None if paid is None else paid.amount,
        None if paid is None else paid.currency,
        None if paid is None else exponent(paid.currency),
        order.code,
        order.link,
        order.clicked_at,
        None if to is None else to.campaign,
        None if to is None else to.creator,
        None if to is None else to.by,
        order.why,
        len(order.refunds),
        " ".join(f"{each.paid_back.amount} {each.paid_back.currency}" for each in order.refunds),
        int(paid is None),
    ]
