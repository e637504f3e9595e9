"""What definitions say of each other: is what they name there, and do they agree."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping

from tracker.domain.definitions import (
    Agreement,
    Campaign,
    Creator,
    Definition,
    DefinitionKind,
    Link,
    NotifierDefinition,
    RuleDefinition,
)

Key = tuple[DefinitionKind, str]
Everything = Mapping[Key, Definition]
Owners = Mapping[tuple[str, str], str]
"""(platform, account) → the creator whose it is."""
Problems = Iterable[tuple[str, str]]
"""(field, what is wrong with it)."""


def did_you_mean(word: str, choices: Collection[str]) -> str:
    """A suggestion for a misspelt word, and what is allowed."""
    near = difflib.get_close_matches(word, choices, n=1)
    hint = f"; did you mean `{near[0]}`?" if near else "."
    return f"{hint} Allowed: {', '.join(sorted(choices))}" if choices else ""


def account_owners(definitions: Iterable[Definition]) -> dict[tuple[str, str], str]:
    """Whose each account is: of several creators that claim it the first one's."""
    owners: dict[tuple[str, str], str] = {}
    for definition in definitions:
        if isinstance(definition, Creator):
            for account in definition.accounts:
                owners.setdefault((account.platform, account.account), definition.id)
    return owners


def problems(definition: Definition, everything: Everything, owners: Owners) -> Problems:
    """What is wrong with a definition beside all the others."""
    match definition:
        case Campaign(starts_at=start, ends_at=end) if end <= start:
            yield "ends_at", "must come after starts_at"
        case Creator():
            yield from _of_creator(definition, owners)
        case Agreement():
            yield from _of_agreement(definition, everything)
        case Link():
            yield from _refers(definition.campaign, "campaign", everything)
            if definition.creator is not None:
                yield from _refers(definition.creator, "creator", everything)
        case RuleDefinition():
            yield from _of_rule(definition, everything)
        case NotifierDefinition(campaigns=campaigns):
            for named in campaigns:
                yield from _refers(named, "campaign", everything)


def _of_creator(creator: Creator, owners: Owners) -> Problems:
    for account in creator.accounts:
        owner = owners[account.platform, account.account]
        if owner != creator.id:
            yield "accounts", f"{account.platform} account `{account.account}` is already creator `{owner}`'s"


def _of_agreement(agreement: Agreement, everything: Everything) -> Problems:
    yield from _refers(agreement.campaign, "campaign", everything)
    yield from _refers(agreement.creator, "creator", everything)
    campaign = everything.get(("campaign", agreement.campaign))
    if not isinstance(campaign, Campaign):
        return
    start = campaign.starts_at if agreement.starts_at is None else agreement.starts_at
    end = campaign.ends_at if agreement.ends_at is None else agreement.ends_at
    if end <= start:
        yield "ends_at", "the agreement's window is empty: its end must come after its start"
    elif agreement.due_at is not None and agreement.due_at <= start:
        yield "due_at", "must come after the start of the agreement's window"


def _of_rule(rule: RuleDefinition, everything: Everything) -> Problems:
    if rule.campaign is not None:
        yield from _refers(rule.campaign, "campaign", everything)
    for other in everything.values():
        same = isinstance(other, RuleDefinition) and (other.rule, other.campaign) == (rule.rule, rule.campaign)
        if same and other.id < rule.id:
            yield "rule", f"`{other.id}` sets the same rule for the same campaign: keep one of the two"


def _refers(id: str, kind: DefinitionKind, everything: Everything) -> Problems:
    if (kind, id) not in everything:
        ids = [known for other, known in everything if other == kind]
        yield kind, f"no {kind} `{id}`{did_you_mean(id, ids)}"
