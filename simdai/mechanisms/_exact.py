"""Exact numbers: whole base units, numbers as they are written, 18-digit decimals of Cosmos chains."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DECIMAL_ONE",
    "Exact",
    "amounts",
    "as_decimal",
    "decimal_quotient",
    "exact",
    "product_quotient",
    "whole",
]

Ints = NDArray[np.int64]

Exact = int | float | str | Decimal | Fraction

DECIMAL_ONE = 10**18  # one, in the 18-digit decimals of the Cosmos SDK (math.LegacyDec)


def whole(**values: int) -> tuple[int, ...]:
    """Integers as Python ints.

    A float passes only when it is whole (``5e6``). Raises ValueError for a fraction, a truth value or text.
    """
    return tuple(_whole(name, value) for name, value in values.items())


def amounts(**values: int) -> tuple[int, ...]:
    """Amounts in base units: integers as in `whole`, none below zero (ValueError)."""
    for value in values.values():
        if type(value) is not int or value < 0:
            break
    else:  # nearly always: nothing to convert
        return tuple(values.values())
    return tuple(_not_negative(name, _whole(name, value)) for name, value in values.items())


def exact(**values: Exact) -> tuple[Fraction, ...]:
    """Numbers as they are written, none below zero.

    The float 0.29 is 29/100, not its nearest binary fraction. Raises ValueError for text that is no number,
    for a truth value, an infinity, a not-a-number or a negative.
    """
    return tuple(_not_negative(name, _fraction(name, value)) for name, value in values.items())


def as_decimal(**values: Exact) -> tuple[int, ...]:
    """Numbers in units of 1e-18, further digits rounded half to even; refuses what `exact` does."""
    return tuple(_rounded(number.numerator * DECIMAL_ONE, number.denominator) for number in exact(**values))


def decimal_quotient(dividend: int, divisor: int) -> int:
    """Quotient of two non-negative 18-digit decimals as the Cosmos SDK forms it.

    Truncated at 36 digits, then rounded half to even at 18. Source: cosmossdk.io/math, LegacyDec.Quo.
    """
    return _rounded(dividend * DECIMAL_ONE**2 // divisor, DECIMAL_ONE)


def _rounded(dividend: int, divisor: int) -> int:
    """Quotient of non-negative integers, halves to even."""
    quotient, rest = divmod(dividend, divisor)
    return quotient + (2 * rest > divisor or (2 * rest == divisor and quotient % 2 == 1))


def _whole(name: str, value: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        if not isinstance(value, bool | str) and int(value) == value:
            return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{name} = {value!r}: must be a whole number")


def _fraction(name: str, value: Exact) -> Fraction:
    if not isinstance(value, bool):
        try:
            return _as_written(float(value)) if isinstance(value, float) else Fraction(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise ValueError(f"{name} = {value!r}: must be a finite number")


@lru_cache(maxsize=4096)
def _as_written(value: float) -> Fraction:
    return Fraction(*Decimal(repr(value)).as_integer_ratio())


def _not_negative(name: str, value: Any) -> Any:
    if value < 0:
        raise ValueError(f"{name} = {value}: must be zero or above")
    return value


def product_quotient(
    a: Ints, b: Ints, divisor: Ints, more_a: Ints | int = 0, more_b: Ints | int = 0
) -> tuple[Ints, Ints]:
    """Quotient and remainder of ``a b + c d`` by a divisor, exact although the products exceed 64 bits.

    The float quotient is off by one at most; the remainder, which is small, comes out right modulo 2^64 and
    corrects it.

    Parameters
    ----------
    a, b, more_a, more_b : int64 >= 0, of shapes that broadcast
    divisor : int64 in 1 .. 2^61; quotients must stay below 2^51
    """
    with np.errstate(over="ignore"):
        estimate = (
            (a.astype(np.float64) * b + np.asarray(more_a, dtype=np.float64) * more_b) / divisor
        ).astype(np.int64)
        left = a * b + np.asarray(more_a, dtype=np.int64) * more_b - estimate * divisor
        correction = left // divisor
        return estimate + correction, left - correction * divisor
