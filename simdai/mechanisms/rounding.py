"""Whole units shared out without loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["largest_remainder", "pro_rata_rows"]

_WEIGHT_BITS = 53  # float weights are rounded to this many bits below the largest one
_SUM_BITS = 62  # or to fewer, so that the sum of many stays below this
_AMOUNT_BITS = 61
_WIDE = np.finfo(np.longdouble).nmant >= 63  # quotients of 64 bits are within one of the exact ones


def largest_remainder(amount: int, weights: Sequence[Any] | NDArray[Any]) -> NDArray[np.int64]:
    """Share ``amount`` base units in proportion to ``weights`` by the method of largest remainders.

    Every part first gets the whole units of its quota; the units left go one each to the largest remainders,
    equal remainders by index. The arithmetic is in integers of any size. Weights that are floats are first
    rounded to multiples of 2^-53 of the largest one; coarser ones where there are more than 256, so that
    their sum stays in a machine word. Integer weights are exact.

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
    if not len(given):
        return np.zeros(0, dtype=np.int64)
    if given.dtype.kind == "f":
        low, top = float(given.min()), float(given.max())
        if not (math.isfinite(low) and math.isfinite(top)):
            raise ValueError("weights must be finite")
        if low >= 0.0 and top > 0.0:
            bits = min(_WEIGHT_BITS, _SUM_BITS - len(given).bit_length())
            given = np.rint(given / top * 2.0**bits).astype(np.int64)
    if given.min() < 0:
        raise ValueError("weights must be >= 0")
    total = sum(given.tolist())
    if total == 0 or amount == 0:
        return np.zeros(len(given), dtype=np.int64)
    if given.dtype.kind in "iu" and _WIDE and total < 2**_SUM_BITS and amount < 2**_AMOUNT_BITS:
        return _shared_in_words(amount, given.astype(np.int64), total)
    return _shared(amount, given.astype(object), total)


def _shared(amount: int, weights: NDArray[Any], total: int) -> NDArray[np.int64]:
    """The rule in integers of any size."""
    quotas = weights * amount
    whole = quotas // total
    parts: NDArray[np.int64] = whole.astype(np.int64)
    left = amount - sum(whole.tolist())
    if left:
        remainders = (quotas - whole * total).tolist()
        parts[sorted(range(len(remainders)), key=lambda n: -remainders[n])[:left]] += 1
    return parts


def _shared_in_words(amount: int, weights: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """The same in machine words, for a total below 2^62 and an amount below 2^61.

    An extended-precision quotient is within one of the whole units; the remainder, computed modulo 2^64,
    then lies within a few totals of its place and says by how many it is off.
    """
    parts = (weights * (np.longdouble(amount) / np.longdouble(total))).astype(np.int64)
    remainders = weights * np.int64(amount) - parts * np.int64(total)  # wraps round, exact in the end
    for step in (-1, 1):
        off = remainders < 0 if step < 0 else remainders >= total
        parts[off] += step
        remainders[off] -= step * total
    left = amount - int(parts.sum())
    if left:
        parts[np.argsort(-remainders, kind="stable")[:left]] += 1
    return parts


def pro_rata_rows(amounts: ArrayLike, weights: ArrayLike) -> NDArray[np.int64]:
    """Share each row's amount in proportion to its weights: rounded down, the rest to the largest weight.

    Parameters
    ----------
    amounts : (m,) int >= 0 [base units]
    weights : (m, n) >= 0 and finite

    Returns
    -------
    (m, n) int64; rows sum to ``amounts``, or to zero where all weights are zero

    Notes
    -----
    Quotas are float64: parts below 2^53 base units are exact to a unit. For one amount to be shared to the
    last unit, see `largest_remainder`.

    >>> pro_rata_rows([10], [[1, 2, 1]])
    array([[2, 6, 2]])
    """
    given = np.asarray(amounts, dtype=np.int64)
    shares = np.asarray(weights, dtype=np.float64)
    totals = shares.sum(axis=1)
    held = totals > 0.0
    quotas = shares * np.where(held, given / np.where(held, totals, 1.0), 0.0)[:, None]
    parts = np.floor(quotas).astype(np.int64)
    rest = np.where(held, given - parts.sum(axis=1), 0)
    parts[np.arange(len(parts)), shares.argmax(axis=1)] += rest
    return parts
