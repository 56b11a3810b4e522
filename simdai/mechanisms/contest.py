"""A prize shared by score: what contestants put in, and what a newcomer may expect."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["contest_effort", "contest_share"]


def contest_share(score: ArrayLike, others: ArrayLike, power: ArrayLike) -> NDArray[np.float64]:
    """Share of the prize of somebody with ``score`` beside others: ``x^r / (x^r + sum of the others' x^r)``.

    Parameters
    ----------
    score : (n,) >= 0
    others : (n,) >= 0, sum of the others' scores to the power
    power : (n,) > 0, r; large ones let few win

    Returns
    -------
    (n,) float64 in [0, 1]; 0 where nobody has a score

    Notes
    -----
    Source: Tullock (1980), "Efficient rent seeking".
    """
    own = np.asarray(score, dtype=np.float64) ** np.asarray(power, dtype=np.float64)
    whole = own + np.asarray(others, dtype=np.float64)
    return np.asarray(own / np.where(whole > 0.0, whole, 1.0))


def contest_effort(income: ArrayLike, cost: ArrayLike, share: ArrayLike, least: float) -> NDArray[np.float64]:
    """Effort, in parts of full effort, of contestants who spend a share of their income on it.

    Parameters
    ----------
    income : (n,) >= 0 [USD/d]
    cost : (n,) > 0 [USD/d] of full effort
    share : spent; with quality in proportion to effort to a power g, score to a power r and many contestants
        the best answer is ``g r`` of the income
    least : effort below which nobody goes, in [0, 1]

    Returns
    -------
    (n,) float64 in [``least``, 1]

    Notes
    -----
    From the first-order condition of Tullock's contest with small shares, d(income)/d(effort) = g r income /
    effort = cost.
    """
    wanted = np.asarray(share) * np.asarray(income, dtype=np.float64) / np.asarray(cost, dtype=np.float64)
    return np.asarray(wanted.clip(least, 1.0))
