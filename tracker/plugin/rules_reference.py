"""docs/reference/rules.md, made from the installed rules and from what was measured of them.

1. What a rule is stands in its class's docstring, its attributes and its settings, and nowhere else.
2. How well it does stands in docs/reference/rules-measured.json, which the measurement writes. The page shows these
   figures as they are; a rule of which none are known says so.

Written anew by `python -m tracker.plugin.rules_reference docs/reference`; a test fails when page and rules differ, and
another one when the figures are not what is measured.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct, structs

from tracker.domain.alerts import Timing
from tracker.domain.verdicts import CATEGORIES
from tracker.plugin.manager import load_plugins
from tracker.plugin.rules import Rule, RuleSettings

MEASURED = "rules-measured.json"
PRECISION, RECALL, ALARMS = Decimal("0.95"), Decimal("0.90"), Decimal(1)
"""What is wanted of a rule: at least, at least, and at most in a clean campaign-week."""
_DIGITS = Decimal("0.001")


class Measured(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was measured of one rule over simulated campaigns (docs/explanation/simulated-campaigns.md).

    `campaigns` had a disturbance that the rule must raise: `found` and `missed` are these disturbances, `right` and
    `false` its alerts there. `other_campaigns` had other disturbances, and `other_alarms` are its false alarms in them.
    """

    campaigns: int
    found: int
    missed: int
    right: int
    false: int
    other_campaigns: int
    other_alarms: int
    clean_weeks: int
    clean_alarms: int

    @property
    def precision(self) -> Decimal | None:
        """Of its alerts in campaigns with a disturbance of its own, the share that is right; None: it said nothing."""
        return _share(self.right, self.right + self.false)

    @property
    def alarms_elsewhere(self) -> Decimal | None:
        """False alarms a campaign that has another disturbance."""
        return _share(self.other_alarms, self.other_campaigns)

    @property
    def recall(self) -> Decimal | None:
        """Of the disturbances, the share that it found in time; None: there was none of its own."""
        return _share(self.found, self.found + self.missed)

    @property
    def alarms_a_week(self) -> Decimal | None:
        return _share(self.clean_alarms, self.clean_weeks)

    @property
    def misses(self) -> list[str]:
        """Which of the wanted figures it does not reach."""
        found = []
        if self.recall is not None and self.recall < RECALL:
            found.append(f"recall {self.recall} < {RECALL}")
        if self.campaigns and (self.precision is None or self.precision < PRECISION):
            found.append(f"precision {self.precision} < {PRECISION}")
        if self.alarms_a_week is not None and self.alarms_a_week > ALARMS:
            found.append(f"{self.alarms_a_week} false alarms a clean campaign-week > {ALARMS}")
        return found


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / whole).quantize(_DIGITS, ROUND_HALF_EVEN) if whole else None


def read_measured(reference: Path) -> dict[str, Measured]:
    """The figures that were written down, by rule. Raises OSError, msgspec.MsgspecError."""
    return msgspec.json.decode((reference / MEASURED).read_bytes(), type=dict[str, Measured])


def write_measured(reference: Path, measured: Mapping[str, Measured]) -> None:
    written = msgspec.json.format(msgspec.json.encode(dict(sorted(measured.items()))), indent=2)
    (reference / MEASURED).write_bytes(written + b"\n")


_HEAD = """\
# Alert rules

*Made from the installed rules and `rules-measured.json` by `python -m tracker.plugin.rules_reference docs/reference`.*

What each rule looks for, and what can be set. A definition of kind `rule` changes severity, patience and settings for
one campaign or for all. **Hold** is how long a rule must fail before its alert fires, **clear** how long it must pass
before the alert is resolved, **repeat** how often an open alert that nobody has taken is told again.

## How well they do

Measured over simulated campaigns whose truth is known
([what is simulated, and what is not](../explanation/simulated-campaigns.md)), with the settings as they are here.
Wanted: precision at least {precision}, recall at least {recall}, at most {alarms} false alarm in a clean campaign-week.

- **Recall**: of the disturbances that the rule must find, the share that it found in time.
- **Precision**: of its alerts in the campaigns that have such a disturbance, the share that is about it.
- **False alarms, clean**: alerts a week of a campaign in which nothing is wrong.
- **False alarms, elsewhere**: alerts a campaign in which something else is wrong, without those that follow from it.

| Rule | Campaigns | Recall | Precision | False alarms, clean | False alarms, elsewhere |
|---|---|---|---|---|---|
"""


def rules_page(rules: Mapping[str, Rule], measured: Mapping[str, Measured]) -> str:
    """The whole page."""
    ordered = sorted(rules.values(), key=lambda rule: (CATEGORIES.index(rule.category), rule.name))
    head = _HEAD.format(precision=PRECISION, recall=RECALL, alarms=ALARMS)
    table = "".join(_figures(rule, measured.get(rule.name)) for rule in ordered)
    return "\n".join([head + table, *(section for rule in ordered for section in _section(rule))])


def _figures(rule: Rule, of_rule: Measured | None) -> str:
    link = f"[`{rule.name}`](#{rule.name.replace('.', '')})"
    if of_rule is None:
        return f"| {link} | not measured | | | | |\n"
    shown = (of_rule.recall, of_rule.precision, of_rule.alarms_a_week, of_rule.alarms_elsewhere)
    return f"| {link} | {of_rule.campaigns} | {' | '.join('n/a' if each is None else str(each) for each in shown)} |\n"


def _section(rule: Rule) -> Iterator[str]:
    yield f"## {rule.name}\n"
    yield f"*{' · '.join(rule.title[language] for language in sorted(rule.title))}*\n"
    yield inspect.getdoc(type(rule)) or ""
    yield ""
    about = ("category " + rule.category, "compares with: " + rule.kind, "severity " + rule.severity)
    yield f"{' · '.join(about)} · {_patience(rule.timing)}\n".capitalize()
    rows = [_setting(rule.settings, field) for field in structs.fields(rule.settings)]
    if rows:
        yield "| Setting | Type | Default | Limits | Meaning |\n|---|---|---|---|---|"
        yield "\n".join(rows)
    else:
        yield "It has no settings."
    yield ""


def _patience(timing: Timing) -> str:
    repeat = "never" if timing.repeat_ms is None else f"every {_span(timing.repeat_ms)}"
    return f"hold {_span(timing.hold_ms)} · clear {_span(timing.clear_ms)} · repeat {repeat}"


def _span(ms: int) -> str:
    for unit, name in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")):
        if ms and ms % unit == 0:
            return f"{ms // unit} {name}"
    return f"{ms} ms" if ms else "0"


def _setting(settings: type[RuleSettings], field: structs.FieldInfo) -> str:
    hint = get_type_hints(settings, include_extras=True)[field.encode_name]
    kind, metas = _unwrapped(hint)
    limits = ", ".join(text for meta in metas for text in _limits(meta))
    meaning = next((meta.description for meta in metas if meta.description), "")
    default = getattr(settings(), field.name)
    cells = (f"`{field.name}`", kind, f"`{default}`", limits, meaning)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _unwrapped(hint: Any) -> tuple[str, list[Meta]]:
    """A type's name, and the metas around it or inside an optional."""
    if get_origin(hint) is Annotated:
        inner, *found = get_args(hint)
        name, metas = _unwrapped(inner)
        return name, [*(meta for meta in found if isinstance(meta, Meta)), *metas]
    if isinstance(hint, type) and not get_args(hint):
        return hint.__name__, []
    parts = [_unwrapped(part) for part in get_args(hint) if part is not Ellipsis]
    if not any(isinstance(part, type) or get_origin(part) is not None for part in get_args(hint)):
        return " or ".join(f"`{part}`" for part in get_args(hint)), []  # a Literal
    metas = [meta for _, found in parts for meta in found]
    names = ["none" if name == "NoneType" else name for name, _ in parts]
    origin = get_origin(hint)
    if isinstance(origin, type) and origin.__name__ in ("tuple", "list", "frozenset"):
        return f"{origin.__name__} of {' and '.join(names)}", metas
    return " or ".join(names), metas


def _limits(meta: Meta) -> Iterator[str]:
    for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
        limit = getattr(meta, name)
        if limit is not None:
            yield f"{sign} {limit}"
    if meta.pattern is not None:
        yield f"`{meta.pattern}`"
    if meta.max_length is not None:
        yield f"at most {meta.max_length} long"


if __name__ == "__main__":
    reference = Path(sys.argv[1])
    (reference / "rules.md").write_text(rules_page(load_plugins().rules, read_measured(reference)), encoding="utf-8")
