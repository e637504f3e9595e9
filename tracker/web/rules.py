"""The installed rules, how each works, and what they last said: the agreement checklist of a campaign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from tracker.domain.alerts import Timing
from tracker.domain.definitions import RuleDefinition
from tracker.domain.events import Instant
from tracker.domain.in_force import in_force
from tracker.domain.verdicts import Category, Evidence, Language, Outcome, Severity, Subject
from tracker.plugin.rules import Kind, Rule
from tracker.web.query import Slug
from tracker.web.routes import Call, Route

CHECKED = ("agreement", "compliance")
"""The categories of rules that a checklist is made of."""


class RulesQuery(Struct, frozen=True, kw_only=True):
    campaign: Slug | None = None
    category: Category | None = None


class RuleSetting(Struct, frozen=True, kw_only=True):
    """One setting of a rule, as it is in force."""

    name: str
    value: Any
    default: Any
    meaning: str


class RuleInfo(Struct, frozen=True, kw_only=True):
    """An installed rule, and how it works: for the campaign asked for, else for all without a definition of their own.

    `definition` is the id of what set it so, null: nothing did. `overrides`: definitions for single campaigns.
    `outcomes`: what it last said of the campaign's subjects, by outcome; null where no campaign was asked for, or it
    was not judged.
    """

    name: str
    title: Mapping[Language, str]
    documentation: str
    category: Category
    about: Literal["campaign", "pipeline"]
    kind: Kind
    enabled: bool
    severity: Severity
    timing: Timing
    settings: tuple[RuleSetting, ...]
    definition: str | None
    overrides: tuple[str, ...]
    outcomes: Mapping[Outcome, int] | None
    judged_at: Instant | None
    failure: str | None


class RuleList(Struct, frozen=True, kw_only=True):
    items: tuple[RuleInfo, ...]


class ChecklistQuery(Struct, frozen=True, kw_only=True):
    creator: Slug | None = None
    outcome: Outcome | None = None


class Check(Struct, frozen=True, kw_only=True):
    """One item: what a rule last said of one subject, and on what grounds."""

    rule: str
    check: str
    outcome: Outcome
    subject: Subject
    summary: Mapping[Language, str]
    evidence: tuple[Evidence, ...]
    judged_at: Instant


class CreatorChecks(Struct, frozen=True, kw_only=True):
    """A creator's items. Without any, nothing was judged yet: that is not a pass."""

    creator: str
    name: str | None
    agreements: tuple[str, ...]
    outcomes: Mapping[Outcome, int]
    checks: tuple[Check, ...]


class Checklist(Struct, frozen=True, kw_only=True):
    """What was agreed and what must be labelled, checked: creator by creator; `others` is of no creator.

    `failures`: rules that could not judge, and why.
    """

    campaign: str
    creators: tuple[CreatorChecks, ...]
    others: tuple[Check, ...]
    failures: Mapping[str, str]


async def rules(call: Call) -> RuleList:
    query: RulesQuery = call.query
    if query.campaign is not None:
        call.campaign(query.campaign)
    said = {} if query.campaign is None else {one.rule: one for one in await call.parts.shelf.verdicts(query.campaign)}
    set_so = [
        one
        for one in call.parts.definitions.alert_rules.values()
        if one.campaign is None or call.who.sees(one.campaign)
    ]
    items = []
    for name, rule in sorted(call.parts.plugins.rules.items()):
        if query.category is not None and rule.category != query.category:
            continue
        last = said.get(name)
        items.append(
            _rule(
                rule,
                set_so,
                query.campaign,
                outcomes=None if last is None else Counter(verdict.outcome for verdict in last.verdicts),
                judged_at=None if last is None else last.at,
                failure=None if last is None else last.failure,
            )
        )
    return RuleList(items=tuple(items))


def _rule(
    rule: Rule,
    set_so: list[RuleDefinition],
    campaign: str | None,
    *,
    outcomes: Mapping[Outcome, int] | None,
    judged_at: Instant | None,
    failure: str | None,
) -> RuleInfo:
    force = in_force(rule.name, rule.severity, rule.timing, set_so, campaign or "")
    defaults = msgspec.to_builtins(rule.settings())
    return RuleInfo(
        name=rule.name,
        title=dict(rule.title),
        documentation=" ".join((type(rule).__doc__ or "").split()),
        category=rule.category,
        about=rule.about,
        kind=rule.kind,
        enabled=force.enabled,
        severity=force.severity,
        timing=force.timing,
        settings=tuple(
            RuleSetting(
                name=name, value=force.settings.get(name, default), default=default, meaning=_meaning(rule, name)
            )
            for name, default in defaults.items()
        ),
        definition=force.definition,
        overrides=tuple(sorted(one.id for one in set_so if one.rule == rule.name and one.campaign is not None)),
        outcomes=outcomes,
        judged_at=judged_at,
        failure=failure,
    )


def _meaning(rule: Rule, name: str) -> str:
    shape = msgspec.json.schema(rule.settings)
    fields = next(iter(shape.get("$defs", {}).values()), shape).get("properties", {})
    return str(fields.get(name, {}).get("description", ""))


async def checklist(call: Call) -> Checklist:
    query: ChecklistQuery = call.query
    campaign = call.path["campaign"]
    checks: dict[str, list[Check]] = {}
    failures: dict[str, str] = {}
    for said in await call.parts.shelf.verdicts(campaign):
        if said.rule.partition(".")[0] not in ("agreement", "compliance"):
            continue
        if said.failure is not None:
            failures[said.rule] = said.failure
        for verdict in said.verdicts:
            if query.outcome in (None, verdict.outcome):
                item = Check(
                    rule=said.rule,
                    check=verdict.check,
                    outcome=verdict.outcome,
                    subject=verdict.subject,
                    summary=verdict.summary,
                    evidence=verdict.evidence,
                    judged_at=said.at,
                )
                checks.setdefault(verdict.subject.creator, []).append(item)
    agreements: dict[str, list[str]] = {}
    for agreement in call.index.agreements(campaign):
        agreements.setdefault(agreement.creator, []).append(agreement.id)
    known = call.parts.definitions.rules.creators
    wanted = sorted({*agreements, *checks} - {""})
    return Checklist(
        campaign=campaign,
        creators=tuple(
            CreatorChecks(
                creator=creator,
                name=known[creator].name if creator in known else None,
                agreements=tuple(agreements.get(creator, ())),
                outcomes=Counter(check.outcome for check in checks.get(creator, ())),
                checks=tuple(checks.get(creator, ())),
            )
            for creator in wanted
            if query.creator in (None, creator)
        ),
        others=tuple(checks.get("", ())) if query.creator is None else (),
        failures=failures,
    )


ROUTES = (
    Route(
        method="GET",
        path="/v1/campaigns/{campaign}/checklist",
        role="viewer",
        reach="campaign",
        tag="campaigns",
        summary="The agreement checklist, creator by creator",
        description="What the rules of agreement and compliance last said. `not_assessable` is neither pass nor fail.",
        query=ChecklistQuery,
        answer=Checklist,
        handler=checklist,
    ),
    Route(
        method="GET",
        path="/v1/rules",
        role="viewer",
        reach="filtered",
        tag="alerts",
        summary="The installed rules, and how each works",
        query=RulesQuery,
        answer=RuleList,
        errors=(404,),
        handler=rules,
    ),
)
