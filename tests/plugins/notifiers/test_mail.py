"""Mails: headers that nobody can break, both languages."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.notify.told import a_notice, a_notifier
from tracker.notify.sending import mail_of
from tracker.plugin.notifiers import Answer, Delivered, Later, MailSend, Never, Unfit
from tracker_notifiers.mail import Email

EMAIL = Email()
TO = a_notifier(type="email", to="ops@agency.example", secret=None)


def made(**alert: Any) -> MailSend:
    return EMAIL.send(a_notice(**alert), TO, (), 1)


@given(st.text(max_size=400))
def test_whatever_an_alert_says_the_mail_has_our_headers_and_no_others(text: str) -> None:
    what = made(summary={"en": text or "x"}, campaign=text, check=text)
    mail = mail_of(what, "tracker@agency.example", "al-x-1", 1_000)
    read = message_from_bytes(mail.as_bytes(), policy=default)
    assert sorted(read.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "MIME-Version",
         "Content-Transfer-Encoding"]
    )  # fmt: skip
    assert read["To"] == "ops@agency.example"
    assert len(what.subject) <= 150
    assert what.subject.isprintable()


def test_a_line_break_in_a_summary_adds_no_header() -> None:
    what = made(summary={"en": "likes\r\nBcc: other@evil.example\r\n\r\nhello"})
    assert what.subject == "[Warning · firing · engagement] likes Bcc: other@evil.example hello"
    assert mail_of(what, "tracker@agency.example", "al-x-1", 1_000)["Bcc"] is None


def test_a_notifier_that_puts_line_breaks_into_headers_gets_no_mail_made() -> None:
    for broken in (
        {"subject": "a\r\nBcc: b@evil.example"},
        {"to": "a@b.example\r\nBcc: c@d.example"},
        {"to": "a@b, c@d"},
    ):
        what = MailSend(**{"to": "ops@agency.example", "subject": "s", "text": "t", **broken})
        with pytest.raises(ValueError, match=r"address|linefeed"):
            mail_of(what, "tracker@agency.example", "al-x-1", 1_000)


@pytest.mark.parametrize(
    "to", ["ops", "a@b.example, c@d.example", "a@b.example\nBcc: x@y.example", "<a@b.example>", "@b.example"]
)
def test_what_is_not_one_address_is_refused(to: str) -> None:
    with pytest.raises(Unfit, match="one address"):
        EMAIL.check(a_notifier(to=to), ())


def test_subject_and_text_are_in_the_notifiers_language() -> None:
    japanese = EMAIL.send(a_notice(), a_notifier(type="email", to="ops@agency.example", language="ja"), (), 1)
    assert japanese.subject == "[警告 · 発生 · エンゲージメント] いいねは10件中3件"
    assert "開始: 1970-01-01 00:00 UTC" in japanese.text
    assert "Since: 1970-01-01 00:00 UTC" in made().text
    assert "- likes: 3 (limit 10), last known value" in made().text


def test_an_alert_without_a_japanese_summary_is_told_in_english() -> None:
    told = EMAIL.send(
        a_notice(summary={"en": "too few"}), a_notifier(type="email", to="o@a.example", language="ja"), (), 1
    )
    assert told.subject.endswith("too few")


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(status=250, body=b"OK"), Delivered()),
        (Answer(status=451, body=b"try later"), Later("the mail server answered 451 try later")),
        (Answer(status=550, body=b"5.1.1 no such user"), Never("the mail server answered 550 5.1.1 no such user")),
        (Answer(status=421), Later("the mail server answered 421")),
    ],
)
def test_what_an_answer_means(answer: Answer, meaning: object) -> None:
    assert EMAIL.meaning(answer) == meaning
