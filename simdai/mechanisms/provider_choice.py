"""What a provider decides: leave, enter, change its price. Pure functions of arrays.

Margins are in shares of the full cost: 0 pays the electricity, 1 pays the hardware as well. Between them lies
the band in which sunk capital keeps a provider in a market that it would not enter. Source: Dixit (1989),
"Entry and exit decisions under uncertainty" (the band); the logit hazard is an assumption.
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
