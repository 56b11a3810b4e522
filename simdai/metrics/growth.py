"""Arithmetic of growth: yearly factors, doublings, and when a trend arrives.

Arguments outside the range that a docstring states raise ValueError with the name and the range.
"""

from __future__ import annotations

import math

from simdai.mechanisms._domain import finite, positive

__all__ = [
    "annual_factor",
    "doubling_months",
    "factor_from_doubling_years",
    "factor_from_halving",
    "year_reached",
]


def annual_factor(start: float, end: float, years: float) -> float:
    """Constant yearly factor from ``start`` to ``end`` in ``years``: (end / start)**(1 / years), x/yr.

    Raises ValueError unless all are above zero.
    """
    positive(start=start, end=end, years=years)
    return float((end / start) ** (1.0 / years))


def year_reached(start: float, target: float, t0: float, growth: float) -> float:
    """Calendar year in which ``start`` of year ``t0`` reaches ``target``, at ``growth`` x/yr.

    t0 + ln(target / start) / ln(growth): before t0 when the target lies behind, infinite at growth 1 (unless
    already there). Raises ValueError unless start, target and growth are above zero.
    """
    positive(start=start, target=target, growth=growth)
    finite(t0=t0)
    distance = math.log(target / start)
    if distance == 0:
        return t0
    return t0 + distance / math.log(growth) if growth != 1 else math.inf


def doubling_months(growth_per_year: float) -> float:
    """Months to double at a yearly factor: 12 ln 2 / ln g; negative for halving, infinite at 1."""
    positive(growth_per_year=growth_per_year)
    return 12.0 * math.log(2.0) / math.log(growth_per_year) if growth_per_year != 1 else math.inf


def factor_from_halving(months: float) -> float:
    """Yearly factor of efficiency when the compute for a task halves every ``months``: 2**(12 / months).

    2.83 at 8 months (Ho et al. 2024, arXiv:2403.05812). Raises ValueError unless above zero.
    """
    positive(months=months)
    return float(2.0 ** (12.0 / months))


def factor_from_doubling_years(years: float) -> float:
    """Yearly factor of something that doubles every ``years``: 2**(1 / years).

    Raises ValueError unless above zero.
    """
    positive(years=years)
    return float(2.0 ** (1.0 / years))
