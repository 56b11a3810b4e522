"""Several mechanisms in one subnet against the chain's own tests (tests/mechanism.rs) and figures by hand."""

import numpy as np
import pytest

from simdai.mechanisms.yuma_mechanisms import epoch_with_mechanisms, mechanism_emissions
from tests.unit.mechanisms.test_yuma import params, state

TOP = 65535
FIFTH = TOP // 5


@pytest.mark.parametrize(
    "rao, mechanisms, split, parts",
    [
        (25, 5, None, [5] * 5),  # split_emissions_even_division
        (10, 4, None, [4, 2, 2, 2]),  # split_emissions_rounding_to_first
        (19, 5, [3450, 6899, 10348, 17247, 27594], [1, 2, 3, 5, 8]),  # split_emissions_fibbonacci
        (7, 1, None, [7]),
        (100, 3, [TOP], [100, 0, 0]),  # fewer shares than mechanisms
        (1, 2, [0, TOP], [0, 1]),
        (0, 8, None, [0] * 8),
    ],
)
def test_emission_is_split_by_shares_and_what_is_left_goes_to_the_first(rao, mechanisms, split, parts):
    assert mechanism_emissions(rao, mechanisms, split) == parts


@pytest.mark.parametrize("split", [[], [TOP + 1], [TOP, 0, 0], [-1, TOP]])
def test_shares_that_do_not_fit_are_refused(split):
    with pytest.raises(ValueError, match="at most 2 shares"):
        mechanism_emissions(10, 2, split)


@pytest.mark.parametrize("mechanisms", [0, 9])
def test_a_subnet_has_one_to_eight_mechanisms(mechanisms):
    with pytest.raises(ValueError, match="1 to 8"):
        mechanism_emissions(10, mechanisms)


def one_validator(first: int, second: int):
    """Three UIDs: a validator who weighs two miners."""
    return state([1.0, 0.0, 0.0], [[(1, first), (2, second)]])


def test_each_mechanism_pays_by_its_own_weights():
    # epoch_with_mechanisms_incentives_proportional_to_weights: 4/5 and 1/5, then the other way round
    result = epoch_with_mechanisms(
        params(), 3, [one_validator(4 * FIFTH, FIFTH), one_validator(FIFTH, 4 * FIFTH)]
    )
    np.testing.assert_allclose(result.parts[0]["incentive"], [0.0, 0.8, 0.2], atol=1e-4)
    np.testing.assert_allclose(result.parts[1]["incentive"], [0.0, 0.2, 0.8], atol=1e-4)
    assert result.emissions == [5 * 10**8] * 2
    assert result.server_emission[1] == pytest.approx(result.server_emission[2], abs=2)


def test_uneven_mechanisms_add_up_by_their_emission():
    # epoch_with_mechanisms_persists_and_aggregates_all_terms: a quarter by 3/5 and 2/5, the rest by 1/5, 4/5;
    # of a half for miners 0.25 x 0.6 + 0.75 x 0.2 = 0.3 go to the first
    quarter = TOP // 4
    result = epoch_with_mechanisms(
        params(),
        3,
        [one_validator(3 * FIFTH, 2 * FIFTH), one_validator(FIFTH, 4 * FIFTH)],
        [quarter, TOP - quarter],
    )
    assert result.server_emission[1] == pytest.approx(0.3 * 5e8, rel=1e-4)
    assert result.server_emission[2] == pytest.approx(0.7 * 5e8, rel=1e-4)
    assert result.validator_emission[0] == pytest.approx(5e8, abs=2)
    assert result.new_permit.tolist() == [True, False, False]


def test_one_mechanism_is_the_plain_epoch():
    epoch = one_validator(3 * FIFTH, 2 * FIFTH)
    result = epoch_with_mechanisms(params(), 3, [epoch])
    assert result.server_emission == result.parts[0]["server_emission"]
    assert result.emissions == [10**9]
