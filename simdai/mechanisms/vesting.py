"""Vesting of allocations: how much of a grant is free after a time.

Amounts are whole base units, times are in any one unit, counted from the start of the grant; before it
nothing is free. What is vested is rounded down, so that a sum of releases never exceeds the grant and ends
exactly at it.
"""

from __future__ import annotations

import math
from fractions import Fraction

from simdai.mechanisms._domain import at_least, positive
from simdai.mechanisms._exact import amounts, exact

__all__ = ["cliff_vested", "graded_vested", "linear_vested"]

Time = float | Fraction


def cliff_vested(total: int, elapsed: Time, cliff: Time) -> int:
    """All of ``total`` from ``cliff`` on, nothing before.

    Raises ValueError for a negative total or cliff.
    """
    return linear_vested(total, elapsed, 0, cliff)


def linear_vested(total: int, elapsed: Time, duration: Time, cliff: Time = 0) -> int:
    """floor(total x elapsed / duration) from ``cliff`` on, all of it from ``duration`` and cliff on.

    What accrued before the cliff is released at it: vesting counts from the start of the grant. Raises
    ValueError for a negative total, duration or cliff.
    """
    (total,) = amounts(total=total)
    now, length, wait = exact(elapsed=max(elapsed, 0), duration=duration, cliff=cliff)
    if now < wait:
        return 0
    return total if now >= length else math.floor(total * now / length)


def graded_vested(total: int, elapsed: Time, period: Time, steps: int, cliff: Time = 0) -> int:
    """Equal steps, one each ``period`` after the cliff; the first comes one period after it.

    After k steps floor(total x k / steps) is free. io.net's investors: cliff 12 months, 24 steps of a month,
    so nothing in month 12, one twenty-fourth in month 13, all in month 36 (allocation of 2024-06). Raises
    ValueError for a negative total or cliff, a period of zero or fewer than one step.
    """
    total, steps = amounts(total=total, steps=steps)
    now, wait, length = exact(elapsed=max(elapsed, 0), cliff=cliff, period=period)
    positive(period=float(length))
    at_least(1, steps=steps)
    taken = min(max(math.floor((now - wait) / length), 0), steps)
    return total * taken // steps
