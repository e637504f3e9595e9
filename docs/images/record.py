"""Makes demo.svg from a real run of the demo: the live screen as it stood shortly before the end, and the verdict.

.venv/bin/python docs/images/record.py
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, RenderableType

from tracker.cli import common, main
from tracker.simulate import screen

SECONDS = 40
WIDTH = 116
# The font is the reader's own: the picture asks no other server for one.
FORMAT = CONSOLE_SVG_FORMAT[: CONSOLE_SVG_FORMAT.index("@font-face")] + CONSOLE_SVG_FORMAT[
    CONSOLE_SVG_FORMAT.index(".{unique_id}-matrix") :
].replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")


def record() -> None:
    """Run the demo and write the picture beside this file."""
    pictures: dict[float, RenderableType] = {}
    drawn = screen.render

    def kept(snapshot: screen.Snapshot) -> RenderableType:
        picture = drawn(snapshot)
        if snapshot.elapsed <= SECONDS - 2:
            pictures[snapshot.elapsed] = picture
        return picture

    screen.render = kept
    told = io.StringIO()
    common.out = Console(file=told, force_terminal=True, width=WIDTH)
    sys.argv = ["tracker", "demo", "--seconds", str(SECONDS)]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
    paper = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    paper.print(pictures[max(pictures)])
    paper.print("[dim]…[/]\n[green]Exact: the audit and the truth agree with every counter.[/]")
    assert "Exact: the audit and the truth agree" in told.getvalue()
    target = Path(__file__).with_name("demo.svg")
    paper.save_svg(str(target), title=f"make demo SECONDS={SECONDS}", code_format=FORMAT)


if __name__ == "__main__":
    record()
