"""What a cabal takes from a subnet: shares worked by hand, and the committed curve."""

from itertools import pairwise
from pathlib import Path

import pytest

from simdai.mechanisms.yuma_capture import SUBNET_DEFAULTS, capture_curve, capture_table, retained_emission

CURVE = Path(__file__).parents[3] / "results" / "reference" / "bittensor_capture.csv"


def test_an_honest_majority_that_gives_a_cabal_nothing_keeps_everything():
    assert retained_emission(0.6, 1.0) == 1.0


def test_a_cabal_above_kappa_takes_everything():
    assert retained_emission(0.4, 1.0) == 0.0


def test_what_the_majority_gives_is_what_the_cabal_gets():
    # Consensus 0.75 and 0.25; ranks 0.6 x 0.75 and 0.25, so that the honest miner's incentive is 9/14. Bonds
    # settle at 0.75 for eight pairs and at 0.25 for nine: dividends 0.6 (9/14/8 + 5/14/9) and 0.4 x 5/14/9.
    honest = 0.6 * (9 / 14 / 8 + 5 / 14 / 9)
    dividends = honest / (honest + 0.4 * 5 / 14 / 9)
    assert retained_emission(0.6, 0.75) == pytest.approx((9 / 14 + dividends) / 2, abs=2e-4)


@pytest.mark.parametrize("given", [0.0, 0.1, 0.25])
def test_a_minority_is_contained_and_a_majority_is_not(given):
    below, above = capture_curve([0.45, 0.55], 1.0 - given)
    assert below < 0.45 < 0.55 < above


def test_a_cabal_takes_more_the_more_stake_it_has():
    curve = capture_curve([0.1, 0.3, 0.45, 0.55, 0.8], 0.9)
    assert all(more > less for less, more in pairwise(curve))


def test_a_higher_kappa_raises_the_bar_for_a_cartel():
    strict = {**SUBNET_DEFAULTS, "kappa_u16": round(0.7 * 65535)}
    assert retained_emission(0.4, 1.0, strict) == pytest.approx(0.4, abs=1e-6), "nobody agrees: paid by stake"


@pytest.mark.parametrize(("stake", "weight"), [(1.1, 1.0), (0.5, -0.1)])
def test_shares_outside_their_range_are_refused(stake, weight):
    with pytest.raises(ValueError, match="must lie in"):
        retained_emission(stake, weight)


def test_the_committed_curve_is_that_of_its_command():
    command, table = CURVE.read_text().split("\n", 1)
    assert command.startswith("# python -c")
    assert table == capture_table()
