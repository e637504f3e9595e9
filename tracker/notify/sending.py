"""The only place that sends a notice: HTTP to guarded addresses, mail to the mail server of the settings.

1. An answer comes within the time that is given, connection and all; of its body a beginning is read.
2. No redirect is followed, no proxy of the environment used, no cookie kept, nothing compressed is unpacked.
3. What could not be sent is `NoAnswer` with a reason that names neither address, secret nor content.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime

import aiosmtplib
import httpx

from tracker.domain.events import Instant
from tracker.notify.guard import GuardedTransport, Refused
from tracker.plugin.notifiers import Answer, HttpSend, MailSend, Send
from tracker.settings import Smtp

ANSWER_LIMIT = 4_096
_USER_AGENT = "campaign-tracker"
_REASON_LIMIT = 300
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", re.ASCII)


class NoAnswer(Exception):
    """Nothing was heard: refused address, no connection, too slow. The message is the reason."""


class Sender:
    """Sends. `tls` replaces the system's trust for the mail server."""

    def __init__(
        self, transport: GuardedTransport, smtp: Smtp, *, timeout_seconds: float, tls: ssl.SSLContext | None = None
    ) -> None:
        self._transport = transport
        self._smtp = smtp
        self._seconds = timeout_seconds
        self._tls = tls

    async def send(self, what: Send, id: str, now: Instant) -> Answer:
        """Send once. `id` becomes a mail's Message-ID. Raises NoAnswer."""
        try:
            async with asyncio.timeout(self._seconds):
                return await (self._post(what) if isinstance(what, HttpSend) else self._mail(what, id, now))
        except TimeoutError as error:
            raise NoAnswer(f"no answer within {self._seconds:g} s") from error

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _post(self, what: HttpSend) -> Answer:
        timeout = httpx.Timeout(self._seconds).as_dict()
        try:
            headers = {"user-agent": _USER_AGENT, "accept-encoding": "identity", **what.headers}
            request = httpx.Request(
                what.method, what.url, headers=headers, content=what.body, extensions={"timeout": timeout}
            )
            response = await self._transport.handle_async_request(request)
            try:
                body = await _beginning(response)
            finally:
                await response.aclose()
        except Refused as error:
            raise NoAnswer(error.reason) from None
        except (httpx.TransportError, httpx.InvalidURL, UnicodeError) as error:
            raise NoAnswer(_why(error)) from None  # libraries' own errors may quote what was sent
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=body,
        )

    async def _mail(self, what: MailSend, id: str, now: Instant) -> Answer:
        smtp = self._smtp
        if not smtp.host or not smtp.sender:
            raise NoAnswer("notifiers.smtp.host or notifiers.smtp.sender is not set")
        try:
            mail = mail_of(what, smtp.sender, id, now)
        except ValueError as error:
            raise NoAnswer(f"no mail could be made of it: {error}") from None
        try:
            code, text = await self._submitted(mail)
        except aiosmtplib.SMTPAuthenticationError as error:
            # About our login, not about this mail: it may be put right.
            raise NoAnswer(f"the mail server refuses our login ({error.code})") from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            code, text = error.recipients[0].code, error.recipients[0].message
        except aiosmtplib.SMTPResponseException as error:
            code, text = error.code, error.message
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NoAnswer(f"mail server: {_why(error)}") from None
        return Answer(status=code, body=text.encode("utf-8", "replace")[:ANSWER_LIMIT])

    async def _submitted(self, mail: EmailMessage) -> tuple[int, str]:
        smtp = self._smtp
        _, text = await aiosmtplib.send(
            mail,
            sender=smtp.sender,
            hostname=smtp.host,
            port=smtp.port,
            username=smtp.username,
            password=smtp.password,
            timeout=self._seconds,
            use_tls=smtp.tls == "implicit",
            start_tls=smtp.tls == "starttls",
            tls_context=self._tls,
        )
        return 250, text


def mail_of(what: MailSend, sender: str, id: str, now: Instant) -> EmailMessage:
    """The mail. Raises ValueError for an address that is none and for a line break in a header."""
    for address in (sender, what.to):
        if not _ADDRESS.fullmatch(address):
            raise ValueError("not an address of the form name@host")
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"] = sender
    mail["To"] = what.to
    mail["Subject"] = what.subject
    mail["Date"] = format_datetime(datetime.fromtimestamp(now / 1000, UTC))
    # The same at every attempt, so that a mailbox can tell a repeat.
    mail["Message-ID"] = f"<{id}.{what.to.partition('@')[0]}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
    mail.set_content(what.text)
    if what.html is not None:
        mail.add_alternative(what.html, subtype="html")
    return mail


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """A text that may stand in a log: no secret, no control characters, not long."""
    for secret in sorted({part for each in secrets for part in _forms(each)}, key=len, reverse=True):
        text = text.replace(secret, "…")
    clean = "".join(character if character.isprintable() else " " for character in text)
    return clean if len(clean) <= _REASON_LIMIT else clean[: _REASON_LIMIT - 1] + "…"


def hidden_in(what: Send) -> tuple[str, ...]:
    """What a request must not show: its address may be a secret, whole or in its path."""
    if isinstance(what, MailSend):
        return ()
    _, _, rest = what.url.partition("://")
    _, _, path = rest.partition("/")
    return what.url, path, *re.split(r"[/?&=#]", path)


def _forms(secret: str) -> Iterable[str]:
    """A secret and its bare part; parts that are too short to be secret are words that may stand anywhere."""
    return (each for each in (secret, secret.removeprefix("whsec_")) if len(each) >= 8)


async def _beginning(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) >= ANSWER_LIMIT:
            break
    return body[:ANSWER_LIMIT]


def _why(error: Exception) -> str:
    """A failure in words. Messages of these are about the connection; all else is told by its name alone."""
    if isinstance(error, httpx.ConnectError | aiosmtplib.SMTPConnectError | OSError):
        return f"{type(error).__name__}: {error}"
    return type(error).__name__
