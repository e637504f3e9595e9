"""Alerts, what people do to them, silences, rules, and what the rules last said of each creator."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from tracker.codec.alerts import UnreadableAlert
from tracker.domain.alerts import Acknowledged, Act, Alert, Noted, NoteText, Silence
from tracker.domain.verdicts import Category, Severity
from tracker.ingest.http import FieldFault, Refused
from tracker.watch.acts import write_act
from tracker.web import examples
from tracker.web.lists import chosen
from tracker.web.problems import not_found
from tracker.web.query import Paged, Slug
from tracker.web.routes import Call, Route

AlertState = Literal["pending", "firing", "acknowledged", "silenced", "resolved"]
LONGEST_SILENCE_MINUTES = 525_600
_MINUTE = 60_000
_RuleName = Annotated[str, Meta(pattern=r"^[a-z]+\.[a-z][a-z0-9_]*$", max_length=100)]


class AlertsQuery(Paged, frozen=True, kw_only=True):
    state: Literal["open", "pending", "firing", "acknowledged", "silenced", "resolved"] | None = None
    category: Category | None = None
    rule: _RuleName | None = None
    campaign: Slug | None = None
    severity: Severity | None = None


class AlertPage(Struct, frozen=True, kw_only=True):
    """Alerts, the last changed first; of each place the last episode."""

    items: tuple[Alert, ...]
    next: str | None


class AcknowledgeBody(Struct, frozen=True, kw_only=True):
    """What to say with it. `serial`: the alert as you saw it; left out: as it stands now."""

    note: NoteText = ""
    serial: Annotated[int, Meta(ge=1, le=2**53 - 1)] | None = None


class NoteBody(Struct, frozen=True, kw_only=True):
    note: Annotated[str, Meta(min_length=1, max_length=2_000)]


class Taken(Struct, frozen=True, kw_only=True):
    """It is written down; the alert itself shows it as soon as it is judged again."""

    act: Act


class SilencesQuery(Paged, frozen=True, kw_only=True):
    state: Annotated[Literal["active", "ended"], Meta(description="Left out: both.")] | None = None
    campaign: Slug | None = None


class SilencePage(Struct, frozen=True, kw_only=True):
    items: tuple[Silence, ...]
    next: str | None


class SilenceBody(Struct, frozen=True, kw_only=True):
    """What must not be told of for so many minutes. Whatever is named must fit. At least one thing must be named."""

    minutes: Annotated[int, Meta(ge=1, le=LONGEST_SILENCE_MINUTES)]
    rule: Annotated[str, Meta(pattern=r"^(|[a-z]+\.(\*|[a-z][a-z0-9_]*))$", max_length=100)] = ""
    campaign: Annotated[str, Meta(max_length=64)] = ""
    creator: Annotated[str, Meta(max_length=64)] = ""
    platform: Annotated[str, Meta(max_length=32)] = ""
    post: Annotated[str, Meta(max_length=512)] = ""
    alert: Annotated[str, Meta(max_length=64)] = ""
    note: NoteText = ""


async def alerts(call: Call) -> AlertPage:
    query: AlertsQuery = call.query
    if query.campaign is not None:
        call.campaign(query.campaign)
    rows = [
        ((-alert.at, alert.id), alert)
        for alert in call.parts.alerts.newest_first()
        if _sees(call, alert.campaign) and _fits(query, alert)
    ]
    found, following = chosen(call, rows)
    return AlertPage(items=tuple(found), next=following)


def _sees(call: Call, campaign: str) -> bool:
    """The pipeline's alerts are of no campaign: only for those who see all."""
    return call.who.campaigns is None or (campaign != "" and call.who.sees(campaign))


def _fits(query: AlertsQuery, alert: Alert) -> bool:
    pairs = (
        (query.category, alert.category),
        (query.rule, alert.rule),
        (query.campaign, alert.campaign),
        (query.severity, alert.severity),
    )
    if any(wanted is not None and wanted != found for wanted, found in pairs):
        return False
    if query.state == "open":
        return alert.state != "resolved"
    return query.state in (None, alert.state)


async def alert(call: Call) -> Alert:
    return _alert(call)


def _alert(call: Call) -> Alert:
    found = call.parts.alerts.get(call.path["alert"])
    if found is None or not _sees(call, found.campaign):
        raise not_found("there is no such alert, or a later episode has taken its place")
    return found


async def acknowledge(call: Call) -> Taken:
    body: AcknowledgeBody = call.body
    found = _alert(call)
    if found.state == "resolved":
        raise Refused(409, "resolved", "this alert is resolved: there is nothing to take")
    serial = found.serial if body.serial is None else body.serial
    return await _done(call, Acknowledged(alert=found.id, serial=serial, by=call.who.id, at=call.now, note=body.note))


async def note(call: Call) -> Taken:
    body: NoteBody = call.body
    found = _alert(call)
    return await _done(call, Noted(id=_fresh_id(), alert=found.id, by=call.who.id, at=call.now, note=body.note))


async def silences(call: Call) -> SilencePage:
    query: SilencesQuery = call.query
    if query.campaign is not None:
        call.campaign(query.campaign)
    rows = sorted(
        (
            ((-each.at, each.id), each)
            for each in call.parts.acts.silences
            if _may_end(call, each)
            and (query.campaign is None or each.campaign == query.campaign)
            and (query.state is None or (call.now < each.until) == (query.state == "active"))
        ),
        key=lambda row: row[0],
    )
    found, following = chosen(call, rows)
    return SilencePage(items=tuple(found), next=following)


def _may_end(call: Call, silence: Silence) -> bool:
    if silence.alert and not silence.campaign:
        named = call.parts.alerts.get(silence.alert)
        return call.who.campaigns is None or (named is not None and _sees(call, named.campaign))
    return _sees(call, silence.campaign)


async def silence(call: Call) -> Taken:
    body: SilenceBody = call.body
    if not any((body.rule, body.campaign, body.creator, body.platform, body.post, body.alert)):
        fault = FieldFault("campaign", "name at least one of rule, campaign, creator, platform, post, alert")
        raise Refused(422, "bad_body", "a silence of everything is not made here", faults=(fault,))
    if body.campaign:
        call.campaign(body.campaign)
    made = Silence(
        id=_fresh_id(),
        by=call.who.id,
        at=call.now,
        until=call.now + body.minutes * _MINUTE,
        rule=body.rule,
        campaign=body.campaign,
        creator=body.creator,
        platform=body.platform,
        post=body.post,
        alert=body.alert,
        note=body.note,
    )
    if not _may_end(call, made):
        fault = FieldFault("campaign", "this token is limited to campaigns: name one of them, or an alert of one")
        raise Refused(422, "bad_body", "nothing was silenced", faults=(fault,))
    return await _done(call, made)


async def end_silence(call: Call) -> Taken:
    id = call.path["silence"]
    known = next((each for each in call.parts.acts.silences if each.id == id), None)
    if known is None or not _may_end(call, known):
        raise not_found("there is no such silence")
    if known.until <= call.now:
        raise Refused(409, "ended", "this silence has ended already")
    return await _done(call, msgspec.structs.replace(known, by=call.who.id, until=call.now))


async def _done(call: Call, act: Act) -> Taken:
    try:
        await write_act(call.parts.publisher, act)
    except UnreadableAlert as error:
        raise Refused(422, "bad_body", f"it cannot be written down: {error}") from error
    call.parts.told(act)
    return Taken(act=act)


def _fresh_id() -> str:
    return secrets.token_hex(8)


ROUTES = (
    Route(
        method="GET",
        path="/v1/alerts",
        role="viewer",
        reach="filtered",
        tag="alerts",
        summary="List alerts, the last changed first",
        query=AlertsQuery,
        answer=AlertPage,
        errors=(404,),
        handler=alerts,
    ),
    Route(
        method="GET",
        path="/v1/alerts/{alert}",
        role="viewer",
        reach="filtered",
        tag="alerts",
        summary="One alert, with the evidence behind it",
        answer=Alert,
        errors=(404,),
        handler=alert,
    ),
    Route(
        method="POST",
        path="/v1/alerts/{alert}/acknowledge",
        role="operator",
        reach="filtered",
        tag="alerts",
        summary="Take an alert: it is not repeated any more",
        body=AcknowledgeBody,
        body_example={"note": "asking the creator"},
        status=202,
        answer=Taken,
        errors=(404, 409),
        handler=acknowledge,
    ),
    Route(
        method="POST",
        path="/v1/alerts/{alert}/note",
        role="operator",
        reach="filtered",
        tag="alerts",
        summary="Write something at an alert",
        body=NoteBody,
        body_example={"note": "the post is back since noon"},
        status=202,
        answer=Taken,
        errors=(404,),
        handler=note,
    ),
    Route(
        method="GET",
        path="/v1/silences",
        role="viewer",
        reach="filtered",
        tag="alerts",
        summary="List silences, the newest first",
        query=SilencesQuery,
        answer=SilencePage,
        errors=(404,),
        handler=silences,
    ),
    Route(
        method="POST",
        path="/v1/silences",
        role="operator",
        reach="filtered",
        tag="alerts",
        summary="Silence what is known, for some time",
        body=SilenceBody,
        body_example=examples.SILENCE,
        status=202,
        answer=Taken,
        errors=(404,),
        handler=silence,
    ),
    Route(
        method="DELETE",
        path="/v1/silences/{silence}",
        role="operator",
        reach="filtered",
        tag="alerts",
        summary="End a silence now",
        status=202,
        answer=Taken,
        errors=(404, 409),
        handler=end_silence,
    ),
)
