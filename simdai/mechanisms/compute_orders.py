"""Compute of labs: what the world makes, what a lab wants, what it can carry, what serving takes.

Compute is counted in H100 equivalents (H100e). Arguments outside the range that a docstring states raise
ValueError with the name and the range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simdai.mechanisms._domain import non_negative, positive, unit_interval
from simdai.mechanisms.training_runs import HOURS_PER_YEAR

__all__ = [
    "SupplyTrend",
    "affordable_h100e",
    "order_h100e",
    "rationed_share",
    "serving_h100e",
    "target_growth",
]


@dataclass(frozen=True, kw_only=True)
class SupplyTrend:
    """Deliveries of compute in the world, with a growth that slows down.

    S(x) = S0 exp(g1 x + (g0 - g1) (1 - exp(-c x)) / c) for x years after the reference date, and
    S0 exp(g0 x) before it: growth falls from g0 to g1 with time constant 1 / c.

    Parameters
    ----------
    per_year : float, S0, deliveries at the reference date, above zero [H100e/yr]
    growth_start, growth_end : float, g0 and g1 [1/yr, logarithmic]
    decay : float, c, above zero [1/yr]

    Raises
    ------
    ValueError : arguments out of range
    """

    per_year: float
    growth_start: float
    growth_end: float
    decay: float

    def __post_init__(self) -> None:
        positive(per_year=self.per_year, decay=self.decay)

    def at(self, years: float) -> float:
        """Deliveries [H100e/yr] ``years`` after the reference date."""
        if years < 0:
            return self.per_year * math.exp(self.growth_start * years)
        slowing = (self.growth_start - self.growth_end) / self.decay * -math.expm1(-self.decay * years)
        return self.per_year * math.exp(self.growth_end * years + slowing)


def rationed_share(available: float, due: float) -> float:
    """Share of the deliveries due that is made, the same for every buyer: min(1, available / due)."""
    non_negative(available=available, due=due)
    return 1.0 if due <= available else available / due


def target_growth(wanted: float, supply_growth: float, headroom: float = 1.5) -> float:
    """Yearly factor at which a lab plans its compute: what it wants, but at most 1.5 times the world's.

    Nobody plans for long to take a share that grows without bound. Raises ValueError unless all are above 0.
    """
    positive(wanted=wanted, supply_growth=supply_growth, headroom=headroom)
    return min(wanted, headroom * supply_growth)


def affordable_h100e(
    cash: float,
    valuation: float,
    margin_per_year: float,
    growth: float,
    price_per_hour: float,
    *,
    cash_share: float,
    valuation_share: float,
) -> float:
    """Compute that a lab can commit to for the year ahead, H100e.

    (a max(K, 0) + b V + Y' sqrt(g)) / (8766 p): a share of its cash, of what a round would bring, and what
    is left of revenue half a year ahead, with the growth g clipped to [1, 3].

    Parameters
    ----------
    cash : float, K [USD], counted as zero below
    valuation : float, V, zero or above [USD]
    margin_per_year : float, Y', revenue less cost of sales and overhead, zero or above [USD/yr]
    growth : float, g, of revenue, above zero [x/yr]
    price_per_hour : float, of the contract a year from now, above zero [USD/H100e-hour]
    cash_share, valuation_share : float, a and b, in [0, 1]

    Raises
    ------
    ValueError : arguments out of range
    """
    non_negative(valuation=valuation, margin_per_year=margin_per_year)
    positive(growth=growth, price_per_hour=price_per_hour)
    unit_interval(cash_share=cash_share, valuation_share=valuation_share)
    ahead = margin_per_year * math.sqrt(min(max(growth, 1.0), 3.0))
    budget = cash_share * max(cash, 0.0) + valuation_share * valuation + ahead
    return budget / (HOURS_PER_YEAR * price_per_hour)


def order_h100e(installed: float, on_order: float, growth: float, lead_years: float, most: float) -> float:
    """Compute to order now: what growth over the lead time asks for, less what is there or on its way.

    max(0, min(H g**L, most) - H - ordered), so that a lab that can carry no more orders nothing.

    Parameters
    ----------
    installed, on_order : float, zero or above [H100e]
    growth : float, planned factor a year, above zero
    lead_years : float, mean time from order to use, zero or above
    most : float, capacity that the lab can carry [H100e]

    Raises
    ------
    ValueError : arguments out of range
    """
    non_negative(installed=installed, on_order=on_order, lead_years=lead_years)
    positive(growth=growth)
    return float(max(0.0, min(installed * growth**lead_years, most) - installed - on_order))


def serving_h100e(run_rate: float, cost_share: float, price_per_hour: float) -> float:
    """Compute that serves a run-rate: iota Y / (8766 p), H100e.

    Parameters
    ----------
    run_rate : float, Y, revenue a year, zero or above [USD/yr]
    cost_share : float, iota, share of revenue that inference compute costs, in [0, 1]
    price_per_hour : float, p, what the compute costs, above zero [USD/H100e-hour]

    Raises
    ------
    ValueError : arguments out of range
    """
    non_negative(run_rate=run_rate)
    unit_interval(cost_share=cost_share)
    positive(price_per_hour=price_per_hour)
    return cost_share * run_rate / (HOURS_PER_YEAR * price_per_hour)
