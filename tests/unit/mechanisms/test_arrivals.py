"""Numbers of customers from uniforms, and what visitors with lognormal tastes buy and gain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, poisson

from simdai.mechanisms.arrivals import buyers, poisson_counts


def test_counts_are_the_quantiles_of_the_poisson_law():
    uniforms, mean = np.linspace(0.001, 0.999, 200), 0.05 + np.arange(200.0)
    assert np.array_equal(poisson_counts(uniforms, mean), poisson.ppf(uniforms, mean))


def test_nobody_comes_at_a_rate_of_zero_or_with_the_smallest_uniform():
    assert poisson_counts([0.0, 0.5, 0.999], 0.0).tolist() == [0, 0, 0]
    assert poisson_counts([0.0], [7.0]).tolist() == [0]


def test_with_the_same_luck_a_higher_rate_never_brings_fewer():
    uniforms = np.random.default_rng(1).random(500)
    assert np.all(poisson_counts(uniforms, 3.0) <= poisson_counts(uniforms, 3.3))


def test_half_of_the_visitors_buy_what_the_median_values_at_its_cost():
    share, _ = buyers([10.0], [10.0], 0.7)
    assert share[0] == pytest.approx(0.5)


def test_share_and_gain_are_the_integrals_over_lognormal_tastes():
    value, cost, spread = 12.0, 20.0, 0.8
    share, gain = buyers([value], [cost], spread)

    def surplus(z: float) -> float:
        return (value * math.exp(spread * z) - cost) * norm.pdf(z)

    threshold = math.log(cost / value) / spread
    assert share[0] == pytest.approx(norm.sf(threshold))
    assert gain[0] == pytest.approx(quad(surplus, threshold, 12.0)[0], rel=1e-6)


def test_what_is_not_offered_or_worth_nothing_is_not_bought():
    share, gain = buyers([5.0, 0.0], [math.inf, 1.0], 1.0)
    assert share.tolist() == [0.0, 0.0] and gain.tolist() == [0.0, 0.0]
