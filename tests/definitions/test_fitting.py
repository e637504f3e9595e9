"""Definitions of rules and notifiers, beside what is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker import wiring
from tracker.definitions.reading import FaultyDefinitions, read

FILE = """\
campaigns:
- id: spring
  name: Spring
  starts_at: 2026-01-01T00:00:00+09:00
  ends_at: 2027-01-01T00:00:00+09:00
"""
GOOD = """\
rules:
- {id: lag, rule: system.lag, enabled: false}
- {id: quiet, rule: engagement.below_baseline, campaign: spring, hold_minutes: 30, severity: critical}
notifiers:
- {id: ops, type: slack, to: "https://chat.example/hook", categories: [compliance], at_least: info}
"""


def faults_of(tmp_path: Path, text: str) -> list[tuple[int, str, str]]:
    file = tmp_path / "rules.yaml"
    file.write_text(FILE + text)
    with pytest.raises(FaultyDefinitions) as error:
        read([file], {}, wiring.fitting().problems)
    return [(fault.line, fault.field, fault.problem) for fault in error.value.faults]


def test_what_fits_the_installed_plugins_is_read(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(FILE + GOOD)
    assert len(read([file], {}, wiring.fitting().problems)) == 4


@pytest.mark.parametrize(
    ("entry", "field", "told"),
    [
        ("rules: [{id: a, rule: engagement.below_basline}]", "rule", "did you mean `engagement.below_baseline`"),
        ("rules: [{id: a, rule: system.lag, campaign: spring}]", "campaign", "about the pipeline"),
        ("rules: [{id: a, rule: system.lag, settings: {recrods: 3}}]", "settings", "recrods"),
        ("rules: [{id: a, rule: system.lag, settings: {records: many}}]", "settings", "records"),
        ("rules: [{id: a, rule: system.lag, sevrity: info}]", "sevrity", "did you mean `severity`"),
        ("rules: [{id: a, rule: speed.late_burst, campaign: sprig}]", "campaign", "did you mean `spring`"),
        ("rules: [{id: a, rule: system.lag}, {id: b, rule: system.lag}]", "rule", "keep one of the two"),
        ("notifiers: [{id: a, type: slak, to: x}]", "type", "did you mean `slack`"),
        ("notifiers: [{id: a, type: slack, to: x, campaigns: [tea]}]", "campaign", "no campaign `tea`"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line_and_what_would_be_right(
    tmp_path: Path, entry: str, field: str, told: str
) -> None:
    ((line, found, problem),) = faults_of(tmp_path, entry)
    assert (line, found) == (6, field)
    assert told in problem
