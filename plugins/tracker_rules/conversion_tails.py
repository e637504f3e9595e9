"""How improbable a small or a large number is, exactly.

1. All tails are sums of the binomial's own terms, to 30 digits: no normal approximation, no float.
2. Two counts are compared without a rate that would have to be known: if both came at one rate, then of all of them
   the first has each with the probability of its share of the exposure (Przyborowski and Wilenski 1940, Biometrika
   31:313). So an estimate from few sales weighs little.
3. At or above the mean a tail of small numbers is called 1: nobody asks how probable the usual is.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from fractions import Fraction

_EXACT = Context(prec=30, Emin=MIN_EMIN, Emax=MAX_EMAX)


def at_most(few: int, of: int, chance: Fraction) -> Decimal:
    """P(X <= few) for X binomial with `of` trials of `chance`; 1 where `few` is at or above the mean."""
    if few >= of * chance:
        return Decimal(1)
    if chance >= 1:
        return Decimal(0)
    success = _decimal(chance)
    failure = _decimal(1 - chance)
    odds = _EXACT.divide(success, failure)
    term = _EXACT.power(failure, of)
    total = term
    for number in range(few):
        term = _EXACT.multiply(_EXACT.divide(_EXACT.multiply(term, Decimal(of - number)), Decimal(number + 1)), odds)
        total = _EXACT.add(total, term)
    return total


def at_least(many: int, of: int, chance: Fraction) -> Decimal:
    """P(X >= many) for X binomial with `of` trials of `chance`; 1 where `many` is at or below the mean."""
    if many <= of * chance:
        return Decimal(1)
    return at_most(of - many, of, 1 - chance)


def fewer_than_usual(few: int, exposure: int, usual: int, usual_exposure: int, least_share: Fraction) -> Decimal:
    """How improbable so few are, were the rate at least `least_share` of the usual one."""
    ours = least_share * exposure
    return at_most(few, few + usual, ours / (ours + usual_exposure))


def more_than_usual(many: int, exposure: int, usual: int, usual_exposure: int, most_times: Fraction) -> Decimal:
    """How improbable so many are, were the rate at most `most_times` the usual one."""
    ours = most_times * exposure
    return at_least(many, many + usual, ours / (ours + usual_exposure))


def _decimal(number: Fraction) -> Decimal:
    return _EXACT.divide(Decimal(number.numerator), Decimal(number.denominator))
