"""What protection costs and leaves, against printed figures and cases worked by hand."""

import math

import pytest

from simdai.mechanisms import privacy
from simdai.mechanisms.scaling import benchmark_accuracy

NOISE = privacy.PrivateAccuracy(plain=0.910, tight=0.5, loose=8.0, at_tight=0.838, at_loose=0.867)


def test_a_budget_of_ln_3_halves_the_advantage_of_an_attacker():
    assert privacy.membership_advantage(math.log(3)) == pytest.approx(0.5)  # (3 - 1) / (3 + 1)
    assert privacy.membership_advantage(0.0) == 0.0
    assert privacy.membership_advantage(1e6) == 1.0
    assert privacy.membership_advantage(0.0, delta=0.01) == pytest.approx(0.01)


def test_noise_costs_what_was_measured_on_imagenet():
    """De et al. (2022): 0.838 at epsilon 0.5 and 0.867 at 8, 4.3 points below 0.910."""
    assert NOISE.at(0.5) == pytest.approx(0.838) and NOISE.at(8.0) == pytest.approx(0.867)
    assert NOISE.at(2.0) == pytest.approx((0.838 + 0.867) / 2)  # half way in the logarithm
    assert NOISE.at(0.01) == pytest.approx(0.838) and NOISE.at(100.0) == pytest.approx(0.867)
    assert NOISE.at(math.inf) == 0.910
    assert NOISE.points_lost(math.inf, 0.1) == 0.0


def test_points_between_two_accuracies_are_those_of_the_item_response_curve():
    lower, higher = (benchmark_accuracy(index, 140.0) for index in (143.0, 150.0))
    assert privacy.points_between(lower, higher, 0.1) == pytest.approx(7.0)


def test_an_enclave_broken_once_in_ten_years_on_average_leaks_a_year_of_data_with_a_tenth():
    assert privacy.broken_within(0.1, 1.0) == pytest.approx(1 - math.exp(-0.1))


def test_visits_give_away_more_the_more_there_are():
    assert privacy.disclosed_by_outputs(0.1, 2) == pytest.approx(0.19)
    assert privacy.disclosed_by_outputs(1.0, 0) == 0.0 and privacy.disclosed_by_outputs(1.0, 1) == 1.0


def test_an_owner_wants_its_handling_and_its_expected_harm_and_has_a_limit():
    agree = privacy.owners_agree([99.0, 100.0, 100.0], 0.01, [5000.0] * 3, [50.0] * 3, [0.02, 0.02, 0.009])
    assert agree.tolist() == [False, True, False]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: privacy.membership_advantage(-1.0),
        lambda: privacy.broken_within(-1.0, 1.0),
        lambda: privacy.disclosed_by_outputs(1.5, 1),
        lambda: privacy.points_between(0.0, 0.5, 0.1),
        lambda: privacy.points_between(0.4, 0.5, 0.0),
        lambda: privacy.owners_agree([1.0], 1.5, [1.0], [1.0], [1.0]),
        lambda: privacy.PrivateAccuracy(plain=0.9, tight=8, loose=1, at_tight=0.8, at_loose=0.85),
        lambda: NOISE.at(0.0),
    ],
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError):
        wrong()
