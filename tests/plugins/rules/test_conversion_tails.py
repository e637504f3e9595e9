"""Exact tails (plugins/tracker_rules/conversion_tails.py), against sums of whole fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import comb

from hypothesis import given
from hypothesis import strategies as st

from tracker_rules.conversion_tails import at_least, at_most, fewer_than_usual, more_than_usual

chances = st.fractions(min_value=Fraction(1, 1000), max_value=Fraction(999, 1000), max_denominator=1000)


def summed(numbers: range, of: int, chance: Fraction) -> Fraction:
    return sum((comb(of, n) * chance**n * (1 - chance) ** (of - n) for n in numbers), Fraction(0))


def close(found: Decimal, exact: Fraction) -> bool:
    return abs(Fraction(found) - exact) <= exact * Fraction(1, 10**20)


@given(st.integers(0, 60), st.integers(0, 60), chances)
def test_both_tails_are_the_sums_of_the_binomials_terms(some: int, more: int, chance: Fraction) -> None:
    of = some + more
    if some < of * chance:
        assert close(at_most(some, of, chance), summed(range(some + 1), of, chance))
    else:
        assert at_most(some, of, chance) == 1
    if some > of * chance:
        assert close(at_least(some, of, chance), summed(range(some, of + 1), of, chance))
    else:
        assert at_least(some, of, chance) == 1


@given(st.integers(0, 40), st.integers(1, 500), st.integers(1, 60), st.integers(1, 500))
def test_fewer_sales_are_never_more_probable(few: int, clicks: int, usual: int, usual_clicks: int) -> None:
    share = Fraction(1, 2)
    one = fewer_than_usual(few, clicks, usual, usual_clicks, share)
    assert one <= fewer_than_usual(few + 1, clicks, usual, usual_clicks, share)
    assert fewer_than_usual(0, clicks + 1, usual, usual_clicks, share) <= fewer_than_usual(
        0, clicks, usual, usual_clicks, share
    )


def test_a_comparison_has_the_number_that_can_be_computed_by_hand() -> None:
    # No sale in 300 clicks beside 20 in 1000, at half the rate: (1000 / 1150) to the power of 20.
    exact = Fraction(1000, 1150) ** 20
    assert close(fewer_than_usual(0, 300, 20, 1000, Fraction(1, 2)), exact)
    # 10 in 10 beside none in 90, were ours usual: all ten fell into a tenth.
    assert close(more_than_usual(10, 10, 0, 90, Fraction(1)), Fraction(1, 10**10))


def test_numbers_far_beyond_what_floats_hold_stay_positive() -> None:
    tiny = at_most(0, 1_000_000, Fraction(1, 2))
    assert 0 < tiny < Decimal("1e-300000")


def test_a_certain_event_that_did_not_happen_has_no_probability() -> None:
    assert at_most(1, 2, Fraction(1)) == 0
    assert at_least(1, 2, Fraction(0)) == 0
