"""An alert's life: pending → firing → acknowledged or silenced → resolved.

1. What happens next follows from the alert as it was, the verdict, what people did, and the time: `advance` is a pure
   function, and says the same when it is asked twice.
2. An episode begins with a verdict that raises and ends when it is resolved. Its id is made of the rule, the campaign,
   the subject and the episode's number alone, so a repeat after a crash is the same alert to everybody.
3. Each change that others are told of has the next `serial`: (id, serial) names it, once and for all.
4. Only a verdict that raises can open or fire an alert; what cannot be judged changes nothing.
5. What was silenced, or acknowledged, is still resolved when its cause goes.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from tracker.domain.events import Instant
from tracker.domain.verdicts import Category, Evidence, Language, Outcome, Severity, Subject, Verdict

State = Literal["pending", "firing", "acknowledged", "silenced", "resolved"]
OPEN: frozenset[State] = frozenset({"pending", "firing", "acknowledged", "silenced"})
What = Literal["pending", "firing", "acknowledged", "silenced", "repeated", "noted", "resolved"]
"""What an alert's last change was. `firing` is also what follows when a silence ends, or the severity rises."""

RAISES: frozenset[Outcome] = frozenset({"fail", "needs_human"})
NOTES = 20
"""So many of the latest notes an alert carries along."""

_RANK: Mapping[Severity, int] = {"info": 0, "warning": 1, "critical": 2}
By = Annotated[str, Meta(min_length=1, max_length=200, description="who did it: a token's id, or an operating user")]
NoteText = Annotated[str, Meta(max_length=2_000)]


class Timing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How patient a rule is, in ms: it must fail for `hold_ms` before it fires, and pass for `clear_ms` before it is
    resolved; while it fires and nobody has taken it, it is told again every `repeat_ms` (None: never).
    """

    hold_ms: Annotated[int, Meta(ge=0)] = 0
    clear_ms: Annotated[int, Meta(ge=0)] = 0
    repeat_ms: Annotated[int, Meta(ge=60_000)] | None = 86_400_000


class Note(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody wrote at an alert, when they took it or later."""

    by: By
    at: Instant
    text: NoteText = ""


class Acknowledged(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="acknowledged", tag_field="act"):
    """Somebody has taken an alert (one episode, by its id), as it was at `serial`: not what is raised after it."""

    alert: str
    serial: Annotated[int, Meta(ge=1)]
    by: By
    at: Instant
    note: NoteText = ""


class Noted(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="noted", tag_field="act"):
    """Somebody wrote something at an alert. `id` tells several notes of one alert apart."""

    id: str
    alert: str
    by: By
    at: Instant
    note: Annotated[str, Meta(min_length=1, max_length=2_000)]


class Silence(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="silence", tag_field="act"):
    """What is known, and must not be told of until `until`. Whatever is named must fit; "" fits everything.

    `rule` may end in `.*` (`engagement.*`: a whole category's). The one with the same id that was said last stands: a
    silence is ended by an earlier `until`.
    """

    id: str
    by: By
    at: Instant
    until: Instant
    rule: str = ""
    campaign: str = ""
    creator: str = ""
    platform: str = ""
    post: str = ""
    alert: str = ""
    """One episode, by its id."""
    note: NoteText = ""


Act = Acknowledged | Noted | Silence


class Alert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert as it stands: one episode of one rule about one subject.

    `began_at` is when the rule first failed; `fired_at` when it had failed long enough, None before; `clear_since`
    since when it passes again while it is not yet resolved; `told_at` when others were last told. `summary`, `evidence`
    and `outcome` are of `judged_at`, the last verdict that raised it. `reason` says why it was resolved.
    """

    id: str
    rule: str
    category: Category
    severity: Severity
    campaign: str
    subject: Subject
    check: str = ""
    episode: Annotated[int, Meta(ge=1)]
    serial: Annotated[int, Meta(ge=1)]
    state: State
    what: What
    at: Instant
    """When it last changed so that others were told (`what`, `serial`)."""
    began_at: Instant
    judged_at: Instant
    outcome: Outcome
    summary: Mapping[Language, str]
    evidence: tuple[Evidence, ...] = ()
    fired_at: Instant | None = None
    raised: int = 0
    """The serial with which it fired, or its severity last rose."""
    told_at: Instant | None = None
    clear_since: Instant | None = None
    resolved_at: Instant | None = None
    reason: Literal["passed", "gone"] | None = None
    """`gone`: the rule says nothing of the subject any more (a campaign was deleted, a rule disabled)."""
    acknowledged: Note | None = None
    silence: str | None = None
    """The id of the silence that holds it now."""
    notes: tuple[Note, ...] = ()


class Judged(Struct, frozen=True, kw_only=True):
    """A rule's verdict on one subject, or (None) that it has none any more, with how patient it is."""

    rule: str
    category: Category
    severity: Severity
    timing: Timing
    campaign: str
    subject: Subject
    check: str = ""
    verdict: Verdict | None = None


def alert_id(rule: str, campaign: str, subject: Subject, check: str, episode: int) -> str:
    """The id of an episode: the same wherever and whenever it is made."""
    named = "\x1f".join((rule, campaign, subject.text, check, str(episode)))
    return "al-" + b32encode(hashlib.blake2b(named.encode(), digest_size=15).digest()).decode().lower()


def place(alert: Alert) -> str:
    """What stays the same from episode to episode: the key of the compacted topic."""
    return place_of(alert.rule, alert.campaign, alert.subject, alert.check)


def place_of(rule: str, campaign: str, subject: Subject, check: str) -> str:
    return "|".join(part.replace("%", "%25").replace("|", "%7C") for part in (rule, campaign, subject.text, check))


def silenced_by(alert: Alert, silences: Sequence[Silence], now: Instant) -> Silence | None:
    """The silence that holds an alert now: of several the one that lasts longest."""
    holding = [each for each in silences if each.at <= now < each.until and _fits(each, alert)]
    return max(holding, key=lambda each: (each.until, each.id), default=None)


def _fits(silence: Silence, alert: Alert) -> bool:
    subject = alert.subject
    pairs = (
        (silence.campaign, alert.campaign),
        (silence.creator, subject.creator),
        (silence.platform, subject.platform),
        (silence.post, subject.post),
        (silence.alert, alert.id),
    )
    if any(wanted and wanted != found for wanted, found in pairs):
        return False
    if silence.rule.endswith(".*"):
        return alert.rule.startswith(silence.rule.removesuffix("*"))
    return silence.rule in ("", alert.rule)


def advance(known: Alert | None, judged: Judged, acts: Sequence[Act], now: Instant) -> Alert | None:
    """The alert after a verdict, what people did so far, and the passing of time; None while there never was one.

    Others must be told where the `serial` is not the one that `known` has, and `is_told` says so.
    """
    verdict = judged.verdict
    raises = verdict is not None and verdict.outcome in RAISES
    if known is None or known.state == "resolved":
        if verdict is None or not raises:
            return known
        alert = _opened(known, judged, verdict, now)
    else:
        alert = known
        if verdict is not None and raises:
            alert = _still(alert, judged, verdict, now)
        elif verdict is None or verdict.outcome == "pass":
            return _passing(alert, judged, now)
        else:
            alert = replace(alert, clear_since=None)
    if alert.state == "pending" and raises and now - alert.began_at >= judged.timing.hold_ms:
        alert = _raised(replace(alert, fired_at=now), now)
    if alert.fired_at is None:
        return alert
    return _repeated(_after_acts(alert, acts, now), judged, now, raises=raises)


def is_told(before: Alert | None, after: Alert | None) -> bool:
    """Whether the change is one that subscribers of a category's topic are told of. Pending is not."""
    if after is None or after.fired_at is None:
        return False
    return before is None or (before.id, before.serial) != (after.id, after.serial)


def _opened(known: Alert | None, judged: Judged, verdict: Verdict, now: Instant) -> Alert:
    episode = 1 if known is None else known.episode + 1
    return Alert(
        id=alert_id(judged.rule, judged.campaign, judged.subject, judged.check, episode),
        rule=judged.rule,
        category=judged.category,
        severity=_severity(judged, verdict),
        campaign=judged.campaign,
        subject=judged.subject,
        check=judged.check,
        episode=episode,
        serial=1,
        state="pending",
        what="pending",
        at=now,
        began_at=now,
        judged_at=now,
        outcome=verdict.outcome,
        summary=verdict.summary,
        evidence=verdict.evidence,
    )


def _severity(judged: Judged, verdict: Verdict) -> Severity:
    return "info" if verdict.outcome == "needs_human" else verdict.severity or judged.severity


def _still(alert: Alert, judged: Judged, verdict: Verdict, now: Instant) -> Alert:
    severity = _severity(judged, verdict)
    rises = alert.fired_at is not None and _RANK[severity] > _RANK[alert.severity]
    alert = replace(
        alert,
        severity=severity,
        judged_at=now,
        outcome=verdict.outcome,
        summary=verdict.summary,
        evidence=verdict.evidence,
        clear_since=None,
    )
    return _raised(replace(alert, acknowledged=None), now) if rises else alert


def _raised(alert: Alert, now: Instant) -> Alert:
    alert = _told(alert, "firing", now)
    return replace(alert, raised=alert.serial)


def _passing(alert: Alert, judged: Judged, now: Instant) -> Alert:
    since = now if alert.clear_since is None else alert.clear_since
    if alert.fired_at is not None and judged.verdict is not None and now - since < judged.timing.clear_ms:
        return replace(alert, clear_since=since)
    reason: Literal["passed", "gone"] = "gone" if judged.verdict is None else "passed"
    return _told(replace(alert, clear_since=since, resolved_at=now, reason=reason, silence=None), "resolved", now)


def _after_acts(alert: Alert, acts: Sequence[Act], now: Instant) -> Alert:
    alert = _with_notes(alert, acts, now)
    if alert.acknowledged is None:
        taken = (a for a in acts if isinstance(a, Acknowledged) and a.alert == alert.id and a.serial >= alert.raised)
        first = min(taken, key=lambda act: (act.at, act.by), default=None)
        if first is not None:
            alert = replace(alert, acknowledged=Note(by=first.by, at=first.at, text=first.note))
    silence = silenced_by(alert, [act for act in acts if isinstance(act, Silence)], now)
    alert = replace(alert, silence=None if silence is None else silence.id)
    wanted: What = "silenced" if silence else "acknowledged" if alert.acknowledged else "firing"
    return alert if alert.state == wanted else _told(alert, wanted, now)


def _with_notes(alert: Alert, acts: Sequence[Act], now: Instant) -> Alert:
    written = [
        Note(by=act.by, at=act.at, text=act.note) for act in acts if isinstance(act, Noted) and act.alert == alert.id
    ]
    notes = tuple(sorted(written, key=lambda note: (note.at, note.by, note.text))[-NOTES:])
    return alert if notes == alert.notes else _told(replace(alert, notes=notes), "noted", now)


def _repeated(alert: Alert, judged: Judged, now: Instant, *, raises: bool) -> Alert:
    every = judged.timing.repeat_ms
    if alert.state != "firing" or not raises or every is None or alert.told_at is None or now - alert.told_at < every:
        return alert
    return _told(alert, "repeated", now)


def _told(alert: Alert, what: What, now: Instant) -> Alert:
    """The next thing that others are told. A note or a repeat leaves the state as it is, all else is a state."""
    state: State = alert.state if what == "repeated" or what == "noted" else what  # noqa: PLR1714 (mypy narrows this)
    return replace(alert, serial=alert.serial + 1, state=state, what=what, at=now, told_at=now)
