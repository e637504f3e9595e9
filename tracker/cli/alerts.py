"""tracker alerts list | show | explain | follow | ack | note | silence | unsilence: what is wrong, why, who has it."""

from __future__ import annotations

import asyncio
import getpass
import re
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from tracker import wiring
from tracker.cli import alert_words, common
from tracker.clock import now_ms
from tracker.domain.alerts import OPEN, Acknowledged, Act, Alert, Noted, Silence
from tracker.settings import Settings

if TYPE_CHECKING:
    from tracker.domain.facts import CampaignFacts

alerts = typer.Typer(no_args_is_help=True, help="Alerts: what is wrong, the evidence, and who has taken it.")

AlertId = Annotated[str, typer.Argument(help="An alert's id, or enough of its beginning.", metavar="ALERT")]
By = Annotated[str | None, typer.Option(help="Who does it; else the user of this system.", metavar="NAME")]
NoteOption = Annotated[str, typer.Option("--note", help="What others should know.", metavar="TEXT")]
_SPAN = re.compile(r"([1-9][0-9]{0,4})(min|h|d)")
_UNITS = {"min": 60_000, "h": 3_600_000, "d": 86_400_000}


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(alerts, name="alerts", rich_help_panel="Numbers")


@alerts.command("list")
def list_(
    context: typer.Context,
    campaign: Annotated[str | None, typer.Option(help="Only this campaign's.", metavar="ID")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also what is pending, and what is resolved.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines, for programs.")] = False,
) -> None:
    """List the alerts that are open, the worst first.

    Example:  tracker alerts list  ·  tracker alerts list --campaign spring --all
    """
    found = [alert for alert in _read(common.settings(context)) if campaign in (None, alert.campaign)]
    chosen = [alert for alert in found if everything or (alert.state in OPEN and alert.fired_at is not None)]
    if json:
        for alert in chosen:
            typer.echo(alert_words.as_json(alert))
        return
    common.out.print(f"{common.counted(len(chosen), 'alert')}{'' if everything else ' open'}")
    for alert in alert_words.worst_first(chosen):
        common.out.print(alert_words.line(alert, now_ms()))


@alerts.command()
def show(context: typer.Context, alert: AlertId) -> None:
    """Show one alert as it stands: its numbers, what they were compared with, and who did what.

    Example:  tracker alerts show al-3zq6
    """
    for line in alert_words.whole(_one(common.settings(context), alert), now_ms()):
        common.out.print(line)


@alerts.command()
def explain(context: typer.Context, alert: AlertId) -> None:
    """Explain one alert in words for a client: the rule, the numbers, the posts and the curve behind the verdict.

    Example:  tracker alerts explain al-3zq6
    """
    settings = common.settings(context)
    chosen = _one(settings, alert)
    facts = asyncio.run(_facts(settings, chosen.campaign))
    rule = wiring.plugins().rules.get(chosen.rule)
    for line in alert_words.explained(chosen, rule, facts, now_ms()):
        common.out.print(line)


@alerts.command()
def follow(
    context: typer.Context,
    *,
    earlier: Annotated[bool, typer.Option("--earlier", help="Begin with all that was ever told.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the events themselves, for programs.")] = False,
) -> None:
    """Follow the alert topics, until Ctrl-C: what fires, is taken, and is resolved, as it happens.

    Example:  tracker alerts follow  ·  tracker alerts follow --json | jq .data.summary.en
    """
    settings = common.settings(context)
    wiring.checked_logs(settings, common.countdown("Kafka"))

    def told(value: bytes) -> None:
        typer.echo(value.decode() if json else alert_words.told_line(value))

    try:
        asyncio.run(_follow(settings, told, earlier=earlier))
    except KeyboardInterrupt:
        common.err.print("stopped")


@alerts.command()
def ack(context: typer.Context, alert: AlertId, *, note: NoteOption = "", by: By = None) -> None:
    """Take an alert: it is told no more until it is resolved, or gets worse.

    Example:  tracker alerts ack al-3zq6 --note "asked Ana to put the tag back"
    """
    settings = common.settings(context)
    chosen = _one(settings, alert)
    if chosen.state not in OPEN:
        raise common.Impossible(f"{chosen.id} is resolved already: there is nothing to take.")
    act = Acknowledged(alert=chosen.id, serial=chosen.serial, by=_who(by), at=now_ms(), note=note)
    _write(settings, act)
    common.out.print(f"taken by {escape(act.by)}: {escape(chosen.id)}")


@alerts.command()
def note(
    context: typer.Context, alert: AlertId, text: Annotated[str, typer.Argument(metavar="TEXT")], *, by: By = None
) -> None:
    """Write something at an alert.

    Example:  tracker alerts note al-3zq6 "the client knows"
    """
    settings = common.settings(context)
    chosen = _one(settings, alert)
    _write(settings, Noted(id=uuid.uuid4().hex[:12], alert=chosen.id, by=_who(by), at=now_ms(), note=text))
    common.out.print(f"noted at {escape(chosen.id)}")


@alerts.command()
def silence(
    context: typer.Context,
    alert: Annotated[str | None, typer.Argument(help="One alert; else what the options name.", metavar="ALERT")] = None,
    *,
    duration: Annotated[str, typer.Option("--for", help="How long: 30min, 4h, 7d.", metavar="TIME")],
    rule: Annotated[str, typer.Option(help="A rule, or a category: engagement.*", metavar="RULE")] = "",
    campaign: Annotated[str, typer.Option(help="A campaign.", metavar="ID")] = "",
    creator: Annotated[str, typer.Option(help="A creator.", metavar="ID")] = "",
    note: NoteOption = "",
    by: By = None,
) -> None:
    """Silence what is known: matching alerts are kept, and told of again when the silence ends.

    Example:  tracker alerts silence al-3zq6 --for 4h  ·  tracker alerts silence --rule speed.* --for 2d
    """
    settings = common.settings(context)
    if alert is None and not (rule or campaign or creator):
        raise typer.BadParameter("name an alert, or at least one of --rule, --campaign, --creator")
    now = now_ms()
    made = Silence(
        id=f"s-{uuid.uuid4().hex[:10]}",
        by=_who(by),
        at=now,
        until=now + _span(duration),
        rule=rule,
        campaign=campaign,
        creator=creator,
        alert="" if alert is None else _one(settings, alert).id,
        note=note,
    )
    _write(settings, made)
    common.out.print(f"silence {made.id} until {alert_words.instant(made.until)}; tracker alerts unsilence {made.id}")


@alerts.command()
def unsilence(
    context: typer.Context, id: Annotated[str, typer.Argument(help="A silence's id.", metavar="SILENCE")]
) -> None:
    """End a silence before its time.

    Example:  tracker alerts unsilence s-1f2e3d4c5b
    """
    from msgspec.structs import replace

    settings = common.settings(context)
    known = {each.id: each for each in asyncio.run(_silences(settings))}
    if id not in known:
        raise common.Impossible(f"no silence {id}. There are: {', '.join(sorted(known)) or 'none'}")
    _write(settings, replace(known[id], until=now_ms()))
    common.out.print(f"silence {id} has ended")


def _read(settings: Settings) -> list[Alert]:
    async def read() -> list[Alert]:
        async with wiring.store(settings, on_wait=common.countdown("Redis")) as opened:
            shelf = wiring.alert_shelf(opened)
            return [alert for campaign in await shelf.campaigns() for alert in await shelf.of_campaign(campaign)]

    return asyncio.run(read())


def _one(settings: Settings, id: str) -> Alert:
    """The alert of an id, or of the beginning of one. Raises Impossible."""
    fitting = [alert for alert in _read(settings) if alert.id.startswith(id)]
    if len(fitting) != 1:
        what = "no alert" if not fitting else f"{len(fitting)} alerts"
        raise common.Impossible(f"{what} with an id that begins with `{id}`: see `tracker alerts list --all`")
    return fitting[0]


async def _facts(settings: Settings, campaign: str) -> CampaignFacts | None:
    from tracker.definitions.following import Following
    from tracker.gather import Gatherer

    if not campaign:
        return None
    following = Following(settings.kafka.bootstrap, wiring.topics(settings))
    await following.start()
    try:
        async with wiring.store(settings, on_wait=common.countdown("Redis")) as opened:
            return await Gatherer(opened, settings.topics.partitions, following.definitions).campaign(campaign)
    finally:
        await following.stop()


async def _silences(settings: Settings) -> Sequence[Silence]:
    from tracker.watch.acts import Acts

    acts = Acts(settings.kafka.bootstrap, wiring.topics(settings))
    await acts.start()
    await acts.stop()
    return acts.silences


async def _follow(settings: Settings, told: Callable[[bytes], None], *, earlier: bool) -> None:
    from tracker.watch.history import follow as follow_history

    await follow_history(settings.kafka.bootstrap, wiring.topics(settings), told, earlier=earlier)


def _write(settings: Settings, act: Act) -> None:
    from tracker.watch.acts import write_act

    async def write() -> None:
        async with wiring.publisher(settings) as publisher:
            await write_act(publisher, act)

    wiring.checked_logs(settings, common.countdown("Kafka"))
    asyncio.run(write())


def _who(by: str | None) -> str:
    return by or getpass.getuser()


def _span(text: str) -> int:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"`{text}` is no time: a number and min, h or d, such as 30min or 4h")
    return int(found[1]) * _UNITS[found[2]]
