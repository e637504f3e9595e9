"""How the demo writes alerts: one line each while it runs, and what came of them in the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from tracker.domain.alerts import Alert
from tracker.simulate.alert_truth import Expected, Wrong, latest

STYLES = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
SHOWN = 6


def where(alert: Alert) -> str:
    """The campaign and the creator, or the part of the pipeline."""
    subject = alert.subject
    return " ".join(filter(None, (alert.campaign or "pipeline", subject.creator or subject.code)))


def line(alert: Alert) -> str:
    """One change of an alert, for a log."""
    return f"ALERT {alert.what}: {alert.severity} {alert.rule} · {where(alert)} · {alert.summary['en']}"


def panel(told: Iterable[Alert]) -> RenderableType:
    """The alerts that fired, each as it stands, the newest first: two lines each."""
    standing = sorted(latest(told).values(), key=lambda alert: (alert.fired_at or 0, alert.id), reverse=True)
    lines: list[Text] = []
    for alert in standing[:SHOWN]:
        resolved = alert.state == "resolved"
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append("resolved" if resolved else alert.severity, "dim" if resolved else STYLES[alert.severity])
        head.append(f"  {alert.rule}  ").append(where(alert), "bold")
        lines += [head, Text(f"  {alert.summary['en']}", "dim", no_wrap=True, overflow="ellipsis")]
    if len(standing) > SHOWN:
        lines.append(Text(f"and {len(standing) - SHOWN} older ones", "dim"))
    return Group(*lines) if lines else Text("no alert yet", "dim")


def hint(settings: str, id: str) -> str:
    """How to have an alert explained."""
    return f"have an alert explained from another shell: tracker --settings {settings} alerts explain {id}"


def outcome(wanted: set[Expected], told: Sequence[Alert], wrong: Sequence[Wrong], *, repeats: int) -> Iterator[str]:
    """Each alert that fired, in both languages, and the comparison with what was earned."""
    fired = sorted(latest(told).values(), key=lambda alert: (alert.fired_at or 0, alert.id))
    yield f"{len(fired)} alerts fired ({repeats} changes told again, with the same id):"
    for alert in fired:
        style = STYLES[alert.severity]
        yield f"  [{style}]{alert.severity}[/] {alert.rule} · {escape(where(alert))} · {alert.state} · {alert.id}"
        for language in ("en", "ja"):
            if language in alert.summary:
                yield f"    [dim]{escape(alert.summary[language])}[/]"
    yield "  while a demo runs, each is explained by: tracker --settings … alerts explain ID"
    yield f"Compared with the alerts that the story earned: {len(wanted)}"
    for each in wrong:
        check = f" ({each.check})" if each.check else ""
        yield f"  [red]{each.rule} {escape(each.about)}{escape(check)}: {escape(each.what)}[/]"
    if not wrong:
        yield "  [green]exactly these, and no other[/]"
