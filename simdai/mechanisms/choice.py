"""How customers choose: logit shares, their lag, and the smoothing of what they see."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "adopt",
    "left_to_pay",
    "logit_shares",
    "share_table",
    "smooth",
    "smooth_all",
    "venue_utility",
    "weight_of_new",
]


def logit_shares(utility: ArrayLike, outside: float = -math.inf) -> NDArray[np.float64]:
    """Shares of the alternatives in a multinomial logit.

    Parameters
    ----------
    utility : (n,) float; -inf is not offered and gets exactly zero
    outside : utility of the outside option; -inf for none

    Returns
    -------
    (n,) float64; sums to one less the share of the outside option, or to zero when nothing is offered

    Notes
    -----
    The normaliser is an exactly rounded sum, so that alternatives that are not offered change no bit of the
    others. Source: McFadden (1974), "Conditional logit analysis of qualitative choice behavior".

    >>> logit_shares([0.0, 0.0], outside=0.0).round(3)
    array([0.333, 0.333])
    """
    values = np.asarray(utility, dtype=np.float64)
    top = max(float(values.max(initial=-math.inf)), outside)
    if top == -math.inf:
        return np.zeros(len(values))
    odds = np.exp(values - top)
    total = math.fsum([*odds.tolist(), math.exp(outside - top)])
    shares: NDArray[np.float64] = odds / total
    return shares


def share_table(utility: ArrayLike, outside: float = 0.0) -> NDArray[np.float64]:
    """`logit_shares` of many choosers at once, without its exactly rounded sum.

    Parameters
    ----------
    utility : (m, n) float, a row for each chooser; -inf is not offered and gets exactly zero
    outside : utility of the outside option, above minus infinity

    Returns
    -------
    (m, n) float64; each row sums to one less the share of the outside option
    """
    values = np.asarray(utility, dtype=np.float64)
    top = np.maximum(values.max(axis=1, initial=-np.inf), outside)[:, None]
    odds = np.exp(values - top)
    shares: NDArray[np.float64] = odds / (odds.sum(axis=1, keepdims=True) + np.exp(outside - top))
    return shares


def venue_utility(
    price: ArrayLike,
    wait_hours: ArrayLike,
    reference_price: float,
    price_sensitivity: float,
    wait_sensitivity: float,
    premium: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """Utility of buying from venues: ``premium - b ln(price / reference) - w wait``.

    Parameters
    ----------
    price : (n,) float [USD/GPU-hour] > 0; nan is not offered
    wait_hours : (n,) float [h], the wait that a customer expects
    reference_price : float [USD/GPU-hour], at which price alone gives no utility
    price_sensitivity : float [1], b; the own-price elasticity is -b (1 - share)
    wait_sensitivity : float [1/h], w
    premium : (n,) float [1], trust, quality and habit, in utils

    Returns
    -------
    (n,) float64, -inf where nothing is offered
    """
    prices = np.asarray(price, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (
            np.asarray(premium, dtype=np.float64)
            - price_sensitivity * np.log(prices / reference_price)
            - wait_sensitivity * np.asarray(wait_hours, dtype=np.float64)
        )
    offered: NDArray[np.float64] = np.where(np.isfinite(prices) & (prices > 0), value, -np.inf)
    return offered


def left_to_pay(price: float, rebate: float) -> float:
    """Price less what somebody else pays of it; a hundredth is always left. nan stays nan.

    Parameters
    ----------
    price, rebate : float [USD/GPU-hour], of one device
    """
    return max(price - rebate, 0.01 * price) if rebate else price


def weight_of_new(days: float, memory_days: float) -> float:
    """Weight of the newest value after ``days`` with an exponential memory; 1 without memory."""
    return -math.expm1(-days / memory_days) if memory_days > 0 else 1.0


def smooth(old: float, new: float, days: float, memory_days: float) -> float:
    """Exponential moving average in continuous time; nan on either side is no information.

    Parameters
    ----------
    old, new : float, the average so far and the value seen over the last ``days``
    days, memory_days : float [d]
    """
    if math.isnan(new):
        return old
    if math.isnan(old):
        return new
    return old + weight_of_new(days, memory_days) * (new - old)


def smooth_all(old: ArrayLike, new: ArrayLike, days: float, memory_days: float) -> NDArray[np.float64]:
    """`smooth` of (n,) averages and (n,) values."""
    known, seen = np.asarray(old, dtype=np.float64), np.asarray(new, dtype=np.float64)
    moved = known + weight_of_new(days, memory_days) * (seen - known)
    both = np.where(np.isnan(known), seen, moved)
    averages: NDArray[np.float64] = np.where(np.isnan(seen), known, both)
    return averages


def adopt(shares: ArrayLike, target: ArrayLike, days: float, lag_days: float) -> NDArray[np.float64]:
    """Shares after ``days`` in which users move to ``target`` with time constant ``lag_days``.

    A share of exactly zero whose target is zero stays exactly zero.

    Notes
    -----
    With 2.5 weeks, 96 % have moved after 8 weeks (arXiv:2504.15440 reports that use stabilises within weeks).
    """
    now = np.asarray(shares, dtype=np.float64)
    moved: NDArray[np.float64] = now + weight_of_new(days, lag_days) * (
        np.asarray(target, dtype=np.float64) - now
    )
    return moved
