"""tracker serve: the API, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import os
from typing import Annotated

import msgspec
import typer

from tracker import wiring
from tracker.cli import common, services


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(rich_help_panel=services.PANEL)(serve)


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; else api.host.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0: any free one; else api.port.")] = None,
) -> None:
    """Serve the API: campaigns, creators, posts, alerts, definitions, the pipeline. Start as many as you like.

    Its reference is the OpenAPI document at /v1/openapi.json; every request needs a token (`tracker token create`).

    Example:  tracker serve --port 8090  ·  curl -H "Authorization: Bearer $TOKEN" 127.0.0.1:8090/v1/campaigns
    """
    settings = services.started(context)
    chosen = settings.api
    chosen = msgspec.structs.replace(
        chosen, host=chosen.host if host is None else host, port=chosen.port if port is None else port
    )
    settings = msgspec.structs.replace(settings, api=chosen)

    def listening(address: str, number: int) -> None:
        common.err.print(f"serving the API on http://{address}:{number}")

    try:
        services.run_service(lambda stop: wiring.run_api(settings, stop, common.countdown, listening))
    except OSError as error:
        if error.errno not in services.NO_ADDRESS:
            raise
        raise common.Impossible(
            f"cannot listen on {chosen.host}:{chosen.port}: {os.strerror(error.errno)}. Nothing was started. Choose "
            "another with --host and --port (api.host, api.port), or stop what listens there."
        ) from error
