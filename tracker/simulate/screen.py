"""What the demo shows: one snapshot in, one screen (or one line) out. Nothing here asks anybody anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tracker.domain.alerts import Alert
from tracker.simulate import alert_truth, alert_words, campaigns
from tracker.simulate.cast import SPRING, TEA
from tracker.simulate.services import Service
from tracker.simulate.truth import MOUTH, WHOLE, Difference
from tracker.store.base import Scope

AGES = {
    60: "1m",
    120: "2m",
    300: "5m",
    600: "10m",
    1_800: "30m",
    3_600: "1h",
    7_200: "2h",
    21_600: "6h",
    86_400: "1d",
}
POSTS = ("posts.live", "posts.removed", "posts.edited")
SPED = ("likes", "comments", "views")


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything on the screen at one moment. Rates are events a second; `elapsed`: seconds since the world began."""

    phase: str
    elapsed: float
    seconds: int | None
    pace: int
    first_counter: float | None
    totals: Mapping[Scope, Mapping[str, int]]
    services: Sequence[Service]
    rate: float
    lag: int
    dead: int
    pushed: int
    waiting: int
    answers: int
    refused: Mapping[int, int]
    clicks: int
    orders: int
    alerts: Sequence[Alert] = ()
    """Every change that was told."""


def money(fields: Mapping[str, int], name: str) -> str:
    """`revenue` or `refunds` in each currency; JPY has no minor unit, the others two digits."""
    parts = []
    for field in sorted(fields):
        head, _, currency = field.partition(".")
        if head == name and currency:
            amount = fields[field]
            parts.append(
                f"{amount:,} {currency}" if currency == "JPY" else f"{amount // 100:,}.{amount % 100:02} {currency}"
            )
    return "  ".join(parts) or "-"


def metric(fields: Mapping[str, int], name: str) -> str:
    """A count with how many posts are unknown: `unknown` where nobody has said a number."""
    if not fields.get(f"{name}.known"):
        return "unknown" if fields.get(f"{name}.unknown") else "-"
    unknown = fields.get(f"{name}.unknown", 0)
    return f"{fields.get(name, 0):,}" + (f" [dim](+{unknown}?)[/]" if unknown else "")


COLUMNS = {
    Scope(SPRING, WHOLE): SPRING,
    Scope(SPRING, MOUTH): "its word of mouth",
    Scope(TEA, WHOLE): TEA,
}
METRICS = ("likes", "comments", "shares", "saves", "views")


def _campaigns(snapshot: Snapshot) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, expand=True, pad_edge=False)
    table.add_column("")
    for label in COLUMNS.values():
        table.add_column(label, justify="right")
    columns = [snapshot.totals.get(scope, {}) for scope in COLUMNS]

    def row(label: str, cell: Callable[[Mapping[str, int]], str]) -> None:
        table.add_row(label, *(cell(fields) if fields else "[dim]-[/]" for fields in columns))

    row("posts: live, gone, edited", lambda fields: ", ".join(str(fields.get(name, 0)) for name in POSTS))
    for name in METRICS:
        row(name, lambda fields, name=name: metric(fields, name))  # type: ignore[misc]
    row("clicks, orders", lambda fields: f"{fields.get('clicks', 0):,}, {fields.get('conversions', 0):,}")
    row("revenue", lambda fields: money(fields, "revenue"))
    row("refunds", lambda fields: money(fields, "refunds"))
    return table


def _real_time(snapshot: Snapshot) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, expand=True, pad_edge=False)
    table.add_column("in real time", no_wrap=True, min_width=max(map(len, campaigns.CAMPAIGNS)))
    for label in ("posts", "likes", "comments", "clicks", "orders", "revenue"):
        table.add_column(label, justify="right", no_wrap=True)
    for campaign in campaigns.CAMPAIGNS:
        fields = snapshot.totals.get(Scope(campaign, WHOLE), {})
        counts = [metric(fields, name) for name in ("likes", "comments")]
        sales = [f"{fields.get(name, 0):,}" for name in ("clicks", "conversions")]
        table.add_row(campaign, str(fields.get("posts", 0)), *counts, *sales, money(fields, "revenue"))
    return table


def _speed(snapshot: Snapshot) -> Table:
    fields = snapshot.totals.get(Scope(SPRING, WHOLE), {})
    title = f"{SPRING}: reached by age (of so many posts; ? unknown)"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, expand=True, pad_edge=False)
    table.add_column("")
    for label in (*AGES.values(), "1st hour"):
        table.add_column(label, justify="right", no_wrap=True)
    for name in SPED:
        cells = []
        for age in AGES:
            known = fields.get(f"{name}.age.{age}.known", 0)
            cells.append(f"{short(fields.get(f'{name}.age.{age}', 0))}[dim]({known})[/]" if known else "[dim]?[/]")
        table.add_row(name, *cells, first_hour_share(fields, name))
    return table


def short(number: int) -> str:
    """A number in at most five characters."""
    return f"{number:,}" if number < 10_000 else f"{number / 1000:.0f}k" if number < 10**6 else f"{number / 10**6:.1f}M"


def first_hour_share(fields: Mapping[str, int], name: str) -> str:
    """Of what the posts have now, how much they had after an hour: posts whose first hour is known."""
    of = fields.get(f"{name}.age.3600.of", 0)
    return f"{fields.get(f'{name}.age.3600', 0) * 1000 // of / 10:.1f} %" if of else "?"


def _processes(snapshot: Snapshot) -> Text:
    text = Text()
    for service in snapshot.services:
        style = "green" if service.state == "running" else "red"
        text.append(f"{service.name} ").append(service.state, style)
        text.append(f" (pid {service.pid or '-'}, killed {service.kills}, fell {service.falls})   ")
    return text


def flow(snapshot: Snapshot) -> str:
    """Rate, lag and what goes in, in one line."""
    refused = ", ".join(f"{many}x {status}" for status, many in sorted(snapshot.refused.items())) or "none"
    return (
        f"{snapshot.rate:,.0f} events/s · lag {snapshot.lag:,} · dead letters {snapshot.dead:,} · "
        f"webhooks {snapshot.pushed:,} ({snapshot.waiting} under way) · "
        f"answers {snapshot.answers:,} (errors: {refused}) · clicks {snapshot.clicks:,} · orders {snapshot.orders:,}"
    )


def _clock(snapshot: Snapshot) -> str:
    return f"{max(0.0, snapshot.elapsed):.0f}" + (f" of {snapshot.seconds} s" if snapshot.seconds else " s")


def render(snapshot: Snapshot) -> RenderableType:
    """The whole screen."""
    first = "not yet" if snapshot.first_counter is None else f"after {snapshot.first_counter:.1f} s"
    leave = "" if snapshot.seconds else "   Ctrl-C stops"
    head = Text(f"{_clock(snapshot)}   {snapshot.phase}   first counter moved: {first}{leave}", style="bold")
    note = Text(
        f"Invented people, real path. In {SPRING} and {TEA} reactions arrive {snapshot.pace} times as fast as in life, "
        "but ages are the clock's: what a post gains in these seconds took hours in life. Read the first-hour share "
        "(of posts whose first hour is over) as a picture, not as a finding.",
        style="dim",
    )
    parts = Group(
        head,
        _processes(snapshot),
        Text(flow(snapshot)),
        Panel(alert_words.panel(snapshot.alerts), title="alerts, the newest first", title_align="left"),
        _real_time(snapshot),
        Text(),
        _campaigns(snapshot),
        Text(),
        _speed(snapshot),
        note,
    )
    return Panel(parts, title="campaign tracker demo")


def line(snapshot: Snapshot) -> str:
    """The same for a log: one line."""
    fields = snapshot.totals.get(Scope(SPRING, WHOLE), {})
    states = " ".join(
        f"{s.name}={s.state}" + (f"(restarts {s.restarts})" if s.restarts else "") for s in snapshot.services
    )
    share, alerts = first_hour_share(fields, "likes"), len(alert_truth.latest(snapshot.alerts))
    return (
        f"{_clock(snapshot)}  {snapshot.phase}: posts {fields.get('posts', 0)} likes {fields.get('likes', 0):,} "
        f"comments {fields.get('comments', 0):,} views {fields.get('views', 0):,} clicks {fields.get('clicks', 0)} "
        f"orders {fields.get('conversions', 0)} first-hour {share} alerts {alerts} | {flow(snapshot)} | {states}"
    )


def verdict(differences: Sequence[Difference], compared: int) -> Table:
    """The comparison with the simulator's truth."""
    table = Table(title=f"Compared with the simulator's truth: {compared} counters", title_justify="left")
    for heading in ("campaign", "who", "counter", "truth", "tracker"):
        table.add_column(heading, justify="right" if heading in ("truth", "tracker") else "left")
    for wrong in differences:
        table.add_row(wrong.campaign, wrong.who or "(all)", wrong.field, f"{wrong.expected:,}", f"{wrong.found:,}")
    if not differences:
        table.add_row("all", "all", "no difference", "", "", style="green")
    return table
