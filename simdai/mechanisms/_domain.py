"""Refuse arguments outside a rule's domain, naming the argument, what was found and what is allowed."""

from __future__ import annotations

import math

__all__ = ["at_least", "finite", "non_negative", "positive", "unit_interval"]


def finite(**values: float) -> None:
    """Raise ValueError for the first value that is infinite or not a number."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} = {value!r}: must be a finite number")


def positive(**values: float) -> None:
    """Raise ValueError for the first value that is not above zero."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} = {value!r}: must be above zero")


def non_negative(**values: float) -> None:
    """Raise ValueError for the first value below zero."""
    for name, value in values.items():
        if not value >= 0:
            raise ValueError(f"{name} = {value!r}: must be zero or above")


def unit_interval(**values: float) -> None:
    """Raise ValueError for the first value outside [0, 1]."""
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} = {value!r}: must lie in [0, 1]")


def at_least(least: float, **values: float) -> None:
    """Raise ValueError for the first value below ``least``."""
    for name, value in values.items():
        if not value >= least:
            raise ValueError(f"{name} = {value!r}: must be {least:g} or above")
