"""What the demo shows of the counters."""

from __future__ import annotations

from io import StringIO

import pytest
from msgspec import structs
from rich.console import Console

from tests.domain.alerting import an_alert, judged
from tracker.domain.alerts import advance
from tracker.simulate import alert_words, screen
from tracker.simulate.alert_truth import differences, name_of
from tracker.simulate.truth import Difference
from tracker.store.base import Scope

FIELDS = {
    "likes": 7_759,
    "likes.known": 15,
    "likes.unknown": 1,
    "saves.unknown": 2,
    "revenue.JPY": 12_345,
    "revenue.EUR": 2_950,
}


def snapshot(**more: object) -> screen.Snapshot:
    """A moment of a run."""
    parts: dict[str, object] = {
        "phase": "the campaign runs", "elapsed": 12.0, "seconds": 40, "pace": 600, "first_counter": 5.1,
        "totals": {Scope("yuzu-spring"): FIELDS}, "services": [], "rate": 120.2, "lag": 3, "dead": 1, "pushed": 5,
        "waiting": 2, "answers": 331, "refused": {429: 3}, "clicks": 40, "orders": 6, **more,
    }  # fmt: skip
    return screen.Snapshot(**parts)  # type: ignore[arg-type]


def shown(of: screen.Snapshot, width: int = 100) -> str:
    """The screen as text."""
    console = Console(width=width, file=StringIO())
    with console.capture() as captured:
        console.print(screen.render(of))
    return captured.get()


def test_unknown_is_shown_as_unknown_and_never_as_zero() -> None:
    assert screen.metric({}, "likes") == "-"
    assert screen.metric({"likes.unknown": 2}, "likes") == "unknown"
    assert screen.metric({"likes.known": 1}, "likes") == "0"
    assert screen.metric(FIELDS, "likes").startswith("7,759 ")
    assert "+1?" in screen.metric(FIELDS, "likes")
    assert screen.first_hour_share({}, "likes") == "?"


def test_money_is_shown_with_the_digits_of_its_currency() -> None:
    assert screen.money(FIELDS, "revenue") == "29.50 EUR  12,345 JPY"
    assert screen.money(FIELDS, "refunds") == "-"


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_screen_names_what_is_asked_of_it_at_any_width(width: int) -> None:
    text = " ".join(shown(snapshot(), width).split())
    for wanted in (
        "yuzu-spring",
        "reached by age",
        "1st hour",
        "120 events/s",
        "lag 3",
        "dead letters 1",
        "after 5.1 s",
    ):
        assert wanted in text


def test_a_line_says_the_same_without_a_terminal() -> None:
    line = screen.line(snapshot())
    assert "\n" not in line
    assert "12 of 40 s" in line
    assert "lag 3" in line


def test_a_difference_is_shown_with_both_numbers() -> None:
    console = Console(width=100, file=StringIO())
    with console.capture() as captured:
        console.print(screen.verdict([Difference("c", "", "likes", 5, 4)], 300))
    text = captured.get()
    assert "likes" in text
    assert "no difference" not in text


def test_alerts_are_shown_with_their_rule_and_the_newest_first() -> None:
    older = an_alert()
    newer = structs.replace(older, id="al-newer", rule="speed.late_burst", fired_at=2_000)
    text = shown(snapshot(alerts=[older, newer]), 140)
    assert "engagement.quiet" in text
    assert text.index("speed.late_burst") < text.index("engagement.quiet")
    assert "3 of 10 likes" in text
    assert "alerts 2" in screen.line(snapshot(alerts=[older, newer]))


def test_a_resolved_alert_is_shown_as_resolved_and_once() -> None:
    fired = an_alert()
    resolved = advance(fired, judged("pass"), (), 600_000)
    assert resolved is not None
    text = shown(snapshot(alerts=[fired, resolved]), 140)
    assert text.count("engagement.quiet") == 1
    assert "resolved" in text


def test_the_outcome_names_every_alert_in_both_languages_and_what_is_wrong() -> None:
    fired = an_alert()
    name = name_of(fired)
    exact = "\n".join(alert_words.outcome({name}, [fired], [], repeats=0))
    assert "いいねは10件中3件" in exact
    assert "exactly these" in exact
    wrong = differences(set(), [fired])
    assert "was not earned" in "\n".join(alert_words.outcome(set(), [fired], wrong, repeats=0))
