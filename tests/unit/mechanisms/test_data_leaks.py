"""What leaves a data set that is only computed on."""

from __future__ import annotations

import math

import pytest

from simdai.mechanisms.data_leaks import exfiltrated_share, membership_advantage, seen_share


def test_outputs_carry_at_most_their_bits_and_at_most_everything():
    assert exfiltrated_share(10, 8e6, 8e9) == pytest.approx(0.01)
    assert exfiltrated_share(5000, 8e6, 8e9) == 1.0


def test_membership_advantage_is_the_bound_of_differential_privacy():
    # Epsilon 1 in all: (e - 1) / (e + 1) = 0.4621 (arXiv 2010.12112, theorem 1 at delta 0).
    assert membership_advantage(100, 0.01) == pytest.approx((math.e - 1) / (math.e + 1))
    assert membership_advantage(7, 0.0) == 0.0


def test_one_colluding_machine_in_a_hundred_is_met_in_half_of_69_jobs():
    assert seen_share(69, 0.01) == pytest.approx(1 - 0.99**69)
    assert seen_share(69, 0.01) == pytest.approx(0.5, abs=0.01)
    assert seen_share(1, 1.0) == 1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: exfiltrated_share(1, 1, 0),
        lambda: exfiltrated_share(-1, 1, 1),
        lambda: membership_advantage(1, -0.1),
        lambda: seen_share(1, 1.1),
    ],
)
def test_impossible_arguments_are_refused(call):
    with pytest.raises(ValueError, match="must"):
        call()
