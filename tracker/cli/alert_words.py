"""Alerts in words: lines for a terminal, and the whole story for somebody who must tell a client."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from rich.markup import escape

from tracker.cli import tables
from tracker.codec.alerts import decode
from tracker.domain.alerts import Alert
from tracker.domain.curve import VALUES
from tracker.domain.events import METRICS, Instant, Metric
from tracker.domain.verdicts import SEVERITIES, Evidence

if TYPE_CHECKING:
    from tracker.domain.facts import CampaignFacts, CreatorFacts, PostFacts
    from tracker.plugin.rules import Rule

_COLOURS = {"critical": "red", "warning": "yellow", "info": "cyan"}
_BARS = "▁▂▃▄▅▆▇█"
_CURVES: tuple[Metric, ...] = ("likes", "comments", "views")
_TEXT = 280


def as_json(alert: Alert) -> str:
    return msgspec.json.encode(alert).decode()


def worst_first(alerts: Iterable[Alert]) -> list[Alert]:
    """By severity, then the newest first."""
    return sorted(alerts, key=lambda alert: (-SEVERITIES.index(alert.severity), -(alert.fired_at or alert.began_at)))


def line(alert: Alert, now: Instant) -> str:
    """One alert in one line (of Rich's markup)."""
    colour = _COLOURS[alert.severity]
    since = tables.duration(max(0, now - (alert.fired_at or alert.began_at)))
    about = _safe(alert.campaign or "pipeline")
    return (
        f"[{colour}]{alert.severity:8}[/] {alert.state:12} {alert.id[:11]}  {about}  {_safe(alert.rule)}  "
        f"[dim]{since}[/]\n           {_safe(alert.summary['en'])}"
    )


def told_line(value: bytes) -> str:
    """An event of an alert topic in one line. Raises UnreadableAlert."""
    alert = decode(value).data
    about = alert.campaign or "pipeline"
    return (
        f"{instant(alert.at)} {alert.what:12} {alert.severity:8} {alert.id[:11]} {about} {alert.rule}: "
        f"{_plain(alert.summary['en'])}"
    )


def whole(alert: Alert, now: Instant) -> Iterator[str]:
    """Everything that one alert says of itself."""
    colour = _COLOURS[alert.severity]
    yield f"[bold]{_safe(alert.summary['en'])}[/]"
    for language, text in alert.summary.items():
        if language != "en":
            yield f"[bold]{_safe(text)}[/]"
    yield f"[{colour}]{alert.severity}[/], {alert.state}: {_safe(alert.rule)}, episode {alert.episode}, id {alert.id}"
    yield f"about {_safe(alert.subject.text or 'the pipeline')}{f', {_safe(alert.check)}' if alert.check else ''}"
    yield from _story(alert, now)
    if alert.evidence:
        yield "\n[bold]What it rests on[/]"
        yield from (_evidence(each) for each in alert.evidence)


def _story(alert: Alert, now: Instant) -> Iterator[str]:
    yield f"failed since {instant(alert.began_at)} ({tables.duration(max(0, now - alert.began_at))} ago)"
    if alert.fired_at is not None:
        yield f"fired at {instant(alert.fired_at)}; last judged so at {instant(alert.judged_at)}"
    if alert.acknowledged is not None:
        taken = alert.acknowledged
        yield f"taken by {_safe(taken.by)} at {instant(taken.at)}{f': {_safe(taken.text)}' if taken.text else ''}"
    if alert.silence is not None:
        yield f"silenced by {_safe(alert.silence)}"
    for note in alert.notes:
        yield f"{_safe(note.by)} at {instant(note.at)}: {_safe(note.text)}"
    if alert.resolved_at is not None:
        why = "it passes again" if alert.reason == "passed" else "nothing is judged here any more"
        yield f"resolved at {instant(alert.resolved_at)}: {why}"


def _evidence(each: Evidence) -> str:
    value = _value(each, each.value)
    limit = "" if each.limit is None else f", compared with {_value(each, each.limit)}"
    basis = f" [dim]({_safe(each.basis)})[/]" if each.basis else ""
    where = "" if each.post is None else f" of post {_safe(each.platform or '')} {_safe(each.post)}"
    at = "" if each.at is None else f" [dim]as of {instant(each.at)}[/]"
    return f"  {_safe(each.name)}{where}: {_safe(value)}{_safe(limit)}{basis}{at}"


def _value(each: Evidence, value: int | str | None) -> str:
    if value is None:
        return "unknown"
    match each.unit:
        case "ms":
            return tables.duration(int(value))
        case "instant":
            return instant(int(value))
        case "minor":
            return tables.money(int(value), each.currency or "")
        case "count":
            return f"{int(value):,}"
        case _:
            return _plain(str(value))


def explained(alert: Alert, rule: Rule | None, facts: CampaignFacts | None, now: Instant) -> Iterator[str]:
    """The alert, the rule that raised it, and the posts and curves behind it."""
    yield from whole(alert, now)
    if rule is not None:
        yield f"\n[bold]The rule: {_safe(rule.title['en'])}[/]"
        yield escape(inspect.cleandoc(type(rule).__doc__ or ""))
    else:
        yield f"\nThe rule {_safe(alert.rule)} is not installed here."
    if facts is None:
        return
    for creator in facts.creators:
        if alert.subject.creator in ("", creator.creator.id):
            chosen = [post for post in creator.posts if alert.subject.post in ("", post.post)]
            for post in chosen if alert.subject.post else chosen[-3:]:
                yield from _post(post, creator)


def _post(post: PostFacts, creator: CreatorFacts) -> Iterator[str]:
    yield f"\n[bold]{_safe(creator.creator.name)} on {_safe(post.platform)}[/]: {_safe(post.permalink or post.post)}"
    when = "at an unknown time" if post.published_at is None else instant(post.published_at)
    state = "up" if post.live else "not to be seen any more"
    yield f"published {when}, {state}{', edited since' if post.edited else ''}"
    if post.text is not None:
        yield f"  “{_safe(str(post.text.value)[:_TEXT])}”"
    for metric in _CURVES:
        column = METRICS.index(metric)
        points = [(row[0], int(value)) for row in post.curve if (value := row[VALUES + column]) is not None]
        if len(points) > 1:
            yield f"  {metric:9}{_spark([value for _, value in points])}  {_points(points)}"
    normal = [each.totals[0] for each in creator.normal if each.totals[0] is not None]
    if normal:
        middle = sorted(normal)[len(normal) // 2]
        yield f"  beside it: {len(normal)} normal posts with known likes, the median has {middle:,}"


def _points(points: Sequence[tuple[int, int]]) -> str:
    """Some of a curve's points in words: the first, the middle, the last."""
    chosen = [points[0], points[len(points) // 2], points[-1]]
    return ", ".join(f"{value:,} after {tables.duration(age)}" for age, value in chosen)


def _spark(values: Sequence[int]) -> str:
    top = max(values)
    return "".join(_BARS[(value * (len(_BARS) - 1) + top // 2) // top if top > 0 else 0] for value in values)


def instant(at: Instant) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _safe(text: str) -> str:
    """Foreign text as markup: what a caption holds moves no cursor, and is no markup."""
    return escape(_plain(text))


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)
