"""The built-in ways to be told of alerts: signed webhooks, Slack-shaped webhooks, mail."""

from __future__ import annotations

from tracker.plugin.hookspecs import hookimpl
from tracker.plugin.notifiers import Notifier
from tracker_notifiers.mail import Email
from tracker_notifiers.slack import Slack
from tracker_notifiers.webhook import Webhook


@hookimpl
def tracker_notifiers() -> list[Notifier]:
    return [Webhook(), Slack(), Email()]
