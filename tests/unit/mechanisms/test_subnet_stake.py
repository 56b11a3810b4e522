"""Stake weight, child keys and take against cases worked by hand after the chain's own rules.

ST is opentensor/subtensor@14bc6f9f9 (2026-06-30), pallets/subtensor/src.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simdai.mechanisms.subnet_stake import inherited_stake, parent_dividends, stake_weight, take_and_rest

TAO = 10**9


def test_root_tao_weighs_eighteen_hundredths_of_alpha():
    assert stake_weight([1000.0, 0.0], [0.0, 1000.0], 0.18).tolist() == [1000.0, 180.0]


def test_a_child_votes_with_the_lent_part_of_its_parents_stake():
    # ST tests/children.rs: half of 100 goes from parent 1 to child 0
    assert inherited_stake([50, 100, 10], [(1, 0, 0.5)]).tolist() == [100, 50, 10]


def test_a_parent_may_have_several_children_and_a_child_be_a_parent():
    lent = [(0, 1, 0.25), (0, 2, 0.5), (1, 2, 1.0)]
    assert inherited_stake([1000, 100, 10], lent).tolist() == [250, 250, 610]


def test_stake_without_children_stays_and_odd_parts_are_cut():
    assert inherited_stake([7, 3], []).tolist() == [7, 3]
    assert inherited_stake([7, 3], [(0, 1, 0.5)]).tolist() == [3, 6]


@pytest.mark.parametrize(
    "children", [[(0, 1, 1.5)], [(0, 1, 0.6), (0, 2, 0.6)], [(0, 0, 0.5)], [(0, 1, -0.1)]]
)
def test_impossible_children_are_refused(children):
    with pytest.raises(ValueError, match="children of 0"):
        inherited_stake([1, 1, 1], children)


def test_dividends_follow_the_stake_behind_them_less_the_child_take():
    # child 0: own 100, lent 25 of parent 1's 50; of its 80 the parent's part is 16, of which 0.18 stays
    paid = parent_dividends([80, 25, 10], [100.0, 50.0, 10.0], [(1, 0, 0.5)], [0.18, 0.18, 0.18])
    assert paid.tolist() == [66, 38, 10]  # 80 - 13.12 cut, 25 + 13.12 cut


def test_without_take_a_child_passes_on_everything_earned_for_its_parent():
    paid = parent_dividends([100, 0], [0.0, 70.0], [(1, 0, 1.0)], [0.0, 0.0])
    assert paid.tolist() == [0, 100]


def test_a_child_without_any_stake_behind_it_keeps_its_dividends():
    assert parent_dividends([9, 0], [0.0, 0.0], [(1, 0, 1.0)], [0.18, 0.18]).tolist() == [9, 0]


@given(
    st.lists(st.integers(0, 10**12), min_size=3, max_size=3),
    st.lists(st.integers(1, 10**15), min_size=3, max_size=3),
    st.floats(0.0, 1.0),
    st.floats(0.0, 0.18),
)
def test_parents_and_children_together_lose_less_than_a_unit_each(dividends, stake, part, take):
    children = [(0, 1, part / 2), (0, 2, part / 2), (1, 2, part)]
    paid = parent_dividends(dividends, stake, children, [take] * 3)
    assert sum(dividends) - 4 <= int(paid.sum()) <= sum(dividends)
    assert (paid >= 0).all()
    voted = inherited_stake(stake, children)
    assert sum(stake) - 3 <= int(voted.sum()) <= sum(stake)


def test_take_and_rest_share_every_rao():
    take, rest = take_and_rest([1000, 7], [0.18, 0.18])
    assert take.tolist() == [180, 1]
    assert (take + rest).tolist() == [1000, 7]
    assert take.dtype == np.int64
