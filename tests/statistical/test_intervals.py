"""Intervals hold the truth as often as they say, and are narrow enough to mean something."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simdai.experiments.statistics import paired_difference, t_interval

SEED = 20261122


def test_the_interval_of_a_textbook_sample():
    # Student (1908), Biometrika 6(1), illustration I: hours of sleep gained by ten patients with two forms
    # of hyoscyamine. He prints the mean of the differences, 1.58, and their S.D. over n, 1.17. The printed
    # tables of t give t(0.975, 9) = 2.262.
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    interval = paired_difference(first, second)
    assert interval.mean == pytest.approx(1.58)
    assert interval.n == 10
    assert interval.half_width == pytest.approx(2.262 * 1.17 / math.sqrt(9), rel=5e-3)


@pytest.mark.parametrize(("n", "t"), [(2, 12.706), (3, 4.303), (5, 2.776), (10, 2.262), (31, 2.042)])
def test_the_quantile_is_the_one_of_the_printed_table(n, t):
    values = np.arange(n, dtype=float)
    expected = t * np.std(values, ddof=1) / math.sqrt(n)
    assert t_interval(values).half_width == pytest.approx(expected, rel=2e-4)


def test_one_observation_has_a_mean_and_no_interval():
    interval = t_interval([3.0])
    assert interval.mean == 3.0 and interval.n == 1
    assert math.isnan(interval.low) and math.isnan(interval.high)


def test_nothing_observed_is_said_so():
    interval = t_interval([math.nan, math.nan])
    assert math.isnan(interval.mean) and interval.n == 0


def test_observations_that_are_missing_do_not_count():
    assert t_interval([1.0, math.nan, 3.0]) == t_interval([1.0, 3.0])


def test_equal_observations_have_an_interval_without_width():
    assert t_interval([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0, 3)


def test_an_infinite_observation_allows_no_interval():
    interval = t_interval([1.0, math.inf])
    assert interval.mean == math.inf and math.isnan(interval.low)


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, 95.0])
def test_a_level_outside_zero_to_one_is_refused(level):
    with pytest.raises(ValueError, match="level"):
        t_interval([1.0, 2.0], level)


def test_pairs_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="unequal"):
        paired_difference([1.0, 2.0], [1.0])


@pytest.mark.statistical
@pytest.mark.parametrize("n", [3, 10, 20])
def test_intervals_of_normal_samples_hold_the_mean_95_times_in_100(n):
    draws = np.random.default_rng(SEED).normal(5.0, 2.0, size=(4000, n))
    held = np.mean([low <= 5.0 <= high for _, low, high, _ in map(t_interval, draws)])
    # 4000 trials of probability 0.95: standard error 0.00345; 3.29 of them is a false alarm in 1,000.
    assert abs(held - 0.95) < 3.29 * math.sqrt(0.95 * 0.05 / 4000)


@pytest.mark.statistical
def test_common_luck_narrows_the_interval_as_theory_says():
    # Var(b - a) = 2 s^2 (1 - rho): with rho = 0.96 the standard error is a fifth of that of two independent
    # samples.
    rng = np.random.default_rng(SEED)
    shared, own = rng.normal(size=(2, 400)), rng.normal(size=(2, 400))
    a = math.sqrt(0.96) * shared[0] + math.sqrt(0.04) * own[0]
    b = math.sqrt(0.96) * shared[0] + math.sqrt(0.04) * own[1] + 0.5
    paired = paired_difference(a, b)
    apart = paired_difference(rng.permutation(a), b)
    assert paired.low < 0.5 < paired.high
    # The ratio of two standard deviations from 400 observations each has a relative error of about 5 %.
    assert apart.half_width / paired.half_width == pytest.approx(5.0, rel=0.2)
