"""docs/reference/hooks.md, made from the hookspecs: what a hook is stands in its docstring and nowhere else.

Written anew by `python -m tracker.plugin.reference docs/reference/hooks.md`; a test fails when page and hooks differ.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tracker.plugin import hookspecs
from tracker.plugin.manager import GROUP

_HEAD = """\
# Hooks

*Made from `tracker/plugin/hookspecs.py` by `python -m tracker.plugin.reference docs/reference/hooks.md`.*

A plugin is a module named by an entry point of the group `{group}`. The hooks it implements are functions marked
with `tracker.plugin.hookimpl`. Each is called once, at start; a misspelt one stops the start.
[How to write a platform plugin](../how-to/write-a-platform-plugin.md) shows one whole.
"""


def hooks() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every hook and its name, in the order of their declaration."""
    for name, member in vars(hookspecs).items():
        if inspect.isfunction(member) and hasattr(member, f"{hookspecs.NAMESPACE}_spec"):
            yield name, member


def hooks_page() -> str:
    """The whole page."""
    return "\n".join([_HEAD.format(group=GROUP), *(_section(name, hook) for name, hook in hooks())])


def _section(name: str, hook: Callable[..., Any]) -> str:
    signature = str(inspect.signature(hook)).replace("'", "")  # annotations are kept as strings, in quotes
    return f"## {name}\n\n```python\ndef {name}{signature}\n```\n\n{inspect.getdoc(hook) or ''}\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(hooks_page(), encoding="utf-8")
