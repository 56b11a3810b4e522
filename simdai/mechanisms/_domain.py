"""Refuse arguments outside a rule's domain, naming the argument, what was found and what is allowed."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["at_least", "finite", "non_negative", "positive", "unit_interval", "vectors"]


def finite(**values: float | Fraction | Decimal) -> None:
    """Raise ValueError for the first value that is infinite or not a number."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} = {value!r}: must be a finite number")


def positive(**values: float) -> None:
    """Raise ValueError for the first value that is not above zero."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} = {value!r}: must be above zero")


def non_negative(**values: float | Fraction) -> None:
    """Raise ValueError for the first value below zero."""
    for name, value in values.items():
        if not value >= 0:
            raise ValueError(f"{name} = {value!r}: must be zero or above")


def unit_interval(**values: float | Fraction) -> None:
    """Raise ValueError for the first value outside [0, 1]."""
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} = {value!r}: must lie in [0, 1]")


def at_least(least: float, **values: float) -> None:
    """Raise ValueError for the first value below ``least``."""
    for name, value in values.items():
        if not value >= least:
            raise ValueError(f"{name} = {value!r}: must be {least:g} or above")


def vectors(least: float = -math.inf, **values: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """Float64 arrays of one length; a single number fits any.

    Raises ValueError for arrays of different lengths, an entry that is infinite, not a number, or below
    ``least``.
    """
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}
    if len({array.shape for array in arrays.values() if array.ndim}) > 1:
        found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"shapes differ: {found}; expected one entry each for the same things")
    for name, array in arrays.items():
        wrong = array[~(np.isfinite(array) & (array >= least))]
        if wrong.size:
            bound = "" if least == -math.inf else f" of {least:g} or above"
            raise ValueError(f"{name} holds {wrong.flat[0]}: expected finite numbers{bound}")
    return tuple(arrays.values())
