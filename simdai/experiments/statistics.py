"""What replications allow one to say: means with intervals, and paired differences."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95


class Interval(NamedTuple):
    """A mean with its confidence interval.

    Parameters
    ----------
    mean : float, nan when nothing was observed
    low, high : float, ends of the interval; nan where one observation or none allows no interval
    n : int >= 0, observations that are numbers
    """

    mean: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half the length of the interval."""
        return (self.high - self.low) / 2


def t_interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Mean of independent observations with Student's t interval.

    Parameters
    ----------
    values : (n,) float; nan stands for "not observed in this replication" and is left out of n
    level : float [1], in (0, 1), coverage of the interval

    Returns
    -------
    Interval : with no ends where n < 2 or an observation is infinite

    Notes
    -----
    Exact for normal observations; for others the coverage approaches ``level`` as n grows.
    Source: Student (1908), The probable error of a mean, Biometrika 6(1).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level = {level}: must lie strictly between 0 and 1")
    observed = np.asarray(values, dtype=np.float64)
    observed = observed[~np.isnan(observed)]
    n = len(observed)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    if n == 1 or not np.all(np.isfinite(observed)):
        with np.errstate(invalid="ignore"):  # inf - inf is nan, which is what is meant
            return Interval(float(np.mean(observed)), math.nan, math.nan, n)
    from scipy.special import stdtrit

    mean = float(np.mean(observed))
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * float(np.std(observed, ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def paired_difference(a: ArrayLike, b: ArrayLike, level: float = LEVEL) -> Interval:
    """Mean of ``b - a`` over pairs that share their luck, with its t interval.

    Parameters
    ----------
    a, b : (n,) float, observation i of both made with the same seed and replication
    level : float [1], in (0, 1)

    Raises
    ------
    ValueError : the two differ in length

    Notes
    -----
    Common random numbers make the pairs positively correlated, so the interval is narrower than that of two
    independent samples. Source: Law (2015), Simulation Modeling and Analysis, 5th ed., sections 10.2, 11.2.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"pairs of unequal length: {first.shape} and {second.shape}")
    with np.errstate(invalid="ignore"):
        return t_interval(second - first, level)
