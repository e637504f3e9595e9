"""Killing a service every few seconds, where it hurts: in the midst of its work."""

from __future__ import annotations

import random

from tracker.simulate.services import Service

FIRST_S, EVERY_S = 4.0, (4.0, 7.0)
SPARED_S = 13.5
"""A service that has done nothing yet is spared until so long after its last death: a death in mid-work proves more.
Even so there are five deaths at least in a minute."""


class Deaths:
    """When one service dies. `began`: the monotonic instant from which on it may. The seed draws the waits."""

    def __init__(self, service: Service, seed: int, began: float) -> None:
        self.service = service
        self._draw = random.Random(f"kills {service.name} {seed}")  # noqa: S311 - a plot, not a secret
        self._last, self._next = began, began + FIRST_S
        self._work = 0

    def are_due(self, now: float, work: int) -> bool:
        """Whether it dies now. `work` grows with all that it has done, whoever of its lives did it."""
        idle = work == self._work
        if now < self._next or (idle and now < self._last + SPARED_S):
            return False
        self._work, self._last = work, now
        self._next = now + self._draw.uniform(*EVERY_S)
        return True
