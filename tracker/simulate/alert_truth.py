"""Which alerts must stand in the end: those that the script wrote down, and no others.

1. An alert is named by its rule, its campaign, what it is about, and the check; nothing of it is found by a rule.
2. Each must have fired once, and still stand. Whatever else fired is one too many, also if it was resolved since.
3. A change that was told twice (same id) was told once: that is what ids are for.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from tracker.domain.alerts import Alert
from tracker.domain.verdicts import Subject
from tracker.simulate.model import Alarm, Post, World


class Expected(Struct, frozen=True, order=True):
    """One alert by name. `about` is its subject as text."""

    campaign: str
    rule: str
    about: str
    check: str = ""


class Wrong(Struct, frozen=True, order=True):
    """One alert that is not as it must be, and what is the matter with it."""

    campaign: str
    rule: str
    about: str
    check: str
    what: str


def expected(world: World) -> set[Expected]:
    """Every alert that the world has earned when it freezes."""
    found = {_named(alarm, _campaigns_own(alarm)) for alarm in world.alarms}
    return found | {_named(alarm, _about(alarm, post)) for post in world.posts for alarm in post.alarms}


def _named(alarm: Alarm, about: Subject) -> Expected:
    return Expected(alarm.campaign, alarm.rule, about.text, alarm.check)


def _campaigns_own(alarm: Alarm) -> Subject:
    return Subject(campaign=alarm.campaign, creator=alarm.creator, code=alarm.code, part=alarm.part)


def _about(alarm: Alarm, post: Post) -> Subject:
    return Subject(
        campaign=alarm.campaign,
        creator=alarm.creator,
        agreement=alarm.agreement,
        platform=post.account.platform,
        account=post.account.id,
        post=post.id,
    )


def name_of(alert: Alert) -> Expected:
    """How an alert that was told is named here."""
    return Expected(alert.campaign, alert.rule, alert.subject.text, alert.check)


def latest(told: Iterable[Alert]) -> dict[str, Alert]:
    """Every episode that fired, by its id, as it was last told of."""
    found: dict[str, Alert] = {}
    for alert in told:
        known = found.get(alert.id)
        if known is None or known.serial < alert.serial:
            found[alert.id] = alert
    return found


def differences(wanted: Iterable[Expected], told: Iterable[Alert]) -> list[Wrong]:
    """What is wrong with the alerts that were told; nothing: they are exactly those that were earned."""
    fired: dict[Expected, list[Alert]] = {}
    for alert in latest(told).values():
        fired.setdefault(name_of(alert), []).append(alert)
    wanted = set(wanted)
    missing = [_wrong(name, "it was earned, and did not fire") for name in wanted - fired.keys()]
    surplus = [_wrong(name, f"it fired, and was not earned ({_states(fired[name])})") for name in fired.keys() - wanted]
    unsteady = [
        _wrong(name, f"it must stand, once; it has {_states(fired[name])}")
        for name in wanted & fired.keys()
        if len(fired[name]) > 1 or fired[name][0].state == "resolved"
    ]
    return sorted(missing + surplus + unsteady)


def _states(alerts: list[Alert]) -> str:
    ordered = sorted(alerts, key=lambda alert: alert.episode)
    return ", ".join(f"episode {alert.episode}: {alert.state}" for alert in ordered)


def _wrong(name: Expected, what: str) -> Wrong:
    return Wrong(name.campaign, name.rule, name.about, name.check, what)
