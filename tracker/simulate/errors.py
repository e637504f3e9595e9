"""What can go wrong in a demo that is worth telling without a traceback."""

from __future__ import annotations


class DemoFailed(Exception):
    """The demo could not go on. The message says what, the state now, and where to look."""


class NotInTime(DemoFailed):
    """Something that must happen did not, within its deadline."""
