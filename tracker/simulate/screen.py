"""What the demo shows: one snapshot in, one screen (or one line) out. Nothing here asks anybody anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tracker.simulate.cast import SPRING, TEA
from tracker.simulate.services import Service
from tracker.simulate.truth import MOUTH, WHOLE, Difference
from tracker.store.base import Scope

AGES = {
    60: "1 min",
    120: "2 min",
    300: "5 min",
    600: "10 min",
    1_800: "30 min",
    3_600: "1 h",
    7_200: "2 h",
    21_600: "6 h",
    86_400: "1 d",
}
SPED = ("likes", "comments", "views")


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything on the screen at one moment. Rates are events a second; `elapsed` is in seconds."""

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


def _campaigns(snapshot: Snapshot) -> Table:
    table = Table(title="Campaigns", title_justify="left", expand=True)
    for heading in ("", "live", "gone", "edited", "likes", "comments", "shares", "saves", "views", "clicks", "orders"):
        table.add_column(heading, justify="left" if not heading else "right")
    table.add_column("revenue")
    for campaign in (SPRING, TEA):
        for who, label in ((WHOLE, campaign), (MOUTH, "  word of mouth")):
            fields = snapshot.totals.get(Scope(campaign, who))
            if fields is None:
                continue
            numbers = [f"{fields.get(name, 0):,}" for name in ("posts.live", "posts.removed", "posts.edited")]
            numbers += [metric(fields, name) for name in ("likes", "comments", "shares", "saves", "views")]
            numbers += [f"{fields.get(name, 0):,}" for name in ("clicks", "conversions")]
            table.add_row(label, *numbers, money(fields, "revenue"))
    return table


def _speed(snapshot: Snapshot) -> Table:
    fields = snapshot.totals.get(Scope(SPRING, WHOLE), {})
    table = Table(
        title=f"Reached by age, {SPRING} (posts whose value at that age is known)", title_justify="left", expand=True
    )
    table.add_column("")
    for label in AGES.values():
        table.add_column(label, justify="right")
    table.add_column("first hour", justify="right")
    for name in SPED:
        cells = []
        for age in AGES:
            known = fields.get(f"{name}.age.{age}.known", 0)
            cells.append(f"{fields.get(f'{name}.age.{age}', 0):,} [dim]({known})[/]" if known else "[dim]unknown[/]")
        table.add_row(name, *cells, first_hour_share(fields, name))
    return table


def first_hour_share(fields: Mapping[str, int], name: str) -> str:
    """Of what the posts have now, how much they had after an hour: posts whose first hour is known."""
    of = fields.get(f"{name}.age.3600.of", 0)
    return f"{fields.get(f'{name}.age.3600', 0) * 1000 // of / 10:.1f} %" if of else "unknown"


def _processes(snapshot: Snapshot) -> Table:
    table = Table(title="Processes", title_justify="left", expand=True)
    for heading in ("process", "state", "pid", "killed", "fell"):
        table.add_column(heading, justify="left" if heading in ("process", "state") else "right")
    for service in snapshot.services:
        style = "green" if service.state == "running" else "red"
        table.add_row(
            service.name,
            f"[{style}]{service.state}[/]",
            str(service.pid or "-"),
            str(service.kills),
            str(service.falls),
        )
    return table


def flow(snapshot: Snapshot) -> str:
    """Rate, lag and what goes in, in one line."""
    refused = ", ".join(f"{many}x {status}" for status, many in sorted(snapshot.refused.items())) or "none"
    return (
        f"{snapshot.rate:,.0f} events/s · lag {snapshot.lag:,} · dead letters {snapshot.dead:,} · "
        f"webhooks {snapshot.pushed:,} ({snapshot.waiting} under way) · "
        f"answers {snapshot.answers:,} (errors: {refused}) · clicks {snapshot.clicks:,} · orders {snapshot.orders:,}"
    )


def render(snapshot: Snapshot) -> RenderableType:
    """The whole screen."""
    until = f" of {snapshot.seconds} s" if snapshot.seconds else " s (Ctrl-C stops)"
    first = "not yet" if snapshot.first_counter is None else f"after {snapshot.first_counter:.1f} s"
    head = Text(f"{snapshot.phase}   {snapshot.elapsed:.0f}{until}   first counter moved: {first}")
    note = Text(
        f"Invented people, real path. Reactions arrive {snapshot.pace} times as fast as in life from the start on, but "
        "ages are the clock's: what a post gains in these seconds took hours in life. Read the first-hour share (of "
        "posts whose first hour is over) as a picture, not as a finding.",
        style="dim",
    )
    panels = Group(head, _campaigns(snapshot), _speed(snapshot), _processes(snapshot), Text(flow(snapshot)), note)
    return Panel(panels, title="campaign tracker demo")


def line(snapshot: Snapshot) -> str:
    """The same for a log: one line."""
    fields = snapshot.totals.get(Scope(SPRING, WHOLE), {})
    states = " ".join(
        f"{s.name}={s.state}" + (f"(restarts {s.restarts})" if s.restarts else "") for s in snapshot.services
    )
    share = first_hour_share(fields, "likes")
    return (
        f"{snapshot.elapsed:6.1f} s  {snapshot.phase}: posts {fields.get('posts', 0)} likes {fields.get('likes', 0):,} "
        f"comments {fields.get('comments', 0):,} views {fields.get('views', 0):,} clicks {fields.get('clicks', 0)} "
        f"orders {fields.get('conversions', 0)} first-hour {share} | {flow(snapshot)} | {states}"
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
