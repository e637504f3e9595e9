"""The alerts that the story earned, by hand; and what is wrong with those that were told."""

from __future__ import annotations

import pytest

from tests.domain.alerting import an_alert, judged
from tests.simulate.builders import START
from tracker.domain.alerts import Alert, advance
from tracker.simulate import campaigns
from tracker.simulate.alert_truth import Expected, differences, expected, latest, name_of
from tracker.simulate.cast import HINA, LENA, MIO, SPRING, THEO
from tracker.simulate.model import Account, World
from tracker.simulate.script import generate

FIRED = an_alert()
NAME = name_of(FIRED)
AGAIN = 600_000


def post_of(world: World, account: Account, text: str) -> str:
    """The id of an account's post that begins so, in its last words."""
    (found,) = [
        post for post in world.of(account) if (post.versions[-1].title or post.versions[-1].text).startswith(text)
    ]
    return found.id


def resolved(alert: Alert) -> Alert:
    after = advance(alert, judged("pass"), (), AGAIN)
    assert after is not None
    assert after.state == "resolved"
    return after


def test_the_story_of_a_minute_earns_these_alerts_by_name() -> None:
    world = generate(1, START, 60)
    kept = {
        ("post_edited", HINA, "【PR】ゆずの香り"),
        ("post_edited", MIO, "ゆずの昼ごはん"),
        ("post_removed", LENA, "Ad: yuzu marmalade"),
        ("post_removed", THEO, "Is yuzu worth it?"),
    }
    subjects = {
        Expected(
            SPRING,
            f"agreement.{rule}",
            f"campaign={SPRING}/creator={of.creator}/agreement={SPRING}-{of.creator}/platform={of.platform}"
            f"/account={of.id}/post={post_of(world, of, text)}",
        )
        for rule, of, text in kept
    }
    yui, mei = campaigns.YUI, campaigns.MEI
    about = "campaign=sakura-skin/creator={}/platform=instagram/account={}/post={}"
    assert expected(world) == subjects | {
        Expected(
            "sakura-skin", "speed.late_burst", about.format("yui", yui.id, post_of(world, yui, "#PR 三日でうるおう"))
        ),
        Expected(
            "sakura-skin",
            "compliance.disclosure",
            about.format("mei", mei.id, post_of(world, mei, "新しい美容液")),
            "jp",
        ),
        Expected("trail-shoes", "conversion.sales_stopped", "campaign=trail-shoes"),
        Expected("", "system.code_unregistered", "code=nobody-knows-this/part=codes"),
    }


@pytest.mark.parametrize(("seconds", "told"), [(15, False), (24, False), (60, True), (600, True)])
def test_a_code_that_nobody_has_is_earned_from_its_third_order_on(seconds: int, *, told: bool) -> None:
    world = generate(1, START, seconds)
    many = sum(order.code == "NOBODY-KNOWS-THIS" for order in world.orders)
    assert (many >= 3) is told
    assert ("system.code_unregistered" in {one.rule for one in expected(world)}) is told


def test_alerts_that_fired_once_and_stand_differ_in_nothing() -> None:
    assert differences({NAME}, [FIRED]) == []


def test_an_alert_that_did_not_fire_is_missed() -> None:
    (wrong,) = differences({NAME}, [])
    assert (wrong.rule, wrong.about, "did not fire" in wrong.what) == (NAME.rule, NAME.about, True)


@pytest.mark.parametrize("told", [[FIRED], [FIRED, resolved(FIRED)]], ids=["standing", "resolved since"])
def test_an_alert_that_was_not_earned_is_one_too_many(told: list[Alert]) -> None:
    (wrong,) = differences(set(), told)
    assert "was not earned" in wrong.what
    assert told[-1].state in wrong.what


def test_an_alert_that_was_resolved_or_came_twice_is_not_steady() -> None:
    second = advance(resolved(FIRED), judged("fail"), (), 2 * AGAIN)
    assert second is not None
    assert second.episode == 2
    for told in ([FIRED, resolved(FIRED)], [FIRED, resolved(FIRED), second]):
        (wrong,) = differences({NAME}, told)
        assert "must stand, once" in wrong.what


def test_of_an_episode_the_latest_change_stands_in_whatever_order_it_was_read() -> None:
    later = resolved(FIRED)
    for told in ([FIRED, later], [later, FIRED]):
        assert latest(told) == {FIRED.id: later}


def test_another_check_is_another_alert() -> None:
    other = Expected(NAME.campaign, NAME.rule, NAME.about, "another")
    assert {wrong.check for wrong in differences({other}, [FIRED])} == {"another", NAME.check}
