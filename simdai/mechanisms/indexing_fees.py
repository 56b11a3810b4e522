"""The Graph: what becomes of a query fee. Rebates of the legacy regime, waterfall and collateral of Horizon.

Source key: GC = graphprotocol/contracts@687d928b (2026-08-03).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from simdai.mechanisms._domain import non_negative, positive
from simdai.mechanisms._exact import amounts, exact

__all__ = [
    "FeeWaterfall",
    "exponential_rebate",
    "fee_stake_lock",
    "fee_waterfall",
    "paid_whole",
    "rebate_increments",
]

MAX_PPM = 1_000_000
MAX_EXPONENT = 15  # integer part of the rebate's exponent above which all fees are paid
Amount = TypeVar("Amount", int, float)
Ratio: TypeAlias = int | float | Fraction | tuple[int, int]


class FeeWaterfall(NamedTuple):
    """Query fee in four parts, wei; they sum to the gross fee."""

    burned: Any
    curators: Any
    delegators: Any
    indexer: Any


def check_ppm(**cuts: int) -> None:
    """Raise ValueError for the first cut outside [0, 1e6] parts per million."""
    for name, cut in cuts.items():
        if not 0 <= cut <= MAX_PPM:
            raise ValueError(f"{name} = {cut!r}: must lie in [0, {MAX_PPM}]")


def _ratio(value: Ratio) -> int | float | Fraction:
    if not isinstance(value, tuple):
        return value
    numerator, denominator = value
    if denominator == 0:
        raise ValueError(f"{value!r}: the denominator must not be zero")
    return Fraction(numerator, denominator)


@lru_cache(maxsize=64, typed=True)
def _curve(alpha: Ratio, lam: Ratio) -> tuple[Fraction, Fraction]:
    """Both parameters of the rebate as they are written."""
    weight, rate = exact(alpha=_ratio(alpha), lam=_ratio(lam))
    if weight > 1:
        raise ValueError(f"alpha = {alpha!r}: must lie in [0, 1]")
    return weight, rate


def _paid_whole(fees: Any, stake: Any, rate: Fraction) -> Any:
    """Whether the integer part of the exponent is so large that all fees are paid."""
    return rate.numerator * stake >= (MAX_EXPONENT + 1) * rate.denominator * fees


def paid_whole(fees: Any, stake: Any, lam: Ratio) -> Any:
    """Whether `exponential_rebate` pays all of ``fees``, whatever alpha is.

    Takes ints, or NumPy arrays of Python ints (then an array of bool), in one unit.
    """
    return _paid_whole(fees, stake, _curve(0, lam)[1])


def _amount(name: str, value: float) -> int | Fraction:
    """An amount as it is written; whole ones stay integers, which divide faster."""
    if type(value) is int and value >= 0:
        return value
    return exact(**{name: value})[0]


def exponential_rebate(fees: float, stake: float, alpha: Ratio, lam: Ratio) -> float:
    """Part of an allocation's query fees that is paid: ``q (1 - alpha exp(-lam s / q))``; the rest burns.

    Parameters
    ----------
    fees : q, fees collected by the allocation so far, after protocol and curation cuts; any unit
    stake : s, tokens allocated, same unit
    alpha, lam : float, Fraction or (numerator, denominator); alpha in [0, 1], lam >= 0. Live values 1 and 0.6

    Returns
    -------
    float, in the unit of ``fees``, at most ``fees``: 0 without fees; all of it when alpha = 0, or when the
    integer part of the exponent exceeds 15 (compared exactly)

    Raises
    ------
    ValueError : a negative argument, alpha above 1

    Notes
    -----
    Regime: September 2023 (mainnet deployment; GIP-0051) until Horizon. Source: Exponential.sol,
    graphprotocol/contracts@687d928b (2026-08-03). The contract keeps lam as a 127-bit fraction rounded down,
    so a lam that is not a binary fraction reaches exponent 16 one unit in the last place later than here.
    """
    weight, rate = _curve(alpha, lam)
    tokens, collected = _amount("stake", stake), _amount("fees", fees)
    if collected == 0 or weight == 0:
        return float(fees)
    if _paid_whole(collected, tokens, rate):
        return float(fees)
    burned, exponent = float(weight), float(rate * tokens / collected)
    return float(fees) * ((1.0 - burned) - burned * math.expm1(-exponent))


def rebate_increments(vouchers: Iterable[float], stake: float, alpha: Ratio, lam: Ratio) -> list[float]:
    """Payment of each voucher in turn: rebate on accumulated fees minus what was paid already.

    Splitting fees over vouchers thus gains nothing. A payment is at least 0 and at most its voucher, and an
    allocation without stake, or a lam of 0, is paid nothing whatever alpha is.

    Parameters
    ----------
    vouchers : fees of each, any unit
    stake, alpha, lam : as in :func:`exponential_rebate`

    Returns
    -------
    list of float, one a voucher, in the unit of the vouchers; voucher minus payment is burned

    Notes
    -----
    Source: Staking.sol ``collect``, graphprotocol/contracts@289772e4 (2024-05); GIP-0051 (2023-03-29).
    """
    collected: int | Fraction = 0
    paid, payments = 0.0, []
    rebated = stake != 0 and _ratio(lam) != 0
    for voucher in vouchers:
        collected += _amount("voucher", voucher)
        due = exponential_rebate(_float(collected), stake, alpha, lam) - paid if rebated else 0.0
        payments.append(min(max(due, 0.0), float(voucher)))
        paid += payments[-1]
    return payments


def _float(value: int | Fraction) -> int | float:
    return value.numerator if value.denominator == 1 else float(value)


def cut_rounded_up(amount: Any, ppm: int) -> Any:
    """Part of ``amount`` wei, ``ppm`` parts in a million, rounded up: a - floor(a (1e6 - c) / 1e6)."""
    return amount - amount * (MAX_PPM - ppm) // MAX_PPM


def fee_waterfall(
    gross_wei: Any,
    protocol_ppm: int,
    curation_ppm: int,
    delegator_ppm: int,
    curated: Any = True,
    delegated: bool = True,
) -> FeeWaterfall:
    """Horizon's query-fee waterfall; every cut rounds up and is taken from what the cut before left.

    Parameters
    ----------
    gross_wei : int [wei], >= 0; or a NumPy array of such Python ints, of several allocations
    protocol_ppm, curation_ppm, delegator_ppm : int [ppm]: burned, to the curation pool, to the delegation
        pool
    curated, delegated : whether the subgraph (an array with an array of fees) has signal, whether the
        delegation pool has shares; else the cut is 0

    Returns
    -------
    FeeWaterfall : (burned, curators, delegators, indexer) [wei]

    Raises
    ------
    ValueError : a cut outside [0, 1e6] ppm, a negative fee

    Notes
    -----
    Source: GraphPayments.sol ``collect``, PPMMath.sol, graphprotocol/contracts@687d928b (2026-08-03). The
    legacy regime cuts the same up to curators, then pays :func:`rebate_increments` and splits that with
    :func:`indexing_reward_split` at the query-fee cut.
    """
    check_ppm(protocol_ppm=protocol_ppm, curation_ppm=curation_ppm, delegator_ppm=delegator_ppm)
    if isinstance(gross_wei, np.ndarray):
        if (gross_wei < 0).any():
            raise ValueError("gross_wei: fees must be zero or above")
    else:
        (gross_wei,) = amounts(gross_wei=gross_wei)
    burned = cut_rounded_up(gross_wei, protocol_ppm)
    left = gross_wei - burned
    curators = cut_rounded_up(left, curation_ppm) * curated
    left = left - curators
    delegators = cut_rounded_up(left, delegator_ppm) if delegated else left - left
    return FeeWaterfall(burned, curators, delegators, left - delegators)


def fee_stake_lock(fees: Amount, ratio: int = 10) -> Amount:
    """Provision locked by collected ``fees`` for the dispute period (28 d), same unit: fees x ratio.

    The ratio is 10 on Arbitrum One (``stakeToFeesRatio``, subgraph-service migrate.arbitrumOne.json5,
    graphprotocol/contracts@687d928b, 2026-08-03); the Horizon page of the docs draws it with 5. Raises
    ValueError unless fees >= 0 and ratio > 0.
    """
    non_negative(fees=fees)
    positive(ratio=ratio)
    return fees * ratio
