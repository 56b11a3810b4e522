"""Whether a token economy keeps its money, its value and its providers.

Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable

import numpy as np
import numpy.typing as npt

from simdai.mechanisms._domain import non_negative, positive, unit_interval
from simdai.mechanisms.training_runs import HOURS_PER_YEAR

__all__ = ["dilution", "fee_value_floor", "provider_profit", "retention", "treasury_runway", "velocity"]


def velocity(payments_usd_per_year: float, circulating_cap_usd: npt.ArrayLike) -> float:
    """Turns of the token a year: on-chain payments over the mean circulating value, 1/yr.

    Parameters
    ----------
    payments_usd_per_year : float, payments in the token, staking and exchange trades left out, zero or above
    circulating_cap_usd : (n,) float or one value, circulating supply x price over the year; tokens burned are
        no longer in it, which is how the measure adjusts for burns

    Returns
    -------
    velocity : float; nan when nothing circulates

    Raises
    ------
    ValueError : negative payments
    """
    non_negative(payments_usd_per_year=payments_usd_per_year)
    mean_cap = float(np.mean(np.asarray(circulating_cap_usd, dtype=np.float64)))
    return payments_usd_per_year / mean_cap if mean_cap > 0 else math.nan


def fee_value_floor(payments_usd_per_year: float, velocity_per_year: float) -> float:
    """Circulating value that payments alone need, USD: M = P Q / V (equation of exchange, Fisher 1911)."""
    non_negative(payments_usd_per_year=payments_usd_per_year)
    positive(velocity_per_year=velocity_per_year)
    return payments_usd_per_year / velocity_per_year


def dilution(issued: float, supply_start: float) -> float:
    """Tokens issued in twelve months over the supply at their start, gross of burns."""
    non_negative(issued=issued)
    positive(supply_start=supply_start)
    return issued / supply_start


def treasury_runway(treasury_usd: float, monthly_spend_usd: float, sell_impact: float = 0.0) -> float:
    """Months that a treasury lasts: its value less what selling it would cost, over monthly spending.

    Parameters
    ----------
    treasury_usd : float, at market prices; below zero the runway is negative, the mark of a failed treasury
    monthly_spend_usd : float, zero or above
    sell_impact : float in [0, 1], share of the value lost by selling it all

    Returns
    -------
    months : float; infinite when nothing is spent

    Raises
    ------
    ValueError : arguments out of range
    """
    non_negative(monthly_spend_usd=monthly_spend_usd)
    unit_interval(sell_impact=sell_impact)
    if monthly_spend_usd == 0:
        return math.inf
    return treasury_usd * (1.0 - sell_impact) / monthly_spend_usd


def retention(before: Iterable[Hashable], after: Iterable[Hashable]) -> float:
    """Share of those active at t who are active at t + 1 year; nan when nobody was.

    Parameters
    ----------
    before, after : identifiers active at t and a year later; newcomers in ``after`` do not count
    """
    start = set(before)
    return len(start.intersection(after)) / len(start) if start else math.nan


def provider_profit(
    utilisation: float,
    price: float,
    *,
    energy: float,
    depreciation: float,
    take_rate: float = 0.0,
    slashing: float = 0.0,
) -> float:
    """Profit of a provider, USD per H100e-year.

    U x 8766 h x p x (1 - take rate) - energy - depreciation - slashing.

    Parameters
    ----------
    utilisation : float in [0, 1], share of the year rented
    price : float, USD per H100e-hour, zero or above
    energy, depreciation, slashing : float, USD per H100e-year
    take_rate : float in [0, 1], the network's share of revenue

    Raises
    ------
    ValueError : arguments out of range
    """
    unit_interval(utilisation=utilisation, take_rate=take_rate)
    non_negative(price=price)
    revenue = utilisation * HOURS_PER_YEAR * price
    return revenue * (1.0 - take_rate) - energy - depreciation - slashing
