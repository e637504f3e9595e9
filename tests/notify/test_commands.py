"""tracker notifiers …: what an operator sees, and what is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import typer
from typer.testing import CliRunner, Result

from tests.notify.serving import OPTIONS
from tests.notify.told import a_notifier, an_event
from tracker.cli import notify as commands
from tracker.cli.common import Impossible, Where
from tracker.codec import alerts as codec
from tracker.notify.assembling import tools
from tracker.notify.desk import Desk
from tracker.notify.lane import Attempt, after
from tracker.plugin.notifiers import Never
from tracker.settings import Settings
from tracker.store.client import address_of, connect
from tracker_notifiers import tracker_notifiers

DEFINITIONS = {
    "ops": a_notifier(to="http://127.0.0.1:1/", campaigns=("spring-glow",)),
    "unset": a_notifier(id="unset", secret="nowhere", enabled=False),
}


@pytest.fixture
def app(redis_url: str, redis_prefix: str) -> typer.Typer:
    @asynccontextmanager
    async def desk(settings: Settings) -> AsyncIterator[Desk]:
        client = await connect(redis_url, cluster=False)
        plugins = {each.name: each for each in tracker_notifiers()}
        async with tools(OPTIONS, plugins, client, address_of(redis_url), redis_prefix) as made:
            yield Desk(DEFINITIONS, made.queue, made.teller)
        await client.aclose()

    async def one_failed() -> None:
        client = await connect(redis_url, cluster=False)
        async with tools(OPTIONS, {}, client, address_of(redis_url), redis_prefix) as made:
            event = an_event(1)
            await made.queue.put("ops", event, codec.encode(event), 1_000)
            (leased,) = (await made.queue.take("ops", 1_000, lease_ms=100, limit=1)).leased
            stands = after(leased.delivery, Attempt(Never("answered 410: [gone]"), 410), 1_010, 1, 0.5)
            await made.queue.settle(leased, stands, 1_010)
        await client.aclose()

    asyncio.run(one_failed())
    made = typer.Typer()
    commands.register(made, desk)
    return made


def ran(app: typer.Typer, *words: str) -> Result:
    return CliRunner().invoke(app, ["notifiers", *words], obj=Where(None))


def test_the_list_says_who_is_told_of_what_and_what_is_wrong(app: typer.Typer) -> None:
    result = ran(app, "list")
    assert result.exit_code == 0
    said = result.output
    assert "2 notifiers" in said
    assert "ops  webhook, spring-glow, from warning up" in said
    assert "unset  webhook, everything, from warning up  disabled" in said
    assert "nothing can be sent: no secret is set as notifiers.secrets.nowhere" in said


def test_the_log_says_how_each_fared_and_a_replay_queues_it_again(app: typer.Typer) -> None:
    id = an_event(1).id
    said = ran(app, "log", "ops").output
    assert f"{id}  alert.firing  failed, 1 attempt, last answer 410  answered 410: [gone]" in said
    assert f'"id":"{id}"' in ran(app, "log", "ops", "--json").output
    assert "queued again: 1" in ran(app, "replay", "ops", id).output
    assert "waiting, 1 attempt" in ran(app, "log", "ops").output
    assert "queued again: 0" in ran(app, "replay", "ops", "--failed").output
    assert ran(app, "replay", "ops").exit_code == 2


def test_a_trial_that_does_not_get_through_says_why(app: typer.Typer) -> None:
    result = ran(app, "test", "ops")
    assert isinstance(result.exception, Impossible)
    assert "ops was not told (no answer): ConnectError" in str(result.exception)
