"""Slack's incoming webhooks, and what else takes their shape (Mattermost and Rocket.Chat, in part).

1. Nothing that an alert says can call a channel, a person or an address: `&`, `<` and `>` are escaped
   (docs.slack.dev, "Formatting message text"), and `verbatim` keeps Slack from making links and mentions of words.
2. Such an address is a secret in itself. With `secret` the whole address is that secret, and `to` is only a name for
   people (`#campaign-ops`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tracker.domain.alerts import What
from tracker.domain.definitions import NotifierDefinition
from tracker.domain.events import Instant
from tracker.plugin.limits import retry_after_ms
from tracker.plugin.notifiers import PEOPLE_WANT, Answer, Delivered, HttpSend, Later, Meaning, Never, Notice, Unfit
from tracker_notifiers import wording

_TEXT_LIMIT = 3_000  # of a section's text, after escaping
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LASTING = frozenset(
    {400, 403, 404, 410}
)  # docs.slack.dev, "Sending messages using incoming webhooks": handling errors


class Slack:
    """A message to a Slack-shaped incoming webhook."""

    name = "slack"
    tells: frozenset[What] = PEOPLE_WANT

    def check(self, definition: NotifierDefinition, secrets: Sequence[str]) -> None:
        if not _address(definition, secrets).startswith(("https://", "http://")):
            where = "the secret" if secrets else "`to`"
            raise Unfit(f"{where} is not the address of an incoming webhook, https://…")

    def send(self, notice: Notice, definition: NotifierDefinition, secrets: Sequence[str], now: Instant) -> HttpSend:
        self.check(definition, secrets)
        return HttpSend(
            url=_address(definition, secrets),
            body=msgspec.json.encode(message(notice, definition)),
            headers={"content-type": "application/json; charset=utf-8"},
        )

    def meaning(self, answer: Answer) -> Meaning:
        if 200 <= answer.status < 300:
            return Delivered()
        said = wording.line(answer.body.decode("utf-8", "replace"), 80)
        reason = f"answered {answer.status}: {said}" if said else f"answered {answer.status}"
        if answer.status in _LASTING:
            return Never(reason)
        return Later(reason, retry_after_ms(answer.headers))


def message(notice: Notice, definition: NotifierDefinition) -> dict[str, Any]:
    """The message: blocks, and the same in one line for notifications."""
    language, alert = definition.language, notice.alert
    headline, summary = wording.headline(notice, language), wording.summary(notice, language)
    facts = "\n".join(f"{label}: {text}" for label, text in wording.facts(alert, language))
    evidence = "\n".join(wording.evidence(alert, language))
    blocks = [_section(f"*{escaped(headline)}*\n{escaped(summary)}"), _context(escaped(facts))]
    if evidence:
        blocks.insert(1, _section(escaped(evidence)))
    return {"text": escaped(f"{headline}: {summary}"), "blocks": blocks, "link_names": False}


def escaped(text: str, limit: int = _TEXT_LIMIT - 200) -> str:
    """Text that Slack shows as it is; cut between characters, never inside an escape."""
    made, room = [], limit
    for character in text:
        shown = _ESCAPED.get(character, character)
        if len(shown) >= room:
            made.append("…")
            break
        made.append(shown)
        room -= len(shown)
    return "".join(made)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [_mrkdwn(text)]}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _address(definition: NotifierDefinition, secrets: Sequence[str]) -> str:
    return secrets[0] if secrets else definition.to
