"""Sending over real connections: HTTP and SMTP on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.notify.receiver import Got, Receiver, Reply, receiving
from tests.notify.test_guard import LOOPBACK, certificate
from tracker.notify.guard import GuardedTransport, guard_of
from tracker.notify.sending import ANSWER_LIMIT, NoAnswer, Sender, scrubbed
from tracker.plugin.notifiers import Answer, HttpSend, MailSend
from tracker.settings import Smtp

MAIL = MailSend(to="ops@agency.example", subject="警告: 3 of 10 likes", text="いいねは10件中3件\n")
PASSWORD = "synthetic-password"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def sent(what: HttpSend | MailSend, smtp: Smtp | None = None, **changed: Any) -> Answer:
    given: dict[str, Any] = {"timeout_seconds": 5, **changed}
    sender = Sender(GuardedTransport(LOOPBACK), smtp or Smtp(), **given)
    try:
        return await sender.send(what, "al-x-1", 1_000)
    finally:
        await sender.aclose()


def post(receiver: Receiver, **changed: Any) -> HttpSend:
    return HttpSend(**{"url": receiver.url, "body": b'{"a":1}', "headers": {"x-own": "1"}, **changed})


async def test_the_request_arrives_as_it_was_made_and_the_answer_comes_back(receiver: Receiver) -> None:
    async def reply(got: Got) -> Reply:
        return Reply(429, {"Retry-After": "7"}, b"slow down")

    receiver.answer = reply
    answer = await sent(post(receiver))
    assert (answer.status, answer.headers["retry-after"], answer.body) == (429, "7", b"slow down")
    (got,) = receiver.got
    assert (got.method, got.target, got.headers["x-own"], got.body) == ("POST", "/hook", "1", b'{"a":1}')
    assert got.headers["accept-encoding"] == "identity"


async def test_of_an_endless_answer_only_the_beginning_is_read() -> None:
    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    answer = await sent(HttpSend(url=url, body=b""))
    server.close()
    assert (answer.status, len(answer.body)) == (200, ANSWER_LIMIT)


async def test_a_receiver_that_does_not_answer_in_time_is_no_answer(receiver: Receiver) -> None:
    async def never(got: Got) -> Reply:
        await asyncio.Event().wait()
        return Reply()

    receiver.answer = never
    with pytest.raises(NoAnswer, match="within"):
        await sent(post(receiver), timeout_seconds=0.2)
    assert len(receiver.got) == 1


async def test_a_receiver_that_drips_its_answer_is_cut_off_in_time() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 X\r\n")
        try:
            while True:
                writer.write(b"x: y\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    with pytest.raises(NoAnswer, match="within"):
        await sent(HttpSend(url=url, body=b""), timeout_seconds=0.3)
    server.close()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/secret-path", "http://[::1]:1/secret-path", "ftp://receiver.example/secret-path", "\n"]
)
async def test_why_there_is_no_answer_names_no_path(url: str) -> None:
    with pytest.raises(NoAnswer) as failed:
        await sent(HttpSend(url=url, body=b""))
    assert "secret-path" not in str(failed.value)
    assert str(failed.value)


async def test_a_header_that_would_break_the_request_is_not_sent(receiver: Receiver) -> None:
    with pytest.raises(NoAnswer):
        await sent(post(receiver, headers={"x": "1\r\ny: 2"}))
    assert receiver.got == []


class Box(Message):
    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Any] = []
        self.refuses: str | None = None

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, to: str, options: list[str]) -> str:  # noqa: N802
        if self.refuses is not None:
            return self.refuses
        envelope.rcpt_tos.append(to)
        return "250 OK"


def login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


class Server:
    """A mail server on loopback, with a box."""

    def __init__(self, port: int, box: Box) -> None:
        self.port, self.box = port, box

    def smtp(self, **changed: Any) -> Smtp:
        given = {"host": "127.0.0.1", "port": self.port, "tls": "none", "sender": "tracker@agency.example"}
        return Smtp(**{**given, **changed})


@asynccontextmanager
async def mail_server(*, implicit: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Server]:
    box, loop = Box(), asyncio.get_running_loop()
    made = await loop.create_server(
        lambda: SMTP(box, loop=loop, hostname="mail.example", **options), "127.0.0.1", 0, ssl=implicit
    )
    yield Server(made.sockets[0].getsockname()[1], box)
    made.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with mail_server() as made:
        yield made


def serving(tls: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls[1], tls[0])
    return context


def trusting(tls: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(tls[1]))


async def test_a_mail_arrives_with_its_subject_and_text_in_japanese(server: Server) -> None:
    answer = await sent(MAIL, server.smtp())
    assert answer.status == 250
    (mail,) = server.box.mails
    assert mail["X-RcptTo"] == "ops@agency.example"
    read = message_from_bytes(mail.as_bytes(), policy=default)
    assert (read["Subject"], read["From"], read["To"]) == (MAIL.subject, "tracker@agency.example", MAIL.to)
    assert read.get_content() == MAIL.text
    assert read["Message-ID"] == "<al-x-1.ops@agency.example>"


async def test_a_refused_recipient_is_the_mail_servers_answer(server: Server) -> None:
    server.box.refuses = "550 5.1.1 no such user"
    answer = await sent(MAIL, server.smtp())
    assert (answer.status, answer.body) == (550, b"5.1.1 no such user")
    assert server.box.mails == []


async def test_starttls_with_a_login(tls: tuple[Path, Path]) -> None:
    options: dict[str, Any] = {
        "tls_context": serving(tls),
        "require_starttls": True,
        "authenticator": login,
        "auth_required": True,
    }
    async with mail_server(**options) as server:
        secure = server.smtp(host="localhost", tls="starttls", username="tracker", password=PASSWORD)
        assert (await sent(MAIL, secure, tls=trusting(tls))).status == 250
        assert len(server.box.mails) == 1
        wrong = server.smtp(host="localhost", tls="starttls", username="tracker", password="wrong-password")
        with pytest.raises(NoAnswer, match="login") as refused:
            await sent(MAIL, wrong, tls=trusting(tls))
        assert "wrong-password" not in str(refused.value)
        with pytest.raises(NoAnswer):
            await sent(MAIL, secure)  # a certificate that the system does not trust
    assert len(server.box.mails) == 1


async def test_starttls_is_not_given_up_where_the_server_does_not_offer_it(server: Server) -> None:
    with pytest.raises(NoAnswer, match="mail server"):
        await sent(MAIL, server.smtp(tls="starttls"))
    assert server.box.mails == []


async def test_implicit_tls(tls: tuple[Path, Path]) -> None:
    async with mail_server(implicit=serving(tls)) as server:
        assert (await sent(MAIL, server.smtp(host="localhost", tls="implicit"), tls=trusting(tls))).status == 250
    assert len(server.box.mails) == 1


async def test_a_mail_server_that_is_down_or_not_set_is_no_answer() -> None:
    with pytest.raises(NoAnswer, match="mail server"):
        await sent(MAIL, Smtp(host="127.0.0.1", port=1, tls="none", sender="tracker@agency.example"))
    with pytest.raises(NoAnswer, match="not set"):
        await sent(MAIL, Smtp())


def test_what_stands_in_a_log_holds_no_secret_no_control_character_and_is_short() -> None:
    secret = "whsec_c3ludGhldGlj"
    assert scrubbed(f"a {secret} b c3ludGhldGlj\n\x1b[31m", [secret]) == "a … b …  [31m"
    assert len(scrubbed("x" * 9_000, [])) == 300


async def test_addresses_do_not_show_in_a_repr() -> None:
    what = HttpSend(url="https://hooks.example/secret-path", body=b"{}", headers={"webhook-signature": "v1,abc"})
    assert repr(what) == "HttpSend(POST, 2 bytes)"
    assert "likes" not in repr(MAIL)
    assert guard_of() == guard_of(hosts=[], networks=[])
