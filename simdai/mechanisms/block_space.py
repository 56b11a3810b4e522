"""The market for block space: what users pay per byte when more want in than fits.

Rates are satoshi per virtual byte (vB); a block holds a million vB (4 million weight units, BIP 141).
"""

from __future__ import annotations

from simdai.mechanisms._domain import non_negative, positive

__all__ = ["BLOCK_VBYTES", "clearing_rate", "served"]

BLOCK_VBYTES = 1_000_000


def clearing_rate(demand: float, capacity: float, least: float, elasticity: float) -> float:
    """Fee rate at which as much is asked for as fits, sat/vB.

    Parameters
    ----------
    demand : vB that users want at the least rate
    capacity : vB that fit, of the same time
    least : rate below which nodes do not relay [sat/vB]
    elasticity : e, by which demand falls with the rate: D (rate / least)^-e

    Returns
    -------
    float; ``least`` where everything fits

    Raises
    ------
    ValueError : a capacity, least rate or elasticity that is not positive, a negative demand

    Notes
    -----
    All who get in pay about the going rate, which wallets estimate. The constant elasticity is an assumption.
    """
    non_negative(demand=demand)
    positive(capacity=capacity, least=least, elasticity=elasticity)
    if demand <= capacity:
        return least
    return float(least * (demand / capacity) ** (1.0 / elasticity))


def served(demand: float, capacity: float) -> float:
    """vB that get in: all that fits of what is wanted at the clearing rate."""
    non_negative(demand=demand, capacity=capacity)
    return min(demand, capacity)
