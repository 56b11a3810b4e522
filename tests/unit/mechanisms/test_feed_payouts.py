"""Predictoor payouts of many slots, to the wei."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.data_market import predictoor_payout, predictoor_payouts_wei

UNIT = 10**10


def payouts(stakes, right, revenue):
    units, rest = predictoor_payouts_wei(np.array(stakes, dtype=np.int64), np.array(right), revenue)
    return (units.astype(object) * UNIT + rest).tolist()


def test_the_contracts_example_is_paid_to_the_wei():
    # ERC20Template3.sol payout: floor(stake x (all stakes + revenue) / winning stakes).
    # Stakes 10, 30, 20 OCEAN; the first and last are right: pot 60 + 6, winning 30.
    got = payouts([10 * 10**8, 30 * 10**8, 20 * 10**8], [[True, False, True]], 6 * 10**18)
    assert got == [[22 * 10**18, 0, 44 * 10**18]]


def test_a_third_of_a_wei_is_left_in_the_contract():
    # Pot 3 x 1e10 + 1 wei over three equal winners.
    assert payouts([1, 1, 1], [[True, True, True]], 1) == [[UNIT, UNIT, UNIT]]


def test_nobody_right_pays_nobody():
    assert payouts([5, 7], [[False, False]], 10**15) == [[0, 0]]


@given(
    st.lists(st.integers(0, 10**12), min_size=1, max_size=6),
    st.integers(0, 10**22),
    st.integers(0, 63),
)
def test_payouts_are_the_floors_of_whole_numbers_of_any_size(stakes, revenue, pattern):
    right = [bool(pattern >> n & 1) for n in range(len(stakes))]
    wei = [stake * UNIT for stake in stakes]
    winning = sum(w for w, ok in zip(wei, right, strict=True) if ok)
    pot = sum(wei) + revenue
    expected = [w * pot // winning if ok and winning else 0 for w, ok in zip(wei, right, strict=True)]
    assert payouts(stakes, [right], revenue) == [expected]


def test_it_is_the_rule_of_the_scalar_function():
    stakes = {"a": 10.0, "b": 30.0, "c": 20.0}
    scalar = predictoor_payout(stakes, {"a": True, "b": False, "c": True}, True, 6.0)
    [got] = payouts([round(s * 1e8) for s in stakes.values()], [[True, False, True]], 6 * 10**18)
    assert [w / 10**18 for w in got] == pytest.approx(list(scalar.values()))


def test_slots_have_revenues_of_their_own():
    got = payouts([[10**8], [10**8]], [[True], [True]], np.array([0, 10**18], dtype=object))
    assert got == [[10**18], [2 * 10**18]]


def test_stakes_beyond_what_is_exact_are_refused():
    with pytest.raises(ValueError, match="below 2\\^51"):
        payouts([2**51], [[True]], 0)
    with pytest.raises(ValueError, match="zero or above"):
        payouts([-1], [[True]], 0)
