"""Signed webhooks: what the specification's own library verifies, and what it refuses."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from tests.notify.told import OLDER_SECRET, SECRET, a_notice, a_notifier
from tracker.codec import alerts as codec
from tracker.notify.choosing import trial
from tracker.plugin.notifiers import Answer, Delivered, HttpSend, Later, Never, Unfit
from tracker_notifiers.webhook import Webhook

WEBHOOK = Webhook()
OTHER_SECRET = "whsec_" + "b3RoZXItc2VjcmV0LW9mLXRlc3RzLS0tLS0t"


def sent(*secrets: str, now: int | None = None, **alert: Any) -> HttpSend:
    at = int(time.time() * 1_000) if now is None else now
    return WEBHOOK.send(a_notice(**alert), a_notifier(), secrets or (SECRET,), at)


def test_the_specifications_library_verifies_it_and_reads_the_envelope() -> None:
    request = sent()
    body = Verifier(SECRET).verify(request.body, dict(request.headers))
    assert list(body) == ["type", "timestamp", "data"]
    assert (body["type"], body["timestamp"]) == ("alert.firing", "1970-01-01T00:00:01.000Z")
    assert codec.decode(orjson.dumps(body["data"])) == codec.event_of(a_notice().alert)
    assert request.url == a_notifier().to
    assert request.headers["content-type"] == "application/json"


def test_while_secrets_rotate_a_receiver_with_either_verifies_it_and_one_with_neither_does_not() -> None:
    request = sent(SECRET, OLDER_SECRET)
    assert len(request.headers["webhook-signature"].split(" ")) == 2
    for secret in (SECRET, OLDER_SECRET):
        Verifier(secret).verify(request.body, dict(request.headers))
    with pytest.raises(WebhookVerificationError):
        Verifier(OTHER_SECRET).verify(request.body, dict(request.headers))


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp", "body"])
def test_id_time_and_body_are_all_signed(changed: str) -> None:
    request = sent()
    headers, body = dict(request.headers), request.body
    match changed:
        case "body":
            body = body.replace(b"firing", b"fixing")
        case "webhook-timestamp":
            headers[changed] = str(int(headers[changed]) + 1)
        case _:
            headers[changed] += "0"
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(body, headers)


def test_a_later_attempt_is_the_same_message_under_a_signature_of_its_own_time() -> None:
    first, second = sent(now=1_000_000), sent(now=9_000_000)
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_each_change_of_an_alert_has_an_id_of_its_own() -> None:
    assert sent(serial=2).headers["webhook-id"] != sent(serial=3).headers["webhook-id"]


def test_a_trial_says_so_in_its_type() -> None:
    request = WEBHOOK.send(trial(a_notifier(), "x", 5_000), a_notifier(), (SECRET,), 5_000)
    assert orjson.loads(request.body)["type"] == "alert.test"


@pytest.mark.parametrize("secret", ["", "plain", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", "whsec_" + "QUFB" * 40])
def test_a_secret_that_is_none_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(Unfit) as refused:
        sent(SECRET, secret)
    assert not secret or secret not in refused.value.reason.replace("`whsec_`", "")


def test_nothing_is_sent_unsigned_or_to_what_is_no_address() -> None:
    with pytest.raises(Unfit, match="secret"):
        WEBHOOK.check(a_notifier(), ())
    with pytest.raises(Unfit, match="https"):
        WEBHOOK.check(a_notifier(to="receiver.example"), (SECRET,))


@pytest.mark.parametrize(
    ("status", "headers", "meaning"),
    [
        (200, {}, Delivered()),
        (204, {}, Delivered()),
        (410, {}, Never("answered 410: the receiver does not want these any more")),
        (302, {}, Later("answered 302: it leads elsewhere, and redirects are not followed")),
        (404, {}, Later("answered 404")),
        (503, {"retry-after": "120"}, Later("answered 503", 120_000)),
        (429, {"retry-after": "99999999"}, Later("answered 429", 86_400_000)),
        (429, {"retry-after": "soon"}, Later("answered 429")),
        (429, {"retry-after": "-5"}, Later("answered 429")),
        (0, {}, Later("answered 0")),
    ],
)
def test_what_an_answer_means(status: int, headers: dict[str, str], meaning: object) -> None:
    assert WEBHOOK.meaning(Answer(status=status, headers=headers)) == meaning
