"""Lease accounts of a settlement interval: who is paid what, what stays unpaid, what the network takes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from simdai.mechanisms.auction import akash_take_fee

__all__ = ["covered", "run_leases", "take_fees"]

Ints = NDArray[np.int64]


def run_leases(deposits: Ints, due: Ints) -> tuple[Ints, Ints]:
    """Settle one lease account for each provider: what `escrow_settle` makes of a single payment.

    Parameters
    ----------
    deposits : (n,) micro-units in the accounts when they were opened
    due : (n,) micro-units that the leases earn in the interval, at a constant rate a block

    Returns
    -------
    paid, unsettled : (n,) micro-units; a deposit's rest stays with the tenant
    """
    paid = np.minimum(deposits, due)
    return paid, due - paid


def covered(due: Ints, lasts: float, unnoticed: float) -> Ints:
    """(n,) deposits of tenants whose money lasts ``lasts`` days of every ``lasts + unnoticed``."""
    share = Fraction(lasts) / (Fraction(lasts) + Fraction(unnoticed))
    return np.array(
        [amount * share.numerator // share.denominator if amount else 0 for amount in due.tolist()],
        dtype=np.int64,
    )


def take_fees(amounts: Ints, share: float) -> Ints:
    """(n,) take fees by the protocol's rule, which knows whole percents."""
    percent = round(share * 100)
    return np.array(
        [akash_take_fee(amount, percent) if amount else 0 for amount in amounts.tolist()], dtype=np.int64
    )
