"""Whole units shared out without loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["largest_remainder"]

_WEIGHT_BITS = 53  # float weights are rounded to this many bits below the largest one


def largest_remainder(amount: int, weights: Sequence[Any] | NDArray[Any]) -> NDArray[np.int64]:
    """Share ``amount`` base units in proportion to ``weights`` by the method of largest remainders.

    Every part first gets the whole units of its quota; the units left go one each to the largest remainders,
    equal remainders by index. The arithmetic is in integers of any size. Weights that are floats are first
    rounded to multiples of 2^-53 of the largest one; integer weights are exact.

    Parameters
    ----------
    amount : int >= 0 [base units], below 2^63
    weights : (n,) int or float, >= 0 and finite

    Returns
    -------
    (n,) int64 [base units]; sums to ``amount``, or to zero when all weights are zero

    Raises
    ------
    ValueError : a negative amount, or a weight that is negative or not finite

    Notes
    -----
    Source: Hamilton (1792); Balinski and Young (1982), "Fair Representation". O(n log n).

    >>> largest_remainder(10, [1, 1, 1])
    array([4, 3, 3])
    """
    if amount < 0:
        raise ValueError(f"an amount must be >= 0, got {amount}")
    given = np.asarray(weights)
    if given.dtype.kind == "f":
        if not np.all(np.isfinite(given)):
            raise ValueError("weights must be finite")
        top = float(given.max(initial=0.0))
        if top > 0.0:
            given = np.rint(given / top * 2.0**_WEIGHT_BITS).astype(np.int64)
        else:
            given = given.astype(np.int64) if not np.any(given < 0) else given
    if np.any(given < 0):
        raise ValueError("weights must be >= 0")
    wide = given.astype(object)
    total = sum(wide.tolist())
    parts = np.zeros(len(wide), dtype=np.int64)
    if total == 0 or amount == 0:
        return parts
    quotas = wide * amount
    whole = quotas // total
    parts[:] = whole.astype(np.int64)
    left = amount - sum(whole.tolist())
    if left:
        remainders = quotas - whole * total
        high, low = (remainders >> 62).astype(np.int64), (remainders & (2**62 - 1)).astype(np.int64)
        parts[np.lexsort((-low, -high))[:left]] += 1
    return parts
