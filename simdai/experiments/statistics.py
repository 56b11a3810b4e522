"""What replications allow one to say: means with intervals, and paired differences."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


def bca_interval(
    values: ArrayLike,
    level: float = LEVEL,
    resamples: int = 2000,
    seed: int = 1,
    statistic: Literal["mean", "median"] = "mean",
) -> Interval:
    """Mean or median of independent observations with its bootstrap interval, bias-corrected and accelerated.

    For few or skewed observations, where Student's interval covers less than it says.

    Parameters
    ----------
    values : (n,) float; nan is left out
    level : float [1], in (0, 1)
    resamples : int, 1,000 or more
    seed : int, of the resampling
    statistic : ``mean`` or ``median``

    Notes
    -----
    Source: Efron (1987), Better bootstrap confidence intervals, JASA 82(397).
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level = {level}: must lie strictly between 0 and 1")
    measure: Any = {"mean": np.mean, "median": np.median}[statistic]
    observed = np.asarray(values, dtype=np.float64)
    observed = observed[~np.isnan(observed)]
    n = len(observed)
    if n < 2 or not np.all(np.isfinite(observed)):
        with np.errstate(invalid="ignore"):
            centre = float(measure(observed)) if n else math.nan
        return Interval(centre, math.nan, math.nan, n)
    centre = float(measure(observed))
    if np.all(observed == observed[0]):
        return Interval(centre, centre, centre, n)
    from scipy.stats import bootstrap

    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(b"bootstrap")))
    found = bootstrap(
        (observed,),
        measure,
        confidence_level=level,
        n_resamples=resamples,
        method="BCa",
        vectorized=True,
        rng=rng,
    ).confidence_interval
    return Interval(centre, float(found.low), float(found.high), n)


def p_value(values: ArrayLike) -> float:
    """Two-sided p value of Student's test that the mean is zero; nan where there is nothing to test."""
    observed = np.asarray(values, dtype=np.float64)
    observed = observed[~np.isnan(observed)]
    n = len(observed)
    if n < 2 or not np.all(np.isfinite(observed)):
        return math.nan
    mean, spread = float(np.mean(observed)), float(np.std(observed, ddof=1))
    if spread == 0.0:
        return 1.0 if mean == 0.0 else 0.0
    from scipy.special import stdtr

    return float(2.0 * stdtr(n - 1, -abs(mean) / (spread / math.sqrt(n))))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p values of many tests, so that the chance of any false finding keeps below the level.

    Parameters
    ----------
    p_values : (n,) float in [0, 1]; nan stands for "not tested" and does not count

    Returns
    -------
    (n,) float, adjusted, in the order given

    Notes
    -----
    Holds whatever the dependence between the tests. Source: Holm (1979), Scandinavian Journal of Statistics
    6(2).
    """
    given = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(given.shape, math.nan)
    tested = np.flatnonzero(~np.isnan(given))
    order = tested[np.argsort(given[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(given[order] * factors), 1.0)
    return adjusted


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
