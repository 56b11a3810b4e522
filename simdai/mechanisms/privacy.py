"""What protection of data costs a model, and what it leaves to be found out.

Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simdai.mechanisms._domain import non_negative, positive, unit_interval

__all__ = [
    "PrivateAccuracy",
    "broken_within",
    "disclosed_by_outputs",
    "membership_advantage",
    "owners_agree",
    "points_between",
]


def membership_advantage(epsilon: float, delta: float = 0.0) -> float:
    """Largest advantage in telling whether a record was used: (e**eps - 1 + 2 delta) / (e**eps + 1).

    True less false positive rate of the best test against (epsilon, delta)-differential privacy; 1 without
    protection (infinite epsilon). A bound against the strongest adversary: attacks that were tried do far
    worse. Source: Kairouz, Oh, Viswanath (2015), ICML, theorem 2.1 (the region of error rates).

    Raises ValueError for a negative epsilon or a delta outside [0, 1].
    """
    non_negative(epsilon=epsilon)
    unit_interval(delta=delta)
    if epsilon > 700.0:
        return 1.0
    return min(1.0, (math.expm1(epsilon) + 2.0 * delta) / (math.exp(epsilon) + 1.0))


def broken_within(hazard: float, years: float) -> float:
    """Probability that an enclave that holds data for ``years`` is broken meanwhile: 1 - exp(-h t)."""
    non_negative(hazard=hazard, years=years)
    return -math.expm1(-hazard * years)


def disclosed_by_outputs(each: float, jobs: float) -> float:
    """Probability that at least one of the reviewed outputs of ``jobs`` visits gives a record away.

    1 - (1 - p)^n, visits independent. Raises ValueError for a probability outside [0, 1] or negative jobs.
    """
    unit_interval(each=each)
    non_negative(jobs=jobs)
    if each == 1.0:
        return 1.0 if jobs else 0.0
    return -math.expm1(jobs * math.log1p(-each))


@dataclass(frozen=True, kw_only=True)
class PrivateAccuracy:
    """Accuracy under differential privacy, between two measured budgets: linear in ln epsilon, flat outside.

    Parameters
    ----------
    plain : accuracy without protection
    tight, loose : measured privacy budgets, ``tight`` below ``loose``
    at_tight, at_loose : accuracies there

    Raises
    ------
    ValueError : budgets not above zero or not rising, accuracies outside (0, 1)
    """

    plain: float
    tight: float
    loose: float
    at_tight: float
    at_loose: float

    def __post_init__(self) -> None:
        positive(tight=self.tight, rising=self.loose - self.tight)
        for name in ("plain", "at_tight", "at_loose"):
            value = getattr(self, name)
            positive(**{name: value, f"one_less_{name}": 1.0 - value})

    def at(self, epsilon: float) -> float:
        """Accuracy at a privacy budget; the plain one at an infinite budget."""
        positive(epsilon=epsilon)
        if math.isinf(epsilon):
            return self.plain
        share = math.log(epsilon / self.tight) / math.log(self.loose / self.tight)
        share = min(max(share, 0.0), 1.0)
        return self.at_tight + share * (self.at_loose - self.at_tight)

    def points_lost(self, epsilon: float, slope: float) -> float:
        """Index points that the budget costs, see `points_between`."""
        return points_between(self.at(epsilon), self.plain, slope)


def points_between(lower: float, higher: float, slope: float) -> float:
    """Index points between two accuracies on one benchmark: difference of their log odds over the slope.

    The inverse of `benchmark_accuracy` without guessing, where the difficulty cancels. Raises ValueError for
    accuracies outside (0, 1) or a slope that is not above zero.
    """
    positive(lower=lower, higher=higher, slope=slope)
    positive(one_less_lower=1.0 - lower, one_less_higher=1.0 - higher)
    return (math.log(higher / (1.0 - higher)) - math.log(lower / (1.0 - lower))) / slope


def owners_agree(
    pay: npt.ArrayLike,
    leak: float,
    harm: npt.ArrayLike,
    handling: npt.ArrayLike,
    tolerance: npt.ArrayLike,
) -> npt.NDArray[np.bool_]:
    """Which owners let their data be used: pay covers expected harm and handling, and the leak is bearable.

    Parameters
    ----------
    pay, harm, handling : (n,) float in one unit, zero or above; harm is what a full disclosure costs
    leak : float in [0, 1], expected share of a full disclosure
    tolerance : (n,) float, largest leak that the owner or its regulator accepts at any price

    Raises
    ------
    ValueError : ``leak`` outside [0, 1]
    """
    unit_interval(leak=leak)
    price = leak * np.asarray(harm, dtype=np.float64) + np.asarray(handling, dtype=np.float64)
    return np.asarray((leak <= np.asarray(tolerance)) & (np.asarray(pay) >= price))
