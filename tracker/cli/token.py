"""tracker token create | list | revoke: who may ask the API, and for what."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from tracker import wiring
from tracker.cli import common
from tracker.clock import now_ms
from tracker.definitions import book as books
from tracker.definitions.references import did_you_mean
from tracker.domain.definitions import TokenDefinition
from tracker.settings import Settings
from tracker.web import tokens
from tracker.web.tokens import Role

token = typer.Typer(no_args_is_help=True, help="Tokens of the API: made, listed, revoked.")
LONGEST_DAYS = 3_650


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(token, name="token", rich_help_panel="Operation")


@token.command()
def create(
    context: typer.Context,
    role: Annotated[
        Role, typer.Option(help="viewer reads; operator also acts on alerts and dead letters; admin also defines.")
    ],
    campaign: Annotated[
        list[str] | None, typer.Option(help="Only this campaign (may be repeated); left out: all.", metavar="ID")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=LONGEST_DAYS, help="Valid for so many days.")] = 90,
    note: Annotated[str, typer.Option(help="What it is for, to be found again.")] = "",
) -> None:
    """Make a token and show it, once: only its hash is kept. It is valid as soon as it is shown.

    Example:  tracker token create --role viewer --campaign spring --days 30 --note "client's dashboard"
    """
    settings = common.settings(context)
    standing = books.standing(wiring.read_book(settings, common.countdown("Kafka")))
    known = [id for kind, id in standing if kind == "campaign"]
    campaigns = tuple(dict.fromkeys(campaign or ()))
    for named in campaigns:
        if named not in known:
            raise common.Impossible(f"no campaign `{named}`{did_you_mean(named, known)}. No token was made.")
    if len(note) > 200:
        raise typer.BadParameter(f"a note has at most 200 characters, this one {len(note)}", param_hint="--note")
    random = secrets.token_bytes(tokens.ID_BYTES + tokens.SECRET_BYTES)
    made = tokens.make(random, role=role, created_at=now_ms(), days=days, campaigns=campaigns, note=note)
    asyncio.run(_write(settings, [books.Step("create", ("token", made.definition.id), None, made.definition)]))
    common.err.print(
        f"Token {made.definition.id}, {role}, {_of(made.definition)}, until {_time(made.definition.expires_at)}. It is "
        "shown this once; send it as `Authorization: Bearer …`:"
    )
    typer.echo(made.token)


@token.command("list")
def list_(context: typer.Context) -> None:
    """List the tokens that were not revoked, the newest last: what each may do, and until when.

    Example:  tracker token list
    """
    settings = common.settings(context)
    standing = books.standing(wiring.read_book(settings, common.countdown("Kafka")))
    found = sorted((each for each in standing.values() if isinstance(each, TokenDefinition)), key=_by_age)
    common.out.print(common.counted(len(found), "token"))
    now = now_ms()
    for each in found:
        end = (
            f"until {_time(each.expires_at)}" if now < each.expires_at else f"[red]expired {_time(each.expires_at)}[/]"
        )
        note = f"  {escape(each.note)}" if each.note else ""
        common.out.print(f"[bold]{each.id}[/]  {each.role}, {_of(each)}, made {_time(each.created_at)}, {end}{note}")


@token.command()
def revoke(
    context: typer.Context, id: Annotated[str, typer.Argument(help="Its id, from `tracker token list`.", metavar="ID")]
) -> None:
    """Revoke a token: every API refuses it from the moment that it reads so, within a second.

    Example:  tracker token revoke k3f9x2ab
    """
    settings = common.settings(context)
    book = wiring.read_book(settings, common.countdown("Kafka"))
    asyncio.run(_write(settings, books.plan_deletion(book, [("token", id)])))
    common.out.print(f"{escape(id)} is revoked.")


async def _write(settings: Settings, steps: Sequence[books.Step]) -> None:
    from tracker.definitions import registry

    async with wiring.publisher(settings) as publisher:
        await registry.write(publisher, wiring.topics(settings), steps, at=now_ms(), told=lambda step: None)


def _by_age(each: TokenDefinition) -> tuple[int, str]:
    return each.created_at, each.id


def _of(each: TokenDefinition) -> str:
    return f"of {', '.join(each.campaigns)}" if each.campaigns else "of all campaigns"


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")
