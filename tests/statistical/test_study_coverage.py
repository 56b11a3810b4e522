"""How often intervals of studies hold the truth: 1,000 small experiments each."""

from __future__ import annotations

import numpy as np
import pytest

from simdai.experiments.statistics import Interval, bca_interval, paired_difference, t_interval
from simdai.experiments.study_file import UntilPrecise

EXPERIMENTS = 1000

pytestmark = [pytest.mark.slow, pytest.mark.statistical]


def coverage(experiment, truth: float) -> float:
    """Share of the experiments whose interval holds the truth; its standard error is 0.007."""
    held = 0
    for n in range(EXPERIMENTS):
        interval = experiment(np.random.default_rng([20261128, n]))
        held += interval.low <= truth <= interval.high
    return held / EXPERIMENTS


def paired(rng: np.random.Generator) -> Interval:
    """b - a = 0.3 plus a little noise of its own, beside much noise that both share."""
    shared = rng.exponential(size=10)
    a = 2.0 * shared + 0.3 * rng.normal(size=10)
    return paired_difference(a, 2.0 * shared + 0.3 + 0.3 * rng.normal(size=10))


@pytest.mark.parametrize(
    ("experiment", "truth"),
    [
        (lambda rng: t_interval(rng.normal(5.0, 2.0, size=10)), 5.0),
        (lambda rng: t_interval(rng.gamma(4.0, size=20)), 4.0),
        (paired, 0.3),
        (lambda rng: bca_interval(rng.normal(5.0, 2.0, size=50), resamples=1000), 5.0),
        (lambda rng: bca_interval(rng.gamma(4.0, size=60), resamples=1000), 4.0),
    ],
    ids=["t normal", "t skewed", "paired", "bca normal", "bca skewed"],
)
def test_nominal_95_percent_intervals_hold_the_truth_in_93_to_97_percent(experiment, truth: float):
    assert 0.93 <= coverage(experiment, truth) <= 0.97


def test_stopping_when_the_interval_is_narrow_costs_little_coverage():
    """Looking often favours samples that happen to vary little: some percent less than nominal, no more."""
    rule = UntilPrecise(half_width=0.1, of=("y",), least=10, most=400)

    def sequential(rng: np.random.Generator) -> Interval:
        values = rng.normal(10.0, 4.0, size=rule.most)
        n = rule.least
        while (interval := t_interval(values[:n])).half_width > rule.half_width * abs(interval.mean):
            n = rule.next_look(n)
        return interval

    assert 0.90 <= coverage(sequential, 10.0) <= 0.97
