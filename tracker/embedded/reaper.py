"""Kills the process groups it was told of as soon as its parent is gone, however the parent went.

Run as a program by `process`, with a pipe from the parent as standard input: `+<group>` adds a group, `-<group>`
forgets it, the end of the pipe means that the parent is dead. The kernel closes the pipe even after kill -9.

A parent-death signal (prctl) would do without this process, but Linux sends it when the starting *thread* ends, and
macOS has none.
"""

import os
import signal
import sys
from collections.abc import Iterable


def groups_left(lines: Iterable[str]) -> set[int]:
    """The groups still registered when the lines end."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def main() -> None:
    for group in groups_left(sys.stdin):
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it ended with its parent, or before


if __name__ == "__main__":
    main()
