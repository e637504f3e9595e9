"""What can go wrong with a program that we start: it is missing, it stopped, or it never answered."""

from pathlib import Path


class EmbeddedError(Exception):
    """A server of this machine could not be had."""


class ServerMissing(EmbeddedError):
    """No program for `server` was found in any of the places `looked_for`."""

    def __init__(self, server: str, looked_for: tuple[str, ...], install: str) -> None:
        self.server = server
        self.looked_for = looked_for
        self.install = install
        super().__init__(
            f"{server}: not found (looked for {', '.join(looked_for)}). Nothing was started. Install it: {install}"
        )


class ServerStopped(EmbeddedError):
    """The program ended by itself; `returncode` is negative for a signal, `tail` is the end of its log."""

    def __init__(self, server: str, returncode: int, log: Path, tail: str) -> None:
        self.server = server
        self.returncode = returncode
        self.log = log
        self.tail = tail
        super().__init__(f"{server}: stopped with exit code {returncode}. The end of its log ({log}):\n{tail}")


class ServerSilent(EmbeddedError):
    """The program runs but did not answer at `address` within `seconds`; it was stopped again."""

    def __init__(self, server: str, address: str, seconds: float, log: Path, tail: str) -> None:
        self.server = server
        self.address = address
        self.seconds = seconds
        self.log = log
        self.tail = tail
        super().__init__(
            f"{server}: no answer at {address} within {seconds:.0f} s, so it was stopped. "
            f"A loaded machine needs longer; else see the end of its log ({log}):\n{tail}"
        )
