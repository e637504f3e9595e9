"""The command line: each command thin, with help that teaches by example."""

from __future__ import annotations

import sys

from tracker.cli.app import app
from tracker.cli.errors import explain, is_expected

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line. What is expected to go wrong is told in words, with exit code 2; the rest is a fault."""
    try:
        app(prog_name="tracker")
    except Exception as error:
        if not is_expected(error):
            raise
        explain(error)
        sys.exit(2)
