"""Mail: plain text, in the notifier's language. The mail server is the installation's (settings `notifiers.smtp`)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tracker.domain.alerts import What
from tracker.domain.definitions import NotifierDefinition
from tracker.domain.events import Instant
from tracker.plugin.notifiers import PEOPLE_WANT, Answer, Delivered, Later, MailSend, Meaning, Never, Notice, Unfit
from tracker_notifiers import wording

_SUBJECT_LIMIT = 150
# What mail servers take without quoting (RFC 5321, Dot-string), ASCII.
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+", re.ASCII)


class Email:
    """A mail to one address (a list's address, for several people)."""

    name = "email"
    tells: frozenset[What] = PEOPLE_WANT

    def check(self, definition: NotifierDefinition, secrets: Sequence[str]) -> None:
        if not _ADDRESS.fullmatch(definition.to):
            raise Unfit("`to` of an email notifier is one address, name@host")

    def send(self, notice: Notice, definition: NotifierDefinition, secrets: Sequence[str], now: Instant) -> MailSend:
        self.check(definition, secrets)
        language = definition.language
        headline, summary = wording.headline(notice, language), wording.summary(notice, language)
        evidence = wording.evidence(notice.alert, language)
        parts = [
            [summary],
            [f"{label}: {text}" for label, text in wording.facts(notice.alert, language)],
            [f"{wording.evidence_title(language)}:", *(f"- {each}" for each in evidence)] if evidence else [],
        ]
        return MailSend(
            to=definition.to,
            subject=wording.line(f"[{headline}] {summary}", _SUBJECT_LIMIT),
            text="\n\n".join("\n".join(lines) for lines in parts if lines) + "\n",
        )

    def meaning(self, answer: Answer) -> Meaning:
        if 200 <= answer.status < 300:
            return Delivered()
        said = wording.line(answer.body.decode("utf-8", "replace"), 120)
        reason = f"the mail server answered {answer.status} {said}".rstrip()
        return Never(reason) if 500 <= answer.status < 600 else Later(reason)
