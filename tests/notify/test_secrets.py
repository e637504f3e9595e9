"""Secrets are sent where they belong and show nowhere else: logs, errors, the delivery log, reprs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import structlog
from msgspec.structs import replace

from tests.notify.receiver import Got, Receiver, Reply, receiving
from tests.notify.serving import OPTIONS, Book, Notify, notifying
from tests.notify.told import OLDER_SECRET, SECRET, a_notifier, an_event
from tracker.cli import logs
from tracker.codec import alerts as codec
from tracker.domain.definitions import NotifierDefinition
from tracker.notify.lane import Lane
from tracker.plugin.notifiers import PEOPLE_WANT, Answer, HttpSend, Later, Meaning, Notice
from tracker.settings import Smtp
from tracker.store.client import connect

TOKEN = "synthetic-path-token"
PASSWORD = "synthetic-smtp-password"
NEEDLES = (SECRET, SECRET.removeprefix("whsec_"), OLDER_SECRET, OLDER_SECRET.removeprefix("whsec_"), TOKEN, PASSWORD)


class Careless:
    """A plugin that tells its secrets to everybody: in what it raises, or in what it makes of an answer."""

    name = "careless"
    tells = PEOPLE_WANT

    def check(self, definition: NotifierDefinition, secrets: Sequence[str]) -> None:
        raise ValueError(f"cannot check {secrets}")

    def send(self, notice: Notice, definition: NotifierDefinition, secrets: Sequence[str], now: int) -> HttpSend:
        if definition.id == "raises":
            raise ValueError(f"cannot send with {secrets}")
        self.secrets = secrets
        return HttpSend(url=definition.to, body=b"", headers={"authorization": secrets[0]})

    def meaning(self, answer: Answer) -> Meaning:
        return Later(f"{answer.status} for {self.secrets}: {answer.body.decode()}")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:

        async def echoes(got: Got) -> Reply:
            return Reply(500, {}, f"no {got.target} with {got.headers.get('authorization')}".encode())

        made.answer = echoes
        yield made


def options(receiver: Receiver) -> dict[str, Any]:
    address = f"http://127.0.0.1:{receiver.port}/services/{TOKEN}"
    smtp = Smtp(host="127.0.0.1", port=1, tls="none", username="u", password=PASSWORD, sender="tracker@agency.example")
    return {
        "secrets": {"ops": (SECRET, OLDER_SECRET), "room": (address,), "dead": (f"https://[::1]/{TOKEN}",)},
        "smtp": smtp,
    }


def definitions(receiver: Receiver) -> list[NotifierDefinition]:
    to = f"{receiver.url}?token={TOKEN}"
    return [
        a_notifier(id="hook", to=to),
        a_notifier(id="room", type="slack", to="#ops", secret="room"),
        a_notifier(id="dead", type="slack", to="#ops", secret="dead"),
        a_notifier(id="mail", type="email", to="ops@agency.example", secret=None),
        a_notifier(id="raises", type="careless", to=to),
        a_notifier(id="tells", type="careless", to=to),
        a_notifier(id="wrong", type="slack", to="#ops", secret="ops"),
    ]


async def attempted(notify: Notify, id: str) -> None:
    """Work a notifier's lane until one attempt is written down."""
    stop = asyncio.Event()
    definition = notify.book.definitions.notifiers[id]
    lane = Lane(id, lambda: definition, notify.queue, notify.teller, notify.metrics)
    event = an_event(1, now=notify.teller.now())
    await notify.queue.put(id, event, codec.encode(event), notify.teller.now())
    task = asyncio.create_task(lane.run(stop))

    async def is_so() -> bool:
        return [each.attempts for each in await notify.queue.log(id)] == [1]

    await notify.until(is_so)
    stop.set()
    await task


async def test_no_secret_shows_in_what_is_logged_kept_raised_or_printed(
    redis_url: str, redis_prefix: str, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    wanted = definitions(receiver)
    book, changed = Book(*wanted), options(receiver)
    shown: list[str] = []
    before = logging.getLogger().handlers[:]
    logs.configure("debug")
    for library in ("httpx", "httpcore", "asyncio", "aiosmtplib"):
        logging.getLogger(library).setLevel(logging.DEBUG)
    try:
        async with notifying("", redis_url, redis_prefix, book, options=changed, more=[Careless()]) as notify:
            for definition in wanted:
                await attempted(notify, definition.id)
                tried = await notify.desk.send_test(definition.id)
                assert isinstance(tried.meaning, Later)
                shown += [repr(tried), repr(await notify.desk.log(definition.id))]
            shown += [repr(await notify.desk.notifiers()), repr(notify.parts), repr(notify.teller)]
        client = await connect(redis_url, cluster=False)
        for key in await client.execute_command("KEYS", f"{redis_prefix}:deliveries:*"):
            shown.append(str(await client.execute_command("HGETALL", key)))
        await client.aclose()
    finally:
        logging.getLogger().handlers[:] = before
        structlog.reset_defaults()
    shown += capfd.readouterr()
    everything = "\n".join(shown).replace(f"?token={TOKEN}", "")  # the definition's own, public address
    assert receiver.got, "something was sent"
    assert "a fault in a notifier" in everything
    assert "notice not delivered yet" in everything
    assert [needle for needle in NEEDLES if needle in everything] == []


def test_the_settings_of_telling_show_names_of_secrets_only() -> None:
    smtp = Smtp(password=PASSWORD)
    printed = repr(replace(OPTIONS, secrets={"ops": (SECRET,)}, smtp=smtp)) + repr(smtp)
    assert "ops" in printed
    assert not any(needle in printed for needle in NEEDLES)
