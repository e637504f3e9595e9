"""Draws from distributions that `random` lacks. Each takes the generator it draws from."""

from __future__ import annotations

import math
from random import Random

from tracker.simulate.lab.behaviour import Range

_FEW = 16.0
"""Up to this mean a Poisson draw is exact; beyond it the normal approximation is off by less than its noise."""


def poisson(rng: Random, mean: float) -> int:
    if mean <= 0:
        return 0
    if mean > _FEW:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    floor, product, drawn = math.exp(-mean), rng.random(), 0
    while product > floor:
        product *= rng.random()
        drawn += 1
    return drawn


def within(rng: Random, span: Range) -> float:
    return rng.uniform(span.low, span.high)


def log_within(rng: Random, span: Range) -> float:
    """Uniform on a logarithmic scale."""
    return math.exp(rng.uniform(math.log(span.low), math.log(span.high)))


def lognormal(rng: Random, spread: float) -> float:
    """Around 1 (its median)."""
    return math.exp(rng.gauss(0.0, spread))


def truncated_lognormal(rng: Random, spread: float, span: Range) -> float:
    """Around 1, drawn again until it lies within."""
    while True:
        drawn = lognormal(rng, spread)
        if span.low <= drawn <= span.high:
            return drawn
