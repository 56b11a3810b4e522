"""How many customers come and what befalls them, from one uniform each: the same luck meets every rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, bdtrik, ndtr, pdtr, pdtrik

__all__ = ["binomial_counts", "buyers", "poisson_counts"]

Floats = NDArray[np.float64]


def poisson_counts(uniforms: ArrayLike, mean: ArrayLike) -> NDArray[np.int64]:
    """Poisson numbers by inversion: the least k of which the distribution function is at least the uniform.

    Parameters
    ----------
    uniforms : (n,) float in [0, 1)
    mean : (n,) float >= 0

    Notes
    -----
    Inversion keeps common random numbers: with the same uniform a higher mean never gives fewer.
    """
    chance, mean = np.broadcast_arrays(np.asarray(uniforms, dtype=float), np.asarray(mean, dtype=float))
    above = np.ceil(pdtrik(chance, mean))
    below = np.maximum(above - 1.0, 0.0)
    found: NDArray[np.int64] = np.where(pdtr(below, mean) >= chance, below, above).astype(np.int64)
    return found


def binomial_counts(uniforms: ArrayLike, n: ArrayLike, chance: ArrayLike) -> NDArray[np.int64]:
    """Binomial numbers by inversion: the least k of which the distribution function is at least the uniform.

    Parameters
    ----------
    uniforms : (m,) float in [0, 1)
    n : (m,) int >= 0, trials
    chance : (m,) float in [0, 1], of success in each

    Notes
    -----
    Inversion keeps common random numbers: with the same uniform a higher chance never gives fewer.
    """
    u, trials, p = np.broadcast_arrays(
        np.asarray(uniforms, dtype=float), np.asarray(n, dtype=float), np.asarray(chance, dtype=float)
    )
    counts = np.where(p >= 1.0, trials, 0.0)
    open_ = (trials > 0) & (p > 0.0) & (p < 1.0)
    u, trials, p = u[open_], trials[open_], p[open_]
    above = np.clip(np.nan_to_num(np.ceil(bdtrik(u, trials, p))), 0.0, trials)
    below = np.maximum(above - 1.0, 0.0)
    counts[open_] = np.where(bdtr(below, trials.astype(np.int64), p) >= u, below, above)
    return counts.astype(np.int64)


def buyers(value: ArrayLike, cost: ArrayLike, spread: float) -> tuple[Floats, Floats]:
    """Share of visitors who buy, and what a visitor gains on average, where tastes are lognormal.

    A visitor values the good at v e^(s z), z standard normal, and buys where that is at least the cost c: the
    share is Phi(d) with d = ln(v / c) / s, the mean gain v e^(s^2/2) Phi(d + s) - c Phi(d).

    Parameters
    ----------
    value : (n,) float [USD] >= 0, of the median visitor, v
    cost : (n,) float [USD] > 0, all that buying costs; infinite where nothing is offered
    spread : float > 0, s

    Returns
    -------
    share, gain : (n,) float [1], [USD]

    Notes
    -----
    The partial expectation of a lognormal; the form of Black and Scholes (1973), equation 13, at no interest.
    """
    value, cost = np.asarray(value, dtype=float), np.asarray(cost, dtype=float)
    offered = (value > 0) & np.isfinite(cost)
    with np.errstate(divide="ignore", invalid="ignore"):
        d = np.where(offered, np.log(value / cost) / spread, -np.inf)
        share = ndtr(d)
        gain = value * np.exp(spread**2 / 2) * ndtr(d + spread) - np.where(offered, cost, 0.0) * share
    return share, np.maximum(gain, 0.0)
