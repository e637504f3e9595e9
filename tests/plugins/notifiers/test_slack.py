"""Messages to Slack: nothing in them calls anybody, and none is longer than Slack takes."""

from __future__ import annotations

import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.domain.alerting import an_alert
from tests.notify.told import a_notice, a_notifier
from tracker.domain.alerts import Note
from tracker.domain.verdicts import Evidence, Subject
from tracker.plugin.notifiers import Answer, Delivered, Later, Never, Unfit
from tracker_notifiers.slack import Slack, escaped, message

SLACK = Slack()
ADDRESS = "https://hooks.chat.example/services/T000/B000/synthetic"
HOSTILE = "<!channel> <@U123> <https://evil.example|click> & *bold* @here"


def texts(node: object) -> list[str]:
    """Every text of a message."""
    if isinstance(node, dict):
        own = [node["text"]] if isinstance(node.get("text"), str) else []
        return own + [text for value in node.values() for text in texts(value)]
    return [text for each in node for text in texts(each)] if isinstance(node, list) else []


def test_what_a_caption_says_calls_no_channel_no_person_and_no_address() -> None:
    subject = Subject(campaign=HOSTILE, post=HOSTILE)
    evidence = (Evidence(name=HOSTILE, value=HOSTILE, unit="text", basis=HOSTILE),)
    notice = a_notice(
        campaign=HOSTILE, subject=subject, evidence=evidence, summary={"en": HOSTILE}, check=HOSTILE,
        acknowledged=Note(by=HOSTILE, at=1),
    )  # fmt: skip
    made = message(notice, a_notifier())
    found = texts(made)
    assert "&lt;!channel&gt; &lt;@U123&gt;" in found[0]
    assert not any(re.search(r"[<>]|&(?!amp;|lt;|gt;)", text) for text in found)
    assert made["link_names"] is False
    parts = [block.get("text") or block["elements"][0] for block in made["blocks"]]
    assert all(part["verbatim"] for part in parts)


@given(st.text(), st.integers(1, 50))
def test_an_escaped_text_is_cut_between_characters(text: str, limit: int) -> None:
    made = escaped(text, limit)
    assert len(made) <= limit
    assert re.fullmatch(r"(?:[^&<>]|&amp;|&lt;|&gt;)*", made)
    whole = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert made == whole or (made.endswith("…") and whole.startswith(made[:-1]))


@given(st.text(alphabet="&<>a\n\u202e", max_size=5_000))
def test_no_text_is_longer_than_slack_takes(text: str) -> None:
    evidence = tuple(Evidence(name="n", value=text, unit="text", basis=text) for _ in range(30))
    notice = a_notice(summary={"en": text or "x"}, evidence=evidence, campaign=text)
    assert all(len(each) <= 3_000 for each in texts(message(notice, a_notifier())))


def test_it_says_what_happened_in_the_notifiers_language() -> None:
    notice = a_notice(what="resolved", state="resolved")
    english, japanese = (texts(message(notice, a_notifier(language=language))) for language in ("en", "ja"))
    assert "Warning · resolved · engagement: 3 of 10 likes" in english[0]
    assert "警告 · 解消 · エンゲージメント: いいねは10件中3件" in japanese[0]
    assert any("likes: 3 (limit 10), last known value" in text for text in english)
    assert any("キャンペーン: spring-glow" in text for text in japanese)


def test_an_unknown_number_is_said_to_be_unknown() -> None:
    evidence = (Evidence(name="reach", value=None, unit="count"),)
    assert any("reach: unknown" in text for text in texts(message(a_notice(evidence=evidence), a_notifier())))


def test_the_address_is_the_secret_where_there_is_one() -> None:
    notice, named = a_notice(replace(an_alert())), a_notifier(type="slack", to="#campaign-ops")
    request = SLACK.send(notice, named, (ADDRESS, "https://old.example/"), 1)
    assert request.url == ADDRESS
    assert orjson.loads(request.body)["text"]
    assert SLACK.send(notice, a_notifier(to=ADDRESS), (), 1).url == ADDRESS
    with pytest.raises(Unfit, match="`to`"):
        SLACK.check(named, ())
    with pytest.raises(Unfit) as refused:
        SLACK.check(named, ("hooks.chat.example/T000",))
    assert "T000" not in refused.value.reason


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(status=200, body=b"ok"), Delivered()),
        (Answer(status=403, body=b"invalid_token"), Never("answered 403: invalid_token")),
        (Answer(status=404, body=b"no_service\n"), Never("answered 404: no_service")),
        (Answer(status=410, body=b"channel_is_archived"), Never("answered 410: channel_is_archived")),
        (Answer(status=429, headers={"retry-after": "30"}), Later("answered 429", 30_000)),
        (Answer(status=500, body=b"\xff\x00" * 200), Later("answered 500: " + "� " * 39 + "�…")),
        (Answer(status=301), Later("answered 301")),
    ],
)
def test_what_an_answer_means(answer: Answer, meaning: object) -> None:
    assert SLACK.meaning(answer) == meaning
