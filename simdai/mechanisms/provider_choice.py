"""What a provider decides: leave, enter, move elsewhere, change its price. Pure functions of arrays.

Margins are in shares of the full cost: 0 pays the electricity, 1 pays the hardware as well. Between them lies
the band in which sunk capital keeps a provider in a market that it would not enter. Source: Dixit (1989),
"Entry and exit decisions under uncertainty" (the band); the logits of exit and of moves are assumptions.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "capital_cost_per_hour",
    "entrants_per_day",
    "exit_hazard",
    "margin",
    "marginal_cost_per_hour",
    "net_after_move",
    "option_thresholds",
    "place_shares",
    "probability",
    "repriced",
    "whole_number",
]

HOURS_PER_YEAR = 8766.0

Floats = NDArray[np.float64]


def marginal_cost_per_hour(power_w: float, overhead: float, usd_per_kwh: float) -> float:
    """USD for an hour of one GPU at full load.

    Parameters
    ----------
    power_w : float [W]
    overhead : float >= 1, energy drawn over energy used by the GPU (PUE)
    usd_per_kwh : float [USD/kWh]

    >>> round(marginal_cost_per_hour(700, 1.3, 0.093), 3)    # an H100: 0.085 USD/h
    0.085
    """
    return power_w / 1000.0 * overhead * usd_per_kwh


def capital_cost_per_hour(cost_usd: float, residual: float, life_days: float, annual_return: float) -> float:
    """USD an hour that returns the price of a GPU, less what it fetches at the end, over its life.

    An annuity with continuous payments: ``(K - residual K e^{-r T}) r / (1 - e^{-r T})``.

    Parameters
    ----------
    cost_usd : float [USD]
    residual : float in [0, 1], resale value over price
    life_days : float [d] > 0
    annual_return : float >= 0 [1/y], return that the owner asks for
    """
    years = life_days / 365.25
    if annual_return == 0:
        return cost_usd * (1.0 - residual) / (years * HOURS_PER_YEAR)
    discount = math.exp(-annual_return * years)
    return cost_usd * (1.0 - residual * discount) * annual_return / (1.0 - discount) / HOURS_PER_YEAR


def margin(income: ArrayLike, running_cost: ArrayLike, full_cost: ArrayLike) -> Floats:
    """Income less running cost, over (full cost - running cost): 0 pays the power, 1 the hardware too.

    Parameters
    ----------
    income, running_cost, full_cost : (n,) float [USD/d], full_cost > running_cost
    """
    running = np.asarray(running_cost, dtype=np.float64)
    ratio: Floats = (np.asarray(income) - running) / (np.asarray(full_cost) - running)
    return ratio


def exit_hazard(margins: ArrayLike, base: float, sensitivity: float, reference: float = 0.0) -> Floats:
    """Hazard of leaving ``h0 exp(-k (margin - m0))``.

    Parameters
    ----------
    margins : (n,) float [1]
    base : float [1/d], hazard at the margin m0 = ``reference``
    sensitivity : float >= 0 [1], k
    """
    exponent = np.clip(-sensitivity * (np.asarray(margins, dtype=np.float64) - reference), -700.0, 700.0)
    hazard: Floats = base * np.exp(exponent)
    return hazard


def probability(hazard: ArrayLike, days: float) -> Floats:
    """Chance that something of this hazard [1/d] happens within ``days``."""
    chance: Floats = -np.expm1(-np.asarray(hazard, dtype=np.float64) * days)
    return chance


def entrants_per_day(n: float, long_margin: float, threshold: float, speed: float, ceiling: float) -> float:
    """Providers that decide to enter in a day: ``n speed (margin - threshold)``, from 0 to ``n ceiling``.

    Parameters
    ----------
    n : float, providers now
    long_margin : float [1], margin of a typical provider, capital counted
    threshold : float [1], margin above which entry pays; 1 is full cost
    speed : float [1/d] for each unit of margin
    ceiling : float [1/d], the fastest growth that deliveries allow
    """
    return n * min(max(speed * (long_margin - threshold), 0.0), ceiling)


def option_thresholds(
    running_cost: float, full_cost: float, annual_return: float, volatility: float, drift: float = 0.0
) -> tuple[float, float]:
    """Incomes at which a provider gives up, and at which it buys hardware, when income is a random walk.

    ``P_L = b2 / (b2 - 1) (r - mu) / r c`` and ``P_H = b1 / (b1 - 1) (r - mu) / r (c + r K)``, with b1 > 1 and
    b2 < 0 the roots of ``sigma^2 b (b - 1) / 2 + mu b - r = 0``. Without uncertainty and drift they are the
    running cost and the full cost; the band between them widens with the volatility.

    Parameters
    ----------
    running_cost, full_cost : float, c and c + r K, in one unit of money over time, ``full_cost`` the larger
    annual_return : float [1/y], r > max(drift, 0)
    volatility : float >= 0 [1/sqrt(y)], sigma, of the logarithm of income
    drift : float [1/y], mu, of income

    Returns
    -------
    low, high : float, in the unit of the costs

    Notes
    -----
    Source: Dixit (1989), "Entry and exit decisions under uncertainty", J. Polit. Econ. 97(3), with each of
    the two options valued alone: whoever leaves does not come back, whoever enters does not leave. The joint
    solution lies within this band. K is held for ever.
    """
    if not annual_return > max(drift, 0.0):
        raise ValueError(f"annual_return = {annual_return!r}: must be above zero and above the drift")
    discount = (annual_return - drift) / annual_return
    if volatility == 0.0:
        # b1 goes to r / mu for a rising income, to infinity otherwise; b2 to r / mu for a falling one.
        up = 1.0 / discount if drift > 0 else 1.0
        down = 1.0 / discount if drift < 0 else 1.0
        return running_cost * discount * down, full_cost * discount * up
    variance = volatility * volatility
    half = 0.5 - drift / variance
    root = math.sqrt(half * half + 2.0 * annual_return / variance)
    high, low = half + root, half - root
    return running_cost * discount * low / (low - 1.0), full_cost * discount * high / (high - 1.0)


def net_after_move(
    net: ArrayLike, delay_days: float, cost_usd: float, horizon_days: float
) -> NDArray[np.float64]:
    """USD per GPU-hour that a move leaves over the time a provider looks ahead.

    ``net (1 - delay / horizon) - cost / (24 horizon)``: nothing is earned during the delay, and the cost is
    spread over the horizon. Minus infinity when the delay takes all of the horizon.

    Parameters
    ----------
    net : (n,) float [USD/h], income less running cost at the other places
    delay_days : float [d], without income: unstaking, verification, a new reputation
    cost_usd : float [USD] for each GPU
    horizon_days : float [d] > 0
    """
    values = np.asarray(net, dtype=np.float64)
    if delay_days >= horizon_days:
        return np.full(values.shape, -np.inf)
    left: Floats = values * (1.0 - delay_days / horizon_days) - cost_usd / (24.0 * horizon_days)
    return left


def place_shares(stay: ArrayLike, moves: ArrayLike, unit: float, sensitivity: float) -> Floats:
    """Logit chances of each place for providers that compare.

    Parameters
    ----------
    stay : (n,) float [USD/h], what each provider nets where it is
    moves : (m,) float [USD/h], what a move to each place would leave; nan or -inf is not on offer
    unit : float [USD/h] > 0, difference that counts as one
    sensitivity : float >= 0, utils for a difference of one

    Returns
    -------
    (n, m + 1) float64, the chance of staying first; each row sums to one
    """
    here = np.asarray(stay, dtype=np.float64)[:, None]
    there = np.broadcast_to(np.asarray(moves, dtype=np.float64), (len(here), np.size(moves)))
    utility = sensitivity / unit * (there - here)
    utility = np.concatenate([np.zeros_like(here), np.where(np.isnan(utility), -np.inf, utility)], axis=1)
    odds = np.exp(utility - utility.max(axis=1, keepdims=True))
    shares: Floats = odds / odds.sum(axis=1, keepdims=True)
    return shares


def whole_number(expected: float, uniform: float) -> int:
    """Round at random without bias: floor, plus one with the probability of the fraction."""
    return math.floor(expected + uniform)


def repriced(
    asks: ArrayLike,
    use: ArrayLike,
    target: float,
    speed: float,
    days: float,
    floor: ArrayLike,
    ceiling: float,
) -> Floats:
    """Asks after ``days`` in which each provider moves its price towards its target use.

    ``d ln(ask) / dt = speed (use - target)``, kept between marginal cost and the ceiling.

    Parameters
    ----------
    asks : (n,) float [USD/GPU-hour] > 0
    use : (n,) float in [0, 1], share of its time online that a provider was hired
    target : float in [0, 1]
    speed : float [1/d]
    floor : (n,) or scalar [USD/GPU-hour], marginal cost
    ceiling : float [USD/GPU-hour]; inf for none. The floor wins where the two cross.
    """
    moved = np.asarray(asks, dtype=np.float64) * np.exp(speed * days * (np.asarray(use) - target))
    kept: Floats = np.maximum(np.minimum(moved, ceiling), floor)
    return kept
