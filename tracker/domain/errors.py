"""What the core refuses. Each carries its data as fields; its message says what to do."""

from __future__ import annotations


class UnreadableState(Exception):
    """A stored piece of state, definition or mark that this version cannot read."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(
            f"{what}: {reason}. Nothing was changed. It was written by another version of the tracker, or damaged: "
            "run the version that wrote it, or count the log anew: tracker rebuild"
        )
        self.what = what
        self.reason = reason
