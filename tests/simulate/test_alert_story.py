"""What the story of the alerts earns by the rules themselves, all of them, each as it is set for the demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.simulate.builders import START
from tests.simulate.telling import PLUGINS, Installation, imported
from tracker.domain.alerts import RAISES
from tracker.domain.definitions import RuleDefinition
from tracker.domain.facts import CampaignFacts
from tracker.domain.in_force import in_force
from tracker.plugin.rule_settings import rule_settings
from tracker.simulate import campaigns
from tracker.simulate.alert_truth import Expected, expected
from tracker.simulate.history import history, look_at
from tracker.simulate.model import World
from tracker.simulate.script import generate
from tracker.simulate.wire import draw_secrets

HOUR = 3_600_000
SECRETS = draw_secrets(1, campaigns.EVERYBODY)["instagram"]
SALES_STOPPED = Expected(campaigns.TRAIL, "conversion.sales_stopped", f"campaign={campaigns.TRAIL}")


def raised(facts: Mapping[str, CampaignFacts], rules: Sequence[RuleDefinition], now: int) -> set[Expected]:
    """Every alert that would fire now, were nothing waited for but what the definitions say."""
    found: set[Expected] = set()
    for campaign, known in facts.items():
        for name, rule in PLUGINS.rules.items():
            force = in_force(name, rule.severity, rule.timing, rules, campaign)
            if rule.about != "campaign" or not force.enabled or force.timing.hold_ms:
                continue
            verdicts = rule.judge(known, rule_settings(rule, force.settings), now)
            found |= {Expected(campaign, name, v.subject.text, v.check) for v in verdicts if v.outcome in RAISES}
    return found


async def told_of(world: World, directory: Path) -> Installation:
    """An installation that was told all that the three campaigns had until the world's origin."""
    here = Installation()
    await here.defines(campaigns.definitions(world.origin), at=world.origin)
    await here.hears(await imported(history(world, SECRETS), directory, now=world.origin))
    return here


@pytest.mark.parametrize(("seed", "into_the_hour"), [(1, 0), (2, HOUR - 1_000), (77, HOUR // 2)])
async def test_the_rules_find_what_the_story_earned_and_nothing_else(
    tmp_path: Path, seed: int, into_the_hour: int
) -> None:
    origin = START // HOUR * HOUR + into_the_hour
    world = generate(seed, origin + 5_000, 60, origin=origin)
    here = await told_of(world, tmp_path)
    rules = [one for one in campaigns.definitions(origin) if isinstance(one, RuleDefinition)]
    assert raised(await here.facts(campaigns.CAMPAIGNS), rules, origin) == {SALES_STOPPED}

    last = [look_at(world, SECRETS, account, world.freeze) for account in campaigns.ACCOUNTS]
    await here.hears(await imported(last, tmp_path, now=world.freeze))
    earned = {one for one in expected(world) if one.campaign in campaigns.CAMPAIGNS}
    assert raised(await here.facts(campaigns.CAMPAIGNS), rules, world.freeze) == earned
    assert {one.campaign for one in earned} == {campaigns.SAKURA, campaigns.TRAIL}, "and none of the healthy one"


def test_every_rule_that_waits_by_itself_is_set_not_to() -> None:
    rules = [one for one in campaigns.definitions(START) if isinstance(one, RuleDefinition)]
    for campaign in campaigns.CAMPAIGNS:
        for name, rule in PLUGINS.rules.items():
            force = in_force(name, rule.severity, rule.timing, rules, campaign)
            assert rule.about == "pipeline" or (force.enabled and not force.timing.hold_ms), (campaign, name)
