"""How unequal the sizes of a set are: providers, validators, stakes, revenues."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["gini", "hhi", "nakamoto", "top_share"]


def _sizes(sizes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    values = np.ravel(np.asarray(sizes, dtype=np.float64))
    if not np.all((values >= 0) & np.isfinite(values)):
        raise ValueError("sizes: must be finite and zero or above")
    return values


def hhi(sizes: npt.ArrayLike, copies: npt.ArrayLike = 1.0) -> float:
    """Herfindahl-Hirschman index: 10,000 x sum of squared shares, from 10,000/n (equal) to 10,000 (monopoly).

    Parameters
    ----------
    sizes : (n,) float, zero or above, in any one unit
    copies : (n,) float or one, above zero: how many equal owners share each size (one unit of a model may
        stand for many real ones)

    Returns
    -------
    index : float; nan when there is nothing to share

    Raises
    ------
    ValueError : a size below zero

    Notes
    -----
    The US merger guidelines of 2023 call a market above 1,800 highly concentrated.
    """
    values = _sizes(sizes)
    total = values.sum()
    return float(1e4 * np.sum((values / total) ** 2 / np.asarray(copies))) if total > 0 else math.nan


def gini(sizes: npt.ArrayLike) -> float:
    """Gini coefficient: sum_ij |x_i - x_j| / (2 n^2 mean), from 0 (equal) to 1 - 1/n (one has all).

    The population form, without the correction n/(n-1). nan when there is nothing to share. Raises ValueError
    for a size below zero.
    """
    values = np.sort(_sizes(sizes))
    n, total = values.size, values.sum()
    if total == 0:
        return math.nan
    rank = np.arange(1, n + 1)
    return float(np.sum((2 * rank - n - 1) * values) / (n * total))


def nakamoto(sizes: npt.ArrayLike, theta: float, copies: npt.ArrayLike = 1.0) -> int:
    """Least number of holders whose shares together exceed ``theta``, strictly.

    Parameters
    ----------
    sizes : (n,) float, zero or above
    theta : float in [0, 1): 1/3 halts and 1/2 or 2/3 rewrites, by protocol
    copies : (n,) float or one, above zero: how many equal holders share each size, as in `hhi`

    Raises
    ------
    ValueError : nothing to share, a size below zero, or theta outside [0, 1)

    Notes
    -----
    A sum equal to theta but for rounding (1e-12 relative) does not exceed it. Source: Srinivasan and Lee
    (2017), "Quantifying decentralization".
    """
    values = _sizes(sizes)
    holders = np.broadcast_to(np.asarray(copies, dtype=np.float64), values.shape)
    order = np.argsort(-values / holders, kind="stable")
    values, holders = values[order], holders[order]
    total = values.sum()
    if not 0 <= theta < 1:
        raise ValueError(f"theta = {theta!r}: must lie in [0, 1)")
    if total == 0:
        raise ValueError("sizes: all are zero")
    wanted = theta * total * (1.0 + 1e-12)
    last = int(np.argmax(np.cumsum(values) > wanted))
    before = float(values[:last].sum())
    missing = float((wanted - before) / (values[last] / holders[last]))
    return math.floor(float(holders[:last].sum()) + missing) + 1


def top_share(sizes: npt.ArrayLike, k: int) -> float:
    """Share of the ``k`` largest; 1 when there are no more than k, nan when there is nothing to share."""
    if k < 0:
        raise ValueError(f"k = {k!r}: must be zero or above")
    values = np.sort(_sizes(sizes))[::-1]
    total = values.sum()
    return float(values[:k].sum() / total) if total > 0 else math.nan
